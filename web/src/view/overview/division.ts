import { useMemo } from "preact/hooks";
import type { Process } from "../../api/types";
import { type Division, divide, type Memory } from "../../model/memory";
import { ownerOf } from "../../model/owner";

/** Division of a memory, as the same object while it is the same. */
export function useMemoryDivision(memory: Memory, processes: readonly Process[]): Division {
  const whose = processes.map(process => `${ownerOf(process).key}\n${process.gpu_memory_bytes}`);
  const key = [memory.total_bytes, memory.used_bytes, memory.reserved_bytes, ...whose].join("\n");
  return useMemo(() => divide(memory, processes), [key]);
}
