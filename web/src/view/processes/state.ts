import type { Gpu, Process } from "../../api/types";
import { route, setQuery } from "../../browser/route";
import { kept } from "../../browser/stored";
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

/** Which columns are shown; in the table's own order. */
export const chosen = kept<readonly SortKey[]>(
  "columns",
  FIRST,
  (value): value is readonly SortKey[] => Array.isArray(value) && value.length > 0 && value.every(isKey),
);

/** Those that are shown of these processes. */
export function columnsOf(processes: readonly Process[], one = false): Column[] {
  const has = (column: Column) => !column.has || processes.some(column.has);
  // Of one GPU, its number stands above.
  const says = (column: Column) =>
    !one || column.key !== "gpu" || processes.some(process => process.gpu_instance !== null);
  return COLUMNS.filter(column => chosen.value.includes(column.key) && has(column) && says(column));
}

/** What the address wishes for. A view of one GPU shows that one's. */
export function filterOf(gpu?: Gpu): Filter {
  const { q = "", user = "", gpu: wanted = "", type = "" } = route.value.query;
  return { ...NO_FILTER, text: q, user, type, gpu: gpu ? (gpu.uuid ?? String(gpu.index)) : wanted };
}

export const FIRST_ORDER: Order = { key: "gpu", down: false };

/** `?sort=-sm` is by SM, the most first. */
export function order(): Order {
  const text = route.value.query["sort"] ?? "";
  const down = text.startsWith("-");
  const key = down ? text.slice(1) : text;
  return isKey(key) ? { key, down } : FIRST_ORDER;
}

/** By that column; by the one that it is, the other way round. Of numbers the most comes first. */
export function orderBy(column: Column): void {
  const now = order();
  const first = column.number === true && column.key !== "pid";
  const down = now.key === column.key ? !now.down : first;
  const text = orderText({ key: column.key, down });
  setQuery({ sort: text === FIRST_ORDER.key ? "" : text });
}

/** The column and direction that the address says, as it says them. */
export const orderText = ({ key, down }: Order): string => `${down ? "-" : ""}${key}`;

/** Rows of a column that moves are put in order anew after so long. */
const SETTLED = 5_000;

/** The rows to show, in an order that does not jump about. */
export class Rows {
  private keys: string[] = [];
  private by = "";
  private at = Number.NEGATIVE_INFINITY;

  /** `held`: a pointer or the focus is on the table, and nothing must move under it. */
  of(processes: readonly Process[], filterOf: Filter, order: Order, now: number, held: boolean): Process[] {
    const sorted = sort(filter(processes, filterOf), order);
    const moves = COLUMNS.some(column => column.key === order.key && column.moves);
    const by = `${order.key} ${order.down}`;
    const keeps = moves && by === this.by && (held || now - this.at < SETTLED);
    const rows = keeps ? keepOrder(sorted, this.keys) : sorted;
    if (!keeps) this.at = now;
    this.by = by;
    this.keys = rows.map(rowKey);
    return rows;
  }
}
