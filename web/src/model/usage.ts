import type { Usage, UsageRow } from "../api/types";
import { dayAfter, isDate } from "./dates";
import { SPACE } from "./format";

/** Ranges to choose from; `custom` has two dates. */
export const RANGES = [
  ["day", "Day"],
  ["week", "Week"],
  ["month", "Month"],
  ["custom", "Custom"],
] as const;
export type UsageRange = (typeof RANGES)[number][0];

/** Ranges that end now, as the API names their start. */
const SINCE = { day: "-24h", week: "-7d", month: "-30d" } as const;

export const GROUPS = [
  ["user", "User"],
  ["gpu", "GPU"],
  ["job", "Job"],
  ["pod", "Pod"],
  ["container", "Container"],
  ["model", "Model"],
] as const;
export type Grouping = (typeof GROUPS)[number][0];

/** Groupings that name nobody. */
const IMPERSONAL: readonly Grouping[] = ["gpu", "model"];

/** Groupings that a token's scope and the agent's store allow. */
export const groupings = (people: boolean): readonly (readonly [Grouping, string])[] =>
  people ? GROUPS : GROUPS.filter(([by]) => IMPERSONAL.includes(by));

/** State of the view, as it is in the URL. */
export interface UsageQuery {
  range: UsageRange;
  /** First and last day of a custom range; empty if not chosen. */
  from: string;
  to: string;
  by: Grouping;
  /** Filters; empty for all. */
  user: string;
  gpu: string;
}

/** Query of the URL. Values that it does not know are the defaults. */
export function usageQuery(query: Readonly<Record<string, string>>, people: boolean): UsageQuery {
  const { range = "", from = "", to = "", by = "", user = "", gpu = "" } = query;
  const allowed = groupings(people).map(([name]) => name);
  return {
    range: RANGES.find(([name]) => name === range)?.[0] ?? "month",
    from: isDate(from) ? from : "",
    to: isDate(to) ? to : "",
    by: allowed.find(name => name === by) ?? allowed[0] ?? "gpu",
    user: people ? user : "",
    gpu,
  };
}

/** Period of a query; `until` is left out for now. Dates are those of the agent's zone. */
export interface Period {
  since: string;
  until?: string;
}

/** Period of a query; null for a custom range without a first day or that ends before it begins. */
export function periodOf({ range, from, to }: Pick<UsageQuery, "range" | "from" | "to">): Period | null {
  if (range !== "custom") return { since: SINCE[range] };
  if (from === "" || (to !== "" && to < from)) return null;
  return to === "" ? { since: from } : { since: from, until: dayAfter(to) };
}

/** Path of a request, without empty parameters. */
export function pathOf(path: string, params: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(params).filter(([, value]) => value !== undefined && value !== "");
  return `${path}?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}

export const usagePath = (period: Period, { by, user, gpu }: UsageQuery): string =>
  pathOf("api/v1/usage", { ...period, by, user, gpu });

export const csvPath = (period: Period, query: UsageQuery): string =>
  `${usagePath(period, query)}&format=csv`;

/** `tz` is the zone of the calendar that reads the answer. */
export const heatPath = (period: Period, { user, gpu }: UsageQuery, tz: string): string =>
  pathOf("api/v1/usage", { ...period, by: "day,hour_of_day", tz, user, gpu });

export const sessionsPath = (
  period: Period,
  { user, gpu }: Pick<UsageQuery, "user" | "gpu">,
  limit: number,
  cursor: string | null,
): string => pathOf("api/v1/sessions", { ...period, user, gpu, limit, cursor: cursor ?? undefined });

/** Numbers of a row, or of all. */
export interface Sums {
  gpuSeconds: number;
  /** Share of the device time, from 0 to 1; null where that is not known. */
  share: number | null;
  /** Share of the time present in which the GPU worked for it, from 0 to 1; null without time. */
  busy: number | null;
  /** None where it is not known. */
  idleSeconds: number | null;
  allocatedSeconds: number | null;
  joules: number | null;
  sessions: number | null;
  cost: number | null;
}

/** Row of the table. */
export interface UsageLine extends Sums {
  /** Identity. */
  key: string;
  /** Name; null where it is unknown. */
  name: string | null;
}

/** Numbers of a row, of which an engine knows some. */
export type SummedRow = Pick<UsageRow, "gpu_seconds" | "idle_gpu_seconds"> & {
  busy_gpu_seconds: number | null;
  allocated_gpu_seconds: number | null;
  energy_joules: number | null;
  sessions: number | null;
};

/** Indices of the GPUs that are listed now, by UUID; empty while none is known. */
export type Listed = ReadonlyMap<string | null, number>;

/** Name of a row's group; null where it is unknown. */
export function nameOf(row: UsageRow, by: Grouping, listed: Listed): string | null {
  if (by !== "gpu") return row[by] ?? null;
  const uuid = row.uuid ?? null;
  const index = (uuid === null ? undefined : listed.get(uuid)) ?? row.gpu ?? null;
  // A GPU without a UUID is counted under another name.
  const isGone = uuid !== null && !listed.has(uuid) && listed.get(null) !== index;
  if (isGone && listed.size > 0) {
    return index === null ? `${uuid}, gone` : `GPU ${index}, gone (${uuid})`;
  }
  return index === null ? uuid : `GPU ${index}`;
}

/** Rows of a report. */
export function linesOf(
  report: Pick<Usage, "rows" | "device_seconds" | "price_gpu_hour">,
  by: Grouping,
  listed: Listed,
): UsageLine[] {
  const price = report.price_gpu_hour?.amount ?? null;
  return report.rows.map((row, at) => {
    const name = nameOf(row, by, listed);
    return {
      key: (by === "gpu" ? row.uuid : row[by]) ?? `unknown ${at}`,
      name,
      ...sumsOf([row], report.device_seconds, price),
      // A user of a shared GPU can do more than an equal part of its work.
      busy: ratio(row.busy_gpu_seconds, row.present_gpu_seconds),
    };
  });
}

/** A part of a whole, from 0 to 1; null of nothing. */
export const ratio = (part: number | null, whole: number): number | null =>
  part !== null && whole > 0 ? Math.min(1, part / whole) : null;

/** Sums of rows. */
export function sumsOf(rows: readonly SummedRow[], deviceSeconds: number | null, price: number | null): Sums {
  const gpuSeconds = rows.reduce((all, row) => all + row.gpu_seconds, 0);
  const known = (of: (row: SummedRow) => number | null): number | null => {
    const found = rows.map(of).filter(value => value !== null);
    return found.length > 0 ? found.reduce((all, value) => all + value, 0) : null;
  };
  return {
    gpuSeconds,
    share: deviceSeconds === null ? null : deviceSeconds > 0 ? gpuSeconds / deviceSeconds : 0,
    busy: ratio(
      known(row => row.busy_gpu_seconds),
      gpuSeconds,
    ),
    idleSeconds: known(row => row.idle_gpu_seconds),
    allocatedSeconds: known(row => row.allocated_gpu_seconds),
    joules: known(row => row.energy_joules),
    sessions: known(row => row.sessions),
    cost: price === null ? null : (gpuSeconds / 3600) * price,
  };
}

export type SortKey = "name" | keyof Sums;

/** Order of the table in the URL, such as `-gpuSeconds`. */
export interface UsageOrder {
  by: SortKey;
  down: boolean;
}

const SORTED: readonly SortKey[] = [
  "name",
  "gpuSeconds",
  "share",
  "busy",
  "idleSeconds",
  "allocatedSeconds",
  "joules",
  "sessions",
  "cost",
];

export function orderOf(text: string | undefined): UsageOrder {
  const by = SORTED.find(key => key === text?.replace(/^-/, ""));
  return by ? { by, down: text?.startsWith("-") ?? false } : { by: "gpuSeconds", down: true };
}

const names = new Intl.Collator("en", { numeric: true });

/** Rows in order; unknown names and values are last. */
export function sorted(lines: readonly UsageLine[], { by, down }: UsageOrder): UsageLine[] {
  const sign = down ? -1 : 1;
  return [...lines].sort((a, b) => {
    const [one, two] = [a[by], b[by]];
    if (one === null || two === null) return Number(one === null) - Number(two === null);
    const order = typeof one === "string" ? names.compare(one, String(two)) : one - Number(two);
    return order * sign || b.gpuSeconds - a.gpuSeconds || names.compare(a.name ?? "", b.name ?? "");
  });
}

export type PartKind = "held" | "others" | "free" | "unknown" | "unassigned" | "unobserved";

/** Part of the device time. */
export interface TimePart {
  kind: PartKind;
  seconds: number;
  /** Share of the device time in tenths of a percent, rounded so that all parts add up to 1000. */
  tenths: number;
}

/** Device time by its use. */
export type Times = Pick<
  Usage,
  | "device_seconds"
  | "free_gpu_seconds"
  | "unknown_gpu_seconds"
  | "unassigned_gpu_seconds"
  | "unobserved_gpu_seconds"
> & { rows: readonly Pick<UsageRow, "gpu_seconds">[] };

/** Parts of the device time that are not zero. They add up to all of it. */
export function timeParts(report: Times, isFiltered: boolean): TimePart[] {
  const held = report.rows.reduce((all, row) => all + row.gpu_seconds, 0);
  const all = report.device_seconds;
  const parts: [PartKind, number][] = isFiltered
    ? [
        ["held", held],
        ["others", Math.max(0, all - held)],
      ]
    : [
        ["held", held],
        ["free", report.free_gpu_seconds],
        ["unknown", report.unknown_gpu_seconds],
        ["unassigned", report.unassigned_gpu_seconds],
        ["unobserved", report.unobserved_gpu_seconds],
      ];
  const found = parts.filter(([, seconds]) => seconds > 0);
  const tenths = apportion(found.map(([, seconds]) => seconds));
  return found.map(([kind, seconds], at) => ({ kind, seconds, tenths: tenths[at] ?? 0 }));
}

/** Whole tenths of a percent that add up to 1000, by the largest remainders. */
export function apportion(values: readonly number[]): number[] {
  const sum = values.reduce((all, value) => all + value, 0);
  if (sum <= 0) return values.map(() => 0);
  const exact = values.map(value => (value / sum) * 1000);
  const whole = exact.map(Math.floor);
  const missing = 1000 - whole.reduce((all, value) => all + value, 0);
  const byRemainder = exact
    .map((value, at) => ({ at, rest: value - Math.floor(value) }))
    .sort((a, b) => b.rest - a.rest);
  for (const { at } of byRemainder.slice(0, missing)) whole[at] = (whole[at] ?? 0) + 1;
  return whole;
}

const tenth = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

const hundredth = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** Number with two digits if it is `fine`, by default below ten, else with one; never rounded down to 0: `<0.01`, `0.25`, `1,234.5`. */
export function decimal(value: number, fine = value < 9.995): string {
  const least = fine ? 0.01 : 0.1;
  if (value === 0) return "0";
  if (value > 0 && value < least / 2) return `<${least}`;
  return (fine ? hundredth : tenth).format(value);
}

/** GPU-hours of GPU-seconds. */
export const hours = (seconds: number, fine?: boolean): string => decimal(seconds / 3600, fine);
export const kilowattHours = (joules: number, fine?: boolean): string => decimal(joules / 3.6e6, fine);
/** Tenths of a percent. */
export const ofTenths = (tenths: number): string =>
  tenths === 0 ? `<0.1${SPACE}%` : `${tenth.format(tenths / 10)}${SPACE}%`;

/** A sum of money in a currency; the currency's code is enough where it is no ISO 4217 code. */
export function money(amount: number, currency: string): string {
  try {
    return new Intl.NumberFormat("en", { style: "currency", currency }).format(amount);
  } catch {
    return `${new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(amount)}${SPACE}${currency}`;
  }
}
