import { computed, effect, signal } from "@preact/signals";
import { prefix } from "../api/address";
import { hasPeers, requestJson } from "../api/request";
import type { Peer } from "../api/types";
import { learn, type PeerAnswer, type PeerState, placeOf } from "../model/peers";
import { link, paused, visible } from "./store";

/** Other hosts, as this agent was told of them. */
export const peers = signal<Peer[]>([]);
/** What is known of those that can be asked, by name. */
export const hosts = signal<ReadonlyMap<string, PeerState>>(new Map());

const EVERY = 10_000;
/** Less than the pause, so that an answer is never older than the question after it. */
const TIMEOUT_MS = 8_000;

export const here = () => ({ origin: location.origin, prefix: prefix() });

const isLive = computed(() => link.value.kind === "live");

/** Learns of other hosts once the agent has said that there are any; again when it comes back. */
export function loadPeers(): void {
  effect(() => {
    if (!hasPeers.value || !isLive.value) return;
    requestJson<Peer[]>("api/v1/peers").then(
      told => {
        peers.value = told;
      },
      () => {
        // It is asked again with the next connection.
      },
    );
  });
}

/** Asks other hosts, again and again, while the page is looked at. */
export function pollPeers(): () => void {
  return effect(() => {
    const asked = peers.value.filter(peer => placeOf(peer, here()) === "beside");
    if (asked.length === 0 || paused.value || !visible.value) return;
    const abort = new AbortController();
    const round = () => {
      for (const peer of asked) void askOne(peer, abort.signal);
    };
    round();
    const timer = setInterval(round, EVERY);
    return () => {
      clearInterval(timer);
      abort.abort();
    };
  });
}

async function askOne(peer: Peer, aborted: AbortSignal): Promise<void> {
  const answer = await summaryOf(peer, aborted);
  if (aborted.aborted) return;
  const next = new Map(hosts.peek());
  next.set(peer.name, learn(next.get(peer.name) ?? { kind: "asking" }, answer, Date.now()));
  hosts.value = next;
}

/** Without a token: this agent's is nobody else's. */
async function summaryOf(peer: Peer, aborted: AbortSignal): Promise<PeerAnswer> {
  try {
    const signal = AbortSignal.any([aborted, AbortSignal.timeout(TIMEOUT_MS)]);
    const response = await fetch(`${peer.url}api/v1/summary`, { cache: "no-store", signal });
    return { status: response.status, body: await response.json().catch(() => null) };
  } catch {
    return null;
  }
}
