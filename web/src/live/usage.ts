import { useEffect, useRef, useState } from "preact/hooks";
import { HttpError, requestJson } from "../api/request";
import type { History, Session, Sessions } from "../api/types";
import { type Gaps, gapsOf, type Span } from "../model/timeline";
import { type Period, pathOf, sessionsPath } from "../model/usage";

/** Failed request. */
export interface Failure {
  /** Status of the answer; null without one. */
  status: number | null;
  /** Detail of the answer. */
  why: string;
}

/** Answer to a request; while another one is on its way, the one before is kept. */
export interface Answer<T> {
  value: T | null;
  asking: boolean;
  failure: Failure | null;
}

/** Delays before a busy agent is asked again, in milliseconds. */
const RETRIES_MS = [2_000, 5_000, 10_000];

/** Answer of `load`, which is called again with each new `key`. Null as the key asks for nothing. */
export function useAnswer<T>(key: string | null, load: (signal: AbortSignal) => Promise<T>): Answer<T> {
  const [answer, setAnswer] = useState<Answer<T>>({ value: null, asking: key !== null, failure: null });
  useEffect(() => {
    if (key === null) return;
    const abort = new AbortController();
    setAnswer(before => ({ ...before, asking: true }));
    patiently(load, abort.signal).then(
      value => setAnswer({ value, asking: false, failure: null }),
      error => {
        if (!abort.signal.aborted)
          setAnswer(before => ({ ...before, asking: false, failure: failureOf(error) }));
      },
    );
    return () => abort.abort();
  }, [key]);
  return answer;
}

/** Report, and its period as its agent or hub took it. */
export interface Reported<R> {
  report: R;
  period: Period;
}

/**
 * Report of a period. The period stays while only the grouping or a filter changes; with another `again` it is taken again.
 * `see` gets each report before it is shown.
 */
export function useReport<R extends { since: number; until: number }>(
  asked: Period | null,
  path: (period: Period) => string,
  again: number,
  see: (report: R) => void = () => {},
): Answer<Reported<R>> {
  const fixed = useRef<{ of: string; period: Period } | null>(null);
  const of = JSON.stringify([asked, again]);
  const key = asked === null ? null : JSON.stringify([of, path(asked)]);
  return useAnswer(key, async signal => {
    const known = fixed.current?.of === of ? fixed.current.period : asked;
    const report = await requestJson<R>(path(known ?? { since: "" }), { signal });
    const period = { since: String(report.since), until: String(report.until) };
    fixed.current = { of, period };
    see(report);
    return { report, period };
  });
}

/** Calls `load`, again while the agent is busy (503). */
export async function patiently<T>(
  load: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
  delays: readonly number[] = RETRIES_MS,
): Promise<T> {
  for (const delay of delays) {
    try {
      return await load(signal);
    } catch (error) {
      if (!(error instanceof HttpError) || error.status !== 503) throw error;
    }
    await new Promise(over => setTimeout(over, delay));
    signal.throwIfAborted();
  }
  return load(signal);
}

const failureOf = (error: unknown): Failure =>
  error instanceof HttpError
    ? { status: error.status, why: error.message }
    : { status: null, why: "The agent does not answer." };

/** Most sessions per request and of a timeline. */
const PAGE = 1000;
const MAX_SESSIONS = 5000;

/** Sessions of a period, the newest first. */
export interface LoadedSessions {
  sessions: Session[];
  /** True if there are older ones. */
  cut: boolean;
}

/** Loads sessions page by page, up to a limit. */
export async function loadSessions(
  period: Period,
  filter: { user: string; gpu: string },
  signal: AbortSignal,
): Promise<LoadedSessions> {
  const sessions: Session[] = [];
  let cursor: string | null = null;
  do {
    const page: Sessions = await requestJson(sessionsPath(period, filter, PAGE, cursor), { signal });
    sessions.push(...page.sessions);
    cursor = page.next;
  } while (cursor !== null && sessions.length < MAX_SESSIONS);
  return { sessions, cut: cursor !== null };
}

/** Length of the history, in milliseconds. */
const HISTORY_MS = 30 * 86_400_000;
/** Steps over a period: about as many as a screen can show. */
const STEPS = 720;
/** Metrics of which a GPU that is read has at least one. */
const METRICS = "memory.used_bytes,temperature.gpu_celsius,utilization.gpu_percent";

/**
 * Loads the periods without readings, as far as the history goes, and before `begin`, when GPUs did not exist. Empty without
 * a history.
 */
export async function loadGaps(
  { from, to }: Span,
  begin: number,
  now: number,
  signal: AbortSignal,
): Promise<Gaps> {
  const step = Math.ceil((to - from) / STEPS / 10_000) * 10;
  // The oldest step is about to be dropped.
  const since = Math.max(from, now - HISTORY_MS + step * 2000);
  if (since >= to) return new Map();
  const path = pathOf("api/v1/history", {
    metric: METRICS,
    since: Math.round(since),
    until: to,
    step: `${step}s`,
  });
  try {
    return gapsOf(await requestJson<History>(path, { signal }), { from, to: begin });
  } catch (error) {
    if (signal.aborted) throw error;
    return new Map();
  }
}
