import { describe, expect, it } from "vitest";
import { type Hosts, merge, mergeAll } from "../../src/fleet/model/merge";
import type { Host, HostChange } from "../../src/fleet/types";
import { gpuOf, hostOf } from "./hosts";

const two = () => [gpuOf({ index: 0 }), gpuOf({ index: 3, use: "busy" })];
const known = (): Hosts => mergeAll(new Map(), { hosts: [hostOf("a", two()), hostOf("b", two())] });
const change = (hosts: HostChange[], removed: string[] = []) => ({ at: 1, hosts, removed });

describe("changes", () => {
  it("replace the fields that they have, of GPUs by index", () => {
    const [from, to] = [
      known(),
      merge(known(), change([{ name: "a", read_at: 9, gpus: [{ index: 3, power_watts: 500 }] }])),
    ];
    const host = to.get("a");
    expect(host?.read_at).toBe(9);
    expect(host?.gpus?.map(gpu => gpu.power_watts)).toEqual([80, 500]);
    expect(host?.gpus?.[1]?.use).toBe("busy");
    expect(host?.labels).toEqual(from.get("a")?.labels);
  });

  it("take null as a value", () => {
    const to = merge(
      known(),
      change([{ name: "a", error: null, gpus: [{ index: 0, power_watts: null, users: null }] }]),
    );
    expect(to.get("a")?.gpus?.[0]).toMatchObject({ power_watts: null, users: null });
  });

  it("leave what did not change as the same object", () => {
    const from = known();
    const to = merge(from, change([{ name: "a", gpus: [{ index: 0, power_watts: 1 }] }]));
    expect(to.get("b")).toBe(from.get("b"));
    expect(to.get("a")?.gpus?.[1]).toBe(from.get("a")?.gpus?.[1]);
    expect(merge(from, { at: 1 })).toBe(from);
  });

  it("of an unknown GPU or host have no effect", () => {
    const from = known();
    const to = merge(
      from,
      change([
        { name: "c", state: "stale" },
        { name: "a", gpus: [{ index: 7, use: "free" }] },
      ]),
    );
    expect(to.has("c")).toBe(false);
    expect(to.get("a")?.gpus).toHaveLength(2);
  });

  it("add and remove hosts, in the order of names", () => {
    const whole: HostChange = { ...hostOf("aa", [gpuOf()]), whole: true };
    const to = merge(known(), change([whole], ["b"]));
    expect([...to.keys()]).toEqual(["a", "aa"]);
    expect(to.get("aa")).not.toHaveProperty("whole");
  });

  it("replace a whole row, with its GPUs", () => {
    const whole: HostChange = { ...hostOf("a", [gpuOf({ index: 5 })]), whole: true };
    expect(
      merge(known(), change([whole]))
        .get("a")
        ?.gpus?.map(gpu => gpu.index),
    ).toEqual([5]);
  });
});

describe("a whole row without GPUs", () => {
  it("has none: those known are of the host's address before", () => {
    const { gpus: _, ...brief } = hostOf("a", [gpuOf({ index: 5 })]);
    const host = merge(known(), change([{ ...brief, whole: true }])).get("a");
    expect(host).not.toHaveProperty("gpus");
    expect(host?.counts).toEqual(brief.counts);
  });
});

describe("a whole fleet", () => {
  const without = (host: Host): Host => {
    const { gpus: _, ...rest } = host;
    return rest;
  };

  it("keeps known GPUs of hosts that it leaves out", () => {
    const to = mergeAll(known(), { hosts: [without(hostOf("a", two(), { read_at: 5 })), hostOf("b", [])] });
    expect(to.get("a")?.gpus).toHaveLength(2);
    expect(to.get("a")?.read_at).toBe(5);
    expect(to.get("b")?.gpus).toEqual([]);
  });

  it("takes an empty list as it is, also beside counts", () => {
    const to = mergeAll(known(), { hosts: [{ ...hostOf("a", two()), gpus: [] }] });
    expect(to.get("a")?.gpus).toEqual([]);
  });

  it("has no GPUs where none were ever sent, which is not the same as no GPU", () => {
    const to = mergeAll(new Map(), { hosts: [without(hostOf("a", two()))] });
    expect(to.get("a")?.gpus).toBeUndefined();
  });

  it("forgets hosts that are gone", () => {
    expect([...mergeAll(known(), { hosts: [hostOf("b", two())] }).keys()]).toEqual(["b"]);
  });
});
