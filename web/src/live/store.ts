import { computed, signal } from "@preact/signals";
import type { Event, Gpu, Process, Snapshot } from "../api/types";
import { every } from "../browser/settings";
import { Colours } from "../model/colour";
import { identity, UNREAD } from "../model/gpu";
import { ownerOf } from "../model/owner";
import type { Link } from "./follow";

/** The newest that the agent told; kept when it tells no more. */
export const snapshot = signal<Snapshot | null>(null);
export const link = signal<Link>({ kind: "connecting" });
/** What happened, the newest last. */
export const events = signal<Event[]>([]);
/** Whether anything was told yet. */
export const hasSnapshot = computed(() => snapshot.value !== null);
/** What the host is called; null where it does not say. */
export const hostname = computed(() => snapshot.value?.host.hostname ?? null);
/** By whom of the user it was stopped. */
export const paused = signal(false);
export const visible = signal(document.visibilityState === "visible");
/** The agent's time in milliseconds, once a second: this machine's clock may differ from it. */
export const now = signal(Date.now());

export const colours = new Colours();

/** The agent's time when the newest snapshot came, and the moment it came by a clock that does not jump. */
let received = { agent: Date.now(), here: performance.now() };

/** The agent's time now. */
export const agentNow = (): number => received.agent + (performance.now() - received.here);

/** How old the newest snapshot is. */
export const age = (): number => performance.now() - received.here;

/** The agent makes a snapshot at least every 1.4 s; so long without one is no pause of a slow line. */
const LATE = 5_000;
/** So many times the pace of polling. */
const LATE_POLLS = 2.5;

/** Whether what is shown is older than it should be, whatever the connection seems to be; not while it is paused. */
export const late = computed(() => {
  void now.value;
  if (snapshot.value === null || paused.value) return false;
  return age() > bridge();
});

/** A pause between two snapshots that is no gap, in milliseconds. */
export const bridge = (): number => Math.max(LATE, LATE_POLLS * (every.value ?? 0));

/** Whether an administrator has let the driver go: then it is no trouble that nothing is read. */
export const released = computed(() => snapshot.value?.collector.state === "released");

/** A GPU as it was when it was last read well. */
export interface Remembered {
  gpu: Gpu;
  processes: Process[];
  at: number;
}

const remembered = new Map<string, Remembered>();

/** Forgets all that was told. */
export function clear(): void {
  snapshot.value = null;
  events.value = [];
  remembered.clear();
}

/** Takes in a snapshot, unless it is no newer than the one that is there. */
export function accept(next: Snapshot): void {
  const before = snapshot.value;
  // A sequence that starts anew is an agent that was restarted: its time goes on.
  if (before && next.sequence === before.sequence && next.sampled_at === before.sampled_at) return;
  received = { agent: next.sampled_at, here: performance.now() };
  remember(next);
  colours.meet(ownersOf(next));
  snapshot.value = next;
  now.value = agentNow();
}

/** Keeps what is read well; of a GPU that is not read what was, under the index that it has now. */
function remember(next: Snapshot): void {
  // A collector that is not well knows of none, and that says nothing of them.
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

/** Of what is and of what is remembered: both are shown. */
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
  /** Its values are not of now but of then; null where they are of now. */
  asOf: number | null;
}

/** Every GPU: where it is not read, with what was last read of it. */
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
    // A stale GPU keeps its values for a while, and the agent knows them better.
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

/** What is true of it now, and the rest as it was. */
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

/** Nobody reads it now. */
const unread = (gpu: Gpu): Gpu => ({
  ...gpu,
  state: UNREAD,
  state_detail: null,
  use: { ...gpu.use, verdict: "unknown" },
});
