import type { Fleet, FleetChange, FleetGpu, Host, HostChange } from "../types";

/** Hosts by name, in the order of names. Rows are never changed: a changed host is another object. */
export type Hosts = ReadonlyMap<string, Host>;

/**
 * Takes in a whole fleet. A host whose GPUs were not requested keeps those that are known, since the next request may
 * be for them; its counts are current.
 */
export function mergeAll(before: Hosts, { hosts }: Pick<Fleet, "hosts">): Hosts {
  return new Map(hosts.map(host => [host.name, withGpus(host, before.get(host.name))]));
}

function withGpus(host: Host, before: Host | undefined): Host {
  return host.gpus === undefined && before?.gpus ? { ...host, gpus: before.gpus } : host;
}

/** Takes in changes. Hosts that did not change keep their object. */
export function merge(before: Hosts, { hosts = [], removed = [] }: FleetChange): Hosts {
  if (hosts.length === 0 && removed.length === 0) return before;
  const next = new Map(before);
  let isNew = false;
  for (const name of removed) next.delete(name);
  for (const change of hosts) {
    const known = next.get(change.name);
    // A change of a host that is not known is of no use: the next whole fleet has it.
    const row = change.whole ? wholeRow(change) : known && changed(known, change);
    if (!row) continue;
    isNew ||= !known;
    next.set(row.name, row);
  }
  return isNew ? new Map([...next].sort(([a], [b]) => (a < b ? -1 : 1))) : next;
}

/** A row without GPUs has none: those that are known can be of another address. */
function wholeRow({ whole: _, ...change }: HostChange): Host {
  return change as Host;
}

function changed(host: Host, { gpus, whole: _, ...fields }: HostChange): Host {
  const next: Host = { ...host, ...fields };
  if (gpus && host.gpus) next.gpus = withChanges(host.gpus, gpus);
  return next;
}

/** GPUs that did not change keep their object, so that their cells are not rendered. */
function withChanges(
  gpus: readonly FleetGpu[],
  changes: readonly (Partial<FleetGpu> & { index: number })[],
): FleetGpu[] {
  const by = new Map(changes.map(change => [change.index, change]));
  return gpus.map(gpu => {
    const change = by.get(gpu.index);
    return change ? { ...gpu, ...change } : gpu;
  });
}
