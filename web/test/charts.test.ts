import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Gpu } from "../src/api/types";
import { between, coarser, selectCharts, sumOf } from "../src/model/chart-selection";
import { METRICS, PLANS, rowTime, SPANS, spanOf, timeIn } from "../src/model/charts";
import type { Columns } from "../src/model/history";
import { gpu as example } from "./example";

/** The example's GPU without any of the drawn values. */
function gpu(more: Partial<Gpu> = {}): Gpu {
  const made = example({ fans: [], absent: {} }) as unknown as Record<string, Record<string, unknown>>;
  for (const path of METRICS) {
    const [group = "", name = ""] = path.split(".");
    const values = made[group];
    if (group !== "fans" && values) values[name] = null;
  }
  return { ...(made as unknown as Gpu), ...more };
}

const columns = (known: Record<string, (number | null)[]>): Columns => ({
  times: [0, 1],
  values: METRICS.map(metric => known[metric] ?? [null, null]),
});

const all = (absence: string): Record<string, string> =>
  Object.fromEntries(PLANS.flatMap(plan => plan.lines.map(({ path }) => [path, absence])));

describe("charts", () => {
  it("use metrics of the agent's history, without duplicates", () => {
    const page = readFileSync(new URL("../../docs/api.md", import.meta.url), "utf8");
    const stored = page.split("## Metrics of the history")[1]?.split("\n## ")[0] ?? "";
    const names = [...stored.matchAll(/^- `(.*)`$/gm)].map(([, name]) => name);
    expect([...METRICS].sort()).toEqual(names.sort());
    expect(new Set(METRICS).size).toBe(METRICS.length);
  });

  it("request no more points than an answer may have", () => {
    for (const { ms, stepMs, rowMs } of SPANS) {
      expect((ms / stepMs) * METRICS.length).toBeLessThan(100_000);
      expect(ms / rowMs).toBeLessThanOrEqual(72);
    }
    expect(spanOf("6h").ms).toBe(6 * 3_600_000);
    expect(spanOf("2d").range).toBe("15m");
    expect(spanOf(undefined).range).toBe("15m");
  });

  it("have dates in ranges of several days", () => {
    const at = new Date(2026, 10, 30, 9, 5, 7).getTime();
    const texts = (range: string) => [timeIn(spanOf(range), at), rowTime(spanOf(range), at)];
    expect(["15m", "24h", "7d", "30d"].map(texts)).toEqual([
      ["09:05:07", "09:05:07"],
      ["09:05:07", "09:05"],
      ["30 Nov, 09:05", "30 Nov, 09:05"],
      ["30 Nov, 09:05", "30 Nov, 09:05"],
    ]);
  });

  it("are left out where a GPU never reports their metrics", () => {
    const absent = { ...all("not_supported"), "power.draw_watts": "" };
    const { charts, never } = selectCharts(
      PLANS,
      gpu({ absent }),
      METRICS,
      columns({ "power.draw_watts": [1, 2] }),
    );
    expect(charts.map(({ plan }) => plan.key)).toEqual(["power"]);
    expect(never).toEqual(PLANS.filter(({ key }) => key !== "power").map(({ name }) => name));
  });

  it("give the reason for a missing line", () => {
    const absent = { "temperature.memory_celsius": "not_supported" };
    const { charts } = selectCharts(
      PLANS,
      gpu({ absent }),
      METRICS,
      columns({ "temperature.gpu_celsius": [null, 40] }),
    );
    const lines = charts.find(({ plan }) => plan.key === "temperature")?.lines;
    expect(lines?.map(({ why }) => why?.reason)).toEqual([undefined, "not_supported"]);
  });

  it("appear with the first reading, also at zero", () => {
    const now = gpu({ utilization: { ...gpu().utilization, gpu_percent: 3 } });
    const line = selectCharts(PLANS, now, METRICS, columns({})).charts[0]?.lines[0];
    expect([line?.line.metric, line?.why]).toEqual(["utilization.gpu_percent", null]);
    const zero = { "utilization.gpu_percent": [0, 0], "utilization.memory_percent": [0, 0] };
    expect(selectCharts(PLANS, gpu(), METRICS, columns(zero)).charts[0]?.plan.key).toBe("utilization");
  });

  it("stay for a metric that is lost, and give the reason for one that never was known", () => {
    const lost = gpu({ state: "lost", absent: all("lost") });
    const { charts } = selectCharts(PLANS, lost, METRICS, columns({ "power.draw_watts": [300, null] }));
    const why = (key: string) => charts.find(({ plan }) => plan.key === key)?.lines[0]?.why?.reason;
    expect([why("power"), why("memory")]).toEqual([undefined, "lost"]);
  });

  it("name the state of a GPU without reasons", () => {
    const { charts } = selectCharts(PLANS, gpu({ state: "stale" }), METRICS, columns({}));
    expect(charts[0]?.lines[0]?.why?.reason).toBe("stale");
  });

  it("of engines that few use appear when they are used", () => {
    const zero = { "utilization.encoder_percent": [0, null], "utilization.decoder_percent": [0, 0] };
    expect(selectCharts(PLANS, gpu(), METRICS, columns(zero)).zero).toEqual(["Video engines"]);
    const used = { ...zero, "utilization.decoder_percent": [0, 3] };
    const { charts, zero: none } = selectCharts(PLANS, gpu(), METRICS, columns(used));
    expect(none).toEqual([]);
    expect(charts.at(-1)?.plan.key).toBe("video");
  });
});

describe("a table", () => {
  it("sums without unread values", () => {
    expect(sumOf([null, 2, 4, null])).toEqual({ lowest: 2, mean: 3, highest: 4 });
    expect(sumOf([null])).toBeNull();
    expect(sumOf([])).toBeNull();
  });

  it("cuts at both ends", () => {
    const whole = { times: [1, 2, 3, 4], values: [[10, 20, 30, 40]] };
    expect(between(whole, [0], 2, 3)).toEqual({ times: [2, 3], values: [[20, 30]] });
    expect(between(whole, [0], 0, 9)).toEqual(whole);
    expect(between(whole, [0], 5, 9)).toEqual({ times: [], values: [[]] });
    expect(between(whole, [], 2, 3)).toEqual({ times: [2, 3], values: [[]] });
  });

  it("has rows that begin at multiples of their length", () => {
    const whole = { times: [9, 10, 15, 19, 40], values: [[1, 2, null, 4, null]] };
    expect(coarser(whole, 10)).toEqual({ times: [0, 10, 40], values: [[1, 3, null]] });
  });
});
