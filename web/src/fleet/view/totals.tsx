import { Icon } from "../../components/icon";
import { Meter } from "../../components/meter";
import { bytes, count, joined, power } from "../../model/format";
import { totals } from "../live/store";
import { gpuCount } from "../model/host";
import { format } from "../route";
import type { HostState } from "../types";

const USES = [
  ["free", "free"],
  ["busy", "busy"],
  ["held", "idle, held"],
  ["unknown", "unknown"],
] as const;

const STATES: readonly HostState[] = ["ok", "starting", "stale", "unreachable", "refused"];
const SEVERITIES: Partial<Record<HostState, string>> = {
  stale: "warning",
  unreachable: "critical",
  refused: "critical",
};

/** GPUs by use, hosts by state, memory and power of the fleet. */
export function Totals() {
  const all = totals.value;
  if (!all) return null;
  const { gpus, mig, hosts } = all;
  return (
    <section class="strip" aria-label="Totals">
      <div class="counts">
        <ul>
          {USES.filter(([use], at) => at < 3 || gpus[use] > 0).map(([use, word]) => (
            <li key={use} data-status={gpus[use] > 0 ? use : "none"}>
              <Icon name={use} />
              <b>{count(gpus[use])}</b> {word}
            </li>
          ))}
          {mig.free > 0 && (
            <li data-status="free">
              <Icon name="free" />
              <b>{count(mig.free)}</b> MIG free
            </li>
          )}
        </ul>
        <p class="fine">of {count(gpuCount(gpus))} GPUs</p>
      </div>
      {all.memory_free_bytes !== null && all.memory_total_bytes ? (
        <div class="sum">
          <p>
            <b>{bytes(all.memory_free_bytes)}</b> free
          </p>
          <Meter of={1 - all.memory_free_bytes / all.memory_total_bytes} />
          <small>of {bytes(all.memory_total_bytes)} memory</small>
        </div>
      ) : null}
      {all.power_watts !== null && (
        <div class="sum">
          <p>
            <b>{joined(power(all.power_watts))}</b>
          </p>
          <Meter of={null} />
          <small>power</small>
        </div>
      )}
      <ul class="states" aria-label="Hosts by state">
        {STATES.filter(state => state === "ok" || hosts[state] > 0).map(state => (
          <li key={state}>
            <a
              href={format({ view: "hosts", query: { q: `state:${state}` } })}
              data-severity={SEVERITIES[state]}
            >
              <b>{count(hosts[state])}</b> {state}
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}
