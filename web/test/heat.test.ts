import { describe, expect, it } from "vitest";
import type { UsageRow } from "../src/api/types";
import { calendarOf, eachHour, ticks } from "../src/model/calendar";
import { extremes, heatOf, isYounger, weekdays } from "../src/model/heat";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const MONDAY = Date.UTC(2026, 10, 30);

describe("a calendar", () => {
  it("is that of the agent's zone", () => {
    const tehran = calendarOf("Asia/Tehran");
    expect(tehran.offset(MONDAY)).toBe(3.5 * HOUR);
    expect(tehran.moment(MONDAY)).toBe("30 Nov, 03:30");
    expect(tehran.date(MONDAY - 4 * HOUR)).toBe("2026-11-29");
    expect(tehran.date(MONDAY - 3 * HOUR)).toBe("2026-11-30");
  });

  it("is UTC for a zone that the browser does not know", () => {
    for (const name of ["", "local", "Mars/Olympus", "Etc/Unknown2"])
      expect(calendarOf(name).name).toBe("UTC");
  });

  it("knows the hours of a day whose clocks change", () => {
    // In Berlin 25 October 2026 had 25 hours, and 29 March 23.
    const berlin = calendarOf("Europe/Berlin");
    const hoursOf = (from: number, to: number) => {
      const found: Record<number, number> = {};
      eachHour(from, to, berlin, ({ hour }, ms) => {
        found[hour] = (found[hour] ?? 0) + ms / HOUR;
      });
      return found;
    };
    const october = hoursOf(Date.UTC(2026, 9, 24, 22), Date.UTC(2026, 9, 25, 23));
    expect(october[2]).toBe(2);
    expect(Object.values(october).reduce((a, b) => a + b, 0)).toBe(25);
    const march = hoursOf(Date.UTC(2026, 2, 28, 23), Date.UTC(2026, 2, 29, 22));
    expect(march[2]).toBeUndefined();
    expect(Object.values(march).reduce((a, b) => a + b, 0)).toBe(23);
  });

  it("divides any period without a remainder", () => {
    for (const zone of ["UTC", "Asia/Kathmandu", "America/St_Johns", "Pacific/Chatham"]) {
      let sum = 0;
      const [from, to] = [MONDAY - 400 * DAY + 12_345, MONDAY + 54_321];
      eachHour(from, to, calendarOf(zone), (_, ms) => {
        sum += ms;
      });
      expect(sum, zone).toBe(to - from);
    }
  });

  it("has ticks at midnights and round hours", () => {
    const labels = (from: number, to: number, zone = "UTC") =>
      ticks(from, to, calendarOf(zone), 8).map(tick => tick.label);
    expect(labels(MONDAY, MONDAY + DAY)).toEqual([
      "30 Nov",
      "03:00",
      "06:00",
      "09:00",
      "12:00",
      "15:00",
      "18:00",
      "21:00",
      "1 Dec",
    ]);
    expect(labels(MONDAY + 1, MONDAY + 3 * HOUR, "Asia/Tehran")).toEqual(["04:00", "05:00", "06:00"]);
    expect(labels(MONDAY - 400 * DAY, MONDAY).length).toBeLessThanOrEqual(9);
    expect(labels(MONDAY, MONDAY)).toEqual(["30 Nov"]);
  });
});

const cell = (day: string, hour: number, seconds: number): UsageRow => ({
  day,
  hour_of_day: hour,
  gpu_seconds: seconds,
  present_gpu_seconds: seconds,
  memory_byte_seconds: 0,
  busy_gpu_seconds: 0,
  idle_gpu_seconds: 0,
  allocated_gpu_seconds: null,
  energy_joules: 0,
  peak_memory_bytes: 0,
  sessions: 1,
});

describe("a heat map", () => {
  const utc = calendarOf("UTC");

  it("has the occupied share of the device time", () => {
    // Two GPUs over two weeks; one was held on one of two Mondays at two.
    const map = heatOf(
      {
        since: MONDAY - 14 * DAY,
        until: MONDAY,
        device_seconds: (2 * 14 * DAY) / 1000,
        rows: [cell("2026-11-16", 2, 3600)],
      },
      2,
      utc,
    );
    expect(map[1]?.[2]).toBeCloseTo(0.25);
    expect(map[1]?.[3]).toBe(0);
    expect(extremes(map)).toMatchObject({ most: { weekday: 1, hour: 2, share: 0.25 }, least: { share: 0 } });
  });

  it("of a host that is younger than the period begins with the host", () => {
    const map = heatOf(
      {
        since: MONDAY - 30 * DAY,
        until: MONDAY,
        device_seconds: (8 * 6 * HOUR) / 1000,
        rows: [cell("2026-11-29", 23, 8 * 1800)],
      },
      8,
      utc,
    );
    expect(map[0]?.[23]).toBeCloseTo(0.5);
    expect(map[0]?.[17]).toBeNull();
    expect(map[0]?.[18]).toBe(0);
  });

  it("of nothing has no hours", () => {
    const map = heatOf({ since: 0, until: MONDAY, device_seconds: 0, rows: [] }, 0, utc);
    expect(map.flat().every(share => share === null)).toBe(true);
    expect(extremes(map)).toBeNull();
  });

  it("is never above 100 %", () => {
    const rows = [cell("2026-11-29", 5, 1e9), cell("not a day", 5, 1), cell("2026-11-29", 99, 1)];
    const map = heatOf({ since: MONDAY - DAY, until: MONDAY, device_seconds: 86_400, rows }, 1, utc);
    expect(map[0]?.[5]).toBe(1);
  });

  it("has the weekdays of a locale, from its first", () => {
    const german = weekdays("de-DE");
    expect(german.map(day => day.long)[0]).toBe("Montag");
    expect(german.map(day => day.weekday)).toEqual([1, 2, 3, 4, 5, 6, 0]);
    expect(weekdays("en-US")[0]).toMatchObject({ weekday: 0, short: "Sun", long: "Sunday" });
  });
});

describe("a period that begins before the first record", () => {
  it("is that of GPUs which did not exist all the time", () => {
    const of = (seconds: number) => ({ since: MONDAY - 30 * DAY, until: MONDAY, device_seconds: seconds });
    const month = 2 * 30 * 86_400;
    expect(isYounger(of(month), 2)).toBe(false);
    expect(isYounger(of(month - 60), 2), "a minute cannot be seen").toBe(false);
    expect(isYounger(of(2 * 86_400), 2), "a new host").toBe(true);
  });
});
