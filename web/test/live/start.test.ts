import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { forgetToken, loadToken, token, tryToken } from "../../src/api/token";
import { refreshInterval } from "../../src/browser/settings";
import { link, paused } from "../../src/live/connection";
import { loadPeers } from "../../src/live/peers";
import { start } from "../../src/live/start";
import { age, late, snapshot } from "../../src/live/store";
import { agent, asked, look, paths } from "../browser";
import { snapshot as example } from "../example";

let sequence = 0;
const next = () => {
  sequence += 1;
  return { ...example, sequence, sampled_at: 1_700_000_000_000 + sequence * 1_000 };
};

/** Open streams of the agent. */
let streams: ReadableStreamDefaultController<Uint8Array>[] = [];
const tell = (what: unknown = next()) => {
  for (const stream of streams) {
    stream.enqueue(new TextEncoder().encode(`event: snapshot\ndata: ${JSON.stringify(what)}\n\n`));
  }
};

const open = () =>
  new Response(
    new ReadableStream<Uint8Array>({
      start(controller) {
        streams.push(controller);
        tell();
      },
      cancel() {
        streams = [];
      },
    }),
  );

const answers = (path: string) => {
  if (path.endsWith("/stream")) return open();
  if (path.endsWith("/snapshot")) return { status: 200, body: next() };
  if (path.includes("/events")) return { status: 200, body: [] };
  return { status: 404, body: null };
};

const pass = async (ms: number) => {
  await vi.advanceTimersByTimeAsync(ms);
};

vi.useFakeTimers();
start();
loadPeers();

beforeEach(async () => {
  paused.value = true;
  await pass(0);
  streams = [];
  snapshot.value = null;
  link.value = { kind: "connecting" };
  refreshInterval.value = 0;
  forgetToken();
  asked.length = 0;
  agent.answer = answers;
  paused.value = false;
  await pass(0);
});
afterEach(() => look("visible"));

describe("the shown state", () => {
  it("is late five seconds after the newest snapshot, though the stream is open", async () => {
    await pass(4_500);
    tell();
    await pass(4_500);
    expect([link.value, late.value]).toEqual([{ kind: "live", by: "stream" }, false]);
    await pass(2_000);
    expect([link.value, late.value]).toEqual([{ kind: "live", by: "stream" }, true]);
    tell();
    await pass(0);
    expect(late.value).toBe(false);
  });

  it("is late when the same snapshot repeats", async () => {
    const same = next();
    agent.answer = path => (path.endsWith("/snapshot") ? { status: 200, body: same } : answers(path));
    refreshInterval.value = 2_000;
    await pass(8_000);
    expect([link.value, late.value]).toEqual([{ kind: "live", by: "polling" }, true]);
  });

  it("may be as old as the chosen interval", async () => {
    refreshInterval.value = 30_000;
    for (let round = 0; round < 10; round += 1) {
      await pass(9_000);
      expect([late.value, age() < 31_000]).toEqual([false, true]);
    }
  });

  it("is not late while a buffered stream is tried again", async () => {
    const stored = () => new Response(new ReadableStream());
    agent.answer = path => {
      const sampled_at = 1_700_000_000_000 + performance.now();
      if (path.endsWith("/snapshot")) return { status: 200, body: { ...next(), sampled_at } };
      return path.endsWith("/stream") ? stored() : answers(path);
    };
    refreshInterval.value = 2_000;
    await pass(100);
    refreshInterval.value = 0;
    await pass(5_000);
    for (let second = 0; second < 150; second += 1) {
      expect(late.value, `${second}`).toBe(false);
      await pass(1_000);
    }
    expect(paths().filter(path => path.endsWith("/stream")).length).toBeGreaterThanOrEqual(3);
  });

  it("is late at once when the tab is shown again, until a new snapshot", async () => {
    expect(late.value).toBe(false);
    look("hidden");
    agent.answer = () => new Promise<null>(() => {});
    await pass(60_000);
    look("visible");
    await pass(0);
    expect(late.value).toBe(true);
  });

  it("is not late while paused", async () => {
    paused.value = true;
    await pass(60_000);
    expect(late.value).toBe(false);
  });

  it("updates by polling although events fail", async () => {
    agent.answer = path => (path.includes("/events") ? new Promise<null>(() => {}) : answers(path));
    refreshInterval.value = 2_000;
    await pass(40_000);
    expect(paths().filter(path => path.endsWith("/snapshot")).length).toBeGreaterThan(18);
    expect(link.value).toEqual({ kind: "live", by: "polling" });
  });

  it("loads the peers once, however often it polls", async () => {
    agent.answer = path => {
      if (path.endsWith("/peers")) return { status: 200, body: [] };
      const answer = answers(path);
      if (answer instanceof Response) return answer;
      return Response.json(answer.body, { status: answer.status, headers: { Link: "<peers>; rel=related" } });
    };
    refreshInterval.value = 2_000;
    await pass(20_000);
    expect(paths().filter(path => path.endsWith("/peers")).length).toBe(1);
  });

  it("keeps the connection state with each poll", async () => {
    refreshInterval.value = 2_000;
    await pass(100);
    const first = link.value;
    await pass(20_000);
    expect(link.value).toBe(first);
  });
});

describe("the history of all GPUs", () => {
  const questions = () => paths().filter(path => path.includes("/history?")).length;
  const at = (sampled_at: number) => tell({ ...next(), sampled_at });

  it("is loaded at first, and after a gap", async () => {
    const now = snapshot.value?.sampled_at ?? 0;
    expect(questions()).toBe(1);
    expect(paths().filter(path => path.includes("/events"))).toEqual(["/api/v1/events?since=-24h&limit=500"]);
    at(now + 3_000);
    await pass(0);
    expect(questions()).toBe(1);
    for (const jump of [60_000, -120_000]) {
      const before = questions();
      at(now + jump);
      at(now + jump + 1_000);
      await pass(0);
      expect(questions() - before, String(jump)).toBe(1);
    }
  });

  it("is not loaded with each poll at a slow interval", async () => {
    agent.answer = path => {
      const at = 1_700_000_000_000 + performance.now();
      return path.endsWith("/snapshot")
        ? { status: 200, body: { ...next(), sampled_at: at } }
        : answers(path);
    };
    refreshInterval.value = 30_000;
    await pass(100);
    const before = questions();
    await pass(200_000);
    expect([questions() - before, paths().filter(path => path.endsWith("/snapshot")).length]).toEqual([0, 7]);
  });
});

describe("a token", () => {
  const key = "nvidia-smi-web-agent:token:/";
  /** Accepts one token; answers 403 to others. */
  const guarded = (path: string, init: RequestInit) => {
    const given = new Headers(init.headers).get("Authorization");
    if (given === "Bearer right") return answers(path);
    return { status: given === "Bearer metrics" ? 403 : 401, body: null };
  };

  it("is stored once the agent has accepted it, and not before", async () => {
    agent.answer = guarded;
    for (const wrong of ["wrong", "metrics"]) {
      tryToken(wrong, "browser");
      await pass(1_000);
      expect([link.value.kind, localStorage.getItem(key)]).toEqual(["refused", null]);
    }
    tryToken("right", "browser");
    await pass(1_000);
    expect([link.value.kind, localStorage.getItem(key)]).toEqual(["live", "right"]);
  });

  it("that is kept stays until another one is accepted", async () => {
    agent.answer = guarded;
    localStorage.setItem(key, "kept");
    tryToken("wrong", "tab");
    await pass(1_000);
    expect([link.value.kind, localStorage.getItem(key)]).toEqual(["refused", "kept"]);
    tryToken("right", "tab");
    await pass(1_000);
    expect([localStorage.getItem(key), sessionStorage.getItem(key)]).toEqual([null, "right"]);
  });

  it("of too narrow a scope is refused, with its status", async () => {
    agent.answer = guarded;
    tryToken("metrics", "tab");
    await pass(1_000);
    expect(link.value).toMatchObject({ kind: "refused", status: 403 });
  });

  it("may have any characters: its bytes are sent", async () => {
    tryToken("schlüssel “x”", "tab");
    await pass(1_000);
    const sent = asked.at(-1)?.token ?? "";
    expect(Buffer.from(sent, "latin1").toString("utf8")).toBe("Bearer schlüssel “x”");
    expect(link.value.kind).toBe("live");
  });

  it("that no header can carry is not loaded", () => {
    sessionStorage.setItem(key, "a\u0000b");
    loadToken();
    expect(token.value).toBe(null);
    sessionStorage.setItem(key, "right");
    loadToken();
    expect(token.value).toBe("right");
    sessionStorage.removeItem(key);
  });
});
