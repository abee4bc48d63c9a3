import { describe, expect, it } from "vitest";
import { descriptionOf } from "../src/model/facts";
import { tilesOf } from "../src/model/tiles";
import { gpu } from "./example";

const keys = (one: ReturnType<typeof gpu>) => tilesOf(one, descriptionOf).map(tile => tile.key);

describe("tiles", () => {
  const whole = gpu({
    absent: {},
    temperature: { gpu_celsius: 86, slowdown_celsius: 90 },
    power: { draw_watts: 350, enforced_limit_watts: null, limit_watts: 700 },
    clocks: { sm_mhz: 990, max_sm_mhz: 1980 },
    activity: { tensor_ratio: 0.5, sm_ratio: 0.9 },
  });

  it("show a GPU as hot by its margin to slowdown", () => {
    const heat = (celsius: number | null, margin: number | null) => {
      const hot = gpu({
        temperature: { gpu_celsius: 80, slowdown_celsius: celsius, margin_celsius: margin },
      });
      const { high, about } = tilesOf(hot, descriptionOf)[0] ?? {};
      return [high, about?.replace(descriptionOf("temperature.gpu_celsius"), "").trim()];
    };
    expect(heat(87, null)).toEqual([false, "Slowdown at 87 °C."]);
    expect(heat(84, null)).toEqual([true, "Slowdown at 84 °C."]);
    expect(heat(null, 20)).toEqual([false, "Slowdown 20 °C above this."]);
    expect(heat(null, 3)[0]).toBe(true);
    expect(heat(null, -2)).toEqual([true, "2 °C above slowdown."]);
    expect(heat(null, null)).toEqual([false, ""]);
  });

  it("never round down to zero", () => {
    const tile = tilesOf(gpu({ activity: { tensor_ratio: 0.002 } }), descriptionOf).find(
      ({ key }) => key === "tensor",
    );
    expect(tile?.show?.(tile.of.value ?? 0)).toBe("<1");
  });

  it("are four, and an unsupported one makes room for the next", () => {
    expect(keys(whole)).toEqual(["temperature", "power", "clock", "tensor"]);
    const older = gpu({
      ...whole,
      activity: { tensor_ratio: null, sm_ratio: null },
      absent: { "activity.tensor_ratio": "not_supported", "activity.sm_ratio": "not_supported" },
    });
    expect(keys(older)).toEqual(["temperature", "power", "clock", "bandwidth"]);
    // A late value keeps its place.
    expect(
      keys(gpu({ ...older, absent: { ...older.absent, "activity.tensor_ratio": "timeout" } })),
    ).toContain("tensor");
  });

  it("have the share of a limit, if there is one", () => {
    expect(tilesOf(whole, descriptionOf).map(tile => tile.part)).toEqual([86 / 90, 0.5, 0.5, 0.5]);
    const free = gpu({
      ...whole,
      temperature: { slowdown_celsius: null },
      power: { enforced_limit_watts: null, limit_watts: null },
      clocks: { max_sm_mhz: null },
    });
    expect(tilesOf(free, descriptionOf).map(tile => [tile.part, tile.label])).toEqual([
      [null, "GPU"],
      [null, "power"],
      [null, "SM clock"],
      [0.5, "tensor"],
    ]);
  });

  it("are high close to the slowdown temperature", () => {
    expect(tilesOf(whole, descriptionOf)[0]?.high).toBe(true);
    expect(tilesOf(gpu({ ...whole, temperature: { gpu_celsius: 84 } }), descriptionOf)[0]?.high).toBe(false);
    expect(tilesOf(gpu({ ...whole, temperature: { gpu_celsius: null } }), descriptionOf)[0]?.high).toBe(
      false,
    );
  });
});
