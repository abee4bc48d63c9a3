import type { Peer, Summary } from "../api/types";
import { countMig, type MigCounts } from "./mig";
import { type Count, countOf } from "./totals";

/** Numbers of a host's GPUs by status, and the reason why they are unknown. */
export interface PeerCounts {
  by: Record<Count, number>;
  /** MIG instances; null without any. */
  mig: MigCounts | null;
  /** State of the collector, if it is not ok. */
  collectorState: string | null;
}

/** State of another host. */
export type PeerState =
  | { kind: "asking" }
  | { kind: "known"; counts: PeerCounts }
  /** It requires a token, and this browser has none that it accepts. It is never sent this agent's. */
  | { kind: "token" }
  /** It refuses its host name (421). */
  | { kind: "refused_name" }
  /** Something answers there, but no agent. */
  | { kind: "not_agent" }
  /** Start of the failure, by this machine's clock. */
  | { kind: "unreachable"; since: number };

/** Answer of a peer; null for none. */
export type PeerAnswer = { status: number; body: unknown } | null;

/** Place of a host relative to this page. */
export type Place =
  /** This page's own host. */
  | "here"
  /** At this origin, so that it can be asked. */
  | "same_origin"
  /** At another origin: a link only. */
  | "other_origin";

export function placeOf(peer: Peer, page: { origin: string; prefix: string }): Place {
  const url = new URL(peer.url, page.origin);
  if (!peer.url.startsWith("/") || url.origin !== page.origin) return "other_origin";
  return url.pathname === page.prefix ? "here" : "same_origin";
}

/** State after one more answer; null is no answer. */
export function learn(before: PeerState, answer: PeerAnswer, now: number): PeerState {
  if (answer === null || answer.status >= 500) {
    return before.kind === "unreachable" ? before : { kind: "unreachable", since: now };
  }
  if (answer.status === 401 || answer.status === 403) return { kind: "token" };
  if (answer.status === 421) return { kind: "refused_name" };
  if (answer.status !== 200 || !isSummary(answer.body)) return { kind: "not_agent" };
  return { kind: "known", counts: countGpus(answer.body) };
}

function isSummary(body: unknown): body is Summary {
  const summary = body as Partial<Summary> | null;
  return typeof summary === "object" && summary !== null && Array.isArray(summary.gpus);
}

export function countGpus(summary: Summary): PeerCounts {
  const by: PeerCounts["by"] = { free: 0, busy: 0, held: 0, asleep: 0, unknown: 0, trouble: 0 };
  const collectorState = summary.collector_state;
  const isReleased = collectorState === "released";
  const uses: string[] = [];
  for (const { state, health, verdict, mig } of summary.gpus) {
    const category = countOf({ state, health: { verdict: health }, use: { verdict } }, isReleased);
    by[category] += 1;
    // An older agent has no list of instances.
    if (category !== "trouble") uses.push(...(mig ?? []).map(each => each.verdict));
  }
  return { by, mig: countMig(uses), collectorState: collectorState === "ok" ? null : collectorState };
}
