import type { Gpu } from "../api/types";
import { type Absence, absence } from "./absence";
import type { Line, Plan } from "./charts";
import type { Columns } from "./history";

/** A line of a chart with its availability. */
export interface Drawn {
  line: Line;
  /** Index of its column. */
  column: number;
  /** Reason for a missing line; null if there is one. */
  why: Absence | null;
}

export interface ChartSelection {
  /** Charts to draw; a chart without data has the reason. */
  charts: { plan: Plan; lines: Drawn[] }[];
  /** Names of charts that this GPU never supports. */
  never: string[];
  /** Names of charts that were zero all the time. */
  zero: string[];
}

/**
 * Selects a GPU's charts. An unsupported one is named only; one without data, now and in the range, shows the reason
 * in its place.
 */
export function selectCharts(
  plans: readonly Plan[],
  gpu: Gpu,
  metrics: readonly string[],
  columns: Columns,
): ChartSelection {
  const chosen: ChartSelection = { charts: [], never: [], zero: [] };
  for (const plan of plans) {
    const lines = plan.lines.map(line => drawnOf(line, gpu, metrics, columns));
    const supported = lines.filter(({ why }) => why?.reason !== "not_supported");
    if (supported.length === 0) chosen.never.push(plan.name);
    else if (
      plan.quiet &&
      supported.every(({ why, column }) => why === null && isZero(columns.values[column]))
    ) {
      chosen.zero.push(plan.name);
    } else chosen.charts.push({ plan, lines });
  }
  return chosen;
}

function drawnOf(line: Line, gpu: Gpu, metrics: readonly string[], columns: Columns): Drawn {
  const column = metrics.indexOf(line.metric);
  const known = columns.values[column]?.some(value => value !== null) ?? false;
  const isNow = gpu.state === "ok" && line.of(gpu) !== null;
  return { line, column, why: known || isNow ? null : reasonOf(line, gpu) };
}

function reasonOf(line: Line, gpu: Gpu): Absence {
  return absence(gpu.absent[line.path] ?? (gpu.state === "ok" ? undefined : gpu.state));
}

const isZero = (values: readonly (number | null)[] | undefined): boolean =>
  values?.every(value => value === null || value === 0) ?? true;

/** Summary of a line. */
export interface Sum {
  lowest: number;
  mean: number;
  highest: number;
}

/** Summary of the known values; null if there are none. */
export function sumOf(values: readonly (number | null)[]): Sum | null {
  const known = values.filter(value => value !== null);
  if (known.length === 0) return null;
  return {
    lowest: known.reduce((a, b) => Math.min(a, b)),
    mean: known.reduce((a, b) => a + b, 0) / known.length,
    highest: known.reduce((a, b) => Math.max(a, b)),
  };
}

/** Columns between two times, inclusive; columns that are not in `which` are empty. */
export function between(
  { times, values }: Columns,
  which: readonly number[],
  from: number,
  to: number,
): Columns {
  const first = firstWith(times, time => time >= from);
  const last = firstWith(times, time => time > to);
  return {
    times: times.slice(first, last),
    values: values.map((each, column) => (which.includes(column) ? each.slice(first, last) : [])),
  };
}

/** Index of the first element for which `isTrue` holds, as it does for all after it; the length if there is none. */
function firstWith(times: readonly number[], isTrue: (time: number) => boolean): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isTrue(times[middle] ?? 0)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Means of longer steps, which begin at multiples of their length: the rows of a table, the oldest first. */
export function coarser({ times, values }: Columns, stepMs: number): Columns {
  const rows: number[] = [];
  const sums: { sum: number; count: number }[][] = values.map(() => []);
  times.forEach((time, index) => {
    const row = Math.floor(time / stepMs) * stepMs;
    if (rows.at(-1) !== row) {
      rows.push(row);
      for (const each of sums) each.push({ sum: 0, count: 0 });
    }
    sums.forEach((each, which) => {
      const value = values[which]?.[index] ?? null;
      const last = each.at(-1);
      if (value === null || !last) return;
      last.sum += value;
      last.count += 1;
    });
  });
  return {
    times: rows,
    values: sums.map(each => each.map(({ sum, count }) => (count === 0 ? null : sum / count))),
  };
}
