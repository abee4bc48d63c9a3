/** Answers of the hub, as far as the page reads them. */

import type { Claim } from "../api/types";

export type HostState = "ok" | "starting" | "stale" | "unreachable" | "refused";

/** Origin of a host's values. */
export type Source = "agent" | "older_agent" | "original" | "engine";

/** A MIG instance. */
export interface Instance {
  label: string;
  uuid: string | null;
  profile: string | null;
  memory_total_bytes: number | null;
  memory_free_bytes: number | null;
  use: string;
  since: number | null;
  users: string[] | null;
  /** Null if nobody has claimed it; absent on hubs of earlier releases. */
  claim?: FleetClaim | null;
}

/** Claim of a device; its fields are null if they are hidden. */
export type FleetClaim = Pick<Claim, "kind" | "pid" | "until" | "user" | "why">;

export interface FleetGpu {
  index: number;
  uuid: string | null;
  name: string | null;
  memory_total_bytes: number | null;
  memory_free_bytes: number | null;
  utilization_percent: number | null;
  power_watts: number | null;
  temperature_celsius: number | null;
  /** Null if the source does not report it. */
  state: string | null;
  use: string;
  /** Use by the last report of a host that does not report now. */
  last_use?: string | null;
  since: number | null;
  /** Null if the source does not judge it. */
  health: string | null;
  /** Null if they are not known, or hidden. */
  users: string[] | null;
  claim?: FleetClaim | null;
  mig: Instance[];
}

export interface UseCounts {
  free: number;
  held: number;
  busy: number;
  unknown: number;
}

export interface Counts {
  gpus: UseCounts;
  mig: { free: number };
}

export interface Host {
  name: string;
  labels: Record<string, string>;
  state: HostState;
  original: boolean;
  /** Null before the first report. */
  source: Source | null;
  error: string | null;
  /** Start of the state, Unix time in milliseconds. */
  since: number | null;
  /** Time of the newest reading by the hub's clock; null before the first. */
  read_at: number | null;
  agent_version: string | null;
  driver_version: string | null;
  ssh_host: string | null;
  problems: string[];
  notes: string[];
  counts: Counts;
  /** Missing for hosts whose GPUs were not requested. */
  gpus?: FleetGpu[];
}

export interface FleetTotals {
  hosts: Record<HostState, number>;
  gpus: UseCounts;
  mig: { free: number };
  memory_total_bytes: number | null;
  memory_free_bytes: number | null;
  power_watts: number | null;
}

/** `/api/v1/fleet`, and the event `fleet`. */
export interface Fleet {
  at: number;
  hosts: Host[];
  totals: FleetTotals;
  /** Problems of the hub's own files and lists. */
  notes?: string[];
}

/** Changed fields of a host, and of its GPUs by index. With `whole` it is a whole row. */
export type HostChange = Partial<Omit<Host, "gpus">> & {
  name: string;
  whole?: boolean;
  gpus?: (Partial<FleetGpu> & { index: number })[];
};

/** The event `hosts`. */
export interface FleetChange {
  at: number;
  hosts?: HostChange[];
  removed?: string[];
  totals?: FleetTotals;
  notes?: string[];
}

/** Reason why devices of a host do not fit. */
export interface Missing {
  what: string;
  devices: number;
}

/** `/api/v1/find`. */
export interface Found {
  found: boolean;
  choices: {
    host: string;
    devices: { index: number; uuid: string; name: string | null; memory_free_bytes: number | null }[];
    cuda_visible_devices: string;
    command: string | null;
  }[];
  nearest: { host: string; fitting: number; missing: Missing[] }[];
}
