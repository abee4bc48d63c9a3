import { effect, type Signal, signal, untracked } from "@preact/signals";
import { requestJson } from "../api/request";
import type { History, Snapshot } from "../api/types";
import { METRICS, PLANS, type Span } from "../model/charts";
import { type Columns, HistoryBuffer } from "../model/history";
import { problemOf } from "../model/problem";
import { snapshot } from "./store";

/** State of the request for the agent's history. */
export type HistoryState = { kind: "asking" } | { kind: "there" } | { kind: "failed"; why: string };

/** Longest pause between two snapshots that is not a gap, in milliseconds. */
const MAX_PAUSE_MS = 4_000;
/**
 * Margin of the range, in milliseconds: the agent counts back from its newest snapshot, which may be newer than ours, and
 * drops values at the other end.
 */
const MARGIN_MS = 2_000;
/** Longest pause in long steps, in milliseconds. */
const MAX_BRIDGE_MS = 120_000;
/** Shortest steps that the agent counts by the wall clock: those of a part would not be those of the whole. */
const LONG_STEP_MS = 300_000;
/** The whole range: it is requested relative to the agent's own present. */
const WHOLE_RANGE = Number.NEGATIVE_INFINITY;
const RETRY_MS = 5_000;

const LINES = PLANS.flatMap(plan => plan.lines);

/** Metrics of a GPU: the agent's history, then its snapshots, and its history again for a gap in them. */
export class FollowedHistory {
  readonly state: Signal<HistoryState> = signal({ kind: "asking" });
  /** Columns to draw; replaced with each snapshot. */
  readonly columns: Signal<Columns> = signal({ times: [], values: METRICS.map(() => []) });
  /** Time of the newest snapshot in the columns: the right edge of the charts. */
  readonly end = signal(untracked(() => snapshot.value?.sampled_at ?? 0));
  private readonly abort = new AbortController();
  private readonly stopFollowing: () => void;
  /** Null before the first answer, since the steps are the agent's. */
  private buffer: HistoryBuffer | null = null;
  private waiting: Snapshot[] = [];
  /** Start of what has to be requested; null if nothing is missing. */
  private missing: number | null = WHOLE_RANGE;
  private askedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly uuid: string,
    private readonly span: Span,
  ) {
    this.stopFollowing = effect(() => {
      const newest = snapshot.value;
      if (newest) untracked(() => this.see(newest));
    });
  }

  stop(): void {
    this.abort.abort();
    this.stopFollowing();
  }

  private see(newest: Snapshot): void {
    const { buffer } = this;
    const before = this.waiting.at(-1)?.sampled_at ?? buffer?.seenAt ?? null;
    if (before !== null && newest.sampled_at < before - MAX_PAUSE_MS) {
      // The clock was set back: the buffer is of another time.
      this.buffer = null;
      this.missing = WHOLE_RANGE;
    } else if (buffer && before !== null && newest.sampled_at - before > bridgeOf(buffer.stepMs)) {
      this.missing ??= before;
    }
    this.waiting.push(newest);
    if (this.buffer) this.addWaiting();
    if (this.missing !== null && (this.buffer === null || performance.now() - this.askedAt > RETRY_MS)) {
      const since = this.missing;
      this.missing = null;
      void this.load(since, newest.sampled_at);
    }
  }

  private async load(since: number, now: number): Promise<void> {
    const { uuid, span, abort } = this;
    this.askedAt = performance.now();
    // Short ranges are extended. A gap that begins at the start of the range or before it: the agent may only have longer steps of that time.
    const whole = since <= now - span.ms + 2 * MARGIN_MS || span.stepMs >= LONG_STEP_MS;
    const from = whole ? `-${Math.round((span.ms - MARGIN_MS) / 1000)}s` : since;
    const path = `api/v1/history?metric=${METRICS.join()}&gpu=${encodeURIComponent(uuid)}&since=${from}&step=${span.stepMs / 1000}s`;
    try {
      this.merge(await requestJson<History>(path, { signal: abort.signal }), whole);
      this.state.value = { kind: "there" };
    } catch (error) {
      if (abort.signal.aborted) return;
      this.missing = since;
      this.state.value = { kind: "failed", why: describe(error) };
      this.buffer ??= this.newBuffer(span.stepMs, 0);
      this.addWaiting();
    }
  }

  private merge(history: History, whole: boolean): void {
    // Other steps than before: the agent was restarted with another interval.
    if (this.buffer?.stepMs !== history.step_ms) {
      if (whole) this.buffer = this.newBuffer(history.step_ms, history.start_at);
      else this.missing = WHOLE_RANGE;
    }
    this.buffer?.merge(this.uuid, history);
    this.addWaiting();
  }

  private newBuffer(stepMs: number, anchor: number): HistoryBuffer {
    const steps = Math.ceil(this.span.ms / stepMs) + 1;
    return new HistoryBuffer(METRICS, stepMs, steps, anchor, bridgeOf(stepMs));
  }

  private addWaiting(): void {
    for (const each of this.waiting) this.buffer?.add(each.sampled_at, valuesOf(each, this.uuid));
    this.waiting = [];
    if (!this.buffer) return;
    this.columns.value = this.buffer.columns();
    this.end.value = untracked(() => snapshot.value?.sampled_at ?? this.end.value);
  }
}

/** Longest pause between two snapshots that is not a gap: in a longer one something may have happened that the agent knows. */
const bridgeOf = (stepMs: number): number => Math.max(MAX_PAUSE_MS, Math.min(2 * stepMs, MAX_BRIDGE_MS));

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
