import { describe, expect, it } from "vitest";
import { HttpError } from "../src/api/request";
import type { Usage, UsageRow } from "../src/api/types";
import { patiently } from "../src/live/usage";
import { colourKeys } from "../src/model/holders";
import {
  apportion,
  csvPath,
  groupings,
  heatPath,
  hours,
  kilowattHours,
  linesOf,
  money,
  nameOf,
  ofTenths,
  orderOf,
  periodOf,
  sessionsPath,
  sorted,
  sumsOf,
  timeParts,
  usagePath,
  usageQuery,
} from "../src/model/usage";

const row = (changes: Partial<UsageRow> = {}): UsageRow => ({
  gpu_seconds: 3600,
  present_gpu_seconds: 3600,
  memory_byte_seconds: 0,
  busy_gpu_seconds: 1800,
  idle_gpu_seconds: 900,
  allocated_gpu_seconds: null,
  energy_joules: 3.6e6,
  peak_memory_bytes: 0,
  sessions: 1,
  ...changes,
});

const report = (changes: Partial<Usage> = {}): Usage => ({
  schema: 1,
  devices: 8,
  edge_seconds: 0,
  since: 0,
  until: 0,
  by: ["user"],
  tz: "UTC",
  persistent: true,
  note: null,
  people: true,
  price_gpu_hour: null,
  device_seconds: 36_000,
  free_gpu_seconds: 0,
  unknown_gpu_seconds: 0,
  unassigned_gpu_seconds: 0,
  unobserved_gpu_seconds: 0,
  energy_joules: 0,
  rows: [],
  ...changes,
});

const NONE = new Map<string | null, number>();

describe("the query of usage", () => {
  it("has defaults for anything that is missing or unknown", () => {
    const found = usageQuery({ range: "year", by: "by", from: "2026-13-01", to: "yesterday" }, true);
    expect(found).toEqual({ range: "month", from: "", to: "", by: "user", user: "", gpu: "" });
  });

  it("names nobody where people are hidden", () => {
    const found = usageQuery({ by: "user", user: "alice" }, false);
    expect([found.by, found.user]).toEqual(["gpu", ""]);
    expect(groupings(false).map(([by]) => by)).toEqual(["gpu", "model"]);
    expect(groupings(true)).toHaveLength(6);
  });

  it.each([
    [{}, { since: "-30d" }],
    [{ range: "day" }, { since: "-24h" }],
    [{ range: "week" }, { since: "-7d" }],
    [{ range: "custom" }, null],
    [{ range: "custom", from: "2026-11-01" }, { since: "2026-11-01" }],
    // The last day is part of the period.
    [
      { range: "custom", from: "2026-11-01", to: "2026-11-30" },
      { since: "2026-11-01", until: "2026-12-01" },
    ],
    [
      { range: "custom", from: "2028-02-28", to: "2028-02-28" },
      { since: "2028-02-28", until: "2028-02-29" },
    ],
    [{ range: "custom", from: "2026-11-02", to: "2026-11-01" }, null],
    [{ range: "custom", from: "2026-02-30", to: "2026-11-01" }, null],
  ])("%j is the period %j", (query: Record<string, string>, period) => {
    expect(periodOf(usageQuery(query, true))).toEqual(period);
  });

  it("is the same for the table, the file and the other views", () => {
    const query = usageQuery({ by: "job", user: "a&b=ü #", gpu: "GPU-1" }, true);
    const period = { since: "1", until: "2" };
    const params = (path: string) => Object.fromEntries(new URL(path, "http://gpu01").searchParams);
    const filter = { since: "1", until: "2", user: "a&b=ü #", gpu: "GPU-1" };
    expect(params(usagePath(period, query))).toEqual({ ...filter, by: "job" });
    expect(params(csvPath(period, query))).toEqual({ ...filter, by: "job", format: "csv" });
    expect(params(heatPath(period, query, "UTC"))).toEqual({ ...filter, by: "day,hour_of_day", tz: "UTC" });
    expect(params(sessionsPath(period, query, 10, "c+1"))).toEqual({ ...filter, limit: "10", cursor: "c+1" });
    expect(usagePath({ since: "-7d" }, usageQuery({}, true))).toBe("api/v1/usage?since=-7d&by=user");
  });
});

describe("the table of usage", () => {
  it("has shares of the device time, and the price", () => {
    const rows = [
      row({ user: "alice", gpu_seconds: 7200, present_gpu_seconds: 14_400 }),
      row({ user: null, gpu_seconds: 0, present_gpu_seconds: 0 }),
    ];
    const priced = { ...report({ rows }), price_gpu_hour: { amount: 1.5, currency: "EUR" } };
    const [alice, unknown] = linesOf(priced, "user", NONE);
    expect(alice).toMatchObject({ key: "alice", name: "alice", share: 0.2, busy: 0.125, cost: 3 });
    expect(unknown).toMatchObject({ name: null, share: 0, busy: null, cost: 0 });
    expect(linesOf(report({ rows, device_seconds: 0 }), "user", NONE)[0]).toMatchObject({
      share: 0,
      cost: null,
    });
  });

  it("say nothing of work that is not known", () => {
    const unknown = row({ busy_gpu_seconds: null, idle_gpu_seconds: null });
    expect(sumsOf([unknown], 36_000, null)).toMatchObject({ busy: null, idleSeconds: null });
    expect(sumsOf([unknown, row({})], 36_000, null)).toMatchObject({ busy: 0.25, idleSeconds: 900 });
  });

  it("sums rows, and leaves out what no row has", () => {
    const rows = [row({ sessions: 2 }), row({ gpu_seconds: 10_800, busy_gpu_seconds: 10_800 })];
    expect(sumsOf(rows, 28_800, null)).toEqual({
      gpuSeconds: 14_400,
      share: 0.5,
      busy: 0.875,
      idleSeconds: 1800,
      allocatedSeconds: null,
      joules: 7.2e6,
      sessions: 3,
      cost: null,
    });
    expect(sumsOf([row(), row({ allocated_gpu_seconds: 5 })], 1, null).allocatedSeconds).toBe(5);
  });

  it("names a GPU by its present index, and one that is gone by its last", () => {
    const listed = new Map<string | null, number>([["GPU-a", 3]]);
    const of = (changes: Partial<UsageRow>, now = listed) => nameOf(row(changes), "gpu", now);
    expect(of({ gpu: 0, uuid: "GPU-a" })).toBe("GPU 3");
    expect(of({ gpu: 0, uuid: "GPU-b" })).toBe("GPU 0, gone (GPU-b)");
    expect(of({ gpu: null, uuid: "GPU-b" })).toBe("GPU-b, gone");
    // Nothing is listed while the driver cannot be read.
    expect(of({ gpu: 0, uuid: "GPU-b" }, NONE)).toBe("GPU 0");
    // A GPU without a UUID is counted by its bus.
    expect(of({ gpu: 1, uuid: "0000:01:00.0" }, new Map([[null, 1]]))).toBe("GPU 1");
  });

  it("is sorted by any column, unknown values last", () => {
    const lines = linesOf(
      report({
        rows: [
          row({ user: "node10", gpu_seconds: 3 }),
          row({ user: null, gpu_seconds: 5 }),
          row({ user: "node9", gpu_seconds: 4 }),
        ],
      }),
      "user",
      NONE,
    );
    const by = (text: string | undefined) => sorted(lines, orderOf(text)).map(line => line.name);
    expect(by(undefined)).toEqual([null, "node9", "node10"]);
    expect(by("nonsense")).toEqual([null, "node9", "node10"]);
    expect(by("gpuSeconds")).toEqual(["node10", "node9", null]);
    expect(by("name")).toEqual(["node9", "node10", null]);
    expect(by("-name")).toEqual(["node10", "node9", null]);
    // Equal values are in the order of GPU-hours.
    expect(by("sessions")).toEqual([null, "node9", "node10"]);
  });

  it("has numbers that never round down to nothing", () => {
    expect([0, 1, 17, 18, 180, 3600, 35_981, 35_982, 4_446_000].map(seconds => hours(seconds))).toEqual([
      "0",
      "<0.01",
      "<0.01",
      "0.01",
      "0.05",
      "1.00",
      "9.99",
      "10.0",
      "1,235.0",
    ]);
    // The same digits in all rows of a table.
    expect([1, 180, 3600].map(seconds => hours(seconds, false))).toEqual(["<0.1", "0.1", "1.0"]);
    expect(hours(90_000, true)).toBe("25.00");
    expect([0, 1, 3.6e6].map(joules => kilowattHours(joules))).toEqual(["0", "<0.01", "1.00"]);
    expect(ofTenths(0)).toBe("<0.1\u202f%");
    expect(money(1234.5, "EUR")).toBe("€1,234.50");
    expect(money(2, "credits")).toBe("2.00\u202fcredits");
  });
});

describe("the device time", () => {
  it("is divided into parts that add up to 100 %", () => {
    const parts = timeParts(
      report({
        device_seconds: 3,
        rows: [row({ gpu_seconds: 1 })],
        free_gpu_seconds: 1,
        unobserved_gpu_seconds: 1,
      }),
      false,
    );
    expect(parts.map(({ kind, tenths }) => [kind, tenths])).toEqual([
      ["held", 334],
      ["free", 333],
      ["unobserved", 333],
    ]);
  });

  it("is that of a user and all else with a filter", () => {
    const parts = timeParts(report({ rows: [row({ gpu_seconds: 9000 })] }), true);
    expect(parts.map(({ kind, tenths }) => [kind, tenths])).toEqual([
      ["held", 250],
      ["others", 750],
    ]);
  });

  it.each([[[1, 1, 1]], [[0.0001, 5, 999]], [[1e9, 1, 1]], [[3, 3, 3, 3, 3, 3, 3]], [[5]]])(
    "%j has whole tenths of a percent",
    values => {
      expect(apportion(values).reduce((all, value) => all + value, 0)).toBe(1000);
    },
  );

  it("of nothing has no parts", () => {
    expect(timeParts(report({ device_seconds: 0 }), false)).toEqual([]);
    expect(apportion([0, 0])).toEqual([0, 0]);
  });
});

describe("colours of the accounting", () => {
  it("are those of the owners of the same label", () => {
    const owner = (key: string, label: string) => ({ key, label, container: null });
    const { of, keys } = colourKeys([
      owner("alice", "alice"),
      owner("container:1", "vllm"),
      owner("container:2", "twice"),
      owner("container:3", "twice"),
    ]);
    expect(["alice", "vllm", "twice", "gone"].map(of)).toEqual(["alice", "container:1", "twice", "gone"]);
    expect(keys.size).toBe(4);
  });
});

describe("a busy agent", () => {
  const failing = (status: number, times: number) => {
    let calls = 0;
    const load = async () => {
      calls += 1;
      if (calls <= times) throw new HttpError(status, "busy");
      return calls;
    };
    return load;
  };
  const none = new AbortController().signal;

  it("is asked again a few times", async () => {
    await expect(patiently(failing(503, 2), none, [0, 0])).resolves.toBe(3);
    await expect(patiently(failing(503, 3), none, [0, 0])).rejects.toThrow("busy");
  });

  it("is not asked again if it refuses", async () => {
    await expect(patiently(failing(404, 1), none, [0, 0])).rejects.toThrow("busy");
  });
});
