import type { Process } from "../api/types";
import { type Owner, ownerOf } from "./owner";

/** One part of a GPU's memory. */
export type Part =
  | { kind: "owner"; owner: Owner; bytes: number; of: number }
  /** In use, but no listed process explains it. */
  | { kind: "unattributed"; bytes: number; of: number }
  /** By driver and firmware. */
  | { kind: "reserved"; bytes: number; of: number };

export interface Division {
  parts: Part[];
  /** What each owner has, the most first. */
  owners: { owner: Owner; bytes: number | null }[];
}

interface Memory {
  total_bytes: number | null;
  used_bytes: number | null;
  reserved_bytes?: number | null;
}

/** Less than this that nobody explains is the driver's own, and not worth a stripe. */
const WORTH_A_STRIPE = 0.004;

/**
 * Divides a memory by whose it is. `of` is the part of the whole, from 0 to 1; together they never exceed it. Nothing is
 * known without the total.
 */
export function divide(memory: Memory, processes: readonly Process[]): Division {
  const owners = ownersOf(processes);
  const total = memory.total_bytes;
  if (total === null || total <= 0) return { parts: [], owners };
  const parts: Part[] = [];
  let room = total;
  const put = (bytes: number, part: (bytes: number, of: number) => Part) => {
    const fits = Math.min(bytes, room);
    room -= fits;
    if (fits > 0) parts.push(part(fits, fits / total));
  };
  let explained = 0;
  for (const { owner, bytes } of owners) {
    if (bytes === null) continue;
    explained += bytes;
    put(bytes, (bytes, of) => ({ kind: "owner", owner, bytes, of }));
  }
  const unexplained = Math.max(0, (memory.used_bytes ?? explained) - explained);
  if (unexplained / total >= WORTH_A_STRIPE) {
    put(unexplained, (bytes, of) => ({ kind: "unattributed", bytes, of }));
  }
  put(memory.reserved_bytes ?? 0, (bytes, of) => ({ kind: "reserved", bytes, of }));
  return { parts, owners };
}

function ownersOf(processes: readonly Process[]): Division["owners"] {
  const found = new Map<string, { owner: Owner; bytes: number | null }>();
  for (const process of processes) {
    const owner = ownerOf(process);
    const entry = found.get(owner.key) ?? { owner, bytes: null };
    if (process.gpu_memory_bytes !== null) entry.bytes = (entry.bytes ?? 0) + process.gpu_memory_bytes;
    found.set(owner.key, entry);
  }
  return [...found.values()].sort(
    (a, b) => (b.bytes ?? -1) - (a.bytes ?? -1) || (a.owner.key < b.owner.key ? -1 : 1),
  );
}
