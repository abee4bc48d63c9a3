import type { Signal } from "@preact/signals";
import type { Session } from "../../api/types";
import { memo } from "../../components/memo";
import { plural } from "../../model/format";
import { type DeviceRow, pathsOf, type Span, sessionAt, WIDTH } from "../../model/timeline";
import type { Pointed } from "./timeline";

interface Props {
  row: DeviceRow;
  /** Periods without a reading. */
  gaps: readonly Span[];
  index: number;
  span: Span;
  /** True if it is in the order of tabs. */
  tab: boolean;
  /** Position of its current session. */
  at: number;
  colourOf: (user: string | null) => number | undefined;
  textOf: (session: Session) => string;
  pointed: Signal<Pointed | null>;
  onFocus: (at: number) => void;
}

/** Sessions within this part of the period are found beside the pointer. */
const TOLERANCE = 0.004;

/** One device: to the keyboard a slider over its sessions. */
export function TimelineRow({ row, gaps, index, span, tab, at, colourOf, textOf, pointed, onFocus }: Props) {
  const { label, sessions, height } = row;
  const session = sessions[at];
  const point = (event: PointerEvent & { currentTarget: HTMLElement }) => {
    const box = event.currentTarget.getBoundingClientRect();
    const part = (event.clientX - box.left) / box.width;
    const lane = Math.min(height - 1, Math.floor(((event.clientY - box.top) / box.height) * height));
    const time = span.from + part * (span.to - span.from);
    const found = sessionAt(row, time, lane, TOLERANCE * (span.to - span.from));
    const before = pointed.peek();
    if (found === null) pointed.value = null;
    else if (before?.row !== index || before.at !== found) {
      pointed.value = { row: index, at: found, x: event.clientX };
    }
  };
  return (
    <div class="device" style={{ "--lanes": height }}>
      <span class="name" aria-hidden="true">
        {label}
      </span>
      <div
        class="track"
        role="slider"
        tabIndex={tab ? 0 : -1}
        aria-label={`${label}, ${plural(sessions.length, "session")}`}
        aria-orientation="horizontal"
        aria-valuemin={0}
        aria-valuemax={Math.max(0, sessions.length - 1)}
        aria-valuenow={session ? at : 0}
        aria-valuetext={session ? textOf(session) : "nobody"}
        onPointerMove={point}
        onPointerDown={point}
        onPointerLeave={event => {
          if (event.pointerType !== "touch") pointed.value = null;
        }}
        onFocus={event => {
          onFocus(at);
          if (session && event.currentTarget.matches(":focus-visible")) {
            pointed.value = { row: index, at, x: null };
          }
        }}
        onBlur={() => {
          pointed.value = null;
        }}
      >
        <Unread gaps={gaps} from={span.from} to={span.to} />
        <Shapes row={row} from={span.from} to={span.to} colours={coloursOf(row, colourOf)} />
        <Mark row={row} index={index} span={span} pointed={pointed} />
      </div>
    </div>
  );
}

interface UnreadProps {
  gaps: readonly Span[];
  from: number;
  to: number;
}

const Unread = memo(({ gaps, from, to }: UnreadProps) => {
  const of = (time: number) => Math.min(1, Math.max(0, (time - from) / (to - from)));
  return (
    <>
      {gaps.map(gap => (
        <i key={gap.from} class="gap" style={{ "--from": of(gap.from), "--of": of(gap.to) - of(gap.from) }} />
      ))}
    </>
  );
});

/** Colours of the row's users as one text, so that an equal list is recognised as equal. */
const coloursOf = (row: DeviceRow, colourOf: Props["colourOf"]): string =>
  JSON.stringify(
    [...new Set(row.sessions.map(({ user }) => user))].map(user => [user, colourOf(user) ?? null]),
  );

interface ShapesProps {
  row: DeviceRow;
  from: number;
  to: number;
  colours: string;
}

/** Sessions of a row: one path for each user, however many sessions there are. */
const Shapes = memo(({ row, from, to, colours }: ShapesProps) => {
  const byUser = new Map(JSON.parse(colours) as [string | null, number | null][]);
  return (
    <svg viewBox={`0 0 ${WIDTH} ${row.height}`} preserveAspectRatio="none" aria-hidden="true">
      {pathsOf(row, { from, to }).map(({ user, path }) => (
        <path key={user} d={path} data-colour={byUser.get(user) ?? undefined} />
      ))}
    </svg>
  );
});

/** Frame of the session that is pointed at. */
function Mark({ row, index, span, pointed }: Pick<Props, "row" | "index" | "span" | "pointed">) {
  const { value: current } = pointed;
  const session = current?.row === index ? row.sessions[current.at] : undefined;
  if (!current || !session) return null;
  const of = (time: number) => Math.min(1, Math.max(0, (time - span.from) / (span.to - span.from)));
  const from = of(session.first_at);
  return (
    <i
      class="mark"
      style={{
        "--from": from,
        "--of": of(session.last_at) - from,
        "--lane": (row.lanes[current.at] ?? 0) / row.height,
        "--high": 1 / row.height,
      }}
    />
  );
}
