import { computed, effect, signal, untracked } from "@preact/signals";
import type { Message } from "../../api/messages";
import { ask, requestJson } from "../../api/request";
import { storeTriedToken, token } from "../../api/token";
import { link, paused, visible } from "../../live/connection";
import { type Follower, follow } from "../../live/follow";
import { EVERY_HOST } from "../model/window";
import type { Fleet, FleetChange } from "../types";
import { acceptChange, acceptFleet, acceptGpus, hasFleet, hosts, hubNow, now, silence } from "./store";

/** Timeout of a request in milliseconds. */
const TIMEOUT_MS = 15_000;
/** Timeout of a stream without a message: the hub sends one every 10 s or sooner. */
const SILENCE_MS = 25_000;
/** Interval of polling in place of a stream that is not available. */
const POLL_MS = 5_000;
/** Interval of asking for the GPUs of hosts that the stream leaves out, while a view needs them. */
const ALL_GPUS_MS = 10_000;
/** Age of a message in milliseconds from which the page's clock goes on by itself. */
const QUIET_MS = 1_500;

/** The first hosts by name: all of a small fleet. */
const FIRST_ROWS = `0-${EVERY_HOST - 1}`;

/** Names of hosts whose GPUs are streamed; null for the first ones. Set by the view, by what is on screen. */
export const requested = signal<readonly string[] | null>(null);
/** True while the view needs the GPUs of all hosts, such as for a search by model. */
export const needsAllGpus = signal(false);

function take(found: readonly Message[]): void {
  // A whole fleet makes what came before it useless.
  const from = found.findLastIndex(({ event }) => event === "fleet");
  for (const { event, data } of found.slice(Math.max(0, from))) {
    if (event === "fleet") acceptFleet(JSON.parse(data) as Fleet);
    else if (event === "hosts") acceptChange(JSON.parse(data) as FleetChange);
  }
}

function follower(rows: readonly string[] | null): Follower {
  // A comma makes a single name such as `0-49` a name.
  const names = rows?.length === 1 ? `${rows[0]},` : rows?.join();
  const which = new URLSearchParams({ rows: names ?? FIRST_ROWS });
  return {
    from: "hub",
    now: () => performance.now(),
    link: next => {
      if (next.kind === "live") storeTriedToken();
      // "connecting" is only shown before the first answer, or while a token is tried.
      if (next.kind === "connecting" && hasFleet.value && link.value.kind !== "refused") return;
      const isSame = next.kind === "live" && link.value.kind === "live" && next.by === link.value.by;
      if (!isSame) link.value = next;
    },
    messages: take,
    poll: async signal => {
      const patience = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
      acceptFleet(await requestJson<Fleet>("api/v1/fleet", { signal: patience }));
    },
    open: signal => ask(`api/v1/fleet/stream?${which}`, { signal, headers: { Accept: "text/event-stream" } }),
  };
}

/** Follows the hub while the page is visible and not paused; restarts with another token or other rows. */
export function start(): void {
  document.addEventListener("visibilitychange", () => {
    visible.value = document.visibilityState === "visible";
  });
  effect(() => {
    const rows = requested.value;
    void token.value;
    if (paused.value || !visible.value) return;
    const abort = new AbortController();
    const pace = { every: null, fallback: POLL_MS, values: ["fleet", "hosts"], silence: SILENCE_MS };
    // Untracked: signals read inside must not restart it.
    untracked(() => void follow(follower(rows), pace, abort.signal));
    return () => abort.abort();
  });
  effect(keepAllGpus);
  effect(() => {
    if (!visible.value) return;
    const tick = () => {
      // A message sets the time itself, which avoids a second render.
      if (silence() > QUIET_MS) now.value = hubNow();
    };
    tick();
    const timer = setInterval(tick, 1_000);
    return () => clearInterval(timer);
  });
}

/** True if the stream leaves out GPUs. */
const isPartial = computed(() => hosts.value.size > EVERY_HOST);

/** Asks for the GPUs of hosts that the stream leaves out, while a view needs them. */
function keepAllGpus(): (() => void) | undefined {
  void token.value;
  if (!isPartial.value || !needsAllGpus.value || paused.value || !visible.value) return;
  const abort = new AbortController();
  const round = async () => {
    try {
      const signal = AbortSignal.any([abort.signal, AbortSignal.timeout(TIMEOUT_MS)]);
      acceptGpus(await requestJson<Fleet>("api/v1/fleet", { signal }), requested.peek());
    } catch {
      // The connection reports its own problems; the next round tries again.
    }
  };
  void round();
  const timer = setInterval(() => void round(), ALL_GPUS_MS);
  return () => {
    clearInterval(timer);
    abort.abort();
  };
}
