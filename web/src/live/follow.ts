import { type Message, messageParser } from "../api/messages";
import { HttpError, isUnauthorized } from "../api/request";
import { type Origin, type Problem, problemOf } from "../model/problem";

/** State of the connection to the agent. */
export type Link =
  | { kind: "connecting" }
  | { kind: "live"; by: "stream" | "polling" }
  /** No answer, or not the agent's; `since` is this machine's time. */
  | { kind: "unreachable"; since: number; problem: Problem }
  /** The token is missing or wrong (401), or its scope is too narrow (403). */
  | { kind: "refused"; status: number; why: string };

export interface Follower {
  /** Takes in a batch of stream messages, in their order. */
  messages(found: Message[]): void;
  /** Polls once, with `signal`. */
  poll(signal: AbortSignal): Promise<void>;
  /** Opens the stream. */
  open(signal: AbortSignal, lastId: string): Promise<Response>;
  link(link: Link): void;
  now(): number;
  /** Program at the other end, for texts. */
  readonly from?: Origin;
}

export interface Pace {
  /** Milliseconds between polls; null for the stream. */
  every: number | null;
  /** Milliseconds between polls in place of a stream that is not available. */
  fallback?: number;
  /** Kinds of messages that carry new values. */
  values?: readonly string[];
  /** Timeout of a stream without new values, in milliseconds, whatever else it sends. */
  silence?: number;
}

const FALLBACK_POLL_MS = 1_000;
/** Delay before a stream that was refused is tried again. */
const STREAM_RETRY_MS = 60_000;
/** Default of `Pace.silence`: the agent sends a snapshot a second. */
const SNAPSHOT_TIMEOUT_MS = 10_000;
/**
 * Timeout of a stream that sent nothing after its last byte: something in between buffers it. Shorter than the limit
 * of `late`, so that a page that polls instead shows no gap while the stream is tried again.
 */
const FIRST_MESSAGE_TIMEOUT_MS = 3_000;
const MIN_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 15_000;

/**
 * Follows the agent until aborted or refused: by its stream, else by polling. Reconnects with an exponential backoff
 * with jitter, so that many pages do not reconnect at once.
 */
export async function follow(follower: Follower, pace: Pace, signal: AbortSignal): Promise<void> {
  let failures = 0;
  let since = 0;
  let lastId = "";
  let streamFrom = 0;
  follower.link({ kind: "connecting" });
  while (!signal.aborted) {
    const useStream = pace.every === null && follower.now() >= streamFrom;
    try {
      if (useStream) {
        lastId = await stream(follower, pace, signal, lastId, () => {
          failures = 0;
        });
        // It ended well: the agent is stopping, or a proxy closed it.
        await sleep(MIN_BACKOFF_MS, signal);
      } else {
        await follower.poll(signal);
        failures = 0;
        follower.link({ kind: "live", by: "polling" });
        await sleep(pace.every ?? pace.fallback ?? FALLBACK_POLL_MS, signal);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (isUnauthorized(error)) {
        follower.link({ kind: "refused", status: error.status, why: error.message });
        return;
      }
      if (useStream && isNoStream(error)) {
        streamFrom = follower.now() + STREAM_RETRY_MS;
        continue;
      }
      // The agent is back, maybe with room for a stream.
      if (!useStream) streamFrom = 0;
      if (failures === 0) since = follower.now();
      failures += 1;
      // A broken stream alone is not reported: the agent is asked once more first.
      if (failures > 1 || !(error instanceof StreamBroken)) {
        follower.link({ kind: "unreachable", since, problem: problemOf(error, follower.from) });
      }
      await sleep(backOff(failures), signal);
    }
  }
}

/** A stream broke after its first byte. */
class StreamBroken extends Error {}

/** A stream sent no message: something in between buffers it, or it is not the agent's. */
class StreamSilent extends Error {}

async function stream(
  follower: Follower,
  { values = ["snapshot"], silence: maxSilence = SNAPSHOT_TIMEOUT_MS }: Pace,
  signal: AbortSignal,
  lastId: string,
  onFirstMessage: () => void,
): Promise<string> {
  const silence = new AbortController();
  const both = AbortSignal.any([signal, silence.signal]);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wait = (ms: number) => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), ms);
  };
  let newest = lastId;
  let opened = false;
  let began = false;
  wait(FIRST_MESSAGE_TIMEOUT_MS);
  try {
    const response = await follower.open(both, lastId);
    opened = true;
    if (!response.body) throw new StreamSilent();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    both.addEventListener("abort", () => void reader.cancel().catch(() => {}), { once: true });
    const parse = messageParser();
    for (;;) {
      const { done, value } = await reader.read();
      // A stream that was given up ends as well.
      if (done && silence.signal.aborted) throw new StreamBroken();
      if (done && !began) throw new StreamSilent();
      if (done) return newest;
      const found = parse(value);
      newest = found.at(-1)?.id || newest;
      if (found.some(message => values.includes(message.event))) wait(maxSilence);
      else if (!began) wait(FIRST_MESSAGE_TIMEOUT_MS);
      if (found.length === 0) continue;
      follower.messages(found);
      if (began) continue;
      began = true;
      onFirstMessage();
      follower.link({ kind: "live", by: "stream" });
    }
  } catch (error) {
    if (silence.signal.aborted && !began) throw new StreamSilent();
    if (!opened || error instanceof StreamSilent) throw error;
    throw new StreamBroken(String(error));
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

/**
 * No stream (an older agent, a proxy that forbids or buffers it) or no permit for one more: polling works, or reports
 * the problem.
 */
const isNoStream = (error: unknown): boolean =>
  error instanceof StreamSilent ||
  (error instanceof HttpError && [404, 405, 406, 429, 501, 503].includes(error.status));

export function backOff(failures: number, chance: number = Math.random()): number {
  return Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** (failures - 1)) * (0.75 + chance / 2);
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
