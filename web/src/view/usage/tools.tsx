import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { ask } from "../../api/request";
import { Choice } from "../../components/choice";
import { Icon } from "../../components/icon";
import { calendarOf } from "../../model/calendar";
import { RANGES, type UsageQuery, type UsageRange } from "../../model/usage";

/** Period of a report, in Unix milliseconds, and the time zone that it is in. */
interface Reported {
  since: number;
  until: number;
  tz: string;
}

interface Props {
  query: Pick<UsageQuery, "range" | "from" | "to" | "user"> & { by: string };
  setQuery: (changes: Record<string, string>) => void;
  groupings: readonly (readonly [string, string])[];
  report: Reported | null;
  /** Program whose time zone is that of the report. */
  reporter: "agent" | "hub";
  /** Path of the same report as CSV; null without a period. */
  csv: string | null;
  /** Name of the file with it. */
  fileName: () => string;
  asking: boolean;
  reload: () => void;
  /** Further filters. */
  children?: ComponentChildren;
}

/** Period, grouping, filters and download. */
export function UsageTools({ query, setQuery, report, ...props }: Props) {
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
      {query.range === "custom" && <Dates query={query} setQuery={setQuery} />}
      <search>
        <label class="by">
          By
          <select
            aria-label="Group by"
            value={query.by}
            onChange={event => setQuery({ by: event.currentTarget.value, sort: "" })}
          >
            {props.groupings.map(([by, name]) => (
              <option key={by} value={by}>
                {name}
              </option>
            ))}
          </select>
        </label>
        {props.children}
        {query.user !== "" && (
          <button type="button" class="only" onClick={() => setQuery({ user: "" })}>
            <span class="unseen">Show all users, not only </span>
            {query.user}
            <Icon name="close" />
          </button>
        )}
      </search>
      {report && <Covered report={report} reporter={props.reporter} />}
      <div class="buttons">
        <Download path={props.csv} fileName={props.fileName} />
        <button type="button" disabled={props.asking} onClick={props.reload}>
          Reload
        </button>
      </div>
    </div>
  );
}

const NO_DATES = { from: "", to: "" };

/** First and last day of what is shown, to begin with. */
function datesOf(report: Reported | null): { from: string; to: string } {
  if (!report) return NO_DATES;
  const { date } = calendarOf(report.tz);
  return { from: date(report.since), to: date(report.until - 1) };
}

function Dates({ query, setQuery }: Pick<Props, "query" | "setQuery">) {
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

/** Period as the reporter took it, in its time zone. */
function Covered({ report: { since, until, tz }, reporter }: { report: Reported; reporter: string }) {
  const calendar = calendarOf(tz);
  return (
    <span class="fine covered">
      {calendar.moment(since)} – {calendar.moment(until)}, times in {calendar.name}, the {reporter}'s time
      zone
    </span>
  );
}

function Download({ path, fileName }: { path: string | null; fileName: () => string }) {
  const [state, setState] = useState<"ready" | "asking" | "failed">("ready");
  return (
    <button
      type="button"
      disabled={path === null || state === "asking"}
      onClick={() => {
        if (path === null) return;
        setState("asking");
        download(path, fileName()).then(
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
async function download(path: string, name: string): Promise<void> {
  const response = await ask(path);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
