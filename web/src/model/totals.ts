import type { Gpu } from "../api/types";
import { isTrouble, statusOf } from "./gpu";
import { countMig, type MigCounts } from "./mig";

/** A sum and its number of GPUs: those that are not `ok`, or do not report the value, are left out. */
export interface Sum {
  used: number;
  total: number;
  of: number;
}

/** Category of a GPU in the totals. */
export type Count = "free" | "busy" | "held" | "asleep" | "unknown" | "trouble";

/** Categories in the order in which they are shown. */
export const ORDER: readonly Count[] = ["free", "busy", "held", "asleep", "unknown", "trouble"];
/** Uses of MIG instances, in the same order. */
export const MIG_ORDER = ["free", "busy", "held", "unknown"] as const;

export const WORDS: Record<Count, string> = {
  free: "free",
  busy: "busy",
  held: "idle, held",
  asleep: "asleep",
  unknown: "unknown",
  trouble: "in trouble",
};

export interface Totals {
  gpus: number;
  /** Each GPU once: those in trouble are in no other category. */
  by: Record<Count, number>;
  /** MIG instances of GPUs that are not in trouble; null without any. */
  mig: MigCounts | null;
  memory: Sum | null;
  power: { draw: number; limit: number | null; of: number } | null;
}

export function totals(gpus: readonly Gpu[], released: boolean): Totals {
  const by: Totals["by"] = { free: 0, busy: 0, held: 0, asleep: 0, unknown: 0, trouble: 0 };
  for (const gpu of gpus) by[countOf(gpu, released)] += 1;
  return {
    gpus: gpus.length,
    by,
    mig: countMig(
      gpus.filter(gpu => !isTrouble(gpu, released)).flatMap(gpu => gpu.mig.map(mig => mig.use.verdict)),
    ),
    memory: memoryOf(gpus),
    power: powerOf(gpus),
  };
}

/** Category of a GPU: one that must not be used is neither free nor busy. */
export function countOf(
  gpu: {
    state: string;
    health: { verdict: string };
    use: { verdict: string };
  },
  released: boolean,
): Count {
  if (isTrouble(gpu, released)) return "trouble";
  const status = statusOf(gpu);
  return status === "free" || status === "busy" || status === "held" || status === "asleep"
    ? status
    : "unknown";
}

function memoryOf(gpus: readonly Gpu[]): Sum | null {
  const sum: Sum = { used: 0, total: 0, of: 0 };
  for (const gpu of gpus) {
    if (gpu.state !== "ok") continue;
    // With MIG the GPU's memory may be denied while the instances' is reported.
    const parts = gpu.memory.total_bytes === null ? instances(gpu) : [gpu.memory];
    const known = parts.filter(part => part.total_bytes !== null && part.used_bytes !== null);
    if (known.length === 0 || known.length < parts.length) continue;
    for (const part of known) {
      sum.used += part.used_bytes ?? 0;
      sum.total += part.total_bytes ?? 0;
    }
    sum.of += 1;
  }
  return sum.of > 0 ? sum : null;
}

const instances = (gpu: Gpu): { total_bytes: number | null; used_bytes: number | null }[] =>
  gpu.mig.map(mig => ({ total_bytes: mig.memory_total_bytes, used_bytes: mig.memory_used_bytes }));

function powerOf(gpus: readonly Gpu[]): Totals["power"] {
  const known = gpus.filter(gpu => gpu.state === "ok" && gpu.power.draw_watts !== null);
  if (known.length === 0) return null;
  const limits = known.map(gpu => gpu.power.enforced_limit_watts ?? gpu.power.limit_watts);
  return {
    draw: known.reduce((sum, gpu) => sum + (gpu.power.draw_watts ?? 0), 0),
    limit: limits.every(limit => limit !== null)
      ? limits.reduce<number>((sum, limit) => sum + (limit ?? 0), 0)
      : null,
    of: known.length,
  };
}
