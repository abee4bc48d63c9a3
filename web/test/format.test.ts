import { describe, expect, it } from "vitest";
import * as format from "../src/model/format";

const plain = (text: string) => text.replaceAll("\u202F", " ");
const GIB = 2 ** 30;

describe("memory", () => {
  it.each([
    [0, "0 GiB"],
    [1, "1 KiB"],
    [700 * 1024, "700 KiB"],
    [4 * 2 ** 20, "4 MiB"],
    [0.94 * GIB, "963 MiB"],
    [0.99 * GIB, "1.0 GiB"],
    [118.26 * GIB, "118.3 GiB"],
    [1123.4 * GIB, "1,123 GiB"],
    [391.36 * 1024 * GIB, "391.4 TiB"],
    [2000 * 1024 * GIB, "2,000 TiB"],
  ])("of %d bytes is %s", (bytes, text) => {
    expect(plain(format.bytes(bytes))).toBe(text);
  });

  it("has the unit once if both values share it", () => {
    expect(plain(format.ofTotal(118 * GIB, 140.4 * GIB))).toBe("118.0 of 140.4 GiB");
    expect(plain(format.ofTotal(4 * 2 ** 20, 140.4 * GIB))).toBe("4 MiB of 140.4 GiB");
  });
});

describe("numbers", () => {
  it("never round down to zero", () => {
    expect(plain(format.ratio(0.0003))).toBe("<1 %");
    expect(plain(format.ratio(0))).toBe("0 %");
    expect([0, 0.4, 0.999, 1, 41.5].map(value => plain(format.percent(value)))).toEqual([
      "0 %",
      "<1 %",
      "<1 %",
      "1 %",
      "42 %",
    ]);
  });

  it("have their units", () => {
    expect(plain(format.watts(642.4))).toBe("642 W");
    expect(plain(format.megahertz(1980))).toBe("1,980 MHz");
    expect(format.gigahertz(1980)).toBe("1.98");
    expect(plain(format.joined(format.power(999)))).toBe("999 W");
    expect(plain(format.joined(format.power(4900)))).toBe("4.9 kW");
    expect(plain(format.joined(format.power(3_045_500)))).toBe("3.05 MW");
    expect(plain(format.rate(126_300_000_000))).toBe("126.3 GB/s");
    expect(plain(format.rate(702_000_000))).toBe("702 MB/s");
    expect(plain(format.rate(0))).toBe("0 kB/s");
    expect(plain(format.energy(59_400_000))).toBe("16.5 kWh");
    expect(plain(format.energy(600_000))).toBe("167 Wh");
    expect(format.plural(1, "process", "processes")).toBe("1 process");
    expect(format.plural(0, "GPU")).toBe("0 GPUs");
  });
});

describe("time", () => {
  const [S, M, H, D] = [1000, 60_000, 3_600_000, 86_400_000];

  it.each([
    [-5, "0 s", "0:00"],
    [58 * S, "58 s", "0:58"],
    [12 * M + 9 * S, "12 min", "12:09"],
    [3 * H, "3 h", "3:00:00"],
    [3 * H + 41 * M + 9 * S, "3 h 41 min", "3:41:09"],
    [2 * D + 4 * H + 11 * M, "2 d 4 h", "2 d 4:11:00"],
    [41 * D + 5 * H, "41 d", "41 d 5:00:00"],
  ])("of %d ms is %s", (ms, text, exact) => {
    expect(plain(format.duration(ms))).toBe(text);
    expect(plain(format.stopwatch(ms))).toBe(exact);
  });

  it("that is a lower bound has a plus", () => {
    expect(format.orMore("6\u202Fmin")).toBe("6+\u202Fmin");
    expect(format.orMore("3\u202Fh 41\u202Fmin")).toBe("3\u202Fh 41+\u202Fmin");
  });

  it("of another day has the date", () => {
    const now = new Date(2026, 10, 23, 14, 2, 11).getTime();
    expect(format.moment(now - 60_000, now)).toBe("14:01:11");
    expect(format.moment(now - D, now)).toBe("22 Nov, 14:02");
    expect(format.dayName(now, now)).toBe("Today");
    expect(format.dayName(now - D, now)).toBe("Yesterday");
    expect(format.dayName(now - 2 * D, now)).toBe("Saturday 21 November");
    expect(format.fileTime(now)).toBe("20261123-140211");
  });
});
