import { batch, computed, type ReadonlySignal, signal } from "@preact/signals";
import { link, paused } from "../../live/connection";
import { type Hosts, merge, mergeAll } from "../model/merge";
import { outdatedHosts, outdatedTotals } from "../model/outdated";
import { EVERY_HOST } from "../model/window";
import type { Fleet, FleetChange, FleetTotals, Host } from "../types";
import { unchanging } from "./unchanging";

/** Hosts by name as they were sent last. */
const sentHosts = signal<Hosts>(new Map());
const sentTotals = signal<FleetTotals | null>(null);
/** Problems of the hub's own files and lists of hosts. */
export const notes = signal<readonly string[]>([]);
/** True after the first answer. */
export const hasFleet = computed(() => sentTotals.value !== null);
/** The hub's time in milliseconds, updated once a second: this machine's clock may differ. */
export const now = signal(Date.now());
/** The hub's time of the newest answer with the GPUs of hosts off screen; null before the first. */
export const allGpusAt = signal<number | null>(null);

/** The hub's time at the newest message, and the same moment by a monotonic clock. */
let received = { hub: Date.now(), here: performance.now() };

/** The hub's current time in milliseconds. */
export const hubNow = (): number => received.hub + (performance.now() - received.here);

/** Time since the newest message in milliseconds. */
export const silence = (): number => performance.now() - received.here;

/** Age of messages in milliseconds from which the page is late: the hub sends one every 10 s or sooner. */
const LATE_MS = 15_000;

/** True if the hub should have sent something by now, whatever the state of the connection; false while paused. */
export const late = computed(() => {
  void now.value;
  return hasFleet.value && !paused.value && silence() > LATE_MS;
});

/** True if the values are not current, so that no GPU counts as free: the hub does not answer, or not this page. */
export const isOld = computed(() => late.value || link.value.kind !== "live");

/** Hosts by name; kept when the connection is lost, as stale. */
export const hosts = computed<Hosts>(() => (isOld.value ? outdatedHosts(sentHosts.value) : sentHosts.value));
export const totals = computed<FleetTotals | null>(() => {
  const sent = sentTotals.value;
  return sent !== null && isOld.value ? outdatedTotals(sent) : sent;
});

/** Names of all hosts, in the order of the hub. */
export const allNames = unchanging(() => [...hosts.value.keys()]);

/** Names of all labels, in the order of names. */
export const labels = unchanging(() => {
  const found = new Set<string>();
  for (const { labels } of hosts.value.values()) for (const name in labels) found.add(name);
  return [...found].sort();
});

/** A host by its name, as it changes; the last that was known of one that is gone. Null for an unknown name. */
export function hostNamed(name: string): ReadonlySignal<Host> | null {
  const first = hosts.peek().get(name);
  if (!first) return null;
  let last = first;
  return computed(() => {
    last = hosts.value.get(name) ?? last;
    return last;
  });
}

/** The hub's time of the newest values of each host's GPUs. */
let gpusAt = new Map<string, number>();

/** Forgets everything. */
export function clear(): void {
  sentHosts.value = new Map();
  sentTotals.value = null;
  allGpusAt.value = null;
  notes.value = [];
  gpusAt = new Map();
}

function receive(at: number): void {
  received = { hub: at, here: performance.now() };
  now.value = at;
}

/** Takes in a whole fleet. */
export function acceptFleet(fleet: Fleet): void {
  const before = gpusAt;
  // The hub's clock can have been set back.
  const timeOf = ({ name, gpus }: Host) =>
    gpus ? fleet.at : Math.min(before.get(name) ?? fleet.at, fleet.at);
  gpusAt = new Map(fleet.hosts.map(host => [host.name, timeOf(host)]));
  batch(() => {
    receive(fleet.at);
    sentHosts.value = mergeAll(sentHosts.value, fleet);
    sentTotals.value = fleet.totals;
    notes.value = fleet.notes ?? [];
  });
}

/** Takes in changes. */
export function acceptChange(change: FleetChange): void {
  for (const { name, whole, gpus } of change.hosts ?? []) {
    if (whole || gpus) gpusAt.set(name, change.at);
  }
  batch(() => {
    receive(change.at);
    sentHosts.value = merge(sentHosts.value, change);
    if (change.totals) sentTotals.value = change.totals;
    if (change.notes) notes.value = change.notes;
  });
}

/**
 * Takes in the GPUs of hosts that the stream leaves out: from a fleet with all of them. Those of other hosts are newer
 * in the stream, which does not repeat them; so are those of a host that the stream changed since this answer. `null`
 * is the stream of the first hosts by name.
 */
export function acceptGpus(fleet: Fleet, streamed: readonly string[] | null): void {
  const next = new Map(sentHosts.value);
  const isStreamed = new Set(streamed ?? [...next.keys()].slice(0, EVERY_HOST));
  for (const { name, gpus } of fleet.hosts) {
    const known = next.get(name);
    if (!known || !gpus || isStreamed.has(name) || fleet.at < (gpusAt.get(name) ?? fleet.at)) continue;
    gpusAt.set(name, fleet.at);
    next.set(name, { ...known, gpus });
  }
  sentHosts.value = next;
  allGpusAt.value = fleet.at;
}
