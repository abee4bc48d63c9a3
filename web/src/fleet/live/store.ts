import { batch, computed, signal } from "@preact/signals";
import { paused } from "../../live/connection";
import { type Hosts, merge, mergeAll } from "../model/merge";
import type { Fleet, FleetChange, FleetTotals, Host } from "../types";

/** Hosts by name; kept when the connection is lost. */
export const hosts = signal<Hosts>(new Map());
export const totals = signal<FleetTotals | null>(null);
/** True after the first answer. */
export const hasFleet = computed(() => totals.value !== null);
/** The hub's time in milliseconds, updated once a second: this machine's clock may differ. */
export const now = signal(Date.now());
/** True once the GPUs of hosts off screen are known, though not live. */
export const hasAllGpus = signal(false);

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

/** Names of all labels, in the order of names. */
export const labels = computed<readonly string[]>(
  () => [...new Set([...hosts.value.values()].flatMap(host => Object.keys(host.labels)))].sort(),
  { name: "labels" },
);

/** Forgets everything. */
export function clear(): void {
  hosts.value = new Map();
  totals.value = null;
  hasAllGpus.value = false;
}

function receive(at: number): void {
  received = { hub: at, here: performance.now() };
  now.value = at;
}

/** Takes in a whole fleet. */
export function acceptFleet(fleet: Fleet): void {
  batch(() => {
    receive(fleet.at);
    hosts.value = mergeAll(hosts.value, fleet);
    totals.value = fleet.totals;
  });
}

/** Takes in changes. */
export function acceptChange(change: FleetChange): void {
  batch(() => {
    receive(change.at);
    hosts.value = merge(hosts.value, change);
    if (change.totals) totals.value = change.totals;
  });
}

/**
 * Takes in the GPUs of hosts that the stream leaves out: from a fleet with all of them. Everything else is newer in
 * the stream.
 */
export function acceptGpus(fleet: Fleet, streamed: readonly string[] | null): void {
  const isStreamed = new Set(streamed);
  const next = new Map(hosts.value);
  for (const { name, gpus } of fleet.hosts) {
    const known = next.get(name);
    if (known && gpus && !isStreamed.has(name)) next.set(name, withGpus(known, gpus));
  }
  hosts.value = next;
  hasAllGpus.value = true;
}

const withGpus = (host: Host, gpus: NonNullable<Host["gpus"]>): Host => ({ ...host, gpus });
