import type { Event } from "../api/types";

/** As many as the agent keeps. */
const MAX_EVENTS = 10_000;

/** Identity of an event. */
export const eventKey = (event: Event): string =>
  [event.at, event.kind, event.gpu_uuid, event.code, event.text].join("\n");

/** Union of both, without duplicates, in the order of time. */
export function mergeEvents(known: readonly Event[], more: readonly Event[]): Event[] {
  if (more.length === 0) return known as Event[];
  const keys = new Set(known.map(eventKey));
  const fresh = more.filter(event => !keys.has(eventKey(event)) && keys.add(eventKey(event)));
  if (fresh.length === 0) return known as Event[];
  return [...known, ...fresh].sort((a, b) => a.at - b.at).slice(-MAX_EVENTS);
}
