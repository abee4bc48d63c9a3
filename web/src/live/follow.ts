import { isTokenWrong, Refusal } from "../api/ask";
import { Lines, type Message } from "../api/sse";

/** How the page stands with the agent. */
export type Link =
  | { kind: "connecting" }
  | { kind: "live"; by: "stream" | "polling" }
  /** Nobody answers, or not as the agent would; `since` is this machine's time. */
  | { kind: "unreachable"; since: number; why: string }
  /** The token is missing or wrong. */
  | { kind: "refused" };

export interface Follower {
  /** Takes in what a stream told, in its order. */
  messages(found: Message[]): void;
  /** Takes in one poll's answer; asked for with `signal`. */
  poll(signal: AbortSignal): Promise<void>;
  /** Opens the stream. */
  open(signal: AbortSignal, lastId: string): Promise<Response>;
  link(link: Link): void;
  now(): number;
}

export interface Pace {
  /** Milliseconds between polls; null for the stream. */
  every: number | null;
}

/** Between polls where a stream was wanted and is not to be had. */
const INSTEAD_OF_STREAM = 1_000;
/** After so long a stream that was refused is asked for again. */
const STREAM_AGAIN = 60_000;
/** A stream without a byte for so long has died: the agent sends a heartbeat far more often. */
const SILENCE = 45_000;
const FIRST_RETRY = 500;
const LAST_RETRY = 15_000;

/**
 * Follows the agent until aborted or refused: by its stream, else by polling. Comes back by itself, later each time, with
 * some chance in it so that many pages do not come back at once.
 */
export async function follow(follower: Follower, pace: Pace, signal: AbortSignal): Promise<void> {
  let failures = 0;
  let since = 0;
  let lastId = "";
  let streamFrom = 0;
  follower.link({ kind: "connecting" });
  while (!signal.aborted) {
    const streams = pace.every === null && follower.now() >= streamFrom;
    try {
      if (streams) {
        lastId = await stream(follower, signal, lastId, () => {
          failures = 0;
        });
        // It ended well: the agent is stopping, or a proxy has cut it.
        await sleep(FIRST_RETRY, signal);
      } else {
        await follower.poll(signal);
        failures = 0;
        follower.link({ kind: "live", by: "polling" });
        await sleep(pace.every ?? INSTEAD_OF_STREAM, signal);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (isTokenWrong(error)) {
        follower.link({ kind: "refused" });
        return;
      }
      if (streams && isNoStream(error)) {
        streamFrom = follower.now() + STREAM_AGAIN;
        continue;
      }
      if (failures === 0) since = follower.now();
      failures += 1;
      // A stream that breaks is no news before the agent was asked once more.
      if (failures > 1 || !(error instanceof Broken)) {
        follower.link({ kind: "unreachable", since, why: inWords(error) });
      }
      await sleep(backOff(failures), signal);
    }
  }
}

/** A stream that had begun and broke. */
class Broken extends Error {}

async function stream(
  follower: Follower,
  signal: AbortSignal,
  lastId: string,
  began: () => void,
): Promise<string> {
  const silence = new AbortController();
  const both = AbortSignal.any([signal, silence.signal]);
  let timer = setTimeout(() => silence.abort(), SILENCE);
  let newest = lastId;
  try {
    const response = await follower.open(both, lastId);
    if (!response.body) throw new Refusal(response.status, "the stream is empty");
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    both.addEventListener("abort", () => void reader.cancel().catch(() => {}), { once: true });
    const lines = new Lines();
    let told = false;
    for (;;) {
      const { done, value } = await reader.read().catch(error => {
        throw new Broken(String(error));
      });
      if (done) return newest;
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE);
      const found = lines.push(value);
      newest = found.at(-1)?.id || newest;
      if (found.length > 0) {
        follower.messages(found);
        if (!told) {
          told = true;
          began();
          follower.link({ kind: "live", by: "stream" });
        }
      }
    }
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

/** No stream here (an older agent, a proxy that forbids it), or no room for one more: then polling does. */
const isNoStream = (error: unknown): boolean =>
  error instanceof Refusal && [404, 405, 406, 429, 501, 503].includes(error.status);

export function backOff(failures: number, chance: number = Math.random()): number {
  return Math.min(LAST_RETRY, FIRST_RETRY * 2 ** (failures - 1)) * (0.75 + chance / 2);
}

function inWords(error: unknown): string {
  if (error instanceof Refusal) return error.message;
  return "no answer";
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
