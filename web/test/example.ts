import examples from "../../crates/server/assets/examples.json";
import type { Gpu, Process, Snapshot, User } from "../src/api/types";

/** Answers of the agent for its example host; its own tests keep the file up to date. */
const answers = examples as unknown as Record<string, unknown>;

export const snapshot = answers["/api/v1/snapshot"] as Snapshot;
export const users = answers["/api/v1/users"] as User[];

function first<T>(list: readonly T[]): T {
  const [found] = list;
  if (found === undefined) throw new Error("the example is empty");
  return found;
}

/** A value with any parts of its parts. */
type Some<T> = { [K in keyof T]?: T[K] extends object ? Partial<T[K]> : T[K] };

/** The example's first GPU, with changes. */
export function gpu(changes: Some<Gpu> = {}): Gpu {
  const made: Record<string, unknown> = structuredClone(first(snapshot.gpus)) as never;
  for (const [key, value] of Object.entries(changes)) {
    const merges = typeof value === "object" && value !== null && !Array.isArray(value);
    made[key] = merges ? { ...(made[key] as object), ...value } : value;
  }
  return made as unknown as Gpu;
}

/** The example's first process, with changes; it counts for its user. */
export const process = (changes: Partial<Process> = {}): Process => ({
  ...structuredClone(first(snapshot.processes)),
  ...(changes.user === undefined ? {} : { owner: changes.user }),
  ...changes,
});
