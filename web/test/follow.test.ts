import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Refusal } from "../src/api/ask";
import { backOff, type Follower, follow, type Link } from "../src/live/follow";

/** An agent that answers as it is told to. */
class Agent implements Follower {
  links: string[] = [];
  told: string[] = [];
  polls = 0;
  opened: string[] = [];
  /** What the next request is answered with; the last stays. */
  streams: ((signal: AbortSignal) => Promise<Response>)[] = [];
  polled: (() => Promise<void>)[] = [async () => {}];

  link(link: Link) {
    this.links.push(link.kind === "live" ? `live by ${link.by}` : link.kind);
  }
  messages(found: { event: string; data: string }[]) {
    this.told.push(...found.map(message => message.data));
  }
  async poll() {
    this.polls += 1;
    await (this.polled.length > 1 ? this.polled.shift() : this.polled[0])?.();
  }
  async open(signal: AbortSignal, lastId: string) {
    this.opened.push(lastId);
    const answer = this.streams.length > 1 ? this.streams.shift() : this.streams[0];
    if (!answer) throw new Refusal(404, "no such path");
    return answer(signal);
  }
  now() {
    return Date.now();
  }
}

const refuse = (status: number) => async () => {
  throw new Refusal(status, "no");
};
const nobody = async () => {
  throw new TypeError("Failed to fetch");
};
/** Says this, and then ends, or breaks, or says no more. */
const say = (text: string, end: "ends" | "breaks" | "waits") => async () =>
  new Response(
    new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(text));
        if (end === "ends") controller.close();
      },
      pull(controller) {
        if (end === "breaks") controller.error(new TypeError("network error"));
        return new Promise(() => {});
      },
    }),
  );

describe("following the agent", () => {
  let agent: Agent;
  let abort: AbortController;
  const start = (every: number | null = null) => void follow(agent, { every }, abort.signal);

  beforeEach(() => {
    vi.useFakeTimers();
    agent = new Agent();
    abort = new AbortController();
  });
  afterEach(() => {
    abort.abort();
    vi.useRealTimers();
  });

  it("is by the stream where there is one", async () => {
    agent.streams = [say("id: 7\ndata: a\n\ndata: b\n\n", "waits")];
    start();
    await vi.advanceTimersByTimeAsync(10);
    expect([agent.links, agent.told, agent.polls]).toEqual([["connecting", "live by stream"], ["a", "b"], 0]);
  });

  it("goes on after a stream has ended, from where it was", async () => {
    agent.streams = [say("id: 7\ndata: a\n\n", "ends"), say("id: 8\ndata: b\n\n", "waits")];
    start();
    await vi.advanceTimersByTimeAsync(1_000);
    expect([agent.told, agent.opened]).toEqual([
      ["a", "b"],
      ["", "7"],
    ]);
    expect(agent.links).not.toContain("unreachable");
  });

  it("makes no fuss about a stream that breaks once", async () => {
    agent.streams = [say("data: a\n\n", "breaks"), say("data: b\n\n", "waits")];
    start();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(agent.told).toEqual(["a", "b"]);
    expect(agent.links).not.toContain("unreachable");
  });

  it("is by polling where there is no stream, or no room", async () => {
    for (const status of [404, 503]) {
      agent = new Agent();
      abort = new AbortController();
      agent.streams = [refuse(status)];
      start();
      await vi.advanceTimersByTimeAsync(3_500);
      expect([agent.links[1], agent.polls, agent.opened.length], `${status}`).toEqual([
        "live by polling",
        4,
        1,
      ]);
      await vi.advanceTimersByTimeAsync(60_000);
      expect(agent.opened.length).toBe(2);
      abort.abort();
    }
  });

  it("is by polling at the pace that was chosen", async () => {
    start(5_000);
    await vi.advanceTimersByTimeAsync(10_500);
    expect([agent.polls, agent.opened]).toEqual([3, []]);
  });

  it("says that nobody answers, and comes back", async () => {
    agent.polled = [nobody, nobody, async () => {}];
    start(1_000);
    await vi.advanceTimersByTimeAsync(0);
    expect(agent.links.at(-1)).toBe("unreachable");
    await vi.advanceTimersByTimeAsync(5_000);
    expect(agent.links.at(-1)).toBe("live by polling");
  });

  it("stops at a token that is refused", async () => {
    for (const every of [null, 1_000]) {
      agent = new Agent();
      agent.streams = [refuse(401)];
      agent.polled = [refuse(401)];
      start(every);
      await vi.advanceTimersByTimeAsync(60_000);
      expect(agent.links).toEqual(["connecting", "refused"]);
      expect(agent.opened.length + agent.polls).toBe(1);
    }
  });

  it("takes a stream that says nothing for dead", async () => {
    agent.streams = [say("data: a\n\n", "waits"), say("data: b\n\n", "waits")];
    start();
    await vi.advanceTimersByTimeAsync(44_000);
    expect(agent.told).toEqual(["a"]);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(agent.told).toEqual(["a", "b"]);
  });

  it("takes an agent that does not even begin to answer for gone", async () => {
    const never = (signal: AbortSignal) =>
      new Promise<Response>((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    agent.streams = [never, say("data: a\n\n", "waits")];
    start();
    await vi.advanceTimersByTimeAsync(44_000);
    expect(agent.links).toEqual(["connecting"]);
    await vi.advanceTimersByTimeAsync(3_000);
    expect([agent.links.at(1), agent.links.at(-1)]).toEqual(["unreachable", "live by stream"]);
  });

  it("ends at once when it is told to", async () => {
    start(1_000);
    await vi.advanceTimersByTimeAsync(500);
    abort.abort();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(agent.polls).toBe(1);
  });

  it("comes back later each time, within bounds", () => {
    expect([1, 2, 3].map(failures => backOff(failures, 0.5))).toEqual([500, 1_000, 2_000]);
    expect(backOff(50, 1)).toBeLessThanOrEqual(20_000);
    expect(backOff(3, 0)).toBeLessThan(backOff(3, 1));
  });
});
