import type { Event } from "../api/types";
import { dayName } from "./format";

/** What is shown of the events; an empty text is no wish. */
export interface EventFilter {
  /** `warning` leaves out what is only news; `critical` all but the worst. */
  severity: string;
  kind: string;
  gpu: string;
}

const RANK: Record<string, number> = { ok: 0, warning: 1, critical: 2 };
const rank = (severity: string): number => RANK[severity] ?? 1;

export const KINDS: Record<string, string> = {
  xid: "Xid errors",
  gpu_state: "GPU states",
  collector_state: "Collector",
  driver: "Driver",
};

/** The newest first. */
export const wanted = (events: readonly Event[], filter: EventFilter): Event[] =>
  events
    .filter(
      event =>
        rank(event.severity) >= rank(filter.severity || "ok") &&
        (!filter.kind || event.kind === filter.kind) &&
        (!filter.gpu || event.gpu_uuid === filter.gpu),
    )
    .reverse();

/** The text of an event beside the GPU's own number: without it at its beginning. */
export const withoutGpu = (text: string, index: number): string =>
  text.startsWith(`GPU ${index} `) ? text.slice(`GPU ${index} `.length) : text;

/** In order, with the days named. */
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
