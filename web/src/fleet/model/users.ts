import { migName } from "../../model/mig";
import type { Host } from "../types";

/** GPUs and MIG instances of a user on a host. */
export interface Place {
  host: string;
  /** Names of GPUs and instances, such as `3` and `0 · 1g.10gb`. */
  names: string[];
}

/** Use of the fleet by a user. */
export interface User {
  name: string;
  places: Place[];
  /** Number of GPUs and instances. */
  devices: number;
  /** Number of them that are idle, with memory held. */
  held: number;
  /**
   * Used memory of GPUs and instances that the user has alone; null if there is none. Parts of a shared one are not
   * known.
   */
  memory: number | null;
  /** True if the user shares a GPU or an instance with others. */
  shares: boolean;
}

interface Device {
  name: string;
  use: string;
  users: string[] | null;
  memory_total_bytes: number | null;
  memory_free_bytes: number | null;
}

/** Users of hosts that report, those with the most devices first. */
export function usersOf(hosts: Iterable<Host>): User[] {
  const found = new Map<string, User>();
  for (const host of hosts) {
    if (host.state !== "ok") continue;
    for (const device of devicesOf(host)) {
      for (const name of new Set(device.users)) add(found, name, host.name, device);
    }
  }
  return [...found.values()].sort((a, b) => b.devices - a.devices || (a.name < b.name ? -1 : 1));
}

function devicesOf({ gpus = [] }: Host): Device[] {
  return gpus.flatMap((gpu): Device[] =>
    gpu.mig.length > 0
      ? gpu.mig.map(each => ({ ...each, name: migName(gpu.index, each.label) }))
      : [{ ...gpu, name: String(gpu.index) }],
  );
}

function add(found: Map<string, User>, name: string, host: string, device: Device): void {
  let user = found.get(name);
  if (!user) {
    user = { name, places: [], devices: 0, held: 0, memory: null, shares: false };
    found.set(name, user);
  }
  // Devices come host by host.
  let place = user.places.at(-1);
  if (place?.host !== host) {
    place = { host, names: [] };
    user.places.push(place);
  }
  place.names.push(device.name);
  user.devices += 1;
  if (device.use === "held") user.held += 1;
  if ((device.users?.length ?? 0) > 1) user.shares = true;
  else if (device.memory_total_bytes !== null && device.memory_free_bytes !== null) {
    user.memory = (user.memory ?? 0) + device.memory_total_bytes - device.memory_free_bytes;
  }
}
