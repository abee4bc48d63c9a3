import type { Gpu } from "../api/types";
import { isNever, type Reading, read } from "./absence";
import { count, gigahertz, share as shareOf } from "./format";

/** A number of a GPU with its unit, and how much of its limit it is. */
export interface Tile {
  key: string;
  what: string;
  /** What its limit is. */
  limit?: string | undefined;
  of: Reading<number>;
  unit: string;
  show?: (value: number) => string;
  label: string;
  /** From 0 to 1; null where there is no limit. */
  part: number | null;
  high?: boolean;
}

/** So many fit a card. */
const PLACES = 4;

/** The first that a GPU tells: what it never tells gives its place to the next. */
export const tilesOf = (gpu: Gpu): Tile[] =>
  [temperature(gpu), power(gpu), clock(gpu), tensor(gpu), sm(gpu), bandwidth(gpu), fan(gpu)]
    .filter(tile => !isNever(tile.of))
    .slice(0, PLACES);

const ofWhole = (value: number | null, whole: number | null): number | null =>
  value === null || !whole ? null : value / whole;

/** So close to where it slows down a GPU is hot, in °C. */
const CLOSE = 5;

function temperature({ absent, temperature }: Gpu): Tile {
  const { gpu_celsius: now, slowdown_celsius: hot, margin_celsius: margin } = temperature;
  // Newer GPUs tell how far they are from it in place of where it is.
  const left =
    now === null || hot === null ? margin : Math.min(hot - now, margin ?? Number.POSITIVE_INFINITY);
  return {
    key: "temperature",
    what: "Temperature",
    of: read(absent, "temperature.gpu_celsius", now),
    unit: "°C",
    limit:
      hot !== null
        ? `it slows down at ${hot} °C`
        : left === null
          ? undefined
          : `it slows down when it is ${left} °C warmer`,
    label: hot === null ? "chip" : `of ${hot}`,
    part: ofWhole(now, hot),
    high: left !== null && left <= CLOSE,
  };
}

function power({
  absent,
  power: { draw_watts: draw, enforced_limit_watts: enforced, limit_watts: set },
}: Gpu): Tile {
  const limit = enforced ?? set;
  return {
    key: "power",
    what: "Power",
    of: read(absent, "power.draw_watts", draw),
    unit: "W",
    limit: limit === null ? undefined : `its limit is ${count(limit)} W`,
    label: limit === null ? "power" : `of ${count(limit)}`,
    part: ofWhole(draw, limit),
  };
}

function clock({ absent, clocks: { sm_mhz: now, max_sm_mhz: most } }: Gpu): Tile {
  return {
    key: "clock",
    what: "SM clock",
    of: read(absent, "clocks.sm_mhz", now),
    unit: "GHz",
    show: gigahertz,
    limit: most === null ? undefined : `at most ${count(most)} MHz`,
    label: most === null ? "SM clock" : `of ${gigahertz(most)}`,
    part: ofWhole(now, most),
  };
}

/** A part of the time, from 0 to 1. */
const share = (
  gpu: Gpu,
  key: string,
  path: string,
  ratio: number | null,
  label: string,
  what: string,
): Tile => ({
  key,
  what,
  of: read(gpu.absent, path, ratio === null ? null : ratio * 100),
  unit: "%",
  show: shareOf,
  label,
  part: ratio,
});

function tensor(gpu: Gpu): Tile {
  const what = "Tensor activity: how much of the time a tensor pipe worked";
  return share(gpu, "tensor", "activity.tensor_ratio", gpu.activity.tensor_ratio, "tensor", what);
}

function sm(gpu: Gpu): Tile {
  const what = "SM activity: how much of the time the processors had work";
  return share(gpu, "sm", "activity.sm_ratio", gpu.activity.sm_ratio, "SM active", what);
}

function bandwidth(gpu: Gpu): Tile {
  const ratio = ofWhole(gpu.utilization.memory_percent, 100);
  const what = "Memory bandwidth: how much of the time memory was read or written";
  return share(gpu, "bandwidth", "utilization.memory_percent", ratio, "mem bw", what);
}

function fan(gpu: Gpu): Tile {
  const ratio = ofWhole(gpu.fans[0]?.speed_percent ?? null, 100);
  return share(gpu, "fan", "fans", ratio, gpu.fans.length > 1 ? "fan 1" : "fan", "Fan");
}
