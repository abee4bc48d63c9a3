import { useState } from "preact/hooks";
import { ask } from "../../../api/request";
import { Choice } from "../../../components/choice";
import { Icon } from "../../../components/icon";
import { calendarOf } from "../../../model/calendar";
import { fileTime } from "../../../model/format";
import { type Period, RANGES, type UsageRange } from "../../../model/usage";
import { hubNow } from "../../live/store";
import { csvPath, type FleetUsage, type FleetUsageQuery, groupings } from "../../model/usage";
import { setQuery } from "../../route";

interface Props {
  query: FleetUsageQuery;
  period: Period | null;
  report: FleetUsage | null;
  people: boolean;
  asking: boolean;
  reload: () => void;
}

/** Period, grouping, filter and download. */
export function UsageTools({ query, period, report, people, asking, reload }: Props) {
  const range = {
    get value(): UsageRange {
      return query.range;
    },
    set value(next: UsageRange) {
      setQuery({ range: next === "month" ? "" : next, ...(next === "custom" ? datesOf(report) : NO_DATES) });
    },
  };
  return (
    <div class="tools">
      <h2>Usage</h2>
      <Choice legend="Period" of={range} options={RANGES} />
      {query.range === "custom" && <Dates query={query} />}
      <label class="by">
        By
        <select
          aria-label="Group by"
          value={query.by}
          onChange={event => setQuery({ by: event.currentTarget.value, sort: "" })}
        >
          {groupings(people).map(([by, name]) => (
            <option key={by} value={by}>
              {name}
            </option>
          ))}
        </select>
      </label>
      {query.user !== "" && (
        <button type="button" class="only" onClick={() => setQuery({ user: "" })}>
          <span class="unseen">Show all users, not only </span>
          {query.user}
          <Icon name="close" />
        </button>
      )}
      {report && <Covered report={report} />}
      <div class="buttons">
        <Download query={query} period={period} />
        <button type="button" disabled={asking} onClick={reload}>
          Reload
        </button>
      </div>
    </div>
  );
}

const NO_DATES = { from: "", to: "" };

/** First and last day of what is shown, to begin with. */
function datesOf(report: FleetUsage | null): { from: string; to: string } {
  if (!report) return NO_DATES;
  const { date } = calendarOf(report.tz);
  return { from: date(report.since), to: date(report.until - 1) };
}

function Dates({ query }: { query: FleetUsageQuery }) {
  return (
    <div class="dates">
      {(["from", "to"] as const).map(name => (
        <label key={name}>
          {name === "from" ? "From" : "To"}
          <input
            type="date"
            value={query[name]}
            onChange={event => setQuery({ [name]: event.currentTarget.value })}
          />
        </label>
      ))}
    </div>
  );
}

/** Period as the hub took it, in its time zone. */
function Covered({ report: { since, until, tz } }: { report: FleetUsage }) {
  const calendar = calendarOf(tz);
  return (
    <span class="fine covered">
      {calendar.moment(since)} – {calendar.moment(until)}, times in {calendar.name}, the hub's time zone
    </span>
  );
}

function Download({ query, period }: { query: FleetUsageQuery; period: Period | null }) {
  const [state, setState] = useState<"ready" | "asking" | "failed">("ready");
  return (
    <button
      type="button"
      disabled={period === null || state === "asking"}
      onClick={() => {
        if (period === null) return;
        setState("asking");
        download(csvPath(period, query)).then(
          () => setState("ready"),
          () => setState("failed"),
        );
      }}
    >
      <Icon name="download" />
      {state === "failed" ? "Failed, retry CSV" : "CSV"}
    </button>
  );
}

/** Saves an answer as a file. A plain link could not send the token. */
async function download(path: string): Promise<void> {
  const response = await ask(path);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = `fleet-usage-${fileTime(hubNow())}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
