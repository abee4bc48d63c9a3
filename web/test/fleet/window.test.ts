import { describe, expect, it } from "vitest";
import { EVERY_HOST, namesToRequest, rowsBetween, tops } from "../../src/fleet/model/window";

describe("the window", () => {
  const rows = tops([40, ...Array.from({ length: 9 }, () => 60)]);

  it("knows the top of each row and the height of all", () => {
    expect(rows.slice(0, 3)).toEqual([0, 40, 100]);
    expect(rows.at(-1)).toBe(580);
  });

  it("has every row that is visible in part", () => {
    expect(rowsBetween(rows, 0, 100, 0)).toEqual({ from: 0, to: 3 });
    expect(rowsBetween(rows, 39, 41, 0)).toEqual({ from: 0, to: 2 });
    expect(rowsBetween(rows, 160, 200, 0)).toEqual({ from: 3, to: 4 });
    expect(rowsBetween(rows, 560, 900, 0)).toEqual({ from: 9, to: 10 });
  });

  it("has rows around it", () => {
    expect(rowsBetween(rows, 280, 300, 60)).toEqual({ from: 4, to: 7 });
    expect(rowsBetween(rows, 0, 100, 10_000)).toEqual({ from: 0, to: 10 });
  });

  it("is empty away from the list, and for none", () => {
    expect(rowsBetween(rows, -900, -100, 50)).toEqual({ from: 0, to: 0 });
    expect(rowsBetween(rows, 900, 1_000, 50)).toEqual({ from: 0, to: 0 });
    expect(rowsBetween(tops([]), 0, 100, 0)).toEqual({ from: 0, to: 0 });
  });
});

describe("hosts to request", () => {
  const MANY = Array.from({ length: 100 }, (_, at) => `host${String(at).padStart(2, "0")}`);

  it("are all of a small fleet", () => {
    expect(namesToRequest(null, ["a"], ["a", "b"], MANY.slice(0, EVERY_HOST))).toBeNull();
    expect(namesToRequest(["a"], ["a"], ["a", "b"], MANY.slice(0, EVERY_HOST))).toBeNull();
  });

  it("are the first ones, which are requested at first, if they are on screen", () => {
    expect(namesToRequest(null, ["host00", "host49"], ["host00", "host50"], MANY)).toBeNull();
    expect(namesToRequest(null, ["host50"], ["host49", "host50"], MANY)).toEqual(["host49", "host50"]);
  });

  it("stay while those on screen are among them", () => {
    const before = ["a", "b", "c"];
    expect(namesToRequest(before, ["b"], ["a", "b", "c", "d"], MANY)).toBe(before);
    expect(namesToRequest(before, ["c", "d"], ["e", "c", "d"], MANY)).toEqual(["c", "d", "e"]);
  });

  it("fit into an address, those on screen first", () => {
    const long = (at: number) => `${at}${"x".repeat(250)}`;
    const near = Array.from({ length: 100 }, (_, at) => long(at));
    const found = namesToRequest(null, [long(99)], near, near);
    expect(found).toContain(long(99));
    expect(found?.join().length).toBeLessThanOrEqual(5_000);
  });
});
