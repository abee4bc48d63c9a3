import type { Process, Use } from "../api/types";
import { plural } from "./format";
import { labelAmong, ownerOf } from "./owner";

/** Filter of the processes; an empty string filters nothing. */
export interface Filter {
  text: string;
  user: string;
  gpu: string;
  type: string;
}

export const NO_FILTER: Filter = { text: "", user: "", gpu: "", type: "" };

/**
 * Key of a process on a GPU or MIG instance. The start time is not part of it: the agent estimates it, give or take.
 */
export const rowKey = (process: Process): string =>
  [process.gpu_uuid ?? process.gpu, process.gpu_instance, process.compute_instance, process.pid].join(" ");

/** Differences between start times below this are the estimate's, in milliseconds. */
const SAME_START = 1_000;

/** True if nothing visible of a process has changed. */
export function isSame(a: Process, b: Process): boolean {
  for (const key of Object.keys(a) as (keyof Process)[]) {
    if (key !== "absent" && key !== "started_at" && a[key] !== b[key]) return false;
  }
  return Math.abs((a.started_at ?? 0) - (b.started_at ?? 0)) < SAME_START;
}

/** Processes that match the filter. Each word of the text must be in the row, in any case. */
export function filter(processes: readonly Process[], by: Filter): Process[] {
  const words = by.text.toLowerCase().split(/\s+/).filter(Boolean);
  return processes.filter(process => {
    if (by.user && ownerOf(process).key !== by.user) return false;
    if (by.gpu && String(process.gpu) !== by.gpu && process.gpu_uuid !== by.gpu) return false;
    if (by.type && process.type !== by.type) return false;
    if (words.length === 0) return true;
    const text = searchable(process);
    return words.every(word => text.includes(word));
  });
}

const searchable = (process: Process): string =>
  [
    ownerOf(process).label,
    process.user,
    process.pid,
    process.name,
    process.command,
    process.container,
    process.container_name,
    process.system_container,
    process.pod,
    process.pod_name,
    process.pod_namespace,
    process.job,
    process.job_display,
  ]
    .filter(value => value !== null)
    .join("\n")
    .toLowerCase();

export type SortKey =
  | "gpu"
  | "user"
  | "pid"
  | "type"
  | "gpu_memory"
  | "sm"
  | "memory"
  | "encoder"
  | "decoder"
  | "cpu"
  | "host_memory"
  | "running"
  | "where"
  | "name"
  | "command";

export interface Order {
  key: SortKey;
  down: boolean;
}

type Value = number | string | null;

const VALUES: Record<SortKey, (process: Process) => Value> = {
  gpu: process => process.gpu,
  user: process => ownerOf(process).label,
  pid: process => process.pid,
  type: process => process.type,
  gpu_memory: process => process.gpu_memory_bytes,
  sm: process => process.sm_percent,
  memory: process => process.memory_percent,
  encoder: process => process.encoder_percent,
  decoder: process => process.decoder_percent,
  cpu: process => process.cpu_percent,
  host_memory: process => process.host_memory_bytes,
  running: process => (process.started_at === null ? null : -process.started_at),
  where: process => whereOf(process)?.label ?? null,
  name: process => process.name,
  command: process => process.command,
};

/** Job, pod or container of a process, the closest to its user first. */
export function whereOf(
  process: Process,
): { kind: "job" | "pod" | "container"; id: string; label: string } | null {
  if (process.job !== null) {
    const shown = process.job_display ?? process.job;
    // The raw number is proved; the other one comes from the environment of the process.
    const raw = shown === process.job ? "" : ` (${process.job})`;
    return { kind: "job", id: process.job, label: `slurm ${shown}${raw}` };
  }
  if (process.pod !== null) {
    const name = process.pod_name;
    const space = process.pod_namespace;
    const id = name === null ? process.pod : [space, name].filter(part => part !== null).join("/");
    return { kind: "pod", id, label: name ?? `pod ${process.pod.slice(0, 8)}` };
  }
  if (process.container !== null) {
    const label = process.container_name ?? process.container.slice(0, 12);
    return { kind: "container", id: process.container, label };
  }
  return null;
}

const words = new Intl.Collator("en", { numeric: true });

const compareValues = (a: number | string, b: number | string): number =>
  typeof a === "number" && typeof b === "number" ? a - b : words.compare(String(a), String(b));

/** Sorts by a column, then by GPU, instance and PID, so that the order is stable. */
export function sort(processes: readonly Process[], order: Order): Process[] {
  const value = VALUES[order.key];
  const sign = order.down ? -1 : 1;
  return [...processes].sort((a, b) => {
    const [left, right] = [value(a), value(b)];
    // Absent values come last in both directions.
    if (left === null || right === null) {
      if (left !== right) return left === null ? 1 : -1;
      return settle(a, b);
    }
    return sign * compareValues(left, right) || settle(a, b);
  });
}

const settle = (a: Process, b: Process): number =>
  a.gpu - b.gpu || (a.gpu_instance ?? -1) - (b.gpu_instance ?? -1) || (a.pid ?? -1) - (b.pid ?? -1);

/**
 * Keeps the previous order of known processes, so that rows do not move under a pointer; a new one is inserted after
 * its predecessor in the sorted order.
 */
export function keepOrder(sorted: readonly Process[], before: readonly string[]): Process[] {
  const now = new Map(sorted.map(process => [rowKey(process), process]));
  const known = new Set(before);
  const stored = before.flatMap(key => now.get(key) ?? []);
  let previous: Process | null = null;
  for (const process of sorted) {
    if (!known.has(rowKey(process))) {
      stored.splice(previous === null ? 0 : stored.indexOf(previous) + 1, 0, process);
    }
    previous = process;
  }
  return stored;
}

/** Memory of processes that are not listed, in bytes, from which they are mentioned: less is the driver's own. */
export const MIN_UNATTRIBUTED = 2 ** 30;

/** Text for an empty table: "no process" only where that is known. */
export function nobodyListed(uses: readonly Use[], one: boolean): string {
  const unknown = uses.filter(use => use.verdict === "unknown").length;
  if (unknown > 0) {
    if (one) return "It is unknown whether a process uses this GPU.";
    return `No processes listed; unknown for ${unknown} of ${plural(uses.length, "GPU")}.`;
  }
  if (uses.some(use => (use.unattributed_bytes ?? 0) >= MIN_UNATTRIBUTED))
    return "No process is visible here.";
  return `No process uses ${one ? "this GPU" : "a GPU"}.`;
}

/** One user's processes, with sums; a sum is null if no process reports it. */
export interface Group {
  key: string;
  label: string;
  processes: Process[];
  gpus: number[];
  gpuMemory: number | null;
  sm: number | null;
}

/** Groups by user, in the order in which users appear. */
export function group(processes: readonly Process[]): Group[] {
  const groups = new Map<string, Group>();
  const owners = new Map(processes.map(ownerOf).map(owner => [owner.key, owner]));
  for (const process of processes) {
    const owner = ownerOf(process);
    const { key } = owner;
    let found = groups.get(key);
    if (!found) {
      const label = labelAmong(owner, [...owners.values()]);
      found = { key, label, processes: [], gpus: [], gpuMemory: null, sm: null };
      groups.set(key, found);
    }
    found.processes.push(process);
    if (!found.gpus.includes(process.gpu)) found.gpus.push(process.gpu);
    found.gpuMemory = add(found.gpuMemory, process.gpu_memory_bytes);
    found.sm = add(found.sm, process.sm_percent);
  }
  for (const found of groups.values()) found.gpus.sort((a, b) => a - b);
  return [...groups.values()];
}

export const add = (sum: number | null, next: number | null): number | null =>
  next === null ? sum : (sum ?? 0) + next;
