import type { Gpu, Pod, Use } from "../../api/types";
import { Swatch } from "../../components/bar";
import { CopyButton } from "../../components/copy";
import { memo } from "../../components/memo";
import { WithTooltip } from "../../components/with-tooltip";
import { released } from "../../live/store";
import { bytes, plural } from "../../model/format";
import { isTrouble, statusOf, type ThrottleReason, throttleReasons } from "../../model/gpu";
import type { Division } from "../../model/memory";
import { MIN_UNATTRIBUTED } from "../../model/processes";

/** Names that fit on a card. */
const MAX_NAMES = 3;

/** Owners and throttling; for a free GPU, a button to use it. */
export function Footer({ gpu, owners }: { gpu: Gpu; owners: Division["owners"] }) {
  const held = throttleReasons(gpu.clocks.event_reasons)[0];
  return (
    <div class="foot">
      {statusOf(gpu) === "free" && !isTrouble(gpu, released.value) && gpu.uuid !== null ? (
        <Take uuid={gpu.uuid} of={`GPU ${gpu.index}`} />
      ) : (
        <Who owners={owners} {...nobody(gpu.use, gpu.pods)} />
      )}
      {held && <Throttle {...held} />}
    </div>
  );
}

const Throttle = memo(({ word, text, serious }: ThrottleReason) => (
  <WithTooltip class={serious ? "restraint serious" : "restraint"} tooltip={text}>
    {word}
  </WithTooltip>
));

/** Copies the UUID: with several kinds of GPU, CUDA's order is not NVML's. */
export const Take = memo(({ uuid, of }: { uuid: string; of: string }) => {
  const label = "CUDA_VISIBLE_DEVICES";
  return <CopyButton text={`${label}=${uuid}`} label={label} name={`Copy ${label} of ${of}`} />;
});

/** Text for a GPU without listed processes. */
export function nobody(use: Use, pods: readonly Pod[]): { otherwise: string; tooltip: string | undefined } {
  const [pod] = pods;
  if (pod) {
    const others = pods.length > 1 ? ` and ${plural(pods.length - 1, "other")}` : "";
    return { otherwise: `allocated to pod ${pod.name}${others}`, tooltip: pods.map(podName).join("\n") };
  }
  if (use.verdict === "unknown") return { otherwise: "processes unknown", tooltip: undefined };
  const unattributed = use.unattributed_bytes ?? 0;
  const otherwise =
    unattributed >= MIN_UNATTRIBUTED
      ? `${bytes(unattributed)} used by processes not visible here`
      : "no process";
  return { otherwise, tooltip: undefined };
}

interface WhoProps {
  owners: Division["owners"];
  /** Text without owners. */
  otherwise: string;
  tooltip: string | undefined;
}

export const Who = memo(({ owners, otherwise, tooltip }: WhoProps) => {
  if (owners.length === 0) {
    return (
      <WithTooltip class="who" tooltip={tooltip}>
        {otherwise}
      </WithTooltip>
    );
  }
  const rest = owners.slice(MAX_NAMES);
  const descriptions = owners.map(({ owner, bytes: has }) =>
    has === null ? owner.label : `${owner.label}: ${bytes(has)}`,
  );
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: names that are cut off or left out must be had without a mouse
    <ul class="who" data-tooltip={descriptions.join("\n")} tabIndex={0}>
      {owners.slice(0, MAX_NAMES).map(({ owner }) => (
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

/** A scheduler may have allocated it before a process starts. */
const podName = ({ namespace, name, container }: Pod): string =>
  `pod ${namespace}/${name}, container ${container}`;
