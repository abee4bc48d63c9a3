import type { Event } from "../api/types";

/** As many are kept as the agent keeps. */
const MOST = 10_000;

/** What tells an event from others. */
export const eventKey = (event: Event): string =>
  [event.at, event.kind, event.gpu_uuid, event.code, event.text].join("\n");

/** Both, each once, in the order of their times. */
export function mergeEvents(known: readonly Event[], more: readonly Event[]): Event[] {
  if (more.length === 0) return known as Event[];
  const keys = new Set(known.map(eventKey));
  const fresh = more.filter(event => !keys.has(eventKey(event)) && keys.add(eventKey(event)));
  if (fresh.length === 0) return known as Event[];
  return [...known, ...fresh].sort((a, b) => a.at - b.at).slice(-MOST);
}
