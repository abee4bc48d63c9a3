import { describe, expect, it } from "vitest";
import type { History } from "../src/api/types";
import { HistoryBuffer } from "../src/model/history";

const GPU = "GPU-1";

const history = (start_at: number, step_ms: number, ...values: (number | null)[]): History => ({
  start_at,
  step_ms,
  series: [{ gpu: 0, gpu_uuid: GPU, metric: "m", values }],
});

/** Five steps of a second, of one metric, with a bridge of two seconds. */
const past = (anchor = 0): HistoryBuffer => new HistoryBuffer(["m"], 1_000, 5, anchor, 2_000);

const told = (of: HistoryBuffer): [number, number | null][] => {
  const { times, values } = of.columns();
  return times.map((time, index) => [time, values[0]?.[index] ?? null]);
};

describe("the history buffer", () => {
  it("is empty at first", () => {
    expect(past().columns()).toEqual({ times: [], values: [[]] });
  });

  it("joins history and readings without a seam", () => {
    const of = past(10_300);
    of.merge(GPU, history(10_300, 1_000, 1, null, 3));
    of.add(13_400, [4]);
    of.add(14_400, [5]);
    expect(told(of)).toEqual([
      [10_300, 1],
      [11_300, null],
      [12_300, 3],
      [13_300, 4],
      [14_300, 5],
    ]);
  });

  it("prefers the agent's values, and keeps its own where the agent has none", () => {
    const of = past();
    of.add(10_100, [10]);
    of.add(11_100, [11]);
    of.add(12_100, [12]);
    of.merge(GPU, history(9_000, 1_000, 90, 100, null));
    expect(told(of)).toEqual([
      [9_000, 90],
      [10_000, 100],
      [11_000, 11],
      [12_000, 12],
    ]);
  });

  it("keeps its number of steps", () => {
    const of = past();
    for (let second = 0; second < 20; second += 1) of.add(second * 1_000, [second]);
    expect(told(of).map(([, value]) => value)).toEqual([15, 16, 17, 18, 19]);
    of.add(3_000, [99]);
    of.merge(GPU, history(2_000, 1_000, 7, 7));
    expect(told(of).map(([, value]) => value)).toEqual([15, 16, 17, 18, 19]);
    expect(of.seenAt).toBe(19_000);
  });

  it("averages the readings of a step", () => {
    const of = past();
    of.add(1_000, [1]);
    of.add(1_500, [2]);
    of.add(1_900, [6]);
    expect(told(of)).toEqual([[1_000, 3]]);
  });

  it("fills a step between two readings, but no longer pause", () => {
    const of = past();
    of.add(1_990, [1]);
    of.add(3_010, [3]);
    expect(told(of)).toEqual([
      [1_000, 1],
      [2_000, 3],
      [3_000, 3],
    ]);
    of.add(5_011, [5]);
    expect(told(of)).toEqual([
      [1_000, 1],
      [2_000, 3],
      [3_000, 3],
      [4_000, null],
      [5_000, 5],
    ]);
  });

  it("bridges a pause of exactly the limit, below the agent's values", () => {
    const of = past();
    of.add(1_000, [1]);
    of.add(3_000, [3]);
    expect(told(of).map(([, value]) => value)).toEqual([1, 3, 3]);
    const other = past();
    other.add(1_000, [1]);
    other.merge(GPU, history(2_000, 1_000, 7));
    other.add(3_000, [3]);
    expect(told(other).map(([, value]) => value)).toEqual([1, 7, 3]);
  });

  it("aligns the agent's steps although clocks differ a little", () => {
    for (const start of [9_999, 10_000, 10_001]) {
      const of = past(10_000);
      of.merge(GPU, history(start, 1_000, 1, 2));
      expect(told(of), String(start)).toEqual([
        [10_000, 1],
        [11_000, 2],
      ]);
    }
  });

  it("keeps a gap where a GPU was not read", () => {
    const of = past();
    of.add(1_000, [1]);
    of.add(2_000, [null]);
    of.add(3_000, [3]);
    expect(told(of).map(([, value]) => value)).toEqual([1, null, 3]);
  });

  it("averages finer steps of the agent", () => {
    const of = new HistoryBuffer(["m"], 2_000, 5, 0, 2_000);
    of.merge(GPU, history(0, 1_000, 1, 3, null, 5));
    expect(told(of)).toEqual([
      [0, 2],
      [2_000, 5],
    ]);
  });

  it("fills a gap from a second answer of the agent", () => {
    const of = past();
    of.add(1_000, [1]);
    of.add(5_000, [5]);
    expect(told(of).map(([, value]) => value)).toEqual([1, null, null, null, 5]);
    of.merge(GPU, history(1_000, 1_000, 1, 2, 3, null));
    expect(told(of).map(([, value]) => value)).toEqual([1, 2, 3, null, 5]);
  });

  it("ignores other GPUs and metrics", () => {
    const of = past();
    const other = history(0, 1_000, 1);
    of.merge("GPU-2", other);
    of.merge(GPU, { ...other, series: [{ gpu: 0, gpu_uuid: GPU, metric: "n", values: [1] }] });
    expect(told(of)).toEqual([]);
  });

  it("keeps a jump ahead as a gap", () => {
    const of = past();
    of.add(1_000, [1]);
    of.add(1_000_000, [2]);
    expect(told(of).map(([, value]) => value)).toEqual([null, null, null, null, 2]);
  });
});
