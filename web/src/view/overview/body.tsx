import type { Gpu } from "../../api/types";
import { MemoryBar } from "../../components/bar";
import { memo } from "../../components/memo";
import { Spark } from "../../components/spark";
import { Absent, Value } from "../../components/value";
import { type Absence, absence, isNever, read } from "../../model/absence";
import { ofTotal, percent, share } from "../../model/format";
import type { Part } from "../../model/memory";
import { Tiles } from "./tiles";

/** Values of a card, greyed together if they are old. */
export function CardBody({ gpu, parts }: { gpu: Gpu; parts: readonly Part[] }) {
  const utilization = read(gpu.absent, "utilization.gpu_percent", gpu.utilization.gpu_percent);
  return (
    <div class="values">
      {!isNever(utilization) && (
        <div class="trend">
          <div>
            <Spark uuid={gpu.uuid} index={gpu.index} />
          </div>
          <p class="big">
            <span class="line">
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
            </span>
          </p>
        </div>
      )}
      {!isPartedAndDenied(gpu) && (
        <MemoryLine
          total={gpu.memory.total_bytes}
          used={gpu.memory.used_bytes}
          unified={gpu.memory.unified === true}
          why={whyOf(gpu)}
          parts={parts}
        />
      )}
      <Tiles gpu={gpu} />
    </div>
  );
}

/** Reason why the used memory is unknown; null if it is known. */
function whyOf({ absent, memory: { total_bytes: total, used_bytes: used } }: Gpu): Absence | null {
  if (total === null) return absence(absent["memory.total_bytes"]);
  return used === null ? absence(absent["memory.used_bytes"]) : null;
}

/** With MIG the GPU's memory may be denied; the instances then report theirs. */
const isPartedAndDenied = (gpu: Gpu): boolean => gpu.mig.length > 0 && gpu.memory.total_bytes === null;

/** Used memory, by owner. */
const MemoryLine = memo(
  ({
    total,
    used,
    unified,
    why,
    parts,
  }: {
    total: number | null;
    used: number | null;
    unified: boolean;
    why: Absence | null;
    parts: readonly Part[];
  }) => {
    const label = unified ? "Memory, shared with the host" : "Memory";
    const isKnown = total !== null && used !== null;
    return (
      <div class="memory">
        <p>
          {isKnown ? (
            <span>{ofTotal(used, total)}</span>
          ) : (
            <Absent why={why ?? absence(undefined)} what={label} />
          )}
          <small>
            {unified
              ? "shared with the host"
              : isKnown && total > 0
                ? `${percent((used / total) * 100)} of memory`
                : "memory"}
          </small>
        </p>
        {isKnown ? <MemoryBar parts={parts} label={label} /> : <div class="bar none" />}
      </div>
    );
  },
);
