import { computed, effect, signal, untracked } from "@preact/signals";
import { HttpError, hasUsage, requestJson } from "../api/request";
import { token } from "../api/token";
import type { Session, Sessions } from "../api/types";
import { type Drawn, merged, type Span } from "../model/timeline";
import { sessionsPath } from "../model/usage";
import { link, paused, visible } from "./connection";
import { agentNow, hasSnapshot, namesHidden } from "./store";

/** Interval of requests in milliseconds. */
const INTERVAL_MS = 60_000;
/** Overlap of a request with the one before: sessions are written once a minute. */
const OVERLAP_MS = 150_000;
const DAY_MS = 86_400_000;
/** Most sessions of a request. */
const LIMIT = 1000;

/** A session as the strips need it. */
export type Held = Drawn & Pick<Session, "id">;

/** Sessions of all GPUs over the last day. */
export interface LastDay extends Span {
  sessions: readonly Held[];
}

/** Null before the first answer, and if the agent keeps no usage or does not show it. */
export const lastDay = signal<LastDay | null>(null);

/** Number of strips on the page. */
const strips = signal(0);
/** Token for which the agent refuses the sessions, or has none. */
let refused: { token: string | null } | null = null;
let isFollowed = false;

/** Follows the sessions of the last day until the returned function is called; one request for all callers. */
export function followLastDay(): () => void {
  strips.value += 1;
  if (!isFollowed) effect(follow);
  isFollowed = true;
  return () => {
    strips.value -= 1;
  };
}

/** True while requests are wanted and possible: one value, so that another strip is no reason for another request. */
const isRunning = computed(
  () =>
    strips.value > 0 &&
    hasUsage.value &&
    hasSnapshot.value &&
    !namesHidden.value &&
    visible.value &&
    !paused.value &&
    link.value.kind === "live",
);

function follow(): (() => void) | undefined {
  if (refused?.token !== token.value) refused = null;
  if (!isRunning.value || refused !== null) return;
  const abort = new AbortController();
  untracked(() => void ask(abort.signal));
  const timer = setInterval(() => void ask(abort.signal), INTERVAL_MS);
  return () => {
    clearInterval(timer);
    abort.abort();
  };
}

let askedAt = Number.NEGATIVE_INFINITY;

async function ask(signal: AbortSignal): Promise<void> {
  const before = lastDay.peek();
  const to = agentNow();
  // After a short pause the strip is still current.
  if (refused !== null || (before !== null && performance.now() - askedAt < INTERVAL_MS / 2)) return;
  askedAt = performance.now();
  const from = to - DAY_MS;
  const since = before === null || before.to < from || before.to > to ? from : before.to - OVERLAP_MS;
  try {
    const path = sessionsPath({ since: String(Math.round(since)) }, { user: "", gpu: "" }, LIMIT, null);
    const { sessions, next }: Sessions = await requestJson(path, { signal });
    const known = since === from ? [] : (before?.sessions ?? []);
    // Of a day with more sessions only the newest part is known.
    const oldest = next === null ? from : Math.min(...sessions.map(each => each.first_at));
    lastDay.value = { from, to, sessions: merged(known, sessions.map(small), Math.max(from, oldest)) };
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof HttpError && error.status < 500) {
      refused = { token: token.peek() };
      lastDay.value = null;
    }
  }
}

const small = ({ id, gpu, uuid, mig, mig_uuid, user, first_at, last_at }: Session): Held => ({
  id,
  gpu,
  uuid,
  mig,
  mig_uuid,
  user,
  first_at,
  last_at,
});
