import { describe, expect, it } from "vitest";
import { parseSearch, termValue, withTerm } from "../../src/fleet/model/query";
import type { Host } from "../../src/fleet/types";
import { GIB, gpuOf, hostOf } from "./hosts";

const NOW = 10 * 3_600_000;
const free = gpuOf();
const small = gpuOf({ index: 1, memory_free_bytes: 10 * GIB });
const busy = gpuOf({
  index: 2,
  use: "busy",
  utilization_percent: 93,
  users: ["alice"],
  memory_free_bytes: GIB,
});
const held = gpuOf({ index: 3, use: "held", users: ["Bob Ray"], since: NOW - 3 * 3_600_000 });

const HOSTS: Host[] = [
  hostOf("gpu01", [free, small, busy], { labels: { rack: "a1", model: "dgx" } }),
  hostOf("gpu02", [gpuOf({ name: "NVIDIA L4", temperature_celsius: 85 }), held], { labels: { rack: "a10" } }),
  hostOf("gpu03", [free, free], { state: "stale", problems: ["The driver hangs."], labels: { rack: "b1" } }),
  hostOf("gpu10", [], {
    state: "unreachable",
    error: "connection refused",
    source: "original",
    agent_version: null,
  }),
];

const context = { labels: new Set(["rack", "model"]), now: NOW };
const names = (text: string) => HOSTS.filter(parseSearch(text, context).test).map(host => host.name);
const mistakes = (text: string) => parseSearch(text, context).mistakes;

describe("a search", () => {
  it("without terms matches all", () => {
    expect(parseSearch("  ", context).isEmpty).toBe(true);
    expect(names("")).toHaveLength(4);
  });

  it("compares numbers of GPUs, which are unknown where a host does not report", () => {
    expect(names("free>=2")).toEqual(["gpu01"]);
    expect(names("free>2")).toEqual([]);
    expect(names("free=1")).toEqual(["gpu02"]);
    expect(names("free:1")).toEqual(["gpu02"]);
    expect(names("free!=1")).toEqual(["gpu01", "gpu03", "gpu10"]);
    expect(names("unknown>=2")).toEqual(["gpu03"]);
    expect(names("gpus<1")).toEqual(["gpu10"]);
    expect(names("busy>=1 held<1")).toEqual(["gpu01"]);
  });

  it("counts only the GPUs that match the others", () => {
    expect(names("free>=1 mem>=40G")).toEqual(["gpu01", "gpu02"]);
    expect(names("free>=2 mem>=40G")).toEqual([]);
    expect(names("free>=2 mem>=10GiB model:h100")).toEqual(["gpu01"]);
    expect(names("model:L4")).toEqual(["gpu02"]);
    expect(names("busy>=1 util>=93%")).toEqual(["gpu01"]);
    expect(names("temp>80")).toEqual(["gpu02"]);
    expect(names("idle>2h")).toEqual(["gpu02"]);
    expect(names("idle>4h")).toEqual([]);
  });

  it("never counts a GPU of a stale host as free", () => {
    expect(names("free>=1 mem>=1G")).toEqual(["gpu01", "gpu02"]);
    expect(names("unknown>=2 mem>=1G")).toEqual(["gpu03"]);
  });

  it("matches whole users, labels and states, in any case, with lists and patterns", () => {
    expect(names("user:ALICE")).toEqual(["gpu01"]);
    expect(names("user:ali")).toEqual([]);
    expect(names("user:ali*")).toEqual(["gpu01"]);
    expect(names('user:"bob ray"')).toEqual(["gpu02"]);
    expect(names("user:alice,bob*")).toEqual(["gpu01", "gpu02"]);
    expect(names("rack:a1")).toEqual(["gpu01"]);
    expect(names("Rack:a*")).toEqual(["gpu01", "gpu02"]);
    expect(names("label.model:dgx")).toEqual(["gpu01"]);
    expect(names("state:stale,unreachable")).toEqual(["gpu03", "gpu10"]);
    expect(names("state:trouble")).toEqual(["gpu03", "gpu10"]);
    expect(names("state:held")).toEqual(["gpu02"]);
    expect(names("source:original")).toEqual(["gpu10"]);
    expect(names("name:gpu0*")).toEqual(["gpu01", "gpu02", "gpu03"]);
    expect(names("problem:REFUSED")).toEqual(["gpu10"]);
  });

  it("excludes with a minus", () => {
    expect(names("-rack:a1")).toEqual(["gpu02", "gpu03", "gpu10"]);
    expect(names("-user:alice -state:ok")).toEqual(["gpu03", "gpu10"]);
    expect(names("-gpu0")).toEqual(["gpu10"]);
  });

  it("looks for other words anywhere", () => {
    expect(names("HANGS")).toEqual(["gpu03"]);
    expect(names('"driver hangs"')).toEqual(["gpu03"]);
    expect(names("b1")).toEqual(["gpu03"]);
    expect(names("gpu1")).toEqual(["gpu10"]);
    expect(names("alice")).toEqual(["gpu01"]);
  });

  it("takes characters of patterns as they are", () => {
    for (const text of ["user:a.*e", "user:(", "user:[a", "name:gpu0.", "user:\\", "name:$^"]) {
      expect(names(text), text).toEqual([]);
      expect(mistakes(text), text).toEqual([]);
    }
  });

  it("reports mistakes, and applies the other terms", () => {
    expect(names("free>=x gpu02")).toEqual(["gpu02"]);
    expect(mistakes("free>=x")).toEqual(["free: expected a number, as in free>=2, got “x”."]);
    expect(mistakes("free>=")).toEqual(["free: expected a number, as in free>=2, got nothing."]);
    expect(mistakes("mem>=40")).toEqual(["mem: expected a size with a unit, such as 40G, got “40”."]);
    expect(mistakes("idle>2")).toEqual(["idle: expected a duration with a unit, such as 2h, got “2”."]);
    expect(mistakes("model>=h100")).toEqual(["model: expected “:”, as in model:…, got “>=”."]);
    expect(mistakes("user:")).toEqual(["user: expected a value, got nothing."]);
    expect(mistakes("source:me")[0]).toContain("expected one of agent,");
    expect(mistakes("state:gone")[0]).toContain("expected one of ok, starting,");
    expect(mistakes("rcak:a1")[0]).toContain("“rcak” is no label of a host.");
    expect(mistakes("rcak:a1 free>=y")).toHaveLength(2);
  });

  it("knows if it needs values of GPUs", () => {
    for (const text of ["mem>1G", "model:x", "user:x", "state:lost", "util>1", "temp>1", "idle>1h"]) {
      expect(parseSearch(text, context).needsGpus, text).toBe(true);
    }
    for (const text of ["free>=2", "rack:a1", "state:stale", "gpu01", "mig>=1"]) {
      expect(parseSearch(text, context).needsGpus, text).toBe(false);
    }
  });
});

describe("a term", () => {
  it("is set, replaced and removed", () => {
    expect(withTerm("", "state", "ok")).toBe("state:ok");
    expect(withTerm("gpu1 state:ok free>=1", "state", "stale")).toBe("gpu1 free>=1 state:stale");
    expect(withTerm("gpu1 -state:ok", "state", "")).toBe("gpu1");
    expect(withTerm("", "model", "A100 80GB")).toBe('model:"A100 80GB"');
  });

  it("has a value if there is one of its key", () => {
    expect(termValue('model:"A100 80GB" x', "model")).toBe("A100 80GB");
    expect(termValue("state:ok state:stale", "state")).toBe("");
    expect(termValue("-state:ok", "state")).toBe("");
    expect(termValue("free>=1", "free")).toBe("");
  });
});
