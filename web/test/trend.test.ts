import { describe, expect, it } from "vitest";
import { Trend } from "../src/model/trend";
import { paths } from "../src/part/paths";

const STEP = 5_000;

describe("a trend", () => {
  it("is the mean of each step, and gaps where nothing was seen", () => {
    const trend = new Trend(STEP, 4);
    trend.put(100 * STEP, 10);
    trend.put(100 * STEP + 4_999, 20);
    trend.put(102 * STEP, 0);
    expect(trend.values()).toEqual([null, 15, null, 0]);
    trend.put(103 * STEP, null);
    expect(trend.values()).toEqual([15, null, 0, null]);
  });

  it("forgets what is older than it is long", () => {
    const trend = new Trend(STEP, 3);
    for (let step = 0; step < 10; step += 1) trend.put(step * STEP, step);
    expect(trend.values()).toEqual([7, 8, 9]);
    trend.put(1_000_000 * STEP, 1);
    expect(trend.values()).toEqual([null, null, 1]);
  });

  it("takes late values in, and none that are too late", () => {
    const trend = new Trend(STEP, 3);
    trend.put(10 * STEP, 1);
    trend.put(9 * STEP, 5);
    trend.put(7 * STEP, 9);
    expect(trend.values()).toEqual([null, 5, 1]);
  });

  it("is filled with the past where nothing was seen", () => {
    const trend = new Trend(STEP, 5);
    trend.put(9 * STEP, 50);
    trend.put(10 * STEP, 60);
    trend.seed(5 * STEP, STEP, [1, 2, null, 4, 5, 6]);
    expect(trend.values()).toEqual([2, null, 4, 50, 60]);
  });

  it("has no gap where the agent's steps begin elsewhere", () => {
    const trend = new Trend(STEP, 4);
    trend.put(10 * STEP + 10, 7);
    trend.seed(6 * STEP + 3_000, STEP, [1, 1, 1]);
    expect(trend.values()).toEqual([1, 1, 1, 7]);
  });

  it("can begin with the past", () => {
    const trend = new Trend(STEP, 3);
    trend.seed(5 * STEP, 1_000, [10, 20, 30, 40, 50, 60]);
    expect(trend.values()).toEqual([null, 30, 60]);
    trend.put(7 * STEP, 1);
    expect(trend.values()).toEqual([30, 60, 1]);
  });
});

describe("a line", () => {
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
});
