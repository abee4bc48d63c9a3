import type { Gpu, Process, Snapshot } from "../api/types";
import { instanceOf, placeName } from "./mig";
import { type Owner, ownerOf } from "./owner";
import { add } from "./processes";

export interface IdleHold {
  gpu: number;
  /** Name of the GPU or MIG instance. */
  place: string;
  since: number;
  bytes: number | null;
}

/**
 * Use by an account or a container. `/api/v1/users` also keeps apart accounts of one name by uid, and containers of one
 * ID by runtime, which processes do not have for each owner.
 */
export interface User {
  owner: Owner;
  gpus: number[];
  /** GPUs and MIG instances, by name. */
  places: { gpu: number; name: string }[];
  /** Without duplicates. */
  processes: number;
  gpuMemory: number | null;
  sm: number | null;
  startedAt: number | null;
  held: IdleHold[];
}

export function usersOf(snapshot: Pick<Snapshot, "gpus" | "processes">): User[] {
  const gpus = new Map(snapshot.gpus.map(gpu => [gpu.index, gpu]));
  const found = new Map<string, User & { pids: Set<number | string> }>();
  for (const process of snapshot.processes) {
    const owner = ownerOf(process);
    let user = found.get(owner.key);
    if (!user) {
      user = {
        owner,
        gpus: [],
        places: [],
        processes: 0,
        gpuMemory: null,
        sm: null,
        startedAt: null,
        held: [],
        pids: new Set(),
      };
      found.set(owner.key, user);
    }
    if (!user.gpus.includes(process.gpu)) user.gpus.push(process.gpu);
    const gpu = gpus.get(process.gpu);
    const name = placeName(gpu, process);
    if (!user.places.some(place => place.name === name)) user.places.push({ gpu: process.gpu, name });
    user.pids.add(process.pid ?? `${process.gpu} ${user.pids.size}`);
    user.processes = user.pids.size;
    user.gpuMemory = add(user.gpuMemory, process.gpu_memory_bytes);
    user.sm = add(user.sm, process.sm_percent);
    if (process.started_at !== null)
      user.startedAt = Math.min(user.startedAt ?? Infinity, process.started_at);
    hold(user, process, gpu);
  }
  for (const user of found.values()) {
    user.gpus.sort((a, b) => a - b);
    user.places.sort((a, b) => a.gpu - b.gpu || (a.name < b.name ? -1 : 1));
  }
  return [...found.values()].map(({ pids: _, ...user }) => user);
}

function hold(user: User, process: Process, gpu: Gpu | undefined): void {
  const use = instanceOf(gpu, process)?.use ?? gpu?.use;
  if (use?.verdict !== "held") return;
  const place = placeName(gpu, process);
  const before = user.held.find(held => held.place === place && held.since === use.since);
  if (before) before.bytes = add(before.bytes, process.gpu_memory_bytes);
  else user.held.push({ gpu: process.gpu, place, since: use.since, bytes: process.gpu_memory_bytes });
}
