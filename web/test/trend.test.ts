import { describe, expect, it } from "vitest";
import { paths } from "../src/components/paths";
import { Trend } from "../src/model/trend";

const STEP = 5_000;

describe("a trend", () => {
  it("has the mean of each step, and gaps without readings", () => {
    const trend = new Trend(STEP, 4);
    trend.add(100 * STEP, 10, 0);
    trend.add(100 * STEP + 4_999, 20, 0);
    trend.add(102 * STEP, 0, 0);
    expect(trend.values()).toEqual([null, 15, null, 0]);
    trend.add(103 * STEP, null, 0);
    expect(trend.values()).toEqual([15, null, 0, null]);
  });

  it("drops values older than its length", () => {
    const trend = new Trend(STEP, 3);
    for (let step = 0; step < 10; step += 1) trend.add(step * STEP, step, 0);
    expect(trend.values()).toEqual([7, 8, 9]);
    trend.add(1_000_000 * STEP, 1, 0);
    expect(trend.values()).toEqual([null, null, 1]);
  });

  it("has no gap between two values at a slow interval", () => {
    const trend = new Trend(STEP, 6);
    trend.add(10 * STEP, 1, 4 * STEP);
    trend.add(12 * STEP, 2, 4 * STEP);
    trend.add(14 * STEP, null, 4 * STEP);
    trend.add(15 * STEP, 3, 4 * STEP);
    expect(trend.values()).toEqual([1, 2, 2, null, null, 3]);
    trend.add(20 * STEP, 4, 4 * STEP);
    expect(trend.values()).toEqual([3, null, null, null, null, 4]);
  });

  it("restarts when the clock was set back", () => {
    const trend = new Trend(STEP, 3);
    for (const step of [10, 11, 12]) trend.add(step * STEP, step, 0);
    trend.add(11 * STEP, 50, 2 * STEP);
    trend.add(12 * STEP, 60, 2 * STEP);
    expect(trend.values()).toEqual([null, 50, 60]);
    trend.seed(10 * STEP, STEP, [40, 1, 1]);
    expect(trend.values()).toEqual([40, 50, 60]);
  });

  it("is filled from history where nothing was read", () => {
    const trend = new Trend(STEP, 5);
    trend.add(9 * STEP, 50, 0);
    trend.add(10 * STEP, 60, 0);
    trend.seed(5 * STEP, STEP, [1, 2, null, 4, 5, 6]);
    expect(trend.values()).toEqual([2, null, 4, 50, 60]);
  });

  it("has no gap where the agent's steps begin elsewhere", () => {
    const trend = new Trend(STEP, 4);
    trend.add(10 * STEP + 10, 7, 0);
    trend.seed(6 * STEP + 3_000, STEP, [1, 1, 1]);
    expect(trend.values()).toEqual([1, 1, 1, 7]);
  });

  it("can begin with history", () => {
    const trend = new Trend(STEP, 3);
    trend.seed(5 * STEP, 1_000, [10, 20, 30, 40, 50, 60]);
    expect(trend.values()).toEqual([null, 30, 60]);
    trend.add(7 * STEP, 1, 0);
    expect(trend.values()).toEqual([30, 60, 1]);
  });
});

describe("a sparkline", () => {
  it("has its gaps, and is empty without a value", () => {
    expect(paths([null, null])).toEqual({ line: "", area: "" });
    const { line, area } = paths([0, 100, null, 50]);
    expect(line.match(/M/g)).toHaveLength(2);
    expect(area.match(/Z/g)).toHaveLength(2);
    expect(line).toMatch(/h\.01$/);
  });

  it("stays in its box", () => {
    const { line } = paths([-5, 250]);
    const heights = [...line.matchAll(/ (-?[\d.]+)/g)].map(found => Number(found[1]));
    expect(Math.min(...heights)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...heights)).toBeLessThanOrEqual(48);
  });

  it("continues without a seam where the agent's steps begin elsewhere", () => {
    const trend = new Trend(STEP, 10);
    // The last step of the history ends at 32.5 s, and readings begin at 36 s.
    trend.add(36_000, 9, 0);
    trend.seed(22_500, STEP, [1, 2]);
    const values = trend.values().filter(value => value !== null);
    expect(values).toHaveLength(4);
    expect(trend.values().slice(-4)).not.toContain(null);
  });
});
