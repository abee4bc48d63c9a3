import type { Pod } from "../../api/types";
import { released, type Shown } from "../../live/store";
import { bytes, plural } from "../../model/format";
import { isTrouble, restraints, standing } from "../../model/gpu";
import { divide } from "../../model/memory";
import { Swatch } from "../../part/bar";
import { CopyButton } from "../../part/copy";

/** So many names fit a card. */
const NAMES = 3;

/** Who is on it, and what holds its clocks down; of a free one, how to take it. */
export function Foot({ shown }: { shown: Shown }) {
  const { gpu } = shown;
  const held = restraints(gpu.clocks.event_reasons)[0];
  return (
    <div class="foot">
      {standing(gpu) === "free" && !isTrouble(gpu, released.value) && gpu.uuid !== null ? (
        <Take uuid={gpu.uuid} />
      ) : (
        <Who shown={shown} />
      )}
      {held && (
        <span class={held.serious ? "restraint serious" : "restraint"} data-tip={held.text}>
          {held.word}
        </span>
      )}
    </div>
  );
}

/** By UUID: on hosts with several kinds of GPU CUDA's order is not NVML's. */
export function Take({ uuid }: { uuid: string }) {
  return <CopyButton text={`CUDA_VISIBLE_DEVICES=${uuid}`} label="CUDA_VISIBLE_DEVICES" />;
}

export function Who({
  shown: { gpu, processes },
  pods = gpu.pods,
}: {
  shown: Pick<Shown, "gpu" | "processes">;
  pods?: readonly Pod[];
}) {
  const { owners } = divide(gpu.memory, processes);
  const unattributed = gpu.use.unattributed_bytes ?? 0;
  if (owners.length === 0) {
    const [pod] = pods;
    if (pod) {
      return (
        <span class="who" data-tip={pods.map(podName).join("\n")}>
          given to pod {pod.name}
          {pods.length > 1 && ` and ${plural(pods.length - 1, "other")}`}
        </span>
      );
    }
    if (gpu.use.verdict === "unknown") return <span class="who">who is on it is unknown</span>;
    const unknown = unattributed >= 2 ** 30;
    return <span class="who">{unknown ? `nobody listed has its ${bytes(unattributed)}` : "nobody"}</span>;
  }
  const rest = owners.slice(NAMES);
  return (
    <ul class="who">
      {owners.slice(0, NAMES).map(({ owner, bytes: has }) => (
        <li key={owner.key} data-tip={has === null ? owner.label : `${owner.label}: ${bytes(has)}`}>
          <Swatch of={owner.key} />
          {owner.label}
        </li>
      ))}
      {rest.length > 0 && (
        <li data-tip={rest.map(({ owner }) => owner.label).join(", ")}>
          <span aria-hidden="true">+{rest.length}</span>
          <span class="unseen">and {plural(rest.length, "other")}</span>
        </li>
      )}
    </ul>
  );
}

/** A scheduler may have given it away before anybody comes. */
const podName = ({ namespace, name, container }: Pod): string =>
  `pod ${namespace}/${name}, container ${container}`;
