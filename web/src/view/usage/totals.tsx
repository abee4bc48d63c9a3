import { SPACE } from "../../model/format";
import { hours, kilowattHours, ofTenths, type PartKind, type Times, timeParts } from "../../model/usage";

const WORDS: Record<PartKind, [word: string, about: string]> = {
  held: ["in use", "Somebody had the GPU."],
  others: ["everything else", "Other users, and GPUs that nobody had."],
  free: ["free", "Nobody had the GPU."],
  unknown: ["unknown", "The GPU was read, but who had it could not be."],
  unassigned: ["unassigned", "MIG slices that were in no instance."],
  unobserved: ["not observed", "The GPU was not read, or the agent did not run."],
};

/** Device time of the period by its use; the parts add up to 100 %. */
export function Totals({
  report,
  isFiltered,
}: {
  report: Times & { energy_joules: number };
  isFiltered: boolean;
}) {
  const parts = timeParts(report, isFiltered);
  return (
    <div class="totals">
      <p>
        <b>{hours(report.device_seconds)}</b> GPU-hours
        {!isFiltered && (
          <>
            , <b>{kilowattHours(report.energy_joules)}</b>
            {SPACE}kWh
          </>
        )}
      </p>
      <div class="bar" aria-hidden="true">
        {parts.map(({ kind, seconds }) => (
          <i
            key={kind}
            class={kind}
            data-tooltip={`${WORDS[kind][0]}: ${hours(seconds)} GPU-hours. ${WORDS[kind][1]}`}
            style={{ "--of": seconds / report.device_seconds }}
          />
        ))}
      </div>
      <ul aria-label="Device time by use">
        {parts.map(({ kind, seconds, tenths }) => (
          <li key={kind} data-tooltip={WORDS[kind][1]}>
            <i class={`part ${kind}`} aria-hidden="true" />
            {WORDS[kind][0]} <b>{ofTenths(tenths)}</b>{" "}
            <small>
              {hours(seconds)}
              {SPACE}h
            </small>
          </li>
        ))}
      </ul>
    </div>
  );
}
