import { shortName, statusOf, verdict } from "../../model/gpu";
import type { FleetGpu, Host, HostState, UseCounts } from "../types";

/** Status of a cell: that of a GPU, or `none` before its values arrive. */
export type CellStatus =
  | "free"
  | "busy"
  | "held"
  | "unknown"
  | "stale"
  | "lost"
  | "denied"
  | "asleep"
  | "error"
  | "trouble";

/** True if the values of a host are current. */
export const isCurrent = (host: Pick<Host, "state">): boolean => host.state === "ok";

/**
 * Status of a GPU. One that must not be used is neither free nor busy, and nothing is known of the GPUs of a host
 * that does not report.
 */
export function cellStatus(host: Pick<Host, "state">, gpu: FleetGpu): CellStatus {
  if (!isCurrent(host)) return host.state === "stale" ? "stale" : "unknown";
  if (gpu.health === "critical") return "trouble";
  return gpu.state === null ? verdict(gpu.use) : statusOf({ state: gpu.state, use: { verdict: gpu.use } });
}

/** Sums of a host over the GPUs that report the value; null if none does. */
export interface Sums {
  memoryFree: number | null;
  memoryTotal: number | null;
  power: number | null;
  /** Highest temperature. */
  temperature: number | null;
  /** Mean utilization. */
  utilization: number | null;
  /** Number of GPUs in `memoryFree` and `power`. */
  memoryOf: number;
  powerOf: number;
  /** Null if users are not known. */
  users: readonly string[] | null;
  /** Models with their number, the most first. */
  models: readonly (readonly [name: string, count: number])[];
}

const cache = new WeakMap<Host, Sums>();

/** Sums of a host, computed once per row. */
export function sumsOf(host: Host): Sums {
  // Most hosts of a large fleet are off screen, without GPUs.
  if (host.gpus === undefined) return NO_SUMS;
  const known = cache.get(host);
  if (known) return known;
  const sums = add(host.gpus);
  cache.set(host, sums);
  return sums;
}

function add(gpus: readonly FleetGpu[]): Sums {
  const sums: Sums = {
    memoryFree: null,
    memoryTotal: null,
    power: null,
    temperature: null,
    utilization: null,
    memoryOf: 0,
    powerOf: 0,
    users: usersOf(gpus),
    models: modelsOf(gpus),
  };
  let measured = 0;
  for (const gpu of gpus) {
    const part = memoryOf(gpu);
    if (part) {
      sums.memoryFree = (sums.memoryFree ?? 0) + part.free;
      sums.memoryTotal = (sums.memoryTotal ?? 0) + part.total;
      sums.memoryOf += 1;
    }
    if (gpu.power_watts !== null) {
      sums.power = (sums.power ?? 0) + gpu.power_watts;
      sums.powerOf += 1;
    }
    if (gpu.temperature_celsius !== null) {
      sums.temperature = Math.max(sums.temperature ?? -Infinity, gpu.temperature_celsius);
    }
    if (gpu.utilization_percent !== null) {
      sums.utilization = (sums.utilization ?? 0) + gpu.utilization_percent;
      measured += 1;
    }
  }
  if (sums.utilization !== null) sums.utilization /= measured;
  return sums;
}

/** With MIG the GPU's memory may be denied while the instances' is reported. */
function memoryOf(gpu: FleetGpu): { free: number; total: number } | null {
  const parts = gpu.memory_total_bytes === null && gpu.mig.length > 0 ? gpu.mig : [gpu];
  let [free, total] = [0, 0];
  for (const part of parts) {
    if (part.memory_total_bytes === null || part.memory_free_bytes === null) return null;
    free += part.memory_free_bytes;
    total += part.memory_total_bytes;
  }
  return { free, total };
}

function usersOf(gpus: readonly FleetGpu[]): string[] | null {
  const found = new Set<string>();
  let isKnown = gpus.length === 0;
  for (const gpu of gpus) {
    for (const { users } of [gpu, ...gpu.mig]) {
      if (users === null) continue;
      isKnown = true;
      for (const user of users) found.add(user);
    }
  }
  return isKnown ? [...found].sort() : null;
}

function modelsOf(gpus: readonly FleetGpu[]): [string, number][] {
  const found = new Map<string, number>();
  for (const gpu of gpus) {
    const name = shortName(gpu.name);
    if (name !== null) found.set(name, (found.get(name) ?? 0) + 1);
  }
  return [...found].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}

/** `8 × H200`, `4 × A100, 2 × L4`. */
export const modelText = ({ models }: Pick<Sums, "models">): string =>
  models.map(([name, count]) => (count === 1 ? name : `${count} × ${name}`)).join(", ");

const NO_SUMS: Sums = add([]);

export const gpuCount = ({ free, held, busy, unknown }: UseCounts): number => free + held + busy + unknown;

export const STATE_WORDS: Record<HostState, string> = {
  ok: "ok",
  starting: "starting",
  stale: "stale",
  unreachable: "unreachable",
  refused: "refused",
};

/** Severity of a host; null for none. */
export function severityOf(host: Host): "critical" | "warning" | null {
  if (host.state === "unreachable" || host.state === "refused") return "critical";
  const health = host.gpus?.some(gpu => gpu.health === "critical" || gpu.state === "lost");
  if (health) return "critical";
  return host.state === "stale" || host.problems.length > 0 ? "warning" : null;
}

const RANKS = { critical: 0, warning: 1 } as const;

/** Place of a host in the order of trouble: 0 is the worst. */
export function rankOf(host: Host): number {
  const severity = severityOf(host);
  if (severity !== null) return RANKS[severity];
  return host.state === "starting" ? 2 : 3;
}

/** Limits of a source that reports less than an agent of this release, which the hub's notes name; null without any. */
export function sourceLimits({ source }: Pick<Host, "source">): string | null {
  switch (source) {
    case "original":
      return "Its health and MIG are unknown, and its use is an estimate.";
    case "older_agent":
      return "Its values are as old as the last poll.";
    case "engine":
      return "Values come from the engine with the Prometheus API.";
    default:
      return null;
  }
}

/** Reason why a host's users are not shown. */
export const usersReason = (host: Pick<Host, "source">): string =>
  host.source === "engine"
    ? "The engine has no users: the agents' --metrics-users sends them."
    : "Names are hidden from this page, or the host does not report them.";
