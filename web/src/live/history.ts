import { effect, type ReadonlySignal, type Signal, signal, untracked } from "@preact/signals";
import { requestJson } from "../api/request";
import type { History, Snapshot } from "../api/types";
import { METRICS, PLANS, type Span } from "../model/charts";
import { type Columns, HistoryBuffer } from "../model/history";
import { problemOf } from "../model/problem";
import { snapshot } from "./store";

/** State of the request for the agent's history. */
export type Memory = { kind: "asking" } | { kind: "there" } | { kind: "failed"; why: string };

export interface FollowedHistory {
  memory: ReadonlySignal<Memory>;
  /** Columns to draw; replaced with each snapshot. */
  columns: ReadonlySignal<Columns>;
  /** Time of the newest snapshot in the columns: the right edge of the charts. */
  end: ReadonlySignal<number>;
  stop(): void;
}

/** Longest pause between two snapshots that is not a gap, in milliseconds. */
const PAUSE = 4_000;
/**
 * Margin of the range, in milliseconds: the agent counts back from its newest snapshot, which may be newer than ours,
 * and drops values at the other end.
 */
const MARGIN = 2_000;
/** The whole range: it is requested relative to the agent's own present. */
const ALL = Number.NEGATIVE_INFINITY;
const AGAIN = 5_000;

const LINES = PLANS.flatMap(plan => plan.lines);

/** Follows the metrics of a GPU: the agent's history, then its snapshots, and its history again for a gap in them. */
export function followHistory(uuid: string, span: Span): FollowedHistory {
  const memory: Signal<Memory> = signal({ kind: "asking" });
  const columns: Signal<Columns> = signal({ times: [], values: METRICS.map(() => []) });
  const end = signal(untracked(() => snapshot.value?.sampled_at ?? 0));
  const abort = new AbortController();
  /** Null before the first answer, since the steps are the agent's. */
  let past: HistoryBuffer | null = null;
  let waiting: Snapshot[] = [];
  /** Start of what has to be requested; null if nothing is missing. */
  let missing: number | null = ALL;
  let askedAt = Number.NEGATIVE_INFINITY;

  const make = (stepMs: number, anchor: number) =>
    new HistoryBuffer(METRICS, stepMs, Math.ceil(span.ms / stepMs) + 1, anchor, Math.max(PAUSE, 2 * stepMs));

  const ask = async (since: number, now: number) => {
    askedAt = performance.now();
    // A gap that begins at the start of the range or before it: the agent may only have longer steps of that time.
    const whole = since <= now - span.ms + 2 * MARGIN;
    const from = whole ? `-${Math.round((span.ms - MARGIN) / 1000)}s` : since;
    const path = `api/v1/history?metric=${METRICS.join()}&gpu=${encodeURIComponent(uuid)}&since=${from}&step=${span.stepMs / 1000}s`;
    try {
      take(await requestJson<History>(path, { signal: abort.signal }), whole);
      memory.value = { kind: "there" };
    } catch (error) {
      if (abort.signal.aborted) return;
      missing = since;
      memory.value = { kind: "failed", why: describe(error) };
      past ??= make(span.stepMs, 0);
      seeWaiting();
    }
  };

  const take = (history: History, whole: boolean) => {
    // Other steps than before: the agent was restarted with another interval.
    if (past?.stepMs !== history.step_ms) {
      if (whole) past = make(history.step_ms, history.start_at);
      else missing = ALL;
    }
    past?.recall(uuid, history);
    seeWaiting();
  };

  const seeWaiting = () => {
    for (const each of waiting) past?.see(each.sampled_at, valuesOf(each, uuid));
    waiting = [];
    if (!past) return;
    columns.value = past.columns();
    end.value = untracked(() => snapshot.value?.sampled_at ?? end.value);
  };

  const see = (newest: Snapshot) => {
    const before = waiting.at(-1)?.sampled_at ?? past?.seenAt ?? null;
    // The clock was set back: the buffer is of another time.
    if (before !== null && newest.sampled_at < before - PAUSE) {
      past = null;
      missing = ALL;
    } else if (past && before !== null && newest.sampled_at - before > Math.max(PAUSE, 2 * past.stepMs)) {
      missing ??= before;
    }
    waiting.push(newest);
    if (past) seeWaiting();
    if (missing !== null && (past === null || performance.now() - askedAt > AGAIN)) {
      const since = missing;
      missing = null;
      void ask(since, newest.sampled_at);
    }
  };

  const stop = effect(() => {
    const newest = snapshot.value;
    if (newest) untracked(() => see(newest));
  });
  return {
    memory,
    columns,
    end,
    stop: () => {
      abort.abort();
      stop();
    },
  };
}

/** Current values of a GPU; all null if it is not read. */
function valuesOf({ gpus }: Snapshot, uuid: string): (number | null)[] {
  const gpu = gpus.find(each => each.uuid === uuid);
  if (gpu?.state !== "ok") return METRICS.map(() => null);
  return LINES.map(line => line.of(gpu));
}

function describe(error: unknown): string {
  const { title, why } = problemOf(error);
  return why || title;
}
