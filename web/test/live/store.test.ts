import { beforeEach, describe, expect, it } from "vitest";
import type { Gpu, Process } from "../../src/api/types";
import { accept, clear, shown } from "../../src/live/store";
import { snapshot as example, gpu, process } from "../example";

let sequence = 0;

const gone = (name: string, index: number): Gpu => {
  const bare = gpu({ uuid: name, index, state: "lost" });
  return {
    ...bare,
    memory: { ...bare.memory, total_bytes: null, used_bytes: null },
    power: { ...bare.power, draw_watts: null },
  };
};
const well = (name: string, index: number): Gpu => gpu({ uuid: name, index, state: "ok" });
const on = (index: number, name: string, pid: number): Process =>
  process({ gpu: index, gpu_uuid: name, pid });

const tell = (gpus: Gpu[], processes: Process[], state = "ok") => {
  sequence += 1;
  accept({
    ...example,
    sequence,
    sampled_at: 1_700_000_000_000 + sequence * 1_000,
    gpus,
    processes,
    collector: { ...example.collector, state },
  });
};
const told = () =>
  shown.value.map(({ gpu, processes, asOf }) => [
    gpu.index,
    gpu.uuid,
    processes.map(({ gpu, pid }) => `${pid} on ${gpu}`).join(),
    asOf === null,
  ]);

beforeEach(() => clear());

describe("the shown state", () => {
  it("of a lost GPU follows its new index", () => {
    tell([well("A", 0), well("B", 1), well("C", 2)], [on(0, "A", 10), on(1, "B", 11), on(2, "C", 12)]);
    tell([well("A", 0), well("C", 1), gone("B", 2)], [on(0, "A", 10), on(1, "C", 12)]);
    expect(told()).toEqual([
      [0, "A", "10 on 0", true],
      [1, "C", "12 on 1", true],
      [2, "B", "11 on 2", false],
    ]);
  });

  it("is the last one while the driver is gone", () => {
    tell([well("A", 0), well("B", 1), well("C", 2)], [on(1, "B", 11)]);
    tell([well("A", 0), well("C", 1), gone("B", 2)], []);
    tell([], [], "no_driver");
    expect(told()).toEqual([
      [0, "A", "", false],
      [1, "C", "", false],
      [2, "B", "11 on 2", false],
    ]);
    // A GPU that the agent no longer reports does not come back from memory.
    tell([well("A", 0)], []);
    tell([], [], "no_driver");
    expect(told()).toEqual([[0, "A", "", false]]);
  });
});
