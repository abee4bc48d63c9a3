import { type ReadonlySignal, useComputed } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { LiveText } from "../../components/fixed-width";
import { Icon } from "../../components/icon";
import { Meter } from "../../components/meter";
import { Absent } from "../../components/value";
import { absence } from "../../model/absence";
import { bytes, celsius, DASH, duration, joined, moment, percent, power } from "../../model/format";
import { hubNow, now } from "../live/store";
import { gpuCount, modelText, severityOf, sourceLimits, sumsOf, usersReason } from "../model/host";
import type { SortKey } from "../model/order";
import { format } from "../route";
import type { Host } from "../types";
import { Cells } from "./cells";

export interface Column {
  key: string;
  name: string;
  /** Width in a grid. */
  width: string;
  sort?: SortKey;
  /** True for numbers, which are sorted from the highest first. */
  number?: boolean;
  /** Content of the cell; `live` is the same host as it changes. */
  cell(host: Host, live: ReadonlySignal<Host>): ComponentChildren;
  /** Values that the content is made of: it is rendered again when one of them changes, of an old host or a new one. */
  shows(host: Host): readonly unknown[];
}

/** Dash with a reason, in place of a value. */
function Missing({ reason }: { reason: string }) {
  return (
    <span class="missing" data-tooltip={reason}>
      <span aria-hidden="true">{DASH}</span>
      <span class="unseen">{reason}</span>
    </span>
  );
}

/** Reason why a host that does not report has no value. */
const notCurrent = (host: Host): string | null =>
  host.state === "ok" ? null : `The host is ${host.state}: its values are not current.`;

/** Reason for a missing sum. */
function reasonOf(host: Host): string {
  if (host.gpus === undefined) return "Not loaded yet.";
  if (gpuCount(host.counts.gpus) === 0) return "The host has no GPU.";
  return "No GPU of this host reports it.";
}

function measured(host: Host, value: number | null, text: (value: number) => ComponentChildren) {
  const why = notCurrent(host);
  if (why !== null) return <Missing reason={why} />;
  return value === null ? <Missing reason={reasonOf(host)} /> : text(value);
}

type Measure = { of: (host: Host) => number | null; text: (value: number) => string };

/** Cell of a number that changes often: its text changes without a rendering. */
const measure = ({ of, text }: Measure): Pick<Column, "cell" | "shows"> => ({
  cell: (host, live) => measured(host, of(host), () => <LiveNumber host={live} of={of} text={text} />),
  shows: host => [host.state, of(host) === null ? reasonOf(host) : true],
});

function LiveNumber({ host, of, text }: Measure & { host: ReadonlySignal<Host> }) {
  const live = useComputed(() => {
    const value = of(host.value);
    return value === null ? "" : text(value);
  });
  return <LiveText>{live}</LiveText>;
}

const memoryFree = (host: Host) => sumsOf(host).memoryFree;

function NameCell({ host }: { host: Host }) {
  const note = [...host.notes, sourceLimits(host)].filter(text => text !== null).join("\n");
  return (
    <>
      <div class="name">
        <a href={hostAddress(host.name)} data-item>
          {host.name}
        </a>
        {host.state !== "ok" && <StatePill host={host} />}
        {note !== "" && (
          <span class="note" data-tooltip={note}>
            <Icon name="info" />
            <span class="unseen">{note}</span>
            {host.source === "original" && "original"}
            {host.source === "older_agent" && (host.agent_version ?? "older")}
          </span>
        )}
      </div>
      <SubLine host={host} />
    </>
  );
}

/** Address of a host's page. Names have no character that a path would need encoded, except for what this encodes. */
export const hostAddress = (name: string): string =>
  `hosts/${encodeURIComponent(name).replace(/%(3A|5B|5D)/g, decodeURIComponent)}/`;

/** State of a host that does not report, and since when. */
export function StatePill({ host }: { host: Host }) {
  void now.value;
  const severity = severityOf(host) ?? "info";
  const since = host.since === null ? "" : ` ${duration(hubNow() - host.since)}`;
  return (
    <span class="pill" data-severity={severity} data-tooltip={sinceText(host)}>
      <Icon name={host.state === "stale" ? "stale" : host.state === "refused" ? "denied" : "lost"} />
      {host.state}
      {since}
    </span>
  );
}

/** Icon of a host in trouble, which says more than its colour. */
export function TroubleMark({ host }: { host: Host }) {
  const severity = severityOf(host);
  if (severity === null) return null;
  const text = host.error ?? host.problems[0] ?? host.state;
  return (
    <span class="mark" data-severity={severity} data-tooltip={text}>
      <Icon name={severity} />
      <span class="unseen">{text}</span>
    </span>
  );
}

function sinceText(host: Host): string {
  const since = host.since === null ? "" : ` since ${moment(host.since, hubNow())}`;
  const read = host.read_at === null ? "Never read." : `Last reading ${moment(host.read_at, hubNow())}.`;
  return `${host.state}${since}. ${read}`;
}

/** Problems of the host, else its labels. */
function SubLine({ host }: { host: Host }) {
  const wrong = [host.error, ...host.problems].filter(text => text !== null && text !== "");
  if (wrong.length > 0) {
    const more = wrong.length > 1 ? ` (and ${wrong.length - 1} more)` : "";
    return (
      <div class="sub wrong" data-severity={severityOf(host) ?? "warning"} data-tooltip={wrong.join("\n")}>
        {wrong[0]}
        {more}
      </div>
    );
  }
  return (
    <div class="sub">
      {Object.entries(host.labels).map(([name, value]) => (
        <span key={name} class="label">
          {name} <b>{value}</b>
        </span>
      ))}
    </div>
  );
}

const showsName = (host: Host): readonly unknown[] => [
  host.name,
  host.state,
  host.since,
  host.state === "ok" ? null : host.read_at,
  host.source,
  host.agent_version,
  host.notes,
  host.labels,
  host.error,
  host.problems,
  severityOf(host),
];

function FreeCell({ host }: { host: Host }) {
  const { gpus, mig } = host.counts;
  const all = gpuCount(gpus);
  const why = notCurrent(host);
  if (why !== null) return <Missing reason={why} />;
  return (
    <>
      <div class="free" data-status={gpus.free > 0 ? "free" : "none"}>
        <b>{gpus.free}</b> of {all}
      </div>
      <div class="sub">
        {[
          gpus.held > 0 && `${gpus.held} held`,
          gpus.busy > 0 && `${gpus.busy} busy`,
          gpus.unknown > 0 && `${gpus.unknown} unknown`,
          mig.free > 0 && `${mig.free} MIG free`,
        ]
          .filter(text => text !== false)
          .join(" · ")}
      </div>
    </>
  );
}

function MemoryCell({ host, live }: { host: Host; live: ReadonlySignal<Host> }) {
  const { memoryFree: free, memoryTotal, memoryOf } = sumsOf(host);
  const all = host.gpus?.length ?? 0;
  return measured(host, free, () => (
    <>
      <div>
        <LiveNumber host={live} of={memoryFree} text={bytes} />{" "}
        <small>free of {memoryTotal === null ? DASH : bytes(memoryTotal)}</small>
      </div>
      <UsedMeter host={live} />
      {memoryOf < all && (
        <div class="sub">
          of {memoryOf} of {all} GPUs
        </div>
      )}
    </>
  ));
}

function showsMemory(host: Host): readonly unknown[] {
  const { memoryFree: free, memoryTotal, memoryOf } = sumsOf(host);
  return [host.state, free === null ? reasonOf(host) : true, memoryTotal, memoryOf, host.gpus?.length];
}

function UsedMeter({ host }: { host: ReadonlySignal<Host> }) {
  const used = useComputed(() => usedOf(host.value));
  return <Meter of={used.value} />;
}

/** Used share of a host's memory, in steps of a meter that is narrow. */
function usedOf(host: Host): number | null {
  const { memoryFree, memoryTotal } = sumsOf(host);
  return memoryFree === null || !memoryTotal ? null : Math.round((1 - memoryFree / memoryTotal) * 50) / 50;
}

const MAX_USERS = 3;

function UsersCell({ host }: { host: Host }) {
  const why = notCurrent(host);
  if (why !== null) return <Missing reason={why} />;
  if (host.gpus === undefined) return <Missing reason="Not loaded yet." />;
  const { users } = sumsOf(host);
  if (users === null) return <Absent why={{ ...absence("hidden"), text: usersReason(host) }} quiet />;
  const more = users.length - MAX_USERS;
  return (
    <div class="names">
      {users.slice(0, more === 1 ? users.length : MAX_USERS).map(user => (
        <a
          key={user}
          href={format({ view: "hosts", query: { q: `user:${/\s/.test(user) ? `"${user}"` : user}` } })}
        >
          {user}
        </a>
      ))}
      {more > 1 && <span data-tooltip={users.join(", ")}>+{more}</span>}
    </div>
  );
}

export const COLUMNS: readonly Column[] = [
  {
    key: "host",
    name: "Host",
    width: "minmax(17rem, 1.5fr)",
    sort: "name",
    cell: host => <NameCell host={host} />,
    shows: showsName,
  },
  {
    key: "gpus",
    name: "GPUs",
    width: "minmax(21rem, 22rem)",
    sort: "gpus",
    number: true,
    cell: (host, live) => (
      <>
        <Cells host={live} />
        <div class="sub">{modelText(sumsOf(host))}</div>
      </>
    ),
    // Its cells follow the host themselves.
    shows: host => [modelText(sumsOf(host))],
  },
  {
    key: "free",
    name: "Free",
    width: "15rem",
    sort: "free",
    number: true,
    cell: host => <FreeCell host={host} />,
    shows: host => [host.state, host.counts],
  },
  {
    key: "memory",
    name: "Memory",
    width: "minmax(17rem, 1fr)",
    sort: "memory",
    number: true,
    cell: (host, live) => <MemoryCell host={host} live={live} />,
    shows: showsMemory,
  },
  {
    key: "power",
    name: "Power",
    width: "7.6rem",
    sort: "power",
    number: true,
    ...measure({ of: host => sumsOf(host).power, text: value => joined(power(value)) }),
  },
  {
    key: "users",
    name: "Users",
    width: "minmax(11rem, 1fr)",
    sort: "users",
    number: true,
    cell: host => <UsersCell host={host} />,
    shows: host => [host.state, host.gpus === undefined, host.source, sumsOf(host).users?.join()],
  },
  {
    key: "util",
    name: "Utilization",
    width: "9rem",
    sort: "util",
    number: true,
    ...measure({ of: host => sumsOf(host).utilization, text: percent }),
  },
  {
    key: "temp",
    name: "Hottest",
    width: "8rem",
    sort: "temp",
    number: true,
    ...measure({ of: host => sumsOf(host).temperature, text: celsius }),
  },
  {
    key: "updated",
    name: "Updated",
    width: "9rem",
    sort: "updated",
    number: true,
    cell: host => <Updated host={host} />,
    shows: host => [host.read_at],
  },
  {
    key: "driver",
    name: "Driver",
    width: "11rem",
    cell: host => host.driver_version ?? <Missing reason="The host does not report it." />,
    shows: host => [host.driver_version],
  },
  {
    key: "version",
    name: "Agent",
    width: "8rem",
    cell: host => host.agent_version ?? <Missing reason="The host does not report it." />,
    shows: host => [host.agent_version],
  },
];

/** Age of the newest reading. */
function Updated({ host }: { host: Host }) {
  void now.value;
  if (host.read_at === null) return <Missing reason="Never read." />;
  return <>{duration(Math.max(0, hubNow() - host.read_at))} ago</>;
}

/** Columns at first. */
export const FIRST: readonly string[] = ["host", "gpus", "free", "memory", "power", "users"];

/** Column of a label. */
export const labelColumn = (label: string): Column => ({
  key: `label.${label}`,
  name: label,
  width: "minmax(8rem, 1fr)",
  sort: `label.${label}`,
  cell: host => host.labels[label] ?? <Missing reason="The host has no such label." />,
  shows: host => [host.labels[label]],
});
