/** Values as text. The page is English, so are its numbers; a narrow no-break space is before units. */

export const SPACE = "\u202F";
export const DASH = "\u2013";

const KIB = 1024;
const MIB = KIB * 1024;
const GIB = MIB * 1024;
const TIB = GIB * 1024;

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const hundredth = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const tenth = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** A number and its unit, for places that style them apart. */
export interface Amount {
  number: string;
  unit: string;
}

export const joined = ({ number, unit }: Amount): string => (unit ? number + SPACE + unit : number);

/** `12`, `1,980`. */
export const count = (value: number): string => whole.format(value);

/** Memory in GiB, with one digit below a thousand; of a large fleet in TiB. More than 0 is never rounded down to 0. */
export function memory(bytes: number): Amount {
  if (bytes >= 1000 * TIB) return { number: whole.format(bytes / TIB), unit: "TiB" };
  if (bytes >= 10_000 * GIB) return { number: tenth.format(bytes / TIB), unit: "TiB" };
  if (bytes >= 1000 * GIB) return { number: whole.format(bytes / GIB), unit: "GiB" };
  if (bytes >= 0.95 * GIB) return { number: tenth.format(bytes / GIB), unit: "GiB" };
  if (bytes === 0) return { number: "0", unit: "GiB" };
  if (bytes >= MIB) return { number: whole.format(bytes / MIB), unit: "MiB" };
  return { number: whole.format(Math.max(1, bytes / KIB)), unit: "KiB" };
}

export const bytes = (value: number): string => joined(memory(value));

/** `118.2 of 140.4 GiB`, with the unit once where both have it. */
export function ofTotal(used: number, total: number): string {
  const [a, b] = [memory(used), memory(total)];
  return a.unit === b.unit ? `${a.number} of ${joined(b)}` : `${joined(a)} of ${joined(b)}`;
}

/** Whole number that never rounds down to 0: `0`, `<1`, `42`. */
export const share = (value: number): string => (value > 0 && value < 1 ? "<1" : whole.format(value));
export const percent = (value: number): string => `${share(value)}${SPACE}%`;

/** A ratio from 0 to 1 in percent. */
export const ratio = (value: number): string => percent(value * 100);

export const watts = (value: number): string => `${whole.format(value)}${SPACE}W`;
export const celsius = (value: number): string => `${whole.format(value)}${SPACE}°C`;
export const megahertz = (value: number): string => `${whole.format(value)}${SPACE}MHz`;

/** A clock in GHz, without its unit. */
export const gigahertz = (mhz: number): string => (mhz / 1000).toFixed(2);

/** Power of several GPUs. */
export const power = (value: number): Amount =>
  value >= 1e6
    ? { number: hundredth.format(value / 1e6), unit: "MW" }
    : value >= 1000
      ? { number: tenth.format(value / 1000), unit: "kW" }
      : { number: whole.format(value), unit: "W" };

export function rate(bytesPerSecond: number): string {
  if (bytesPerSecond >= 1e9) return `${tenth.format(bytesPerSecond / 1e9)}${SPACE}GB/s`;
  if (bytesPerSecond >= 1e6) return `${whole.format(bytesPerSecond / 1e6)}${SPACE}MB/s`;
  return `${whole.format(bytesPerSecond / 1e3)}${SPACE}kB/s`;
}

export function energy(joules: number): string {
  const kwh = joules / 3.6e6;
  return kwh >= 1 ? `${tenth.format(kwh)}${SPACE}kWh` : `${whole.format(joules / 3600)}${SPACE}Wh`;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Duration in its two largest units: `58 s`, `12 min`, `3 h 41 min`, `2 d 4 h`, `41 d`. */
export function duration(ms: number): string {
  const part = (value: number, unit: string) => `${Math.floor(value)}${SPACE}${unit}`;
  const two = (rest: number, size: number, unit: string) =>
    rest >= size ? ` ${part(rest / size, unit)}` : "";
  if (ms < MINUTE) return part(Math.max(0, ms) / SECOND, "s");
  if (ms < HOUR) return part(ms / MINUTE, "min");
  if (ms < DAY) return part(ms / HOUR, "h") + two(ms % HOUR, MINUTE, "min");
  if (ms < 30 * DAY) return part(ms / DAY, "d") + two(ms % DAY, HOUR, "h");
  return part(ms / DAY, "d");
}

/** `6+ min` of `6 min`: a duration that is a lower bound. */
export const orMore = (time: string): string => time.replace(/(\d)(\D*)$/, "$1+$2");

/** Duration to the second: `0:58`, `3:41:09`, `2 d 4:11:09`. */
export function stopwatch(ms: number): string {
  const total = Math.max(0, Math.floor(ms / SECOND));
  const pad = (value: number) => String(value).padStart(2, "0");
  const days = Math.floor(total / 86_400);
  const hours = Math.floor((total % 86_400) / 3600);
  const minutes = Math.floor((total % 3600) / 60);
  const tail = `${pad(minutes)}:${pad(total % 60)}`;
  if (days > 0) return `${days}${SPACE}d ${hours}:${tail}`;
  return hours > 0 ? `${hours}:${tail}` : `${minutes}:${pad(total % 60)}`;
}

const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayAndTime = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
});
const shortTime = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const shortDay = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const full = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
const day = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long" });

const sameDay = (a: number, b: number): boolean => new Date(a).toDateString() === new Date(b).toDateString();

/** A time of today as `14:02:11`, of another day as `22 Nov, 14:02`; this machine's time zone. */
export const moment = (at: number, now: number): string => (sameDay(at, now) ? time : dayAndTime).format(at);
export const dateAndTime = (at: number): string => dayAndTime.format(at);
export const clock = (at: number): string => time.format(at);
export const hourAndMinute = (at: number): string => shortTime.format(at);
export const dayAndMonth = (at: number): string => shortDay.format(at);
export const exact = (at: number): string => full.format(at);

/** Time zone of all times on the page and its offset at a time: `Europe/Berlin (UTC+2)`. */
export function timeZone(at: number): string {
  const minutes = -new Date(at).getTimezoneOffset();
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  const offset = `UTC${minutes < 0 ? "-" : "+"}${hours}${rest ? `:${String(rest).padStart(2, "0")}` : ""}`;
  const { timeZone: name } = new Intl.DateTimeFormat().resolvedOptions();
  // Some systems have no name, only an offset.
  return !name || name === "UTC" || /^[+-]/.test(name)
    ? minutes === 0
      ? "UTC"
      : offset
    : `${name} (${offset})`;
}

export function dayName(at: number, now: number): string {
  if (sameDay(at, now)) return "Today";
  if (sameDay(at, now - DAY)) return "Yesterday";
  return day.format(at);
}

/** Noun for a number: `process` for 1, else `processes`. */
export const noun = (value: number, one: string, many = `${one}s`): string => (value === 1 ? one : many);

/** `1 process`, `2 processes`. */
export const plural = (value: number, one: string, many?: string): string =>
  `${whole.format(value)} ${noun(value, one, many)}`;

/** Time for file names: `20261123-140211`, this machine's time zone. */
export function fileTime(at: number): string {
  const date = new Date(at);
  const pad = (value: number) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}${pad(date.getMonth() + 1)}${pad(date.getDate())}`;
  return `${day}-${pad(date.getHours())}${pad(date.getMinutes())}${pad(date.getSeconds())}`;
}
