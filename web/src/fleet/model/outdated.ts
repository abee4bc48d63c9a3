import type { FleetGpu, FleetTotals, Host, UseCounts } from "../types";
import { gpuCount, isCurrent } from "./host";
import type { Hosts } from "./merge";

/** Hosts as they are shown while the page is not live: no GPU of any is known to be free. */
export const outdatedHosts = (hosts: Hosts): Hosts =>
  new Map([...hosts].map(([name, host]) => [name, outdated(host)]));

/** The hub counts nothing as free of a host that is not current. */
function outdated(host: Host): Host {
  if (!isCurrent(host)) return host;
  const counts = { gpus: unknown(host.counts.gpus), mig: { free: 0 } };
  const gpus = host.gpus && { gpus: host.gpus.map(outdatedGpu) };
  return { ...host, state: "stale", since: null, counts, ...gpus };
}

const outdatedGpu = (gpu: FleetGpu): FleetGpu => ({
  ...gpu,
  use: "unknown",
  last_use: gpu.use,
  mig: gpu.mig.map(each => ({ ...each, use: "unknown" })),
});

const unknown = (counts: UseCounts): UseCounts => ({
  free: 0,
  held: 0,
  busy: 0,
  unknown: gpuCount(counts),
});

/** Totals as they are shown while the page is not live: sums are those of hosts that are ok. */
export const outdatedTotals = ({ hosts, gpus }: FleetTotals): FleetTotals => ({
  hosts: { ...hosts, ok: 0, stale: hosts.stale + hosts.ok },
  gpus: unknown(gpus),
  mig: { free: 0 },
  memory_total_bytes: null,
  memory_free_bytes: null,
  power_watts: null,
});
