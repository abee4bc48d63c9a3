import type { Gpu, Process } from "../../api/types";
import { Value } from "../../components/value";
import { colours } from "../../live/store";
import { read } from "../../model/absence";
import { bytes } from "../../model/format";
import { instanceOf } from "../../model/mig";
import { ownerOf } from "../../model/owner";

/** Memory of a process and its share of the GPU's, or the instance's. */
export function GpuMemory({ process, gpu }: { process: Process; gpu: Gpu | undefined }) {
  const total = totalOf(process, gpu);
  const has = process.gpu_memory_bytes;
  return (
    <span class="has">
      <Value quiet of={read(process.absent, "gpu_memory_bytes", has)} show={bytes} />
      {has !== null && total !== null && total > 0 && (
        <span class="bar mini" aria-hidden="true">
          <i data-colour={colours.of(ownerOf(process).key)} style={{ "--of": Math.min(1, has / total) }} />
        </span>
      )}
    </span>
  );
}

function totalOf(process: Process, gpu: Gpu | undefined): number | null {
  if (!gpu) return null;
  if (process.gpu_instance === null) return gpu.memory.total_bytes;
  return instanceOf(gpu, process)?.memory_total_bytes ?? null;
}
