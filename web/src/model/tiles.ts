import type { Gpu } from "../api/types";
import { isNever, type Reading, read } from "./absence";
import type { FactPath } from "./facts";
import { count, gigahertz, share as shareOf } from "./format";

/** A number of a GPU with its unit and its share of a limit. */
export interface Tile {
  key: string;
  /** Name, for screen readers and before a reason for absence. */
  name: string;
  /** Description and limit, for a tooltip. */
  about: string;
  of: Reading<number>;
  unit: string;
  show?: (value: number) => string;
  label: string;
  /** From 0 to 1; null without a limit. */
  part: number | null;
  high?: boolean;
}

/** Description of a reading in plain text; null if it is not known. */
export type Describe = (path: FactPath) => string | null;

/** Tiles that fit on a card. */
const MAX_TILES = 4;

/** The first tiles that a GPU reports: one that it never reports makes room for the next. */
export const tilesOf = (gpu: Gpu, describe: Describe): Tile[] =>
  [temperature, power, clock, tensor, sm, bandwidth, fan]
    .map(tile => tile(gpu, describe))
    .filter(tile => !isNever(tile.of))
    .slice(0, MAX_TILES);

const ofWhole = (value: number | null, whole: number | null): number | null =>
  value === null || !whole ? null : value / whole;

const about = (described: string | null, limit: string | null): string =>
  [described, limit].filter(Boolean).join(" ");

/** Margin to the slowdown temperature at which a GPU is shown as hot, in °C. */
const HOT_MARGIN = 5;

function temperature({ absent, temperature }: Gpu, describe: Describe): Tile {
  const { gpu_celsius: now, slowdown_celsius: hot, margin_celsius: margin } = temperature;
  // Newer GPUs report the margin in place of the threshold.
  const left =
    now === null || hot === null ? margin : Math.min(hot - now, margin ?? Number.POSITIVE_INFINITY);
  const limit =
    hot !== null
      ? `Slowdown at ${hot} °C.`
      : left === null
        ? null
        : left >= 0
          ? `Slowdown ${left} °C above this.`
          : `${-left} °C above slowdown.`;
  return {
    key: "temperature",
    name: "Temperature",
    about: about(describe("temperature.gpu_celsius"), limit),
    of: read(absent, "temperature.gpu_celsius", now),
    unit: "°C",
    label: hot === null ? "GPU" : `of ${hot}`,
    part: ofWhole(now, hot),
    high: left !== null && left <= HOT_MARGIN,
  };
}

function power(
  { absent, power: { draw_watts: draw, enforced_limit_watts: enforced, limit_watts: set } }: Gpu,
  describe: Describe,
): Tile {
  const limit = enforced ?? set;
  return {
    key: "power",
    name: "Power",
    about: about(describe("power.draw_watts"), limit === null ? null : `Limit ${count(limit)} W.`),
    of: read(absent, "power.draw_watts", draw),
    unit: "W",
    label: limit === null ? "power" : `of ${count(limit)}`,
    part: ofWhole(draw, limit),
  };
}

function clock({ absent, clocks: { sm_mhz: now, max_sm_mhz: max } }: Gpu, describe: Describe): Tile {
  return {
    key: "clock",
    name: "SM clock",
    about: about(describe("clocks.sm_mhz"), max === null ? null : `Maximum ${count(max)} MHz.`),
    of: read(absent, "clocks.sm_mhz", now),
    unit: "GHz",
    show: gigahertz,
    label: max === null ? "SM clock" : `of ${gigahertz(max)}`,
    part: ofWhole(now, max),
  };
}

/** A tile in percent of a ratio from 0 to 1. */
const share = (gpu: Gpu, key: string, name: string, path: string, ratio: number | null, label: string) => ({
  key,
  name,
  of: read(gpu.absent, path, ratio === null ? null : ratio * 100),
  unit: "%",
  show: shareOf,
  label,
  part: ratio,
});

function tensor(gpu: Gpu, describe: Describe): Tile {
  const path = "activity.tensor_ratio";
  const tile = share(gpu, "tensor", "Tensor activity", path, gpu.activity.tensor_ratio, "tensor");
  return { ...tile, about: about(describe(path), null) };
}

function sm(gpu: Gpu, describe: Describe): Tile {
  const path = "activity.sm_ratio";
  return {
    ...share(gpu, "sm", "SM activity", path, gpu.activity.sm_ratio, "SM active"),
    about: about(describe(path), null),
  };
}

function bandwidth(gpu: Gpu, describe: Describe): Tile {
  const path = "utilization.memory_percent";
  const ratio = ofWhole(gpu.utilization.memory_percent, 100);
  return {
    ...share(gpu, "bandwidth", "Memory bandwidth", path, ratio, "mem bw"),
    about: about(describe(path), null),
  };
}

function fan(gpu: Gpu): Tile {
  const ratio = ofWhole(gpu.fans[0]?.speed_percent ?? null, 100);
  const label = gpu.fans.length > 1 ? "fan 1" : "fan";
  return { ...share(gpu, "fan", "Fan", "fans", ratio, label), about: "Fan speed, relative to the maximum." };
}
