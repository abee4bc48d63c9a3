import type { Pod } from "../../api/types";
import { released, type Shown } from "../../live/store";
import { bytes, plural } from "../../model/format";
import { isTrouble, restraints, standing } from "../../model/gpu";
import { divide } from "../../model/memory";
import { Swatch } from "../../part/bar";
import { CopyButton } from "../../part/copy";
import { Tipped } from "../../part/tipped";

/** So many names fit a card. */
const NAMES = 3;

/** Who is on it, and what holds its clocks down; of a free one, how to take it. */
export function Foot({ shown }: { shown: Shown }) {
  const { gpu } = shown;
  const held = restraints(gpu.clocks.event_reasons)[0];
  return (
    <div class="foot">
      {standing(gpu) === "free" && !isTrouble(gpu, released.value) && gpu.uuid !== null ? (
        <Take uuid={gpu.uuid} of={`GPU ${gpu.index}`} />
      ) : (
        <Who shown={shown} />
      )}
      {held && (
        <Tipped class={held.serious ? "restraint serious" : "restraint"} tip={held.text}>
          {held.word}
        </Tipped>
      )}
    </div>
  );
}

/** By UUID: on hosts with several kinds of GPU CUDA's order is not NVML's. */
export function Take({ uuid, of }: { uuid: string; of: string }) {
  const label = "CUDA_VISIBLE_DEVICES";
  return <CopyButton text={`${label}=${uuid}`} label={label} name={`Copy ${label} of ${of}`} />;
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
        <Tipped class="who" tip={pods.map(podName).join("\n")}>
          given to pod {pod.name}
          {pods.length > 1 && ` and ${plural(pods.length - 1, "other")}`}
        </Tipped>
      );
    }
    if (gpu.use.verdict === "unknown") return <span class="who">who is on it is unknown</span>;
    const unknown = unattributed >= 2 ** 30;
    return <span class="who">{unknown ? `nobody listed has its ${bytes(unattributed)}` : "nobody"}</span>;
  }
  const rest = owners.slice(NAMES);
  const told = owners.map(({ owner, bytes: has }) =>
    has === null ? owner.label : `${owner.label}: ${bytes(has)}`,
  );
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: names that are cut off or left out must be had without a mouse
    <ul class="who" data-tip={told.join("\n")} tabIndex={0}>
      {owners.slice(0, NAMES).map(({ owner }) => (
        <li key={owner.key}>
          <Swatch of={owner.key} />
          {owner.label}
        </li>
      ))}
      {rest.length > 0 && (
        <li>
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
