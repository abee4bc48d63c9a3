import { describe, expect, it } from "vitest";
import {
  type Device,
  type DeviceRow,
  type Drawn,
  gapsOf,
  holders,
  merged,
  moveBy,
  pathsOf,
  rowOfGpu,
  rowsOf,
  sessionAt,
  WIDTH,
} from "../src/model/timeline";

type Seen = Drawn & { id: string };

const session = (user: string | null, from: number, to: number, changes: Partial<Seen> = {}): Seen => ({
  id: `${user} ${from}`,
  gpu: 0,
  uuid: "GPU-a",
  mig: null,
  mig_uuid: null,
  user,
  first_at: from,
  last_at: to,
  ...changes,
});

const device = (gpu: number, uuid: string | null, mig: string | null = null): Device => ({
  uuid,
  gpu,
  mig,
  mig_uuid: mig && `MIG ${mig}`,
});

const only = (sessions: Seen[]): DeviceRow<Seen> => rowOfGpu(sessions, "GPU-a", 0);

describe("rows of a timeline", () => {
  it("are all devices, also those without sessions and those that are gone", () => {
    const rows = rowsOf(
      [
        session("alice", 0, 1, { uuid: "GPU-b", gpu: 0 }),
        session("bob", 0, 1, { uuid: "GPU-old", gpu: 7 }),
        session("bob", 2, 3, { uuid: "GPU-m", gpu: 2, mig: "2 · 1g.10gb", mig_uuid: "MIG 2 · 1g.10gb" }),
      ],
      [
        device(0, "GPU-a"),
        device(1, "GPU-b"),
        device(2, "GPU-m", "2 · 1g.10gb"),
        device(2, "GPU-m", "2 · 3g"),
      ],
    );
    expect(rows.map(row => [row.label, row.sessions.length])).toEqual([
      ["GPU 0", 0],
      ["GPU 1", 1],
      ["2 · 1g.10gb", 1],
      ["2 · 3g", 0],
      ["GPU 7, gone", 1],
    ]);
  });

  it("are not gone while nothing is listed", () => {
    expect(rowsOf([session("bob", 0, 1)], []).map(row => row.label)).toEqual(["GPU 0"]);
  });

  it("keep apart instances of one name, and find a GPU without a UUID", () => {
    const named = { mig: "0 · 1g.10gb" };
    const instances = [
      session("a", 0, 1, { ...named, mig_uuid: "MIG-1" }),
      session("b", 0, 1, { ...named, mig_uuid: "MIG-2" }),
    ];
    expect(rowsOf(instances, [])).toHaveLength(2);
    const nameless = rowsOf([session("a", 0, 1, { uuid: "0000:01:00.0", gpu: 4 })], [device(4, null)]);
    expect(nameless.map(row => [row.label, row.sessions.length])).toEqual([["GPU 4", 1]]);
  });

  it("have a lane for each holder at one time", () => {
    const { lanes, height } = only([session("a", 0, 10), session("b", 5, 15), session("c", 10, 20)]);
    expect([lanes, height]).toEqual([[0, 1, 0], 2]);
    const crowd = Array.from({ length: 9 }, (_, at) => session(`u${at}`, 0, 10));
    expect(only(crowd).height).toBe(4);
    expect(only([]).height).toBe(1);
  });
});

describe("shapes of a row", () => {
  const shapes = (path: string | undefined) => (path?.match(/M/g) ?? []).length;

  it("are one path per user, with close sessions as one shape", () => {
    const row = only([
      session("a", 0, 100),
      session("a", 101, 200),
      session("b", 300, 400),
      session("a", 900, 950),
    ]);
    const paths = pathsOf(row, { from: 0, to: 10_000 });
    expect(paths.map(({ user, path }) => [user, shapes(path)])).toEqual([
      ["a", 2],
      ["b", 1],
    ]);
  });

  it("of a long period are few, however many sessions there are", () => {
    const many = Array.from({ length: 60_000 }, (_, at) =>
      session(`u${at % 40}`, at * 1000, at * 1000 + 900),
    );
    const paths = pathsOf(only(many), { from: 0, to: 60_000_000 });
    expect(paths.length).toBe(40);
    // Neighbours are closer than a unit.
    expect(paths.reduce((sum, { path }) => sum + shapes(path), 0)).toBeLessThanOrEqual(40 * WIDTH);
  });

  it("stay within the period, and a short one can be seen", () => {
    const [shape] = pathsOf(only([session("a", -500, 0), session("a", 999_999, 2_000_000)]), {
      from: 0,
      to: 1e6,
    });
    const numbers = [...(shape?.path.matchAll(/[MH]([\d.]+)/g) ?? [])].map(([, x]) => Number(x));
    expect(Math.min(...numbers)).toBe(0);
    expect(Math.max(...numbers)).toBe(WIDTH);
    expect(shapes(shape?.path)).toBe(2);
    expect(numbers[1]).toBeGreaterThan(1);
  });

  it("leave out sessions of another time", () => {
    expect(pathsOf(only([session("a", 0, 10)]), { from: 20, to: 30 })).toEqual([]);
  });
});

describe("the session at a point", () => {
  const row = only([session("a", 0, 100), session("b", 50, 60), session("c", 500, 600)]);

  it("is that of the time and lane, or the nearest", () => {
    expect(sessionAt(row, 55, 0, 5)).toBe(0);
    expect(sessionAt(row, 55, 1, 5)).toBe(1);
    // The other lane is empty there.
    expect(sessionAt(row, 20, 1, 5)).toBe(0);
    expect(sessionAt(row, 497, 0, 5)).toBe(2);
    expect(sessionAt(row, 300, 0, 5)).toBeNull();
  });
});

describe("keys of the timeline", () => {
  const rows = [
    only([session("a", 0, 10), session("b", 20, 30)]),
    only([]),
    only([session("c", 5, 6), session("d", 19, 21), session("e", 40, 50)]),
  ];
  const press = (key: string, row: number, at: number) => moveBy(key, rows, { row, at });

  it("step through sessions and devices, and stop at the ends", () => {
    expect(press("ArrowRight", 0, 0)).toEqual({ row: 0, at: 1 });
    expect(press("ArrowRight", 0, 1)).toEqual({ row: 0, at: 1 });
    expect(press("ArrowLeft", 0, 0)).toEqual({ row: 0, at: 0 });
    expect(press("End", 2, 0)).toEqual({ row: 2, at: 2 });
    expect(press("Home", 2, 2)).toEqual({ row: 2, at: 0 });
    expect(press("ArrowUp", 0, 1)).toEqual({ row: 0, at: 1 });
    expect(press("ArrowDown", 2, 1)).toEqual({ row: 2, at: 1 });
  });

  it("reach a device at the same time, also over an empty one", () => {
    expect(press("ArrowUp", 2, 1)).toEqual({ row: 1, at: 0 });
    expect(press("ArrowDown", 0, 1)).toEqual({ row: 1, at: 0 });
    expect(press("ArrowLeft", 1, 0)).toEqual({ row: 1, at: 0 });
    const two = [rows[0], rows[2]] as DeviceRow<Seen>[];
    expect(moveBy("ArrowDown", two, { row: 0, at: 1 })).toEqual({ row: 1, at: 1 });
  });

  it("are no others", () => {
    expect(press("Enter", 0, 0)).toBeNull();
  });
});

describe("periods that were not observed", () => {
  it("begin with the time before the first record", () => {
    const values = [null, 1, 1];
    const history = {
      start_at: 100,
      step_ms: 10,
      series: [{ gpu: 0, gpu_uuid: "GPU-a", metric: "x", values }],
    };
    const found = (from: number, to: number) => gapsOf(history, { from, to }).get("GPU-a");
    expect(found(20, 300), "a new host").toEqual([{ from: 20, to: 110 }]);
    expect(found(20, 60), "a history that is shorter than the usage").toEqual([
      { from: 20, to: 60 },
      { from: 100, to: 110 },
    ]);
    expect(found(20, 20), "existed all the time").toEqual([{ from: 100, to: 110 }]);
  });

  it("are those without a value of any metric", () => {
    const series = (gpu_uuid: string, metric: string, values: (number | null)[]) => ({
      gpu: 0,
      gpu_uuid,
      metric,
      values,
    });
    const gaps = gapsOf({
      start_at: 100,
      step_ms: 10,
      series: [
        series("GPU-a", "x", [null, 1, null, null, 1, null]),
        series("GPU-a", "y", [null, null, null, null, null, 2]),
        series("GPU-b", "x", [null, null, null, null, null, null]),
      ],
    });
    expect(gaps.get("GPU-a")).toEqual([
      { from: 100, to: 110 },
      { from: 120, to: 140 },
    ]);
    expect(gaps.has("GPU-b"), "it may not support the metrics").toBe(false);
  });
});

describe("the last day", () => {
  it("has the holders with their times in it", () => {
    const found = holders([session("a", -50, 50), session("b", 10, 90), session("a", 90, 200)], {
      from: 0,
      to: 100,
    });
    expect(found).toEqual([
      { user: "b", ms: 80 },
      { user: "a", ms: 60 },
    ]);
  });

  it("is extended by newer answers", () => {
    const known = [session("a", 0, 10), session("b", 5, 20), session("c", 8, 50)];
    const next = merged(known, [{ ...session("c", 8, 80) }, session("d", 70, 80)], 15);
    expect(next.map(({ user, last_at }) => [user, last_at])).toEqual([
      ["b", 20],
      ["c", 80],
      ["d", 80],
    ]);
  });

  it("of a GPU has the sessions of its instances", () => {
    const all = [
      session("a", 0, 1, { mig: "0 · 1g", mig_uuid: "MIG-1" }),
      session("b", 0, 1),
      session("c", 0, 1, { uuid: "GPU-b", gpu: 1 }),
    ];
    expect(rowOfGpu(all, "GPU-a", 0).sessions.map(({ user }) => user)).toEqual(["a", "b"]);
    expect(rowOfGpu(all, null, 1).sessions.map(({ user }) => user)).toEqual(["c"]);
  });
});
