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

/** Visible columns, in the table's order. */
export const visibleColumns = stored<readonly SortKey[]>(
  "columns",
  FIRST,
  (value): value is readonly SortKey[] => Array.isArray(value) && value.length > 0 && value.every(isKey),
);

/** Visible columns for these processes. */
export function columnsOf(processes: readonly Process[], one = false): Column[] {
  const has = (column: Column) => !column.has || processes.some(column.has);
  // The view of one GPU has the index in its heading.
  const says = (column: Column) =>
    !one || column.key !== "gpu" || processes.some(process => process.gpu_instance !== null);
  return COLUMNS.filter(column => visibleColumns.value.includes(column.key) && has(column) && says(column));
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
