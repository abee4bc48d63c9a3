const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Calendar of a time zone: that of the agent, in which days are counted. */
export interface Calendar {
  /** Name of the zone. */
  name: string;
  /** Milliseconds that its clocks are ahead of UTC at a time. */
  offset(at: number): number;
  /** `14:02`. */
  time(at: number): string;
  /** `30 Nov`. */
  day(at: number): string;
  /** `30 Nov, 14:02`. */
  moment(at: number): string;
  /** `2026-11-30`. */
  date(at: number): string;
}

/** Calendar of a zone by its IANA name; UTC if this browser does not know the zone. */
export function calendarOf(name: string): Calendar {
  const zone = isKnown(name) ? name : "UTC";
  const formatter = (options: Intl.DateTimeFormatOptions, locale = "en-GB") =>
    new Intl.DateTimeFormat(locale, { ...options, timeZone: zone });
  const time = formatter({ hour: "2-digit", minute: "2-digit" });
  const day = formatter({ day: "numeric", month: "short" });
  const moment = formatter({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  const exact = formatter({
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  const measured = (at: number): number => {
    const parts = Object.fromEntries(exact.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
    const { year = 0, month = 1, day: date = 1, hour = 0, minute = 0, second = 0 } = parts;
    const local = Date.UTC(year, month - 1, date, hour, minute, second);
    return local - Math.floor(at / 1000) * 1000;
  };
  const offset = ofWholeDays(measured);
  return {
    name: zone,
    offset,
    time: at => time.format(at),
    day: at => day.format(at),
    moment: at => moment.format(at),
    date: at => new Date(at + offset(at)).toISOString().slice(0, 10),
  };
}

function isKnown(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** The same offset with two measurements per day of UTC; a day whose clocks change is measured each time. */
function ofWholeDays(measured: (at: number) => number): (at: number) => number {
  const begins = new Map<number, number>();
  const atBegin = (day: number): number => {
    const known = begins.get(day);
    if (known !== undefined) return known;
    const found = measured(day * DAY);
    begins.set(day, found);
    return found;
  };
  return at => {
    const day = Math.floor(at / DAY);
    const first = atBegin(day);
    return first === atBegin(day + 1) ? first : measured(at);
  };
}

/** Day of the week, from 0 for Sunday, and hour of the day. */
export interface WeekHour {
  weekday: number;
  hour: number;
}

/** Visits each hour of a period, by local clocks; the first and the last one may be parts of an hour. */
export function eachHour(
  from: number,
  to: number,
  calendar: Calendar,
  visit: (at: WeekHour, ms: number) => void,
): void {
  for (let at = from; at < to; ) {
    const local = at + calendar.offset(at);
    const end = Math.min(to, at + HOUR - (((local % HOUR) + HOUR) % HOUR));
    const hours = Math.floor(local / HOUR);
    // 1 January 1970 was a Thursday.
    visit(
      { weekday: (((Math.floor(hours / 24) + 4) % 7) + 7) % 7, hour: ((hours % 24) + 24) % 24 },
      end - at,
    );
    at = end;
  }
}

/** Steps of a time axis in hours. */
const STEPS = [1, 2, 3, 6, 12, 24, 48, 7 * 24, 14 * 24, 28 * 24, 56 * 24];

export interface Tick {
  at: number;
  label: string;
}

/** Ticks of a time axis at round local times: dates at midnight, else hours. */
export function ticks(from: number, to: number, calendar: Calendar, most: number): Tick[] {
  const hours = (to - from) / HOUR;
  const step = (STEPS.find(each => hours / each <= most) ?? Math.ceil(hours / most / 24) * 24) * HOUR;
  const found: Tick[] = [];
  const begin = from + calendar.offset(from);
  for (let local = Math.ceil(begin / step) * step; found.length <= most; local += step) {
    const at = local - calendar.offset(local - calendar.offset(from));
    if (at > to) break;
    if (at < from) continue;
    found.push({ at, label: local % DAY === 0 ? calendar.day(at) : calendar.time(at) });
  }
  return found;
}
