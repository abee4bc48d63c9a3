import type { GpuStatus } from "../model/gpu";
import { Icon } from "./icon";
import { WithTooltip } from "./with-tooltip";

export const STATUS_LABELS: Record<GpuStatus, string> = {
  free: "free",
  busy: "busy",
  held: "idle, memory held",
  unknown: "unknown",
  stale: "stale",
  lost: "lost",
  denied: "no access",
  asleep: "asleep",
  error: "error",
};

/** Status of a GPU by word, shape and colour; `idle` is the time for which a held one has been idle. */
export function Pill({ status, tooltip, idle }: { status: GpuStatus; tooltip?: string; idle?: string }) {
  return (
    <WithTooltip class="pill" data-status={status} tooltip={tooltip}>
      <Icon name={status} />
      {idle ? (
        <span>
          idle {idle}
          <span class="wide">, memory held</span>
        </span>
      ) : (
        STATUS_LABELS[status]
      )}
    </WithTooltip>
  );
}
