import { computed, effect, signal } from "@preact/signals";
import { prefix } from "../api/address";
import { hubPath } from "../api/hub";
import { hasPeers, requestJson } from "../api/request";
import { bearer, storedToken } from "../api/token";
import type { Peer } from "../api/types";
import { learn, type PeerAnswer, type PeerState, placeOf } from "../model/peers";
import { link, paused, visible } from "./connection";

/** Other hosts that this agent knows. */
export const peers = signal<Peer[]>([]);
/** State of the peers that can be asked, by name. */
export const peerStates = signal<ReadonlyMap<string, PeerState>>(new Map());

const INTERVAL_MS = 10_000;
/** Timeout in milliseconds; below the interval, so that an answer is never older than the next request. */
const TIMEOUT_MS = 8_000;

export const pageLocation = () => ({ origin: location.origin, prefix: prefix() });

const isLive = computed(() => link.value.kind === "live");

/** Loads the list of peers once the agent has announced it, and with each new connection. */
export function loadPeers(): void {
  effect(() => {
    // A hub has its own list of hosts.
    if (!hasPeers.value || !isLive.value || hubPath() !== null) return;
    requestJson<Peer[]>("api/v1/peers").then(
      found => {
        peers.value = found;
      },
      () => {
        // The next connection tries again.
      },
    );
  });
}

/** Polls the peers while the page is visible. */
export function pollPeers(): () => void {
  return effect(() => {
    const polled = peers.value.filter(peer => placeOf(peer, pageLocation()) === "same_origin");
    if (polled.length === 0 || paused.value || !visible.value) return;
    const abort = new AbortController();
    const round = () => {
      for (const peer of polled) void pollPeer(peer, abort.signal);
    };
    round();
    const timer = setInterval(round, INTERVAL_MS);
    return () => {
      clearInterval(timer);
      abort.abort();
    };
  });
}

async function pollPeer(peer: Peer, aborted: AbortSignal): Promise<void> {
  const answer = await summaryOf(peer, aborted);
  if (aborted.aborted) return;
  const next = new Map(peerStates.peek());
  next.set(peer.name, learn(next.get(peer.name) ?? { kind: "asking" }, answer, Date.now()));
  peerStates.value = next;
}

/** Tokens that peers have refused, by path: each is sent once only. */
const refused = new Map<string, string>();

/**
 * Requests a peer's summary, with the token that this browser has stored for that very path: this agent's is for this
 * agent only. A peer that refuses it may still answer without one.
 */
async function summaryOf(peer: Peer, aborted: AbortSignal): Promise<PeerAnswer> {
  const { pathname } = new URL(peer.url, location.origin);
  const stored = storedToken(pathname);
  const signal = AbortSignal.any([aborted, AbortSignal.timeout(TIMEOUT_MS)]);
  if (stored === null || refused.get(pathname) === stored) return answerOf(pathname, {}, signal);
  const answer = await answerOf(pathname, { Authorization: bearer(stored) }, signal);
  if (answer?.status !== 401 && answer?.status !== 403) return answer;
  refused.set(pathname, stored);
  return answerOf(pathname, {}, signal);
}

async function answerOf(path: string, headers: HeadersInit, signal: AbortSignal): Promise<PeerAnswer> {
  try {
    const response = await fetch(`${path}api/v1/summary`, { cache: "no-store", headers, signal });
    return { status: response.status, body: await response.json().catch(() => null) };
  } catch {
    return null;
  }
}
