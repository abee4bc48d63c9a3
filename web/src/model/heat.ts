import type { Usage } from "../api/types";
import { type Calendar, eachHour } from "./calendar";

/** Occupied share of device time by weekday, from 0 for Sunday, and hour; null for hours outside the period. */
export type HeatMap = (number | null)[][];

/** Time from which GPUs existed, if all have existed since the same time and until the end of the period. */
export function beginOf(
  { since, until, device_seconds: seconds }: Pick<Usage, "since" | "until" | "device_seconds">,
  gpus: number,
): number {
  return Math.max(since, until - (gpus > 0 ? (seconds / gpus) * 1000 : 0));
}

/** Part of a period that is too small to be seen. */
const INVISIBLE = 0.002;

/** True if GPUs did not exist for a visible part of the period, as on a new host. */
export const isYounger = (report: Pick<Usage, "since" | "until" | "device_seconds">, gpus: number): boolean =>
  beginOf(report, gpus) - report.since > INVISIBLE * (report.until - report.since);

/**
 * Heat map of a report by day and hour of the day.
 *
 * The report has the occupied time of each hour and the device time of the whole period. The latter is that of GPUs
 * which existed until the end of the period, so it is spread evenly over the hours since their common start.
 * `gpus` is the number of GPUs.
 */
export function heatOf(
  report: Pick<Usage, "rows" | "since" | "until" | "device_seconds">,
  gpus: number,
  calendar: Calendar,
): HeatMap {
  const { until, device_seconds: deviceSeconds } = report;
  const from = beginOf(report, gpus);
  const time = grid(0);
  eachHour(from, until, calendar, ({ weekday, hour }, ms) => add(time, weekday, hour, ms));
  const scale = until > from ? deviceSeconds / (until - from) : 0;
  const held = grid(0);
  for (const row of report.rows) {
    const day = Date.parse(`${row.day}T00:00:00Z`);
    const hour = Number(row.hour_of_day ?? Number.NaN);
    if (!Number.isNaN(day)) add(held, new Date(day).getUTCDay(), hour, row.gpu_seconds);
  }
  return time.map((hours, weekday) =>
    hours.map((ms, hour) => {
      const whole = ms * scale;
      return whole > 0 ? Math.min(1, (held[weekday]?.[hour] ?? 0) / whole) : null;
    }),
  );
}

const grid = (value: number): number[][] =>
  Array.from({ length: 7 }, () => Array.from({ length: 24 }, () => value));

function add(to: number[][], weekday: number, hour: number, value: number): void {
  const hours = to[weekday];
  if (hours?.[hour] !== undefined) hours[hour] += value;
}

/** Weekdays in the order of a locale, with its names. */
export function weekdays(locale?: string): { weekday: number; short: string; long: string }[] {
  const named = (style: "short" | "long") => {
    const format = new Intl.DateTimeFormat(locale, { weekday: style, timeZone: "UTC" });
    // 4 January 1970 was a Sunday.
    return (weekday: number) => format.format(Date.UTC(1970, 0, 4 + weekday));
  };
  const [short, long] = [named("short"), named("long")];
  const first = firstDay(locale ?? new Intl.DateTimeFormat().resolvedOptions().locale);
  return Array.from({ length: 7 }, (_, at) => {
    const weekday = (first + at) % 7;
    return { weekday, short: short(weekday), long: long(weekday) };
  });
}

/** First day of the week: Monday where the browser does not know the locale's. */
function firstDay(locale: string): number {
  type Week = { firstDay: number };
  const known = new Intl.Locale(locale) as { getWeekInfo?: () => Week; weekInfo?: Week };
  return (known.getWeekInfo?.() ?? known.weekInfo)?.firstDay ?? 1;
}

export interface HeatPeak extends Record<"weekday" | "hour", number> {
  share: number;
}

/** Hours with the largest and the smallest share; null without any. */
export function extremes(map: HeatMap): { most: HeatPeak; least: HeatPeak } | null {
  const all = map.flatMap((hours, weekday) =>
    hours.flatMap((share, hour) => (share === null ? [] : [{ weekday, hour, share }])),
  );
  const [first] = all;
  if (!first) return null;
  return {
    most: all.reduce((best, each) => (each.share > best.share ? each : best), first),
    least: all.reduce((best, each) => (each.share < best.share ? each : best), first),
  };
}
