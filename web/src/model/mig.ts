import type { Gpu, Process } from "../api/types";

type Instances = Pick<Gpu, "index" | "mig">;
type Placed = Pick<Process, "gpu_instance" | "compute_instance">;

/** Numbers of MIG instances by use. */
export type MigCounts = Record<"free" | "busy" | "held" | "unknown", number>;

/** Counts the uses of MIG instances; null without an instance. */
export function countMig(uses: readonly string[]): MigCounts | null {
  if (uses.length === 0) return null;
  const by: MigCounts = { free: 0, busy: 0, held: 0, unknown: 0 };
  for (const use of uses) by[use === "free" || use === "busy" || use === "held" ? use : "unknown"] += 1;
  return by;
}

/** Instance of a process; undefined for a process on a whole GPU. */
export const instanceOf = (gpu: Instances | undefined, process: Placed): Gpu["mig"][number] | undefined =>
  process.gpu_instance === null
    ? undefined
    : gpu?.mig.find(
        mig => mig.gpu_instance === process.gpu_instance && mig.compute_instance === process.compute_instance,
      );

/** Name of an instance on every view: `0 · 3g.40gb`. */
export const migName = (index: number, label: string): string => `${index} · ${label}`;

/** Name of the GPU or MIG instance of a process. */
export function placeName(gpu: Instances | undefined, process: Placed & Pick<Process, "gpu">): string {
  if (process.gpu_instance === null) return String(process.gpu);
  return migName(process.gpu, instanceOf(gpu, process)?.label ?? `GI ${process.gpu_instance}`);
}
