import { MemoryBar } from "../../components/bar";
import { ClaimLine } from "../../components/claim-line";
import { Pill } from "../../components/pill";
import { Value } from "../../components/value";
import type { Shown } from "../../live/store";
import { read } from "../../model/absence";
import { ofTotal, ratio } from "../../model/format";
import { verdict } from "../../model/gpu";
import { divide } from "../../model/memory";
import { instanceOf, migName } from "../../model/mig";
import { nobody, Take, Who } from "./footer";

/** MIG instances of a GPU, each with its memory, owners and use. */
export function Instances({ shown: { gpu, processes } }: { shown: Shown }) {
  return (
    <ul class="instances">
      {gpu.mig.map((mig, at) => {
        const own = processes.filter(process => instanceOf(gpu, process) === mig);
        const name = migName(gpu.index, mig.label);
        const memory = { total_bytes: mig.memory_total_bytes, used_bytes: mig.memory_used_bytes };
        const known = memory.total_bytes === null ? null : memory.used_bytes;
        const { parts, owners } = divide(memory, own);
        const label = `Memory of ${name}`;
        return (
          <li key={mig.uuid ?? at}>
            <p>
              <b>{name}</b>
              <Value
                of={read(gpu.absent, `mig.${at}.memory_total_bytes`, known)}
                what={label}
                show={used => <span>{ofTotal(used, memory.total_bytes ?? 0)}</span>}
              />
              {mig.activity.graphics_ratio !== null && (
                <span>{ratio(mig.activity.graphics_ratio)} at work</span>
              )}
              <Pill status={verdict(mig.use.verdict)} />
            </p>
            {known === null ? <div class="bar none" /> : <MemoryBar parts={parts} label={label} />}
            {mig.use.verdict === "free" && mig.uuid !== null ? (
              <Take uuid={mig.uuid} of={`MIG ${name}`} />
            ) : (
              <Who owners={owners} {...nobody(mig.use, mig.pods)} />
            )}
            <ClaimLine of={mig} />
          </li>
        );
      })}
    </ul>
  );
}
