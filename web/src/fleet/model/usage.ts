import { isDate } from "../../model/dates";
import {
  type Period,
  pathOf,
  RANGES,
  ratio,
  type SummedRow,
  sumsOf,
  type UsageLine,
  type UsageRange,
} from "../../model/usage";

/** `/api/v1/fleet/usage`. Null is unknown. */
export interface FleetUsage {
  since: number;
  until: number;
  tz: string;
  by: string[];
  source: "agents" | "engine";
  /** Number of hosts in the sums. */
  hosts: number;
  missing: { host: string; error: string }[];
  people: boolean | null;
  notes: { host: string; note: string }[];
  price_gpu_hour: { amount: number; currency: string } | null;
  device_seconds: number | null;
  free_gpu_seconds: number | null;
  unknown_gpu_seconds: number | null;
  unassigned_gpu_seconds: number | null;
  unobserved_gpu_seconds: number | null;
  energy_joules: number | null;
  rows: FleetUsageRow[];
}

export type FleetUsageRow = SummedRow & {
  present_gpu_seconds: number | null;
  host?: string | null;
  user?: string | null;
  gpu?: number | null;
  uuid?: string | null;
  job?: string | null;
  pod?: string | null;
  container?: string | null;
  model?: string | null;
};

export const GROUPS = [
  ["user", "User"],
  ["host", "Host"],
  ["gpu", "GPU"],
  ["model", "Model"],
  ["job", "Job"],
  ["pod", "Pod"],
  ["container", "Container"],
] as const;
export type Grouping = (typeof GROUPS)[number][0];

/** Groupings that name nobody. */
const IMPERSONAL: readonly Grouping[] = ["host", "gpu", "model"];

export const groupings = (people: boolean): readonly (readonly [Grouping, string])[] =>
  people ? GROUPS : GROUPS.filter(([by]) => IMPERSONAL.includes(by));

/** State of the view, as it is in the URL. */
export interface FleetUsageQuery {
  range: UsageRange;
  /** First and last day of a custom range; empty if not chosen. */
  from: string;
  to: string;
  by: Grouping;
  /** Only this user; empty for all. */
  user: string;
}

/** Query of the URL. Values that it does not know are the defaults. */
export function usageQuery(query: Readonly<Record<string, string>>, people: boolean): FleetUsageQuery {
  const { range = "", from = "", to = "", by = "", user = "" } = query;
  const allowed = groupings(people).map(([name]) => name);
  return {
    range: RANGES.find(([name]) => name === range)?.[0] ?? "month",
    from: isDate(from) ? from : "",
    to: isDate(to) ? to : "",
    by: allowed.find(name => name === by) ?? allowed[0] ?? "host",
    user: people ? user : "",
  };
}

export const usagePath = (period: Period, { by, user }: FleetUsageQuery): string =>
  pathOf("api/v1/fleet/usage", { ...period, by, user });

export const csvPath = (period: Period, query: FleetUsageQuery): string =>
  `${usagePath(period, query)}&format=csv`;

/** Name of a row's group; null where it is unknown. */
export function nameOf(row: FleetUsageRow, by: Grouping): string | null {
  if (by !== "gpu") return row[by] ?? null;
  const gpu = row.gpu === null || row.gpu === undefined ? (row.uuid ?? null) : `GPU ${row.gpu}`;
  return gpu === null ? null : `${row.host ?? ""} ${gpu}`;
}

/** Rows of a report. */
export function linesOf(report: FleetUsage, by: Grouping): UsageLine[] {
  const price = report.price_gpu_hour?.amount ?? null;
  return report.rows.map((row, at) => ({
    // A GPU that was replaced has the index of the new one.
    key: (by === "gpu" ? `${row.host} ${row.uuid ?? row.gpu}` : row[by]) ?? `unknown ${at}`,
    name: nameOf(row, by),
    ...sumsOf([row], report.device_seconds, price),
    // A user of a shared GPU can do more than an equal part of its work.
    busy: ratio(row.busy_gpu_seconds, row.present_gpu_seconds ?? row.gpu_seconds),
  }));
}

/** Notes with the hosts that have them. */
export function notesOf(notes: FleetUsage["notes"]): { note: string; hosts: string[] }[] {
  const found = new Map<string, string[]>();
  for (const { host, note } of notes) found.set(note, [...(found.get(note) ?? []), host]);
  return [...found].map(([note, hosts]) => ({ note, hosts }));
}
