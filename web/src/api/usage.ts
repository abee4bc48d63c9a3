/** Answers of `api/v1/usage` and `api/v1/sessions`, as far as the page reads them. */

/** Sums of a group or a session, in the API's units. */
export interface UsageSums {
  gpu_seconds: number;
  busy_gpu_seconds: number;
  idle_gpu_seconds: number;
  allocated_gpu_seconds: number | null;
  energy_joules: number;
  peak_memory_bytes: number;
}

/** Group of holders, with a key for each dimension of the query; null where it is unknown. */
export interface UsageRow extends UsageSums {
  user?: string | null;
  /** Index of the GPU; null if it is no longer known. */
  gpu?: number | null;
  uuid?: string | null;
  job?: string | null;
  pod?: string | null;
  container?: string | null;
  model?: string | null;
  day?: string | null;
  hour_of_day?: number | null;
  sessions: number;
}

export interface UsageReport {
  since: number;
  until: number;
  /** Dimensions of the rows. */
  by: string[];
  /** Time zone of the agent, as an IANA name. */
  tz: string;
  /** False if usage is kept in memory only. */
  persistent: boolean;
  /** Problem with the store; null if there is none. */
  note: string | null;
  /** False if users, containers, pods and jobs are not stored. */
  people: boolean;
  price_gpu_hour: { amount: number; currency: string } | null;
  device_seconds: number;
  free_gpu_seconds: number;
  unknown_gpu_seconds: number;
  unassigned_gpu_seconds: number;
  unobserved_gpu_seconds: number;
  energy_joules: number;
  rows: UsageRow[];
}

/** One holder on one device, from the first sample to the last. */
export interface Session extends UsageSums {
  id: string;
  gpu: number | null;
  uuid: string | null;
  /** Name of the MIG instance; null for a whole GPU. */
  mig: string | null;
  mig_uuid: string | null;
  user: string | null;
  container: string | null;
  pod: string | null;
  job: string | null;
  first_at: number;
  last_at: number;
  open: boolean;
  command: string | null;
  processes: number;
}

export interface SessionsPage {
  sessions: Session[];
  /** Cursor of the next page; null on the last. */
  next: string | null;
}
