import type { Gpu } from "../../api/types";
import { Icon } from "../../components/icon";
import { agentNow, now, type Shown } from "../../live/store";
import { duration } from "../../model/format";
import { UNREAD } from "../../model/gpu";

/** Problems of a GPU and the age of its values; with `whole`, also the remedies. */
export function Problems({ shown: { gpu, asOf }, whole = false }: { shown: Shown; whole?: boolean }) {
  const state = STATES[gpu.state];
  const reasons = gpu.health.reasons.filter(reason => reason.code !== gpu.state);
  const visible = whole ? reasons : reasons.slice(0, MAX_REASONS);
  if (gpu.state === "ok" && reasons.length === 0) return null;
  return (
    <div class="trouble">
      {gpu.state !== "ok" && (
        <p data-severity={gpu.state === "asleep" ? "info" : gpu.state === "lost" ? "critical" : "warning"}>
          <b>{state ?? `State: ${gpu.state}.`}</b> {gpu.state_detail ?? actionOf(gpu)}
        </p>
      )}
      {visible.map(reason => (
        <p
          key={reason.code}
          data-severity={gpu.health.verdict}
          data-tooltip={whole ? undefined : reason.action || undefined}
        >
          <Icon name={gpu.health.verdict === "critical" ? "critical" : "warning"} /> {capital(reason.text)}
          {whole && reason.action && <span class="fine">. {reason.action}</span>}
        </p>
      ))}
      {reasons.length > visible.length && <p class="fine">And {reasons.length - visible.length} more.</p>}
      {asOf !== null && <Since at={asOf} />}
    </div>
  );
}

/** Reasons that fit on a card; the GPU's view has them all. */
const MAX_REASONS = 2;

const STATES: Record<string, string> = {
  [UNREAD]: "Not read now.",
  stale: "No answer in time.",
  lost: "Fallen off the bus.",
  denied: "No permission to read it.",
  asleep: "Asleep; the agent does not wake it.",
  error: "Reading failed.",
};

const actionOf = (gpu: Gpu): string =>
  gpu.health.reasons.find(reason => reason.code === gpu.state)?.action ?? "";

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function Since({ at }: { at: number }) {
  void now.value;
  return <p class="fine">Values are {duration(agentNow() - at)} old.</p>;
}
