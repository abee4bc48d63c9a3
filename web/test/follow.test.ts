import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { HttpError } from "../src/api/request";
import { backOff, type Follower, follow, type Link } from "../src/live/follow";

/** An agent with scripted answers. */
class Agent implements Follower {
  links: string[] = [];
  titles: string[] = [];
  told: string[] = [];
  polls = 0;
  opened: string[] = [];
  /** Answers to the next requests; the last one repeats. */
  streams: ((signal: AbortSignal) => Promise<Response>)[] = [];
  polled: (() => Promise<void>)[] = [async () => {}];

  link(link: Link) {
    this.links.push(link.kind === "live" ? `live by ${link.by}` : link.kind);
    if (link.kind === "unreachable") this.titles.push(link.problem.title);
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
    if (!answer) throw new HttpError(404, "no such path");
    return answer(signal);
  }
  now() {
    return Date.now();
  }
}

const refuse = (status: number) => async () => {
  throw new HttpError(status, "no");
};
const nobody = async () => {
  throw new TypeError("Failed to fetch");
};
const snapshot = (text: string) => `event: snapshot\ndata: ${text}\n\n`;
/** A stream with this text that then ends, breaks, sends nothing more, or only comments. */
const say = (text: string, end: "ends" | "breaks" | "waits" | "beats") => async () => {
  let beat: NodeJS.Timeout | undefined;
  return new Response(
    new ReadableStream({
      start(controller) {
        const write = (what: string) => controller.enqueue(new TextEncoder().encode(what));
        write(text);
        if (end === "ends") controller.close();
        if (end === "beats") beat = setInterval(() => write(": alive\n\n"), 1_000);
      },
      cancel: () => clearInterval(beat),
      pull(controller) {
        if (end === "breaks") controller.error(new TypeError("network error"));
        return new Promise(() => {});
      },
    }),
  );
};
const never = (signal: AbortSignal) =>
  new Promise<Response>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });

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

  it("uses the stream where there is one", async () => {
    agent.streams = [say(`id: 7\n${snapshot("a")}${snapshot("b")}`, "waits")];
    start();
    await vi.advanceTimersByTimeAsync(10);
    expect([agent.links, agent.told, agent.polls]).toEqual([["connecting", "live by stream"], ["a", "b"], 0]);
  });

  it("resumes after a stream has ended, from the last id", async () => {
    agent.streams = [say(`id: 7\n${snapshot("a")}`, "ends"), say(`id: 8\n${snapshot("b")}`, "waits")];
    start();
    await vi.advanceTimersByTimeAsync(1_000);
    expect([agent.told, agent.opened]).toEqual([
      ["a", "b"],
      ["", "7"],
    ]);
    expect(agent.links).not.toContain("unreachable");
  });

  it("does not report a stream that breaks once", async () => {
    agent.streams = [say(snapshot("a"), "breaks"), say(snapshot("b"), "waits")];
    start();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(agent.told).toEqual(["a", "b"]);
    expect(agent.links).not.toContain("unreachable");
  });

  it("polls where there is no stream, or no permit for one", async () => {
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

  it("polls at the chosen interval", async () => {
    start(5_000);
    await vi.advanceTimersByTimeAsync(10_500);
    expect([agent.polls, agent.opened]).toEqual([3, []]);
  });

  it("reports a missing answer, and reconnects", async () => {
    agent.polled = [nobody, nobody, async () => {}];
    start(1_000);
    await vi.advanceTimersByTimeAsync(0);
    expect(agent.links.at(-1)).toBe("unreachable");
    await vi.advanceTimersByTimeAsync(5_000);
    expect(agent.links.at(-1)).toBe("live by polling");
  });

  it("stops at a token that is refused, or whose scope is too narrow", async () => {
    for (const [every, status] of [
      [null, 401],
      [1_000, 401],
      [null, 403],
      [1_000, 403],
    ] as const) {
      agent = new Agent();
      agent.streams = [refuse(status)];
      agent.polled = [refuse(status)];
      start(every);
      await vi.advanceTimersByTimeAsync(60_000);
      expect(agent.links).toEqual(["connecting", "refused"]);
      expect(agent.opened.length + agent.polls).toBe(1);
    }
  });

  it("times out a stream without snapshots, even if it sends comments", async () => {
    for (const end of ["waits", "beats"] as const) {
      agent = new Agent();
      abort = new AbortController();
      agent.streams = [say(snapshot("a"), end), refuse(500)];
      start();
      await vi.advanceTimersByTimeAsync(9_500);
      expect([agent.told, agent.links]).toEqual([["a"], ["connecting", "live by stream"]]);
      // A break is no regular end of a stream: the second failure is reported.
      await vi.advanceTimersByTimeAsync(1_500);
      expect(agent.links, end).toEqual(["connecting", "live by stream", "unreachable"]);
      abort.abort();
    }
  });

  it("polls where a proxy buffers the stream, and tries the stream again later", async () => {
    const stored = [say("retry: 2000\n\n", "waits"), say("", "ends"), never];
    for (const stream of stored) {
      agent = new Agent();
      abort = new AbortController();
      agent.streams = [stream, say(snapshot("a"), "waits")];
      start();
      await vi.advanceTimersByTimeAsync(5_500);
      expect(agent.links.slice(0, 2)).toEqual(["connecting", "live by polling"]);
      expect(agent.links).not.toContain("unreachable");
      await vi.advanceTimersByTimeAsync(61_000);
      expect([agent.opened.length, agent.links.at(-1), agent.told]).toEqual([2, "live by stream", ["a"]]);
      abort.abort();
    }
  });

  it("reports an agent that does not begin to answer", async () => {
    agent.streams = [never, say(snapshot("a"), "waits")];
    agent.polled = [nobody];
    start();
    await vi.advanceTimersByTimeAsync(2_500);
    expect(agent.links).toEqual(["connecting"]);
    await vi.advanceTimersByTimeAsync(2_500);
    expect([agent.links.at(1), agent.links.at(-1)]).toEqual(["unreachable", "live by stream"]);
  });

  it("reports the kind of problem", async () => {
    for (const [error, title] of [
      [nobody, "The agent does not answer."],
      [refuse(502), "The agent does not answer."],
      [refuse(500), "The agent failed."],
      [refuse(421), "The agent does not accept this host name."],
      [refuse(404), "Something other than the agent answers here."],
      [refuse(400), "The agent rejects this page's requests."],
    ] as const) {
      agent = new Agent();
      abort = new AbortController();
      agent.polled = [error];
      start(1_000);
      await vi.advanceTimersByTimeAsync(0);
      expect(agent.titles).toEqual([title]);
      abort.abort();
    }
  });

  it("ends at once when aborted", async () => {
    start(1_000);
    await vi.advanceTimersByTimeAsync(500);
    abort.abort();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(agent.polls).toBe(1);
  });

  it("backs off exponentially, within bounds", () => {
    expect([1, 2, 3].map(failures => backOff(failures, 0.5))).toEqual([500, 1_000, 2_000]);
    expect(backOff(50, 1)).toBeLessThanOrEqual(20_000);
    expect(backOff(3, 0)).toBeLessThan(backOff(3, 1));
  });
});
