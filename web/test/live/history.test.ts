import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { History, Snapshot } from "../../src/api/types";
import { FollowedHistory } from "../../src/live/history";
import { accept, snapshot } from "../../src/live/store";
import { METRICS, type Range, spanOf } from "../../src/model/charts";
import { agent, asked, paths } from "../browser";
import { snapshot as example, gpu } from "../example";

const UUID = "GPU-1";
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** The agent's clock. */
let now = 1_700_000_000_000;
let sequence = 0;

const seen = (at: number): Snapshot => {
  sequence += 1;
  return { ...example, sequence, sampled_at: at, gpus: [gpu({ uuid: UUID, state: "ok" })], processes: [] };
};

/** Answers like the agent: seconds for 15 minutes, ten seconds before, up to a number of points. */
function history(path: string): { status: number; body: unknown } {
  const query = new URL(path, "http://gpu01").searchParams;
  const since = query.get("since") ?? "";
  const ago = since.startsWith("-") ? Number.parseInt(since.slice(1), 10) * 1_000 : now - Number(since);
  const stored = ago <= 15 * MINUTE ? 1_000 : ago <= 24 * HOUR ? 10_000 : 5 * MINUTE;
  const step_ms = Math.ceil((Number.parseInt(query.get("step") ?? "", 10) * 1_000) / stored) * stored;
  const steps = Math.floor(ago / step_ms);
  if (steps * METRICS.length > 100_000) return { status: 400, body: { detail: "too many points" } };
  const values = Array.from({ length: steps }, () => 1);
  const series = METRICS.map(metric => ({ gpu: 0, gpu_uuid: UUID, metric, values }));
  return { status: 200, body: { step_ms, start_at: now - steps * step_ms, series } satisfies History };
}

const questions = () => paths().filter(path => path.includes("/history?"));
const sinceOf = (path: string | undefined) => new URL(path ?? "", "http://gpu01").searchParams.get("since");

describe("the history of a GPU", () => {
  let following: FollowedHistory;

  const pass = async (ms: number) => {
    now += ms;
    await vi.advanceTimersByTimeAsync(ms);
    accept(seen(now));
    await vi.advanceTimersByTimeAsync(0);
  };
  const begin = async (range: Range) => {
    accept(seen(now));
    following = new FollowedHistory(UUID, spanOf(range));
    await vi.advanceTimersByTimeAsync(0);
    for (let second = 0; second < 10; second += 1) await pass(1_000);
  };
  const stepMs = () => {
    const { times } = following.columns.value;
    return (times.at(-1) ?? 0) - (times.at(-2) ?? 0);
  };
  const known = () => following.columns.value.values[0]?.filter(value => value !== null).length ?? 0;

  beforeEach(() => {
    vi.useFakeTimers();
    agent.answer = path => (path.includes("/history?") ? history(path) : { status: 404, body: null });
    asked.length = 0;
    snapshot.value = null;
  });
  afterEach(() => {
    following.stop();
    vi.useRealTimers();
  });

  it("is requested once, then extended by snapshots", async () => {
    await begin("15m");
    expect([questions().length, stepMs(), following.state.value.kind]).toEqual([1, 1_000, "there"]);
  });

  it("fills a short pause", async () => {
    await begin("15m");
    const before = now;
    await pass(2 * MINUTE);
    expect([questions().length, sinceOf(questions()[1])]).toEqual([2, String(before)]);
    expect([stepMs(), known()]).toEqual([1_000, following.columns.value.times.length]);
  });

  for (const [range, pause, step] of [
    ["15m", 20 * MINUTE, 1_000],
    ["15m", 15 * MINUTE - 1_000, 1_000],
    ["15m", 20 * HOUR, 1_000],
    ["1h", 20 * MINUTE, 10_000],
    ["1h", 20 * HOUR, 10_000],
    ["24h", 20 * HOUR, MINUTE],
    ["7d", 20 * MINUTE, 10 * MINUTE],
    ["30d", 20 * HOUR, 30 * MINUTE],
  ] as const) {
    it(`is complete after ${pause / MINUTE} minutes in the background, over ${range}`, async () => {
      await begin(range);
      await pass(pause);
      for (let second = 0; second < 30; second += 1) await pass(1_000);
      expect([questions().length, stepMs(), following.state.value.kind]).toEqual([2, step, "there"]);
      expect(following.columns.value.times.length - known()).toBeLessThanOrEqual(2);
      expect(known() * step).toBeGreaterThan(spanOf(range).ms * 0.95);
    });
  }

  it("is requested as a whole when a part has other steps", async () => {
    await begin("15m");
    agent.answer = path => {
      const { status, body } = history(path);
      return { status, body: { ...(body as History), step_ms: 2_000 } };
    };
    await pass(MINUTE);
    await pass(6_000);
    expect(
      questions()
        .map(sinceOf)
        .map(since => since?.startsWith("-")),
    ).toEqual([true, false, true]);
    expect(stepMs()).toBe(2_000);
  });

  it("is requested again when the agent did not know the GPU yet", async () => {
    agent.answer = () => ({ status: 404, body: { detail: "There is no GPU GPU-1." } });
    await begin("15m");
    expect(following.state.value).toEqual({ kind: "failed", why: "There is no GPU GPU-1." });
    agent.answer = history;
    await pass(6_000);
    expect([following.state.value.kind, stepMs()]).toEqual(["there", 1_000]);
  });
});
