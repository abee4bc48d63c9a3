import { beforeEach, describe, expect, it } from "vitest";
import {
  acceptChange,
  acceptFleet,
  acceptGpus,
  clear,
  hosts,
  notes,
  totals,
} from "../../src/fleet/live/store";
import { EVERY_HOST } from "../../src/fleet/model/window";
import type { Fleet, FleetTotals, Host } from "../../src/fleet/types";
import { link } from "../../src/live/connection";
import { gpuOf, hostOf } from "./hosts";

const NONE: FleetTotals = {
  hosts: { ok: 0, starting: 0, stale: 0, unreachable: 0, refused: 0 },
  gpus: { free: 0, held: 0, busy: 0, unknown: 0 },
  mig: { free: 0 },
  memory_total_bytes: null,
  memory_free_bytes: null,
  power_watts: null,
};
const fleet = (at: number, hosts: Host[], totals = NONE): Fleet => ({ at, hosts, totals });
const brief = ({ gpus: _, ...host }: Host): Host => host;
const named = (index: number): string => `gpu${`${index}`.padStart(3, "0")}`;
const withPower = (name: string, watts: number): Host => hostOf(name, [gpuOf({ power_watts: watts })]);
const watts = (name: string) => hosts.value.get(name)?.gpus?.map(gpu => gpu.power_watts);

/** A stream of the first hosts by name, as the page opens it at first. */
const streamed = (at: number, count = EVERY_HOST + 10) =>
  fleet(
    at,
    Array.from({ length: count }, (_, index) => {
      const host = withPower(named(index), 100);
      return index < EVERY_HOST ? host : brief(host);
    }),
  );
const polled = (at: number, watts: number, count = EVERY_HOST + 10) =>
  fleet(
    at,
    Array.from({ length: count }, (_, index) => withPower(named(index), watts)),
  );

beforeEach(() => {
  clear();
  link.value = { kind: "live", by: "stream" };
});

describe("notes of the hub", () => {
  it("are replaced where a change has them, and kept where it has none", () => {
    acceptFleet({ ...fleet(1_000, []), notes: ["a"] });
    expect(notes.value).toEqual(["a"]);
    acceptChange({ at: 2_000 });
    expect(notes.value).toEqual(["a"]);
    acceptChange({ at: 3_000, notes: [] });
    expect(notes.value).toEqual([]);
  });
});

describe("GPUs that are polled", () => {
  it("are not those of the first hosts, which are streamed", () => {
    acceptFleet(streamed(1_000));
    acceptGpus(polled(2_000, 50), null);
    expect([watts(named(0)), watts(named(EVERY_HOST - 1))]).toEqual([[100], [100]]);
    expect([watts(named(EVERY_HOST)), watts(named(EVERY_HOST + 9))]).toEqual([[50], [50]]);
  });

  it("are not those of hosts that are streamed by name", () => {
    acceptFleet(streamed(1_000));
    acceptGpus(polled(2_000, 50), [named(3)]);
    expect([watts(named(3)), watts(named(4))]).toEqual([[100], [50]]);
  });

  it("are dropped where the stream has newer ones, also of hosts that it no longer sends", () => {
    acceptFleet(streamed(1_000));
    acceptChange({ at: 5_000, hosts: [{ name: named(2), gpus: [{ index: 0, power_watts: 300 }] }] });
    acceptGpus(polled(4_000, 50), [named(9)]);
    expect([watts(named(2)), watts(named(3))]).toEqual([[300], [50]]);
    acceptGpus(polled(6_000, 60), [named(9)]);
    expect(watts(named(2))).toEqual([60]);
  });

  it("are taken although the stream said something of others since", () => {
    acceptFleet(streamed(1_000));
    acceptChange({ at: 9_000 });
    acceptGpus(polled(4_000, 50), null);
    expect(watts(named(EVERY_HOST))).toEqual([50]);
  });

  it("are dropped if a later poll was answered before", () => {
    acceptFleet(streamed(1_000));
    acceptGpus(polled(8_000, 80), null);
    acceptGpus(polled(4_000, 40), null);
    expect(watts(named(EVERY_HOST))).toEqual([80]);
  });

  it("are dropped if they are of the endpoint that a host had before", () => {
    const moved = named(EVERY_HOST);
    acceptFleet(streamed(1_000));
    acceptGpus(polled(2_000, 50), null);
    acceptChange({ at: 5_000, hosts: [{ ...brief(withPower(moved, 0)), whole: true }] });
    expect(hosts.value.get(moved)).not.toHaveProperty("gpus");
    acceptGpus(polled(4_000, 50), null);
    expect(watts(moved)).toBeUndefined();
    acceptGpus(polled(6_000, 60), null);
    expect(watts(moved)).toEqual([60]);
  });

  it("are taken from a hub whose clock was set back", () => {
    acceptFleet(streamed(90_000));
    acceptGpus(polled(90_000, 90), null);
    acceptFleet(streamed(1_000));
    acceptGpus(polled(2_000, 20), null);
    expect(watts(named(EVERY_HOST))).toEqual([20]);
  });
});

describe("a page that is not live", () => {
  const sums: FleetTotals = {
    ...NONE,
    hosts: { ...NONE.hosts, ok: 1, unreachable: 1 },
    gpus: { free: 1, held: 0, busy: 1, unknown: 1 },
    mig: { free: 1 },
    memory_free_bytes: 1,
    memory_total_bytes: 2,
    power_watts: 3,
  };
  const instance = { label: "3:0", uuid: null, profile: null, memory_total_bytes: null } as const;
  const mig = [{ ...instance, memory_free_bytes: null, use: "free", since: null, users: null }];

  it.each([
    { kind: "unreachable", since: 0, problem: { title: "", why: "", hint: "" } },
    { kind: "refused", status: 401, why: "" },
    { kind: "connecting" },
  ] as const)("has no free GPU: $kind", lost => {
    const known = [hostOf("a", [gpuOf(), gpuOf({ index: 1, use: "busy", mig })])];
    const away = hostOf("b", [gpuOf({ use: "unknown" })], { state: "unreachable" });
    acceptFleet(fleet(1_000, [...known, away], sums));
    expect([hosts.value.get("a")?.counts.gpus.free, totals.value?.gpus.free]).toEqual([1, 1]);
    link.value = lost;
    const host = hosts.value.get("a");
    expect(host).toMatchObject({ state: "stale", since: null });
    expect(host?.counts).toEqual({ gpus: { free: 0, held: 0, busy: 0, unknown: 2 }, mig: { free: 0 } });
    expect(host?.gpus?.map(gpu => [gpu.use, gpu.last_use])).toEqual([
      ["unknown", "free"],
      ["unknown", "busy"],
    ]);
    expect(host?.gpus?.[1]?.mig[0]?.use).toBe("unknown");
    expect(hosts.value.get("b")).toBe(away);
    expect(totals.value).toEqual({
      ...NONE,
      hosts: { ...NONE.hosts, stale: 1, unreachable: 1 },
      gpus: { ...NONE.gpus, unknown: 3 },
    });
    link.value = { kind: "live", by: "stream" };
    expect(hosts.value.get("a")).toBe(known[0]);
    expect(totals.value).toBe(sums);
  });
});
