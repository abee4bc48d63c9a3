import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Usage } from "../../api/types";
import { placeAbove } from "../../browser/tooltip";
import { Swatch } from "../../components/bar";
import { Icon } from "../../components/icon";
import { colours, shown } from "../../live/store";
import type { Answer, LoadedSessions } from "../../live/usage";
import { type Calendar, ticks } from "../../model/calendar";
import { count } from "../../model/format";
import { colourKeys } from "../../model/holders";
import { migName } from "../../model/mig";
import {
  type Device,
  type DeviceRow,
  type Gaps,
  holders,
  moveBy,
  rowsOf,
  type Span,
} from "../../model/timeline";
import { hours } from "../../model/usage";
import { presentOwners } from "./owners";
import { Problem } from "./problem";
import { describeSession, nameOfHolder } from "./session";
import { SessionTable } from "./session-table";
import { TimelineRow } from "./timeline-row";

interface Props {
  answer: Answer<LoadedSessions>;
  gaps: Gaps;
  report: Usage;
  /** True if GPUs did not exist for a part of the period. */
  isYounger: boolean;
  /** UUID of the only GPU to show; empty for all. */
  gpu: string;
  calendar: Calendar;
}

/** Session that is pointed at, and where its tooltip is. */
export interface Pointed {
  row: number;
  at: number;
  /** Horizontal position in the window; null for that of the session. */
  x: number | null;
}

/** LoadedSessions by device over the period. */
export function TimelinePanel({ answer, gaps, report, isYounger, gpu, calendar }: Props) {
  const [asTable, setAsTable] = useState(false);
  const { value, failure } = answer;
  const { since: from, until: to } = report;
  const devices = devicesOf(gpu);
  const present = devices.map(({ uuid, gpu, mig, mig_uuid }) => `${uuid} ${gpu} ${mig} ${mig_uuid}`).join();
  const rows = useMemo(() => rowsOf(value?.sessions ?? [], devices), [value, present]);
  return (
    <section class="panel" aria-label="Occupancy by device" aria-busy={answer.asking}>
      <div class="tools">
        <h3>Occupancy by device</h3>
        <span class="fine">{emptyMeans(report, isYounger)}</span>
        <div class="buttons">
          <button type="button" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
            <Icon name="columns" />
            As a table
          </button>
        </div>
      </div>
      {value?.cut && (
        <p class="fine cut">
          The newest {count(value.sessions.length)} sessions; choose a shorter period to see the others.
        </p>
      )}
      {failure && <Problem failure={failure} retry={null} />}
      {!value && !failure && <p class="nothing">Loading sessions …</p>}
      {value &&
        (asTable ? (
          <SessionTable sessions={value.sessions} rows={rows} calendar={calendar} />
        ) : (
          <Timeline rows={rows} gaps={gaps} span={{ from, to }} calendar={calendar} />
        ))}
    </section>
  );
}

/** Meaning of what is between sessions. */
function emptyMeans(
  { unknown_gpu_seconds: unknown, unobserved_gpu_seconds: unobserved }: Usage,
  isYounger: boolean,
): string {
  const hatched = [
    unobserved > 0 ? `not observed (${hours(unobserved)} GPU-hours in all)` : "",
    isYounger ? "before the first record" : "",
  ].filter(part => part !== "");
  const parts = [
    `Empty: free${unknown > 0 ? `, or unknown (${hours(unknown)} GPU-hours in all)` : ""}`,
    hatched.length > 0 ? `hatched: ${hatched.join(", or ")}` : "",
  ];
  return parts.filter(part => part !== "").join("; ");
}

/** Devices that are listed now. */
const devicesOf = (only: string): readonly Device[] =>
  shown.value
    .filter(({ gpu }) => only === "" || gpu.uuid === only)
    .flatMap(({ gpu: { uuid, index, mig } }): Device[] =>
      mig.length === 0
        ? [{ uuid, gpu: index, mig: null, mig_uuid: null }]
        : mig.map(({ label, uuid: instance }) => ({
            uuid,
            gpu: index,
            mig: migName(index, label),
            mig_uuid: instance,
          })),
    );

const NO_GAPS: readonly Span[] = [];

function Timeline({
  rows,
  gaps,
  span,
  calendar,
}: {
  rows: readonly DeviceRow[];
  gaps: Gaps;
  span: Span;
  calendar: Calendar;
}) {
  const place = useRef<HTMLDivElement>(null);
  // The only row in the order of tabs, and its session.
  const [active, setActive] = useState({ row: 0, at: Number.POSITIVE_INFINITY });
  const isMoving = useRef(false);
  const pointed = useSignal<Pointed | null>(null);
  const { of } = colourKeys(presentOwners());
  const colourOf = (user: string | null) => (user === null ? undefined : colours.of(of(user)));
  const marks = useMemo(() => ticks(span.from, span.to, calendar, 8), [span.from, span.to, calendar.name]);
  const longest = Math.max(...rows.map(row => row.label.length), 4);
  const within = (row: number) =>
    Math.max(0, Math.min(active.row === row ? active.at : 0, (rows[row]?.sessions.length ?? 0) - 1));
  const at = (time: number) => ({ "--at": (time - span.from) / (span.to - span.from) });
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: its rows are sliders, whose keys it handles
    <div
      class="timeline"
      ref={place}
      style={{ "--labels": `${longest * 0.68 + 1}rem` }}
      onKeyDown={event => {
        if (event.ctrlKey || event.altKey || event.metaKey) return;
        if (event.key === "Escape") pointed.value = null;
        const next = moveBy(event.key, rows, { row: active.row, at: within(active.row) });
        if (!next) return;
        event.preventDefault();
        setActive(next);
        isMoving.current = true;
        place.current?.querySelectorAll<HTMLElement>("[role=slider]")[next.row]?.focus();
        isMoving.current = false;
        pointed.value = { ...next, x: null };
      }}
    >
      <div class="plot">
        <div class="lines" aria-hidden="true">
          {marks.map(tick => (
            <i key={tick.at} style={at(tick.at)} />
          ))}
        </div>
        {rows.map((row, index) => (
          <TimelineRow
            key={row.key}
            row={row}
            gaps={(row.uuid !== null && gaps.get(row.uuid)) || NO_GAPS}
            index={index}
            span={span}
            tab={index === Math.min(active.row, rows.length - 1)}
            at={within(index)}
            colourOf={colourOf}
            textOf={session => describeSession(session, calendar).join(", ")}
            pointed={pointed}
            onFocus={position => {
              if (!isMoving.current) setActive({ row: index, at: position });
            }}
          />
        ))}
        <div class={marks.length > 5 ? "axis many" : "axis"} aria-hidden="true">
          {marks.map(tick => (
            <span key={tick.at} style={at(tick.at)}>
              {tick.label}
            </span>
          ))}
        </div>
      </div>
      <Legend rows={rows} span={span} />
      <SessionTooltip rows={rows} span={span} pointed={pointed} place={place} calendar={calendar} />
    </div>
  );
}

/** Holders to name in the legend. */
const MAX_NAMES = 12;

function Legend({ rows, span }: { rows: readonly DeviceRow[]; span: Span }) {
  const found = useMemo(
    () =>
      holders(
        rows.flatMap(row => row.sessions),
        span,
      ),
    [rows],
  );
  const { of } = colourKeys(presentOwners());
  if (found.length === 0) return null;
  return (
    <ul class="legend">
      {found.slice(0, MAX_NAMES).map(({ user }) => (
        <li key={user}>
          <Swatch of={user === null ? "" : of(user)} /> {nameOfHolder(user)}
        </li>
      ))}
      {found.length > MAX_NAMES && <li>and {count(found.length - MAX_NAMES)} others</li>}
    </ul>
  );
}

/** Details of the session that is pointed at. Screen readers get them as the value of its row. */
function SessionTooltip({
  rows,
  span,
  pointed,
  place,
  calendar,
}: {
  rows: readonly DeviceRow[];
  span: Span;
  pointed: Signal<Pointed | null>;
  place: { current: HTMLElement | null };
  calendar: Calendar;
}) {
  const own = useRef<HTMLDivElement>(null);
  const { value: current } = pointed;
  const session = current && rows[current.row]?.sessions[current.at];
  useLayoutEffect(() => {
    const tracks = place.current?.querySelectorAll("[role=slider]");
    const track = current && tracks?.[current.row]?.getBoundingClientRect();
    if (!own.current || !track || !session) return;
    const middle = (Math.max(span.from, session.first_at) + Math.min(span.to, session.last_at)) / 2;
    const left = current.x ?? track.left + (track.width * (middle - span.from)) / (span.to - span.from);
    placeAbove(own.current, { left, width: 0, top: track.top, bottom: track.bottom });
  }, [current]);
  useEffect(() => {
    const hide = () => {
      pointed.value = null;
    };
    addEventListener("scroll", hide, { capture: true, passive: true });
    return () => removeEventListener("scroll", hide, { capture: true });
  }, []);
  if (!session) return null;
  return (
    <div class="tooltip" ref={own} aria-hidden="true">
      {describeSession(session, calendar).join("\n")}
    </div>
  );
}
