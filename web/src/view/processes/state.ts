import type { Gpu, Process } from "../../api/types";
import { route, setQuery } from "../../browser/route";
import { stored } from "../../browser/stored";
import {
  type Filter,
  filter,
  keepOrder,
  NO_FILTER,
  type Order,
  rowKey,
  type SortKey,
  sort,
} from "../../model/processes";
import { COLUMNS, type Column, FIRST } from "./columns";

const isKey = (value: unknown): value is SortKey => COLUMNS.some(column => column.key === value);

/** Columns that were chosen last on this browser. */
const storedColumns = stored<readonly SortKey[]>(
  "columns",
  FIRST,
  (value): value is readonly SortKey[] => Array.isArray(value) && value.length > 0 && value.every(isKey),
);

/** Grouping that was chosen last on this browser. */
const storedGrouping = stored<boolean>(
  "grouped",
  false,
  (value): value is boolean => typeof value === "boolean",
);

/** Visible columns, in the table's order: those in the URL, else the last choice. */
export function visibleColumns(): readonly SortKey[] {
  const named = (route.value.query["columns"] ?? "").split(",").filter(isKey);
  return named.length > 0 ? named : storedColumns.value;
}

export function setColumns(columns: readonly SortKey[]): void {
  storedColumns.value = columns;
  setQuery({ columns: columns.join() });
}

/** True if processes are grouped by user: in the URL, else by the last choice. */
export function isGrouped(): boolean {
  const named = route.value.query["group"];
  return named === undefined ? storedGrouping.value : named === "user";
}

export function setGrouped(grouped: boolean): void {
  storedGrouping.value = grouped;
  setQuery({ group: grouped ? "user" : "none" });
}

/** Puts a choice that is not the default into the URL, so that a copied link shows the same. */
export function keepChoiceInUrl(): void {
  const { columns = "", group } = route.value.query;
  const changes: Record<string, string> = {};
  if (columns === "" && storedColumns.value.join() !== FIRST.join())
    changes["columns"] = storedColumns.value.join();
  if (group === undefined && storedGrouping.value) changes["group"] = "user";
  if (Object.keys(changes).length > 0) setQuery(changes);
}

/** Visible columns for these processes. */
export function columnsOf(processes: readonly Process[], one = false): Column[] {
  const has = (column: Column) => !column.has || processes.some(column.has);
  // The view of one GPU has the index in its heading.
  const says = (column: Column) =>
    !one || column.key !== "gpu" || processes.some(process => process.gpu_instance !== null);
  const visible = visibleColumns();
  return COLUMNS.filter(column => visible.includes(column.key) && has(column) && says(column));
}

/** Filter in the URL. The view of one GPU is filtered by that GPU. */
export function filterOf(gpu?: Gpu): Filter {
  const { q = "", user = "", gpu: wanted = "", type = "" } = route.value.query;
  return { ...NO_FILTER, text: q, user, type, gpu: gpu ? (gpu.uuid ?? String(gpu.index)) : wanted };
}

export const FIRST_ORDER: Order = { key: "gpu", down: false };

/** Order in the URL: `?sort=-sm` is by SM, descending. */
export function order(): Order {
  const text = route.value.query["sort"] ?? "";
  const down = text.startsWith("-");
  const key = down ? text.slice(1) : text;
  return isKey(key) ? { key, down } : FIRST_ORDER;
}

/** Sorts by a column; a second time reverses. Numbers start descending. */
export function orderBy(column: Column): void {
  const now = order();
  const first = column.number === true && column.key !== "pid";
  const down = now.key === column.key ? !now.down : first;
  const text = orderText({ key: column.key, down });
  setQuery({ sort: text === FIRST_ORDER.key ? "" : text });
}

/** Column and direction as in the URL. */
export const orderText = ({ key, down }: Order): string => `${down ? "-" : ""}${key}`;

/** Interval of sorting by a column that changes each second, in milliseconds. */
const SORT_INTERVAL_MS = 5_000;

/** Rows in an order that does not jump. */
export class Rows {
  private keys: string[] = [];
  private by = "";
  private at = Number.NEGATIVE_INFINITY;

  /** `held`: the pointer or focus is in the table, so that no row may move. */
  of(processes: readonly Process[], filterOf: Filter, order: Order, now: number, held: boolean): Process[] {
    const sorted = sort(filter(processes, filterOf), order);
    const moves = COLUMNS.some(column => column.key === order.key && column.moves);
    const by = `${order.key} ${order.down}`;
    const keeps = moves && by === this.by && (held || now - this.at < SORT_INTERVAL_MS);
    const rows = keeps ? keepOrder(sorted, this.keys) : sorted;
    if (!keeps) this.at = now;
    this.by = by;
    this.keys = rows.map(rowKey);
    return rows;
  }
}
