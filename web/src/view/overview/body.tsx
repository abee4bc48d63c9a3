import type { Gpu } from "../../api/types";
import type { Shown } from "../../live/store";
import { isNever, read } from "../../model/absence";
import { ofTotal, percent, share } from "../../model/format";
import { divide } from "../../model/memory";
import { MemoryBar } from "../../part/bar";
import { Spark } from "../../part/spark";
import { Value } from "../../part/value";
import { Tiles } from "./tiles";

/** The numbers of a card. What is of then and not of now is greyed as one. */
export function CardBody({ shown }: { shown: Shown }) {
  const { gpu } = shown;
  const utilization = read(gpu.absent, "utilization.gpu_percent", gpu.utilization.gpu_percent);
  return (
    <div class="values">
      {!isNever(utilization) && (
        <div class="trend">
          <Spark uuid={gpu.uuid} index={gpu.index} />
          <p class="big">
            <span class="unseen">Utilization </span>
            <Value
              of={utilization}
              what="Utilization"
              show={value => (
                <>
                  <b>{share(value)}</b>
                  <small>%</small>
                </>
              )}
            />
          </p>
        </div>
      )}
      {!isPartedAndDenied(gpu) && <MemoryLine shown={shown} />}
      <Tiles gpu={gpu} />
    </div>
  );
}

/** Of a GPU cut into instances the whole's memory may be denied; the instances then tell it. */
const isPartedAndDenied = (gpu: Gpu): boolean => gpu.mig.length > 0 && gpu.memory.total_bytes === null;

export function MemoryLine({ shown: { gpu, processes } }: { shown: Pick<Shown, "gpu" | "processes"> }) {
  const { total_bytes: total, used_bytes: used, unified } = gpu.memory;
  const { parts } = divide(gpu.memory, processes);
  const label = unified ? "Memory, shared with the host" : "Memory";
  return (
    <div class="memory">
      <p>
        <Value
          of={read(
            gpu.absent,
            total === null ? "memory.total_bytes" : "memory.used_bytes",
            total === null ? null : used,
          )}
          what={label}
          show={used => <span>{ofTotal(used, total ?? 0)}</span>}
        />
        <small>
          {unified
            ? "shared with the host"
            : total && used !== null
              ? `${percent((used / total) * 100)} of memory`
              : "memory"}
        </small>
      </p>
      {total !== null && used !== null && <MemoryBar parts={parts} label={label} />}
      {(total === null || used === null) && <div class="bar none" />}
    </div>
  );
}
