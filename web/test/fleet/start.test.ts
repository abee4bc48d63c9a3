import { beforeEach, describe, expect, it, vi } from "vitest";
import { start } from "../../src/fleet/live/start";
import { clear, hosts } from "../../src/fleet/live/store";
import { link, paused } from "../../src/live/connection";
import { agent } from "../browser";
import { gpuOf, hostOf } from "./hosts";

const fleet = () => ({
  at: 1_700_000_000_000 + performance.now(),
  hosts: [hostOf("gpu01", [gpuOf(), gpuOf({ index: 1 })])],
  totals: {
    hosts: { ok: 1, starting: 0, stale: 0, unreachable: 0, refused: 0 },
    gpus: { free: 2, held: 0, busy: 0, unknown: 0 },
    mig: { free: 0 },
    memory_total_bytes: null,
    memory_free_bytes: null,
    power_watts: null,
  },
});

let streams: ReadableStreamDefaultController<Uint8Array>[] = [];
const open = () =>
  new Response(
    new ReadableStream<Uint8Array>({
      start(controller) {
        streams.push(controller);
        controller.enqueue(new TextEncoder().encode(`event: fleet\ndata: ${JSON.stringify(fleet())}\n\n`));
      },
    }),
  );
const DETAIL = "The state of the fleet was not renewed for 10 s.";
const stuck = () => ({ status: 503, body: { detail: DETAIL } });
const works = (path: string) =>
  path.includes("/stream") ? open() : { status: 200, body: path.endsWith("/fleet") ? fleet() : null };
const free = () => hosts.value.get("gpu01")?.counts.gpus.free;

const pass = async (ms: number) => {
  await vi.advanceTimersByTimeAsync(ms);
};

vi.useFakeTimers();
start();

beforeEach(async () => {
  paused.value = true;
  await pass(0);
  streams = [];
  clear();
  link.value = { kind: "connecting" };
  agent.answer = works;
  paused.value = false;
  await pass(0);
});

describe("a hub that is stuck", () => {
  it("has no free GPU on the page, which says the hub's reason, until it works again", async () => {
    expect([link.value.kind, free()]).toEqual(["live", 2]);
    agent.answer = stuck;
    for (const stream of streams) stream.close();
    await pass(1_000);
    expect(link.value).toMatchObject({ kind: "unreachable", problem: { why: DETAIL } });
    expect([hosts.value.get("gpu01")?.state, free()]).toEqual(["stale", 0]);
    agent.answer = works;
    await pass(5_000);
    expect([link.value.kind, hosts.value.get("gpu01")?.state, free()]).toEqual(["live", "ok", 2]);
  });

  it("has no free GPU on the page once its stream is silent", async () => {
    agent.answer = () => new Promise<null>(() => {});
    await pass(14_000);
    expect(free()).toBe(2);
    await pass(3_000);
    expect(free()).toBe(0);
  });

  it("is no proxy that answered", async () => {
    paused.value = true;
    await pass(0);
    clear();
    link.value = { kind: "connecting" };
    agent.answer = stuck;
    paused.value = false;
    await pass(1_000);
    expect(link.value).toMatchObject({
      kind: "unreachable",
      problem: { title: "The hub has no current values.", why: DETAIL },
    });
  });
});
