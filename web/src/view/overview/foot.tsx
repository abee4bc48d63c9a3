import type { Gpu, Pod, Use } from "../../api/types";
import { released } from "../../live/store";
import { bytes, plural } from "../../model/format";
import { isTrouble, type Restraint as Restrained, restraints, standing } from "../../model/gpu";
import type { Division } from "../../model/memory";
import { Swatch } from "../../part/bar";
import { CopyButton } from "../../part/copy";
import { memo } from "../../part/memo";
import { Tipped } from "../../part/tipped";

/** So many names fit a card. */
const NAMES = 3;

/** Who is on it, and what holds its clocks down; of a free one, how to take it. */
export function Foot({ gpu, owners }: { gpu: Gpu; owners: Division["owners"] }) {
  const held = restraints(gpu.clocks.event_reasons)[0];
  return (
    <div class="foot">
      {standing(gpu) === "free" && !isTrouble(gpu, released.value) && gpu.uuid !== null ? (
        <Take uuid={gpu.uuid} of={`GPU ${gpu.index}`} />
      ) : (
        <Who owners={owners} {...nobody(gpu.use, gpu.pods)} />
      )}
      {held && <Restraint {...held} />}
    </div>
  );
}

const Restraint = memo(({ word, text, serious }: Restrained) => (
  <Tipped class={serious ? "restraint serious" : "restraint"} tip={text}>
    {word}
  </Tipped>
));

/** By UUID: on hosts with several kinds of GPU CUDA's order is not NVML's. */
export const Take = memo(({ uuid, of }: { uuid: string; of: string }) => {
  const label = "CUDA_VISIBLE_DEVICES";
  return <CopyButton text={`${label}=${uuid}`} label={label} name={`Copy ${label} of ${of}`} />;
});

/** What is said where no process is listed. */
export function nobody(use: Use, pods: readonly Pod[]): { otherwise: string; tip: string | undefined } {
  const [pod] = pods;
  if (pod) {
    const others = pods.length > 1 ? ` and ${plural(pods.length - 1, "other")}` : "";
    return { otherwise: `given to pod ${pod.name}${others}`, tip: pods.map(podName).join("\n") };
  }
  if (use.verdict === "unknown") return { otherwise: "who is on it is unknown", tip: undefined };
  const unattributed = use.unattributed_bytes ?? 0;
  const otherwise = unattributed >= 2 ** 30 ? `nobody listed has its ${bytes(unattributed)}` : "nobody";
  return { otherwise, tip: undefined };
}

interface WhoProps {
  owners: Division["owners"];
  /** What is said where there are none. */
  otherwise: string;
  tip: string | undefined;
}

export const Who = memo(({ owners, otherwise, tip }: WhoProps) => {
  if (owners.length === 0) {
    return (
      <Tipped class="who" tip={tip}>
        {otherwise}
      </Tipped>
    );
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
});

/** A scheduler may have given it away before anybody comes. */
const podName = ({ namespace, name, container }: Pod): string =>
  `pod ${namespace}/${name}, container ${container}`;
