import { effect, untracked } from "@preact/signals";
import type { Message } from "../api/messages";
import { ask, requestJson } from "../api/request";
import { settle, token } from "../api/token";
import type { Event, Snapshot } from "../api/types";
import { every } from "../browser/settings";
import { mergeEvents } from "./events";
import { type Follower, follow, type Link } from "./follow";
import { accept, age, agentNow, bridge, events, link, now, paused, snapshot, visible } from "./store";
import { fillIn, record } from "./trends";

/** How far back events are asked for at first, and how many; the view of events asks for all. */
const EVENTS_AT_FIRST = "since=-24h&limit=500";
/** While the agent is polled, how often for events. */
const EVENTS_EVERY = 10_000;
/** An answer that takes longer is none. */
const TIMEOUT_MS = 15_000;
/** After so long without a snapshot the ages that are shown grow by themselves. */
const QUIET = 1_500;

/** Takes in a snapshot; false if it does not follow the one before it, as after a pause, or when a clock was set. */
function take(next: Snapshot): boolean {
  const before = snapshot.value;
  accept(next);
  record(next);
  if (before === null) return false;
  const passed = next.sampled_at - before.sampled_at;
  return passed >= 0 && passed <= bridge();
}

/** What a stream told. Of several snapshots that came at once only the newest is read. */
function messages(found: Message[]): boolean {
  const newest = found.findLast(message => message.event === "snapshot");
  const follows = newest === undefined || take(JSON.parse(newest.data) as Snapshot);
  const happened = found.filter(message => message.event === "event");
  if (happened.length > 0) {
    const told = happened.flatMap(message => JSON.parse(message.data) as Event | Event[]);
    events.value = mergeEvents(events.value, told);
  }
  return follows;
}

let eventsAt = Number.NEGATIVE_INFINITY;

/** What comes of it is taken in when it comes; what does not, comes with the stream or the next question. */
function loadEvents(aborted: AbortSignal): void {
  const last = events.value.at(-1)?.at;
  // What is newer than now is of a clock that has been set back.
  const which = last !== undefined && last <= agentNow() ? `since=${last}` : EVENTS_AT_FIRST;
  eventsAt = performance.now();
  const signal = AbortSignal.any([aborted, AbortSignal.timeout(TIMEOUT_MS)]);
  requestJson<Event[]>(`api/v1/events?${which}`, { signal }).then(
    told => {
      events.value = mergeEvents(events.value, told);
    },
    () => {},
  );
}

/** All events that the agent keeps. */
export async function loadAllEvents(): Promise<void> {
  events.value = mergeEvents(events.value, await requestJson<Event[]>("api/v1/events"));
}

function follower(aborted: AbortSignal): Follower {
  // The past is asked for when the present is there, so that it does not delay it.
  const taken = (follows: boolean) => {
    if (follows) return;
    void fillIn(aborted);
    loadEvents(aborted);
  };
  return {
    now: () => performance.now(),
    link: next => {
      if (next.kind === "live") settle();
      // That it is being asked is news only where nothing is known, or a token is tried.
      const known = snapshot.value !== null && link.value.kind !== "refused";
      if (next.kind === "connecting" && known) return;
      if (!isSame(next, link.value)) link.value = next;
    },
    messages: found => {
      taken(messages(found));
    },
    poll: async signal => {
      const patience = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
      taken(take(await requestJson<Snapshot>("api/v1/snapshot", { signal: patience })));
      if (performance.now() - eventsAt > EVENTS_EVERY) loadEvents(signal);
    },
    open: (signal, lastId) =>
      ask("api/v1/stream", {
        signal,
        headers: { Accept: "text/event-stream", ...(lastId ? { "Last-Event-ID": lastId } : {}) },
      }),
  };
}

/** That it goes on as it was is no news. */
const isSame = (a: Link, b: Link): boolean => a.kind === "live" && b.kind === "live" && a.by === b.by;

/** Follows the agent while the page is looked at and not paused; anew with another token or pace. */
export function start(): void {
  document.addEventListener("visibilitychange", () => {
    visible.value = document.visibilityState === "visible";
  });
  effect(() => {
    const pace = { every: every.value };
    void token.value;
    if (paused.value || !visible.value) return;
    const abort = new AbortController();
    // What it looks at by itself must not start it anew.
    untracked(() => void follow(follower(abort.signal), pace, abort.signal));
    return () => abort.abort();
  });
  effect(() => {
    if (!visible.value) return;
    const tick = () => {
      // A snapshot brings its own time: then nothing is drawn twice.
      if (age() > QUIET) now.value = agentNow();
    };
    // Who comes back is not shown the past as the present until something new comes.
    tick();
    const timer = setInterval(tick, 1_000);
    return () => clearInterval(timer);
  });
}
