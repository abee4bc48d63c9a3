import type { GpuStatus } from "../model/gpu";
import { Icon } from "./icon";
import { WithTooltip } from "./with-tooltip";

export const WORDS: Record<GpuStatus, string> = {
  free: "free",
  busy: "busy",
  held: "held, idle",
  unknown: "unknown",
  stale: "stale",
  lost: "lost",
  denied: "no access",
  asleep: "asleep",
  error: "error",
};

/** How a GPU stands, by word, shape and colour. */
export function Pill({ status, tooltip, more }: { status: GpuStatus; tooltip?: string; more?: string }) {
  return (
    <WithTooltip class="pill" data-status={status} tooltip={tooltip}>
      <Icon name={status} />
      {WORDS[status]}
      {more && ` ${more}`}
    </WithTooltip>
  );
}
