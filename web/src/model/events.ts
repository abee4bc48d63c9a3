import type { Event } from "../api/types";
import { dayName } from "./format";

/** Filter of the events; an empty string filters nothing. */
export interface EventFilter {
  /** `warning` hides events of severity `ok`; `critical` also hides warnings. */
  severity: string;
  kind: string;
  gpu: string;
}

const RANK: Record<string, number> = { ok: 0, warning: 1, critical: 2 };
const rank = (severity: string): number => RANK[severity] ?? 1;

export const KINDS: Record<string, string> = {
  xid: "Xid errors",
  gpu_state: "GPU states",
  health: "Health",
  collector_state: "Collector",
  driver: "Driver",
};

/** Matching events, the newest first. */
export const wanted = (events: readonly Event[], filter: EventFilter): Event[] =>
  events
    .filter(
      event =>
        rank(event.severity) >= rank(filter.severity || "ok") &&
        (!filter.kind || event.kind === filter.kind) &&
        (!filter.gpu || event.gpu_uuid === filter.gpu),
    )
    .reverse();

/** Text of an event without its leading "GPU N", for a list that shows the number itself. */
export const withoutGpu = (text: string, index: number): string =>
  text.startsWith(`GPU ${index} `) ? text.slice(`GPU ${index} `.length) : text;

/** Events by day, in their order. */
export function byDay(events: readonly Event[], now: number): { name: string; events: Event[] }[] {
  const days: { name: string; events: Event[] }[] = [];
  for (const event of events) {
    const name = dayName(event.at, now);
    const last = days.at(-1);
    if (last?.name === name) last.events.push(event);
    else days.push({ name, events: [event] });
  }
  return days;
}
