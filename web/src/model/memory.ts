import type { Process } from "../api/types";
import { type Owner, ownerOf } from "./owner";

/** One part of a GPU's memory. */
export type Part =
  | { kind: "owner"; owner: Owner; bytes: number; of: number }
  /** Used, but by no listed process. */
  | { kind: "unattributed"; bytes: number; of: number }
  /** Reserved by driver and firmware. */
  | { kind: "reserved"; bytes: number; of: number };

export interface Division {
  parts: Part[];
  /** Memory of each owner, the most first. */
  owners: { owner: Owner; bytes: number | null }[];
}

export interface Memory {
  total_bytes: number | null;
  used_bytes: number | null;
  reserved_bytes?: number | null;
}

/** Smallest unexplained part of the memory that is drawn; less is the driver's own. */
const MIN_UNEXPLAINED = 0.004;

/**
 * Divides a memory by owner. `of` is the part of the whole, from 0 to 1. All parts together never exceed the whole,
 * and those of owners never what is used: processes that share memory each count all of it. No parts without the
 * total.
 */
export function divide(memory: Memory, processes: readonly Process[]): Division {
  const owners = ownersOf(processes);
  const total = memory.total_bytes;
  if (total === null || total <= 0) return { parts: [], owners };
  const parts: Part[] = [];
  let room = total;
  const put = (bytes: number, wide: number, part: (bytes: number, of: number) => Part) => {
    const fits = Math.min(wide, room);
    room -= fits;
    if (fits > 0) parts.push(part(bytes, fits / total));
  };
  const explained = owners.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
  const used = memory.used_bytes ?? explained;
  const scale = explained > used ? used / explained : 1;
  for (const { owner, bytes } of owners) {
    if (bytes !== null) put(bytes, bytes * scale, (bytes, of) => ({ kind: "owner", owner, bytes, of }));
  }
  const unexplained = Math.max(0, used - explained);
  if (unexplained / total >= MIN_UNEXPLAINED) {
    put(unexplained, unexplained, (bytes, of) => ({ kind: "unattributed", bytes, of }));
  }
  const reserved = memory.reserved_bytes ?? 0;
  put(reserved, reserved, (bytes, of) => ({ kind: "reserved", bytes, of }));
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
