import "./usage.css";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { requestJson } from "../../api/request";
import type { Usage } from "../../api/types";
import { route, setQuery } from "../../browser/route";
import { Banner } from "../../components/banner";
import { QuerySelect } from "../../components/query-select";
import { link, paused, visible } from "../../live/connection";
import { agentNow, colours, hostname, namesHidden, shown } from "../../live/store";
import {
  type Failure,
  type LoadedSessions,
  loadGaps,
  loadSessions,
  useAnswer,
  useReport,
} from "../../live/usage";
import { calendarOf } from "../../model/calendar";
import { fileTime } from "../../model/format";
import { shortName } from "../../model/gpu";
import { beginOf, isYounger } from "../../model/heat";
import { colourKeys } from "../../model/holders";
import type { Gaps } from "../../model/timeline";
import {
  csvPath,
  groupings,
  heatPath,
  type Period,
  periodOf,
  type UsageQuery,
  usagePath,
  usageQuery,
} from "../../model/usage";
import { HiddenNames } from "../sign-in";
import { HeatMapPanel } from "./heat";
import { presentOwners } from "./owners";
import { Problem } from "./problem";
import { UsageTable } from "./table";
import { TimelinePanel } from "./timeline";
import { UsageTools } from "./tools";
import { Totals } from "./totals";

/** Milliseconds after which the day is loaded again; longer ranges only on request. */
const DAY_AGAIN_MS = 60_000;

/** Usage of a period: sums, occupancy by device, and occupancy by the time of the week. */
export function UsageView() {
  const [again, setAgain] = useState(0);
  const [storesPeople, setStoresPeople] = useState(true);
  const people = storesPeople && !namesHidden.value;
  const query = usageQuery(route.value.query, people);
  const answer = useReport<Usage>(periodOf(query), period => usagePath(period, query), again, meet);
  const { report = null, period = null } = answer.value ?? {};
  useEffect(() => {
    if (report) setStoresPeople(report.people);
  }, [report]);
  const reload = () => setAgain(before => before + 1);
  useAgain(query.range === "day", reload);
  const isLive = link.value.kind === "live";
  useEffect(() => {
    if (isLive && answer.failure?.status === null) reload();
  }, [isLive]);
  const isAsked = periodOf(query) !== null;
  return (
    <>
      <section class="panel usage" aria-label="Usage" aria-busy={answer.asking}>
        <UsageTools
          query={query}
          setQuery={setQuery}
          groupings={groupings(people)}
          report={report}
          reporter="agent"
          csv={period && csvPath(period, query)}
          fileName={() => `${hostname.value ?? "gpu"}-usage-${fileTime(agentNow())}.csv`}
          asking={answer.asking}
          reload={reload}
        >
          <QuerySelect name="gpu" label="GPU" value={query.gpu} first="All GPUs" options={gpus()} />
        </UsageTools>
        <HiddenNames />
        {report && <StoreNote report={report} />}
        {isAsked ? (
          <Body report={report} failure={answer.failure} query={query} retry={reload} />
        ) : (
          <p class="nothing">Choose a first day, and a last day that is not before it.</p>
        )}
      </section>
      {isAsked && report && period && report.device_seconds > 0 && answer.failure === null && (
        <Details report={report} period={period} query={query} />
      )}
    </>
  );
}

function Body({
  report,
  failure,
  query,
  retry,
}: {
  report: Usage | null;
  failure: Failure | null;
  query: UsageQuery;
  retry: () => void;
}) {
  if (failure) return <Problem failure={failure} ofGpu={query.gpu !== ""} retry={retry} />;
  if (!report) return <p class="nothing">Loading usage …</p>;
  if (report.device_seconds === 0) {
    return <p class="nothing">No usage yet: nothing was recorded in this period.</p>;
  }
  return (
    <>
      <Totals report={report} isFiltered={query.user !== ""} />
      <UsageTable report={report} query={query} />
    </>
  );
}

const gpus = (): [string, string][] =>
  shown.value.flatMap(({ gpu }) =>
    gpu.uuid === null ? [] : [[gpu.uuid, `GPU ${gpu.index} ${shortName(gpu.name) ?? ""}`]],
  );

/** Note about a store that does not outlive the agent, or that has a problem. */
function StoreNote({ report: { persistent, note } }: { report: Usage }) {
  if (persistent && note === null) return null;
  return (
    <div class="store-note">
      <Banner severity="info">
        {note ?? "Usage is kept in memory only, for one day: the agent has no state directory."}
      </Banner>
    </div>
  );
}

/** Assigns colours to the largest users, beside those who are on the page now. */
function meet(report: Usage): void {
  const { keys, of } = colourKeys(presentOwners());
  colours.meet([...keys, ...report.rows.slice(0, 10).flatMap(row => (row.user ? [of(row.user)] : []))]);
}

/** Calls `act` in intervals while the page is visible and not paused. */
function useAgain(isOn: boolean, act: () => void): void {
  const latest = useRef(act);
  latest.current = act;
  const isRunning = isOn && visible.value && !paused.value;
  useEffect(() => {
    if (!isRunning) return;
    const timer = setInterval(() => latest.current(), DAY_AGAIN_MS);
    return () => clearInterval(timer);
  }, [isRunning]);
}

const NO_GAPS: Gaps = new Map();

/** Timeline and heat map, which are loaded after the sums. */
function Details({ report, period, query }: { report: Usage; period: Period; query: UsageQuery }) {
  const { user, gpu } = query;
  const hidden = namesHidden.value;
  const gpus = gpu === "" ? shown.value.length : 1;
  const isWhole = report.unobserved_gpu_seconds === 0 && !isYounger(report, gpus);
  const isGapless = hidden || isWhole;
  const gaps = useAnswer(isGapless ? null : JSON.stringify(period), signal =>
    loadGaps({ from: report.since, to: report.until }, beginOf(report, gpus), agentNow(), signal),
  );
  const calendar = useMemo(() => calendarOf(report.tz), [report.tz]);
  const of = JSON.stringify([period, user, gpu]);
  const heat = useAnswer(of, signal =>
    requestJson<Usage>(heatPath(period, query, calendar.name), { signal }),
  );
  const sessions = useAnswer<LoadedSessions>(hidden ? null : of, signal =>
    loadSessions(period, { user, gpu }, signal),
  );
  return (
    <>
      {!hidden && (
        <TimelinePanel
          answer={sessions}
          gaps={isGapless ? NO_GAPS : (gaps.value ?? NO_GAPS)}
          report={report}
          isYounger={isYounger(report, gpus)}
          gpu={gpu}
          calendar={calendar}
        />
      )}
      <HeatMapPanel answer={heat} gpus={gpus} calendar={calendar} />
    </>
  );
}
