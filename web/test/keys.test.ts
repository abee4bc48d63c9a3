import { describe, expect, it } from "vitest";
import { type KeyState, nearest, press } from "../src/model/keys";

const times = Array.from({ length: 101 }, (_, index) => index * 10);
const state = (more: Partial<KeyState> = {}): KeyState => ({
  times,
  time: null,
  mark: null,
  zoomed: false,
  ...more,
});

describe("the keys of a chart", () => {
  it("move the cursor back from the newest, and not beyond the ends", () => {
    expect(press("ArrowLeft", false, state())).toEqual({ do: "move", time: 990, mark: null });
    expect(press("ArrowRight", false, state())).toEqual({ do: "move", time: 1_000, mark: null });
    expect(press("PageDown", false, state({ time: 500 }))).toEqual({ do: "move", time: 400, mark: null });
    expect(press("PageDown", false, state({ time: 20 }))).toEqual({ do: "move", time: 0, mark: null });
    expect(press("Home", false, state())).toEqual({ do: "move", time: 0, mark: null });
    expect(press("End", false, state({ time: 0 }))).toEqual({ do: "move", time: 1_000, mark: null });
  });

  it("select with Shift, and zoom into the selection in either direction", () => {
    expect(press("ArrowLeft", true, state({ time: 500 }))).toEqual({ do: "move", time: 490, mark: 500 });
    expect(press("Home", true, state({ time: 490, mark: 500 }))).toEqual({ do: "move", time: 0, mark: 500 });
    expect(press("Enter", false, state({ time: 0, mark: 500 }))).toEqual({ do: "zoom", from: 0, to: 500 });
    expect(press("Enter", false, state({ time: 500, mark: 100 }))).toEqual({
      do: "zoom",
      from: 100,
      to: 500,
    });
    expect(press("ArrowLeft", false, state({ time: 490, mark: 500 }))?.do).toBe("move");
    expect(press("Enter", false, state({ time: 500 }))).toBeNull();
  });

  it("zoom in about the cursor, and out again", () => {
    expect(press("+", false, state({ time: 500 }))).toEqual({ do: "zoom", from: 250, to: 740 });
    expect(press("+", false, state())).toEqual({ do: "zoom", from: 510, to: 1_000 });
    expect(press("+", false, state({ time: 0 }))).toEqual({ do: "zoom", from: 0, to: 490 });
    expect(press("+", false, state({ times: times.slice(0, 7) }))).toBeNull();
    expect(press("-", false, state({ zoomed: true }))).toEqual({ do: "reset" });
    expect(press("-", false, state())).toBeNull();
  });

  it("undo step by step with Escape", () => {
    expect(press("Escape", false, state({ time: 5, zoomed: true }))).toEqual({ do: "let go" });
    expect(press("Escape", false, state({ zoomed: true }))).toEqual({ do: "reset" });
    expect(press("Escape", false, state())).toBeNull();
  });

  it("ignore other keys, and all keys without data", () => {
    expect(press("Tab", false, state())).toBeNull();
    expect(press("ArrowLeft", false, state({ times: [] }))).toBeNull();
  });
});

describe("the nearest time", () => {
  it("is found", () => {
    expect([-5, 4, 6, 996, 2_000].map(time => nearest(times, time))).toEqual([0, 0, 1, 100, 100]);
    expect(nearest(times, Number.POSITIVE_INFINITY)).toBe(100);
  });
});
