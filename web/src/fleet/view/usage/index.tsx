import "../../../style/table.css";
import "../../../view/usage/usage.css";
import "../../style/usage.css";
import { useEffect, useState } from "preact/hooks";
import { type Failure, useReport } from "../../../live/usage";
import { fileTime, plural } from "../../../model/format";
import { orderOf, periodOf, sumsOf } from "../../../model/usage";
import { SumsTable } from "../../../view/usage/sums-table";
import { UsageTools } from "../../../view/usage/tools";
import { Totals } from "../../../view/usage/totals";
import { hubNow } from "../../live/store";
import {
  csvPath,
  type FleetUsage,
  type FleetUsageQuery,
  GROUPS,
  type Grouping,
  groupings,
  linesOf,
  notesOf,
  usagePath,
  usageQuery,
} from "../../model/usage";
import { format, route, setQuery } from "../../route";
import { hostAddress } from "../columns";
import { namesHidden } from "../names";

/** Usage of a period over all hosts. */
export function UsageView() {
  const [again, setAgain] = useState(0);
  const [storesPeople, setStoresPeople] = useState(true);
  const people = storesPeople && !namesHidden.value;
  const query = usageQuery(route.value.query, people);
  const answer = useReport<FleetUsage>(periodOf(query), period => usagePath(period, query), again);
  const { report = null, period = null } = answer.value ?? {};
  useEffect(() => {
    if (report && report.hosts > 0) setStoresPeople(report.people !== false || namesOf(report));
  }, [report]);
  const isAsked = periodOf(query) !== null;
  const reload = () => setAgain(before => before + 1);
  return (
    <section class="panel usage" aria-label="Usage" aria-busy={answer.asking}>
      <UsageTools
        query={query}
        setQuery={setQuery}
        groupings={groupings(people)}
        report={report}
        reporter="hub"
        csv={period && csvPath(period, query)}
        fileName={() => `fleet-usage-${fileTime(hubNow())}.csv`}
        asking={answer.asking}
        reload={reload}
      />
      {!isAsked ? (
        <p class="nothing">Choose a first day, and a last day that is not before it.</p>
      ) : answer.failure ? (
        <Problem failure={answer.failure} retry={reload} />
      ) : report ? (
        <Body report={report} query={query} />
      ) : (
        <p class="nothing">Asking the hosts for their usage …</p>
      )}
    </section>
  );
}

/** True if a row has the name of a user: some hosts keep them. */
const namesOf = (report: FleetUsage): boolean => report.rows.some(row => typeof row.user === "string");

function Body({ report, query }: { report: FleetUsage; query: FleetUsageQuery }) {
  return (
    <>
      <Missing report={report} />
      <Notes report={report} />
      {report.hosts === 0 ? (
        <p class="nothing">No host has answered.</p>
      ) : report.device_seconds === 0 ? (
        <p class="nothing">No usage yet: nothing was recorded in this period.</p>
      ) : (
        <Sums report={report} query={query} />
      )}
      {report.hosts > 0 && <Origin report={report} />}
    </>
  );
}

/** Hosts that are not in the sums, by name: nobody takes the sums for all. */
function Missing({ report: { missing, hosts } }: { report: FleetUsage }) {
  if (missing.length === 0) return null;
  const sorted = [...missing].sort((a, b) => a.host.localeCompare(b.host, "en", { numeric: true }));
  return (
    <div class="missing-hosts" role="status">
      <p>
        <b>
          {missing.length} of {plural(missing.length + hosts, "host")} {missing.length === 1 ? "is" : "are"}{" "}
          not in these sums
        </b>
      </p>
      <details open={missing.length <= 5}>
        <summary>Which, and why</summary>
        <ul>
          {sorted.map(({ host, error }) => (
            <li key={host}>
              <a href={hostAddress(host)}>{host}</a> {error}
            </li>
          ))}
        </ul>
      </details>
    </div>
  );
}

/** Source of the numbers: they differ in what they know, and in age. */
function Origin({ report: { source, hosts } }: { report: FleetUsage }) {
  return (
    <p class="fine usage-note">
      {source === "engine"
        ? `From the engine (--prometheus), which has counters of the users of ${plural(hosts, "host")}.`
        : `From the ${hosts === 1 ? "agent" : "agents"} of ${plural(hosts, "host")}.`}
    </p>
  );
}

function Notes({ report }: { report: FleetUsage }) {
  return (
    <>
      {notesOf(report.notes).map(({ note, hosts }) => (
        <p key={note} class="fine usage-note">
          {hosts.length > 3 ? plural(hosts.length, "host") : hosts.join(", ")}: {note}
        </p>
      ))}
    </>
  );
}

function Sums({ report, query }: { report: FleetUsage; query: FleetUsageQuery }) {
  const by = groupOf(report, query);
  const lines = linesOf(report, by);
  const { device_seconds, free_gpu_seconds, unknown_gpu_seconds, unassigned_gpu_seconds } = report;
  const isKnown = device_seconds !== null;
  return (
    <>
      {isKnown && (
        <Totals
          report={{
            rows: report.rows,
            device_seconds,
            free_gpu_seconds: free_gpu_seconds ?? 0,
            unknown_gpu_seconds: unknown_gpu_seconds ?? 0,
            unassigned_gpu_seconds: unassigned_gpu_seconds ?? 0,
            unobserved_gpu_seconds: report.unobserved_gpu_seconds ?? 0,
            energy_joules: report.energy_joules ?? 0,
          }}
          isFiltered={query.user !== ""}
        />
      )}
      {lines.length === 0 ? (
        <p class="nothing">Nobody used a GPU in this period.</p>
      ) : (
        <SumsTable
          of={GROUPS.find(([name]) => name === by)?.[1] ?? by}
          lines={lines}
          sum={sumsOf(report.rows, device_seconds, report.price_gpu_hour?.amount ?? null)}
          price={report.price_gpu_hour}
          order={orderOf(route.value.query["sort"])}
          sortBy={sort => setQuery({ sort })}
          name={({ name }) => <Name name={name} by={by} />}
        />
      )}
    </>
  );
}

/** Grouping of a report, which may be the one before while another is loaded. */
const groupOf = ({ by }: FleetUsage, query: FleetUsageQuery): Grouping =>
  by.includes("gpu") ? "gpu" : (GROUPS.find(([name]) => name === by[0])?.[0] ?? query.by);

/** Name of a group. A user leads to the hosts where that user was, a host to its page. */
function Name({ name, by }: { name: string | null; by: Grouping }) {
  if (name === null) return <span class="unnamed">{by === "user" ? "no name" : `no ${by}`}</span>;
  if (by === "host") {
    return (
      <a class="owner" href={`${hostAddress(name)}#/usage`}>
        {name}
      </a>
    );
  }
  if (by !== "user") return <>{name}</>;
  const next = { ...route.value.query, user: name, by: "host", sort: "" };
  return (
    <a class="owner" href={format({ view: "usage", query: next })}>
      {name}
    </a>
  );
}

function Problem({ failure: { status, why }, retry }: { failure: Failure; retry: () => void }) {
  const [title, canRetry] = wordsOf(status);
  return (
    <div class="nothing" role="status">
      <p>
        <b>{title}</b>
      </p>
      {status !== null && why !== "" && <p>{why}</p>}
      {canRetry && (
        <p>
          <button type="button" onClick={retry}>
            Retry
          </button>
        </p>
      )}
    </div>
  );
}

function wordsOf(status: number | null): [title: string, canRetry: boolean] {
  switch (status) {
    case null:
      return ["The hub does not answer.", true];
    case 400:
      return ["The hub refuses this period or filter.", false];
    case 401:
    case 403:
      return ["This token may not see it.", false];
    case 404:
      return ["This hub has no usage of all hosts.", false];
    case 503:
      return ["The hub is busy with other questions about usage.", true];
    default:
      return ["Usage could not be loaded.", true];
  }
}
