import { effect, untracked } from "@preact/signals";
import { hubPath } from "../api/hub";
import type { Message } from "../api/messages";
import { ask, requestJson } from "../api/request";
import { storeTriedToken, token } from "../api/token";
import type { Event, Snapshot } from "../api/types";
import { every } from "../browser/settings";
import { link, paused, visible } from "./connection";
import { mergeEvents } from "./events";
import { type Follower, follow, type Link } from "./follow";
import { accept, age, agentNow, events, maxPause, now, snapshot } from "./store";
import { fillIn, record } from "./trends";

/** Query for events at first; the events view loads all. */
const FIRST_EVENTS = "since=-24h&limit=500";
/** Interval of polling for events while the agent is polled, in milliseconds. */
const EVENTS_INTERVAL_MS = 10_000;
/** Timeout of a request in milliseconds. */
const TIMEOUT_MS = 15_000;
/** Age of a snapshot in milliseconds from which the ages on the page grow by themselves. */
const QUIET_MS = 1_500;

/** Takes in a snapshot; returns false if it leaves a gap, as after a pause or when a clock was set. */
function take(next: Snapshot): boolean {
  const before = snapshot.value;
  accept(next);
  record(next);
  if (before === null) return false;
  const passed = next.sampled_at - before.sampled_at;
  return passed >= 0 && passed <= maxPause();
}

/** Takes in messages of the stream. Of several snapshots at once only the newest is parsed. */
function messages(found: Message[]): boolean {
  const newest = found.findLast(message => message.event === "snapshot");
  const follows = newest === undefined || take(JSON.parse(newest.data) as Snapshot);
  const eventMessages = found.filter(message => message.event === "event");
  if (eventMessages.length > 0) {
    const found = eventMessages.flatMap(message => JSON.parse(message.data) as Event | Event[]);
    events.value = mergeEvents(events.value, found);
  }
  return follows;
}

let eventsAt = Number.NEGATIVE_INFINITY;

/** Loads the events since the newest one. A failure is left to the stream or to the next call. */
function loadEvents(aborted: AbortSignal): void {
  const last = events.value.at(-1)?.at;
  // An event in the future is of a clock that was set back.
  const which = last !== undefined && last <= agentNow() ? `since=${last}` : FIRST_EVENTS;
  eventsAt = performance.now();
  const signal = AbortSignal.any([aborted, AbortSignal.timeout(TIMEOUT_MS)]);
  requestJson<Event[]>(`api/v1/events?${which}`, { signal }).then(
    found => {
      events.value = mergeEvents(events.value, found);
    },
    () => {},
  );
}

/** Loads all events that the agent keeps. */
export async function loadAllEvents(): Promise<void> {
  events.value = mergeEvents(events.value, await requestJson<Event[]>("api/v1/events"));
}

function follower(aborted: AbortSignal): Follower {
  // The history is loaded after the first snapshot, so that it does not delay it.
  const accepted = (follows: boolean) => {
    if (follows) return;
    void fillIn(aborted);
    loadEvents(aborted);
  };
  return {
    from: hubPath() === null ? "agent" : "host",
    now: () => performance.now(),
    link: next => {
      if (next.kind === "live") storeTriedToken();
      // "connecting" is only shown before the first snapshot, or while a token is tried.
      const known = snapshot.value !== null && link.value.kind !== "refused";
      if (next.kind === "connecting" && known) return;
      if (!isSame(next, link.value)) link.value = next;
    },
    messages: found => {
      accepted(messages(found));
    },
    poll: async signal => {
      const patience = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
      accepted(take(await requestJson<Snapshot>("api/v1/snapshot", { signal: patience })));
      if (performance.now() - eventsAt > EVENTS_INTERVAL_MS) loadEvents(signal);
    },
    open: (signal, lastId) =>
      ask("api/v1/stream", {
        signal,
        headers: { Accept: "text/event-stream", ...(lastId ? { "Last-Event-ID": lastId } : {}) },
      }),
  };
}

/** True if the connection is as it was. */
const isSame = (a: Link, b: Link): boolean => a.kind === "live" && b.kind === "live" && a.by === b.by;

/** Follows the agent while the page is visible and not paused; restarts with another token or interval. */
export function start(): void {
  document.addEventListener("visibilitychange", () => {
    visible.value = document.visibilityState === "visible";
  });
  effect(() => {
    const pace = { every: every.value };
    void token.value;
    if (paused.value || !visible.value) return;
    const abort = new AbortController();
    // Untracked: signals read inside must not restart it.
    untracked(() => void follow(follower(abort.signal), pace, abort.signal));
    return () => abort.abort();
  });
  effect(() => {
    if (!visible.value) return;
    const tick = () => {
      // A snapshot sets the time itself, which avoids a second render.
      if (age() > QUIET_MS) now.value = agentNow();
    };
    // At once, so that a user who returns does not see old values without their age.
    tick();
    const timer = setInterval(tick, 1_000);
    return () => clearInterval(timer);
  });
}
