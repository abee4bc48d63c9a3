import { describe, expect, it } from "vitest";
import { findQuery, foundText, missingText, wishOf, wishText } from "../../src/fleet/model/find";
import { cellStatus, modelText, rankOf, severityOf, sumsOf } from "../../src/fleet/model/host";
import { usersOf } from "../../src/fleet/model/users";
import { GIB, gpuOf, hostOf } from "./hosts";

const instance = (use: string, users: string[] | null, free: number | null = GIB) => ({
  label: "1g.10gb",
  uuid: null,
  profile: "1g.10gb",
  memory_total_bytes: 10 * GIB,
  memory_free_bytes: free,
  use,
  since: null,
  users,
});

describe("a cell", () => {
  it("is never free, held or busy where the host does not report", () => {
    for (const state of ["starting", "unreachable", "refused"] as const) {
      expect(cellStatus({ state }, gpuOf())).toBe("unknown");
    }
    expect(cellStatus({ state: "stale" }, gpuOf({ use: "busy" }))).toBe("stale");
  });

  it("has the state before the use, and trouble before both", () => {
    const status = (more: Parameters<typeof gpuOf>[0]) => cellStatus({ state: "ok" }, gpuOf(more));
    expect(status({})).toBe("free");
    expect(status({ use: "held" })).toBe("held");
    expect(status({ health: "critical" })).toBe("trouble");
    expect(status({ state: "lost" })).toBe("lost");
    expect(status({ state: "new" })).toBe("error");
    expect(status({ use: "reserved" })).toBe("unknown");
    expect(status({ state: null, health: null, use: "busy" })).toBe("busy");
  });
});

describe("sums of a host", () => {
  it("are null, not zero, where no GPU reports", () => {
    const none = gpuOf({
      memory_free_bytes: null,
      power_watts: null,
      temperature_celsius: null,
      utilization_percent: null,
      users: null,
    });
    expect(sumsOf(hostOf("a", [none]))).toMatchObject({
      memoryFree: null,
      power: null,
      temperature: null,
      utilization: null,
      users: null,
    });
    expect(sumsOf(hostOf("a", []))).toMatchObject({ memoryFree: null, power: null, users: [] });
  });

  it("count the GPUs that report", () => {
    const sums = sumsOf(hostOf("a", [gpuOf(), gpuOf({ power_watts: null })]));
    expect(sums).toMatchObject({ power: 80, powerOf: 1, memoryFree: 158 * GIB, memoryOf: 2 });
  });

  it("take the memory of MIG instances where the GPU's is denied", () => {
    const gpu = gpuOf({
      memory_total_bytes: null,
      memory_free_bytes: null,
      mig: [instance("free", []), instance("busy", ["eve"])],
    });
    expect(sumsOf(hostOf("a", [gpu]))).toMatchObject({
      memoryFree: 2 * GIB,
      memoryTotal: 20 * GIB,
      users: ["eve"],
    });
    const partly = { ...gpu, mig: [instance("free", []), instance("busy", [], null)] };
    expect(sumsOf(hostOf("a", [partly])).memoryFree).toBeNull();
  });

  it("name the models, the most first", () => {
    const gpus = [gpuOf({ name: "NVIDIA L4" }), gpuOf(), gpuOf(), gpuOf({ name: null })];
    expect(modelText(sumsOf(hostOf("a", gpus)))).toBe("2 × H100 80GB HBM3, L4");
  });
});

describe("the severity of a host", () => {
  it("is of its state, its GPUs, then its problems", () => {
    expect(severityOf(hostOf("a"))).toBeNull();
    expect(severityOf(hostOf("a", [], { state: "refused" }))).toBe("critical");
    expect(severityOf(hostOf("a", [gpuOf({ state: "lost" })]))).toBe("critical");
    expect(severityOf(hostOf("a", [gpuOf()], { problems: ["Hot."] }))).toBe("warning");
    expect(severityOf(hostOf("a", [], { state: "stale" }))).toBe("warning");
    expect(rankOf(hostOf("a", [], { state: "starting" }))).toBeLessThan(rankOf(hostOf("a")));
  });
});

describe("users across hosts", () => {
  it("have their devices by host, and the memory that is theirs alone", () => {
    const used = { memory_free_bytes: 60 * GIB };
    const hosts = [
      hostOf("a", [
        gpuOf({ index: 0, users: ["eve"], use: "busy", ...used }),
        gpuOf({ index: 1, users: ["eve", "bob"], use: "held", ...used }),
      ]),
      hostOf("b", [gpuOf({ index: 2, mig: [instance("busy", ["eve"]), instance("free", [])] })]),
      hostOf("c", [gpuOf({ users: ["bob"] })], { state: "stale" }),
    ];
    const [eve, bob] = usersOf(hosts);
    expect(eve).toMatchObject({ name: "eve", devices: 3, held: 1, memory: 29 * GIB, shares: true });
    expect(eve?.places).toEqual([
      { host: "a", names: ["0", "1"] },
      { host: "b", names: ["2 · 1g.10gb"] },
    ]);
    expect(bob).toMatchObject({ name: "bob", devices: 1, memory: null, shares: true });
  });
});

describe("a wish", () => {
  it("becomes a query, in which memory has a unit", () => {
    expect(findQuery(wishOf({}))).toBe("count=1");
    expect(findQuery(wishOf({ count: "2", memory: "40", model: " h100 ", held: "true" }))).toBe(
      "count=2&memory=40GiB&model=h100&held=true",
    );
    expect(findQuery(wishOf({ memory: "40960MiB", mig: "any", labels: "rack:a1" }))).toBe(
      "count=1&memory=40960MiB&mig=any&labels=rack%3Aa1",
    );
  });

  it("has words", () => {
    expect(wishText(wishOf({ count: "2", memory: "40", model: "H100" }))).toBe(
      "2 GPUs of H100 with 40 GiB free",
    );
    expect(wishText(wishOf({ mig: "1g.10gb" }))).toBe("1 1g.10gb instance");
  });

  it("says what is missing, also for a reason of a later release", () => {
    expect(missingText({ what: "memory", devices: 2 })).toBe("2 devices with too little free memory");
    expect(missingText({ what: "on_fire", devices: 1 })).toBe("1 device: on fire");
  });

  it("says where it fits", () => {
    const choice = {
      host: "a",
      devices: [{ index: 3, uuid: "GPU-3", name: null, memory_free_bytes: null }],
      cuda_visible_devices: "GPU-3",
      command: null,
    };
    expect(foundText({ found: true, choices: [choice, choice], nearest: [] })).toBe(
      "a: GPU 3, and on 1 other host",
    );
  });
});
