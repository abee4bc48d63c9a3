import type { FleetGpu, Host } from "../../src/fleet/types";

export const GIB = 2 ** 30;

export const gpuOf = (more: Partial<FleetGpu> = {}): FleetGpu => ({
  index: 0,
  uuid: "GPU-0",
  name: "NVIDIA H100 80GB HBM3",
  memory_total_bytes: 80 * GIB,
  memory_free_bytes: 79 * GIB,
  utilization_percent: 0,
  power_watts: 80,
  temperature_celsius: 30,
  state: "ok",
  use: "free",
  since: 0,
  health: "ok",
  users: [],
  mig: [],
  ...more,
});

/** A host, whose counts are those of its GPUs. */
export function hostOf(name: string, gpus: FleetGpu[] = [gpuOf()], more: Partial<Host> = {}): Host {
  const counts = { gpus: { free: 0, held: 0, busy: 0, unknown: 0 }, mig: { free: 0 } };
  for (const { use, mig } of gpus) {
    const isKnown = (more.state ?? "ok") === "ok";
    counts.gpus[(isKnown ? use : "unknown") as "free"] += 1;
    counts.mig.free += mig.filter(each => isKnown && each.use === "free").length;
  }
  return {
    name,
    labels: {},
    state: "ok",
    original: false,
    source: "agent",
    error: null,
    since: 0,
    read_at: 0,
    agent_version: "0.2.0",
    driver_version: "580.95.05",
    ssh_host: null,
    problems: [],
    notes: [],
    counts,
    gpus,
    ...more,
  };
}
