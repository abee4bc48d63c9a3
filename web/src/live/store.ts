import { computed, signal } from "@preact/signals";
import type { Event, Gpu, Process, Snapshot } from "../api/types";
import { every } from "../browser/settings";
import { Colours } from "../model/colour";
import { identity, UNREAD } from "../model/gpu";
import { ownerOf } from "../model/owner";
import { paused } from "./connection";

/** Newest snapshot; kept when the connection is lost. */
export const snapshot = signal<Snapshot | null>(null);
/** Events, the newest last. */
export const events = signal<Event[]>([]);
/** True after the first snapshot. */
export const hasSnapshot = computed(() => snapshot.value !== null);
/** True if users and their programs are hidden from this page's token, or from clients without one. */
export const namesHidden = computed(() => snapshot.value?.scope === "summary");
/** Name of the host; null if unknown. */
export const hostname = computed(() => snapshot.value?.host.hostname ?? null);
/** The agent's time in milliseconds, updated once a second: this machine's clock may differ. */
export const now = signal(Date.now());

export const colours = new Colours();

/** The agent's time at the arrival of the newest snapshot, and the same moment by a monotonic clock. */
let received = { agent: Date.now(), here: performance.now() };

/** The agent's current time in milliseconds. */
export const agentNow = (): number => received.agent + (performance.now() - received.here);

/** Age of the newest snapshot in milliseconds. */
export const age = (): number => performance.now() - received.here;

/**
 * Age in milliseconds from which a snapshot is late. The agent makes one at least every 1.4 s, so a slow line does
 * not explain it.
 */
const LATE_MS = 5_000;
/** The same in polling intervals. */
const LATE_POLLS = 2.5;

/** True if the values are older than they should be, whatever the state of the connection; false while paused. */
export const late = computed(() => {
  void now.value;
  if (snapshot.value === null || paused.value) return false;
  return age() > maxPause();
});

/** Longest pause between two snapshots that is not a gap, in milliseconds. */
export const maxPause = (): number => Math.max(LATE_MS, LATE_POLLS * (every.value ?? 0));

/** True while an administrator has released the driver: unread GPUs are then expected. */
export const released = computed(() => snapshot.value?.collector.state === "released");

/** A GPU as it was at its last good reading. */
export interface Remembered {
  gpu: Gpu;
  processes: Process[];
  at: number;
}

const remembered = new Map<string, Remembered>();

/** Forgets everything. */
export function clear(): void {
  snapshot.value = null;
  events.value = [];
  remembered.clear();
}

/** Takes in a snapshot, unless it is the current one. */
export function accept(next: Snapshot): void {
  const before = snapshot.value;
  // A sequence that restarts is an agent that was restarted; its time goes on.
  if (before && next.sequence === before.sequence && next.sampled_at === before.sampled_at) return;
  received = { agent: next.sampled_at, here: performance.now() };
  remember(next);
  colours.meet(ownersOf(next));
  snapshot.value = next;
  now.value = agentNow();
}

/** Remembers the good readings; a GPU that is not read keeps its last one, under its current index. */
function remember(next: Snapshot): void {
  // A collector that is not well reports no GPUs, which says nothing about them.
  if (isBlind(next)) return;
  const before = new Map(remembered);
  remembered.clear();
  for (const gpu of next.gpus) {
    const key = identity(gpu);
    const { index } = gpu;
    const past = before.get(key);
    if (gpu.state === "ok") {
      const processes = next.processes.filter(process => process.gpu === index);
      remembered.set(key, { gpu, processes, at: gpu.read_at ?? next.sampled_at });
    } else if (past) {
      const processes = past.processes.map(process => ({ ...process, gpu: index }));
      remembered.set(key, { ...past, gpu: { ...past.gpu, index }, processes });
    }
  }
}

/** Owners in the snapshot and in memory: both are shown. */
function* ownersOf(next: Snapshot): Generator<string> {
  for (const process of next.processes) yield ownerOf(process).key;
  for (const { processes } of remembered.values()) {
    for (const process of processes) yield ownerOf(process).key;
  }
}

const isBlind = ({ gpus, collector }: Snapshot): boolean => gpus.length === 0 && collector.state !== "ok";

/** A GPU as it is shown. */
export interface Shown {
  gpu: Gpu;
  processes: Process[];
  /** Time of its values if they are old; null if they are current. */
  asOf: number | null;
}

/** Every GPU; one that is not read has its last values. */
export const shown = computed<Shown[]>(() => {
  const newest = snapshot.value;
  if (!newest) return [];
  if (isBlind(newest)) {
    return [...remembered.values()].map(({ gpu, processes, at }) => ({
      gpu: unread(gpu),
      processes,
      asOf: at,
    }));
  }
  return newest.gpus.map(gpu => {
    const processes = newest.processes.filter(process => process.gpu === gpu.index);
    if (gpu.state === "ok") return { gpu, processes, asOf: null };
    const past = remembered.get(identity(gpu));
    // A stale GPU keeps its values for a while, and the agent's are newer than ours.
    const blank = gpu.memory.total_bytes === null && gpu.power.draw_watts === null;
    if (past && blank) {
      return {
        gpu: asItWas(gpu, past.gpu),
        processes: processes.length > 0 ? processes : past.processes,
        asOf: past.at,
      };
    }
    return { gpu, processes, asOf: blank ? null : (gpu.read_at ?? newest.sampled_at) };
  });
});

/** Current state with the last values. */
const asItWas = (now: Gpu, past: Gpu): Gpu => ({
  ...past,
  index: now.index,
  state: now.state,
  state_detail: now.state_detail,
  use: now.use,
  health: now.health,
  read_at: now.read_at,
  age_ms: now.age_ms,
});

/** The same GPU, marked as not read. */
const unread = (gpu: Gpu): Gpu => ({
  ...gpu,
  state: UNREAD,
  state_detail: null,
  use: { ...gpu.use, verdict: "unknown" },
});
