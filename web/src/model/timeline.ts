import type { History, Session } from "../api/types";

/** Part of a session that is drawn. */
export type Drawn = Pick<Session, "gpu" | "uuid" | "mig" | "mig_uuid" | "user" | "first_at" | "last_at">;

export interface Span {
  from: number;
  to: number;
}

/** A GPU or MIG instance in the timeline. */
export interface DeviceRow<S extends Drawn = Session> {
  key: string;
  /** UUID of its GPU; null if that is unknown. */
  uuid: string | null;
  label: string;
  /** Sessions by their start. */
  sessions: S[];
  /** Lane of each session. */
  lanes: number[];
  /** Number of lanes, at least 1. */
  height: number;
}

/** A device that is listed now, also without sessions. */
export interface Device {
  uuid: string | null;
  /** Index of its GPU. */
  gpu: number;
  /** Name of the MIG instance; null for a whole GPU. */
  mig: string | null;
  mig_uuid: string | null;
}

/** Most lanes of a row: further sessions at one time are drawn over others. */
const MAX_LANES = 4;

const keyOf = ({ uuid, gpu, mig, mig_uuid: instance }: Device): string =>
  `${uuid ?? `index ${gpu}`} ${instance ?? mig ?? ""}`;

/** Rows of a timeline: devices that are listed now, and those of the sessions, by index and name. */
export function rowsOf<S extends Drawn>(sessions: readonly S[], devices: readonly Device[]): DeviceRow<S>[] {
  const indices = new Map(devices.map(({ uuid, gpu }) => [uuid, gpu]));
  const found = new Map<string, { at: number; uuid: string | null; label: string; sessions: S[] }>();
  const made = (device: Device) => {
    // A GPU without a UUID is counted under another name.
    const isNameless = !indices.has(device.uuid) && indices.get(null) === device.gpu;
    const uuid = isNameless ? null : device.uuid;
    const key = keyOf({ ...device, uuid });
    let row = found.get(key);
    if (!row) {
      const present = indices.get(uuid);
      const at = present ?? device.gpu;
      const name = device.mig ?? `GPU ${at}`;
      const isGone = present === undefined && devices.length > 0;
      row = { at, uuid, label: isGone ? `${name}, gone` : name, sessions: [] };
      found.set(key, row);
    }
    return row;
  };
  for (const device of devices) made(device);
  for (const session of sessions) made(session).sessions.push(session);
  return [...found]
    .sort(([, a], [, b]) => a.at - b.at || (a.label < b.label ? -1 : 1))
    .map(([key, { uuid, label, sessions }]) => {
      sessions.sort((a, b) => a.first_at - b.first_at || a.last_at - b.last_at);
      return { key, uuid, label, sessions, ...lanesOf(sessions) };
    });
}

/** A lane for each session, so that sessions at one time are below each other. */
function lanesOf(sessions: readonly Drawn[]): { lanes: number[]; height: number } {
  const ends: number[] = [];
  const lanes = sessions.map(({ first_at: from, last_at: to }) => {
    let lane = ends.findIndex(end => end <= from);
    if (lane < 0) lane = ends.length < MAX_LANES ? ends.length : ends.indexOf(Math.min(...ends));
    ends[lane] = Math.max(to, ends[lane] ?? 0);
    return lane;
  });
  return { lanes, height: Math.max(1, ends.length) };
}

/** Width of a row in units of its view box. */
export const WIDTH = 2000;
/** Distance below which two sessions of one user are drawn as one, and the smallest width of a session. */
const CLOSE = 1.2;

/** One path for each user of a row. Sessions of a user that are next to each other are one shape. */
export function pathsOf(row: DeviceRow<Drawn>, { from, to }: Span): { user: string | null; path: string }[] {
  const scale = WIDTH / (to - from);
  const paths = new Map<string | null, string>();
  const open = new Map<string, { user: string | null; lane: number; begin: number; end: number }>();
  const draw = ({
    user,
    lane,
    begin,
    end,
  }: {
    user: string | null;
    lane: number;
    begin: number;
    end: number;
  }) => {
    const [top, bottom] = [(lane + 0.04).toFixed(2), (lane + 0.96).toFixed(2)];
    const path = `M${begin.toFixed(1)} ${top}H${end.toFixed(1)}V${bottom}H${begin.toFixed(1)}Z`;
    paths.set(user, (paths.get(user) ?? "") + path);
  };
  row.sessions.forEach(({ user, first_at: first, last_at: last }, at) => {
    if (last < from || first > to) return;
    const lane = row.lanes[at] ?? 0;
    const begin = Math.min(WIDTH - CLOSE, Math.max(0, (first - from) * scale));
    const end = Math.max(begin + CLOSE, Math.min(WIDTH, (last - from) * scale));
    const key = `${lane} ${user}`;
    const before = open.get(key);
    if (before && begin - before.end <= CLOSE) {
      before.end = Math.max(before.end, end);
      return;
    }
    if (before) draw(before);
    open.set(key, { user, lane, begin, end });
  });
  for (const last of open.values()) draw(last);
  return [...paths].map(([user, path]) => ({ user, path }));
}

/** Position of the session at a time and lane, or of the nearest one within a tolerance; null if there is none. */
export function sessionAt(
  row: DeviceRow<Drawn>,
  time: number,
  lane: number,
  tolerance: number,
): number | null {
  let best: number | null = null;
  let distance = Number.POSITIVE_INFINITY;
  row.sessions.forEach(({ first_at: from, last_at: to }, at) => {
    const away = Math.max(0, from - time, time - to);
    if (away > tolerance) return;
    const score = away + (row.lanes[at] === lane ? 0 : tolerance + 1);
    if (score < distance) {
      best = at;
      distance = score;
    }
  });
  return best;
}

export type Move = { row: number; at: number };

/** Position that a key leads to; null for other keys. Rows without sessions have the position 0. */
export function moveBy(key: string, rows: readonly DeviceRow<Drawn>[], { row, at }: Move): Move | null {
  const last = (rows[row]?.sessions.length ?? 0) - 1;
  const within = (next: number): Move => ({ row, at: Math.max(0, Math.min(last, next)) });
  switch (key) {
    case "ArrowLeft":
      return within(at - 1);
    case "ArrowRight":
      return within(at + 1);
    case "Home":
      return within(0);
    case "End":
      return within(last);
    case "ArrowUp":
    case "ArrowDown": {
      const next = Math.max(0, Math.min(rows.length - 1, row + (key === "ArrowDown" ? 1 : -1)));
      if (next === row) return { row, at };
      const time = rows[row]?.sessions[at]?.first_at ?? Number.POSITIVE_INFINITY;
      return { row: next, at: nearestStart(rows[next]?.sessions ?? [], time) };
    }
    default:
      return null;
  }
}

/** Position of the last session that began by a time. */
function nearestStart(sessions: readonly Drawn[], time: number): number {
  const after = sessions.findIndex(session => session.first_at > time);
  return Math.max(0, (after < 0 ? sessions.length : after) - 1);
}

/** Holders of sessions with their time within a period in milliseconds, the longest first. */
export function holders(
  sessions: readonly Drawn[],
  { from, to }: Span,
): { user: string | null; ms: number }[] {
  const times = new Map<string | null, number>();
  for (const { user, first_at: first, last_at: last } of sessions) {
    const ms = Math.min(to, last) - Math.max(from, first);
    if (ms >= 0) times.set(user, (times.get(user) ?? 0) + ms);
  }
  return [...times].map(([user, ms]) => ({ user, ms })).sort((a, b) => b.ms - a.ms);
}

/** Periods without a reading of a GPU, by its UUID. */
export type Gaps = ReadonlyMap<string, readonly Span[]>;

/**
 * Periods in which a history has no value of any of its metrics. A GPU without any value at all has none: it may not
 * support them. A history begins with its first reading; the part of `missing` before it is a gap too.
 */
export function gapsOf({ start_at: start, step_ms: step, series }: History, missing?: Span): Gaps {
  const read = new Map<string, boolean[]>();
  for (const { gpu_uuid: uuid, values } of series) {
    const steps = read.get(uuid) ?? values.map(() => false);
    values.forEach((value, at) => {
      if (value !== null) steps[at] = true;
    });
    read.set(uuid, steps);
  }
  const found = new Map<string, Span[]>();
  for (const [uuid, steps] of read) {
    if (!steps.includes(true)) continue;
    const gaps: Span[] = [];
    if (missing && Math.min(missing.to, start) > missing.from) {
      gaps.push({ from: missing.from, to: Math.min(missing.to, start) });
    }
    steps.forEach((isRead, at) => {
      if (isRead) return;
      const [from, to] = [start + at * step, start + (at + 1) * step];
      const last = gaps.at(-1);
      if (last?.to === from) last.to = to;
      else gaps.push({ from, to });
    });
    found.set(uuid, gaps);
  }
  return found;
}

/** Sessions of both lists that end after a time; those of the second replace those of the first. */
export function merged<S extends Drawn & Pick<Session, "id">>(
  known: readonly S[],
  fresh: readonly S[],
  from: number,
): S[] {
  const all = new Map([...known, ...fresh].map(session => [session.id, session]));
  return [...all.values()].filter(session => session.last_at >= from);
}

/** Sessions of one GPU, with those of its MIG instances, as one row. One without a UUID is found by its index. */
export function rowOfGpu<S extends Drawn>(
  sessions: readonly S[],
  uuid: string | null,
  index: number,
): DeviceRow<S> {
  const own = sessions
    .filter(session => (uuid === null ? session.gpu === index : session.uuid === uuid))
    .sort((a, b) => a.first_at - b.first_at || a.last_at - b.last_at);
  return { key: uuid ?? String(index), uuid, label: `GPU ${index}`, sessions: own, ...lanesOf(own) };
}
