import { describe, expect, it } from "vitest";
import { groupBy, keepOrder, Places, parseOrder, sortHosts } from "../../src/fleet/model/order";
import type { Host } from "../../src/fleet/types";
import { GIB, gpuOf, hostOf } from "./hosts";

const sorted = (hosts: Host[], text: string) =>
  sortHosts(hosts, parseOrder(text), new Places().of(hosts)).map(host => host.name);

const HOSTS = [
  hostOf("gpu10", [gpuOf()]),
  hostOf("gpu2", [gpuOf(), gpuOf({ memory_free_bytes: GIB })]),
  hostOf("gpu3", [gpuOf({ health: "critical", use: "busy" })]),
  hostOf("gpu4", [gpuOf()], { state: "stale" }),
  hostOf("gpu1", [], { state: "unreachable", error: "refused" }),
  hostOf("gpu5", [gpuOf({ memory_free_bytes: null, power_watts: null })], { problems: ["Hot."] }),
];

describe("the order", () => {
  it("has hosts in trouble first, then by name as people count", () => {
    expect(sorted(HOSTS, "")).toEqual(["gpu1", "gpu3", "gpu4", "gpu5", "gpu2", "gpu10"]);
  });

  it("is by name, in both directions", () => {
    expect(sorted(HOSTS, "name")).toEqual(["gpu1", "gpu2", "gpu3", "gpu4", "gpu5", "gpu10"]);
    expect(sorted(HOSTS, "-name")).toEqual(["gpu10", "gpu5", "gpu4", "gpu3", "gpu2", "gpu1"]);
  });

  it("has unknown values last in both directions, and those of silent hosts are unknown", () => {
    expect(sorted(HOSTS, "-free")).toEqual(["gpu2", "gpu5", "gpu10", "gpu3", "gpu1", "gpu4"]);
    expect(sorted(HOSTS, "free")).toEqual(["gpu3", "gpu5", "gpu10", "gpu2", "gpu1", "gpu4"]);
    expect(sorted(HOSTS, "-power").slice(-3)).toEqual(["gpu1", "gpu4", "gpu5"]);
  });

  it("is by a label", () => {
    const hosts = [
      hostOf("a", [], { labels: { rack: "r10" } }),
      hostOf("b"),
      hostOf("c", [], { labels: { rack: "r9" } }),
    ];
    expect(sorted(hosts, "label.rack")).toEqual(["c", "a", "b"]);
  });

  it("is the first for an unknown key", () => {
    expect(parseOrder("-colour")).toEqual({ key: "trouble", down: false });
  });

  it("can be kept, with new hosts last", () => {
    const [a, b, c] = [hostOf("a"), hostOf("b"), hostOf("c")];
    expect(keepOrder([a, b, c], ["c", "gone", "a"]).map(host => host.name)).toEqual(["c", "a", "b"]);
  });
});

describe("groups", () => {
  it("are in the order of their values, with hosts without the label last", () => {
    const found = groupBy(["a", "b", "c", "d"], ["r10", null, "r9", "r10"]);
    expect(found.map(({ value, names }) => [value, names])).toEqual([
      ["r9", ["c"]],
      ["r10", ["a", "d"]],
      [null, ["b"]],
    ]);
  });
});
