import { beforeEach, describe, expect, it, vi } from "vitest";
import { hasUsage } from "../../src/api/request";
import type { Session } from "../../src/api/types";
import { link, visible } from "../../src/live/connection";
import { followLastDay, lastDay } from "../../src/live/holders";
import { accept, agentNow } from "../../src/live/store";
import { agent, asked, paths } from "../browser";
import { snapshot as example } from "../example";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const session = (id: string, first_at: number, last_at: number): Session => ({
  id,
  gpu: 0,
  uuid: "GPU-1",
  mig: null,
  mig_uuid: null,
  user: "alice",
  container: null,
  pod: null,
  job: null,
  first_at,
  last_at,
  open: true,
  command: "python train.py",
  processes: 1,
  gpu_seconds: 0,
  present_gpu_seconds: 0,
  memory_byte_seconds: 0,
  busy_gpu_seconds: 0,
  idle_gpu_seconds: 0,
  allocated_gpu_seconds: null,
  energy_joules: 0,
  peak_memory_bytes: 0,
});

const since = (path: string | undefined) =>
  Number(new URL(path ?? "", "http://gpu01").searchParams.get("since"));
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

// One test: what is followed lives as long as the page.
describe("the holders of the last day", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "setTimeout", "performance", "Date"] });
    return () => vi.useRealTimers();
  });

  it("are asked for once a minute for all strips, while the page is visible", async () => {
    const sessions = [session("1", agentNow() - 2 * HOUR, agentNow())];
    agent.answer = () => ({ status: 200, body: { sessions, next: null } });
    accept({ ...example, sequence: 1, sampled_at: Date.now(), scope: "read" });
    const leave = [followLastDay(), followLastDay()];
    await pass(0);
    expect(asked, "before the page is live").toHaveLength(0);
    link.value = { kind: "live", by: "stream" };
    await pass(0);
    expect(asked, "before the agent says that it keeps usage").toHaveLength(0);
    hasUsage.value = true;
    await pass(0);
    expect(asked).toHaveLength(1);
    const another = followLastDay();
    await pass(0);
    expect(asked, "another strip").toHaveLength(1);
    another();
    expect(agentNow() - since(paths()[0])).toBeCloseTo(24 * HOUR, -3);
    expect(lastDay.value?.sessions.map(({ id }) => id)).toEqual(["1"]);
    expect(Object.keys(lastDay.value?.sessions[0] ?? {})).not.toContain("command");

    sessions[0] = session("2", agentNow() - MINUTE, agentNow());
    await pass(MINUTE);
    expect(asked).toHaveLength(2);
    expect(agentNow() - since(paths()[1]), "only what is new").toBeLessThan(10 * MINUTE);
    expect(lastDay.value?.sessions.map(({ id }) => id)).toEqual(["1", "2"]);

    visible.value = false;
    await pass(10 * MINUTE);
    expect(asked).toHaveLength(2);
    visible.value = true;
    await pass(0);
    expect(asked).toHaveLength(3);

    agent.answer = () => ({ status: 503, body: { detail: "busy" } });
    await pass(MINUTE);
    expect(lastDay.value?.sessions, "a failure keeps what is known").toHaveLength(2);
    agent.answer = () => ({ status: 404, body: { detail: "off" } });
    await pass(10 * MINUTE);
    expect(asked, "an agent without usage is not asked again").toHaveLength(5);
    expect(lastDay.value).toBeNull();
    for (const each of leave) each();
  });
});
