import { useEffect, useMemo, useState } from "preact/hooks";
import { route } from "../../browser/route";
import { QuerySelect } from "../../components/query-select";
import { loadAllEvents } from "../../live/start";
import { agentNow, events, shown } from "../../live/store";
import { type EventFilter, KINDS, wanted } from "../../model/events";
import { count } from "../../model/format";
import { shortName } from "../../model/gpu";
import { zone } from "../footer";
import { seenEvents } from "../seen";
import { EventList } from "./list";

/** Events, the newest first. */
export function EventsView() {
  const all = events.value;
  const newest = all.at(-1)?.at ?? 0;
  useEffect(() => {
    if (newest > seenEvents.value) seenEvents.value = newest;
  }, [newest]);
  const { severity = "", kind = "", gpu = "" } = route.value.query;
  const filter: EventFilter = { severity, kind, gpu };
  const found = useMemo(() => wanted(all, filter), [all, severity, kind, gpu]);
  return (
    <section class="panel" aria-label="Events">
      <div class="tools">
        <h2>Events</h2>
        <search>
          <QuerySelect
            name="severity"
            label="Severity"
            value={severity}
            first="All severities"
            options={SEVERITIES}
          />
          <QuerySelect
            name="kind"
            label="Kind"
            value={kind}
            first="All kinds"
            options={Object.entries(KINDS)}
          />
          <QuerySelect name="gpu" label="GPU" value={gpu} first="All GPUs" options={gpus()} />
        </search>
        <span class="fine">Times in {zone.value}</span>
        <span class="many">
          {count(found.length)} of {count(all.length)}
        </span>
        <LoadOlder />
      </div>
      {found.length > 0 ? (
        <EventList events={found} now={agentNow()} />
      ) : (
        <p class="nothing">{all.length === 0 ? "No events." : "No event matches."}</p>
      )}
    </section>
  );
}

const SEVERITIES: [string, string][] = [
  ["warning", "Warning and above"],
  ["critical", "Critical only"],
];

const gpus = (): [string, string][] =>
  shown.value.flatMap(({ gpu }) =>
    gpu.uuid === null ? [] : [[gpu.uuid, `GPU ${gpu.index} ${shortName(gpu.name) ?? ""}`]],
  );

/** Button that loads all events: at first only the newest are loaded. */
function LoadOlder() {
  const [state, setState] = useState<"some" | "asking" | "all" | "failed">("some");
  if (state === "all") return null;
  return (
    <button
      type="button"
      disabled={state === "asking"}
      onClick={() => {
        setState("asking");
        loadAllEvents().then(
          () => setState("all"),
          () => setState("failed"),
        );
      }}
    >
      {state === "failed" ? "Failed, retry" : "Load older"}
    </button>
  );
}
