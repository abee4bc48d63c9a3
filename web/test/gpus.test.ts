import { describe, expect, it } from "vitest";
import { findGpu, isKnown, isTrouble, shortName, statusOf, throttleReasons } from "../src/model/gpu";
import { divide } from "../src/model/memory";
import { totals } from "../src/model/totals";
import { gpu, process } from "./example";

const GIB = 2 ** 30;
const busy = gpu({ use: { verdict: "busy" }, health: { verdict: "ok", reasons: [] }, state: "ok" });

describe("the status of a GPU", () => {
  it("is its verdict while it is read, else its state", () => {
    expect(statusOf(busy)).toBe("busy");
    expect(statusOf(gpu({ use: { verdict: "held" } }))).toBe("held");
    expect(statusOf(gpu({ use: { verdict: "new_word" } }))).toBe("unknown");
    for (const state of ["stale", "lost", "denied", "asleep", "error"] as const) {
      expect(statusOf(gpu({ state, use: { verdict: "free" } }))).toBe(state);
    }
    expect(statusOf(gpu({ state: "new_word", use: { verdict: "free" } }))).toBe("error");
  });

  it("is trouble if it needs attention", () => {
    expect(isTrouble(busy, false)).toBe(false);
    expect(isTrouble({ ...busy, health: { verdict: "critical" } }, false)).toBe(true);
    expect(isTrouble({ ...busy, health: { verdict: "warning" } }, false)).toBe(false);
    expect(isTrouble({ ...busy, state: "lost" }, false)).toBe(true);
    expect(isTrouble({ ...busy, state: "asleep" }, false)).toBe(false);
  });

  it("is no trouble while an administrator has released the driver", () => {
    for (const state of ["stale", "unread"]) {
      expect(isTrouble({ ...busy, state }, false)).toBe(true);
      expect(isTrouble({ ...busy, state }, true)).toBe(false);
      expect(totals([{ ...busy, state }], true).by).toMatchObject({ trouble: 0, unknown: 1 });
    }
    expect(isTrouble({ ...busy, state: "lost" }, true)).toBe(true);
  });

  it("is unknown if nothing was ever read", () => {
    const blank = gpu({
      state: "lost",
      memory: { total_bytes: null },
      power: { draw_watts: null },
      temperature: { gpu_celsius: null },
    });
    expect(isKnown(blank)).toBe(false);
    expect(isKnown({ ...blank, state: "ok" })).toBe(true);
    expect(isKnown(gpu({ state: "lost" }))).toBe(true);
  });

  it("has a short name, and is found by index or UUID", () => {
    expect(shortName("NVIDIA GeForce RTX 3090")).toBe("RTX 3090");
    expect(shortName("Tesla T4")).toBe("Tesla T4");
    expect(shortName("NVIDIA ")).toBe("NVIDIA ");
    expect(shortName(null)).toBeNull();
    const gpus = [gpu({ index: 0, uuid: "GPU-a" }), gpu({ index: 1, uuid: null })];
    expect(findGpu(gpus, "GPU-a")).toBe(gpus[0]);
    expect(findGpu(gpus, "1")).toBe(gpus[1]);
    expect(findGpu(gpus, "2")).toBeUndefined();
  });
});

describe("throttle reasons", () => {
  it("are sorted by severity, without duplicates or idleness", () => {
    expect(throttleReasons(["gpu_idle"])).toEqual([]);
    const found = throttleReasons(["sw_power_cap", "sw_thermal_slowdown", "hw_thermal_slowdown", "bit_30"]);
    expect(found.map(each => each.word)).toEqual(["thermal slowdown", "power cap", "bit 30"]);
    expect(found.map(each => each.serious)).toEqual([true, false, false]);
  });
});

describe("the division of a memory", () => {
  const alice = process({ user: "alice", uid: 1, gpu_memory_bytes: 3 * GIB });
  const bob = process({ user: "bob", uid: 2, gpu_memory_bytes: 5 * GIB });
  const memory = { total_bytes: 16 * GIB, used_bytes: 10 * GIB, reserved_bytes: GIB };

  it("is by user, the most first, then the unexplained and the reserved part", () => {
    const { parts, owners } = divide(memory, [alice, bob, alice]);
    expect(owners.map(({ owner, bytes }) => [owner.label, bytes])).toEqual([
      ["alice", 6 * GIB],
      ["bob", 5 * GIB],
    ]);
    expect(parts.map(part => [part.kind, part.bytes / GIB])).toEqual([
      ["owner", 6],
      ["owner", 5],
      ["reserved", 1],
    ]);
    expect(divide(memory, [bob]).parts.map(part => [part.kind, part.of])).toEqual([
      ["owner", 5 / 16],
      ["unattributed", 5 / 16],
      ["reserved", 1 / 16],
    ]);
  });

  it("never exceeds the used memory, nor the whole", () => {
    const sharing = [alice, bob, process({ user: "carol", uid: 3, gpu_memory_bytes: 12 * GIB })];
    const owned = divide(memory, sharing).parts.filter(part => part.kind === "owner");
    expect(owned.map(part => [part.bytes / GIB, part.of * 16])).toEqual([
      [12, 6],
      [5, 2.5],
      [3, 1.5],
    ]);
    const { parts } = divide({ ...memory, used_bytes: null }, [process({ gpu_memory_bytes: 99 * GIB }), bob]);
    expect(parts.reduce((sum, part) => sum + part.of, 0)).toBe(1);
  });

  it("names the owner of a process without a size", () => {
    const silent = process({ user: "carol", uid: 3, gpu_memory_bytes: null });
    const { parts, owners } = divide(memory, [silent]);
    expect(parts.map(part => part.kind)).toEqual(["unattributed", "reserved"]);
    expect(owners).toEqual([{ owner: { key: "carol", label: "carol", container: null }, bytes: null }]);
  });

  it("is empty without a total, and has no part for unread values", () => {
    expect(divide({ total_bytes: null, used_bytes: 5 }, [alice]).parts).toEqual([]);
    expect(divide({ total_bytes: 16 * GIB, used_bytes: null }, []).parts).toEqual([]);
    expect(divide({ total_bytes: 0, used_bytes: 0 }, []).parts).toEqual([]);
  });

  it("leaves out the driver's own part", () => {
    expect(divide({ total_bytes: 16 * GIB, used_bytes: 2 ** 22 }, []).parts).toEqual([]);
  });
});

describe("totals", () => {
  const memory = { total_bytes: 10, used_bytes: 4 };

  it("count each GPU once, those in trouble in no other category", () => {
    const { by } = totals(
      [
        busy,
        { ...busy, use: { ...busy.use, verdict: "free" } },
        { ...busy, use: { ...busy.use, verdict: "free" }, health: { verdict: "critical", reasons: [] } },
        { ...busy, state: "lost" },
        { ...busy, state: "asleep" },
      ],
      false,
    );
    expect(by).toEqual({ free: 1, busy: 1, held: 0, asleep: 1, unknown: 0, trouble: 2 });
  });

  it("cover the GPUs that are read, with their number", () => {
    const one = gpu({ state: "ok", memory, mig: [], power: { draw_watts: 100, enforced_limit_watts: 700 } });
    const lost = gpu({ ...one, state: "lost" });
    const silent = gpu({ ...one, memory: { used_bytes: null }, power: { draw_watts: null } });
    const sums = totals([one, one, lost, silent], false);
    expect(sums.gpus).toBe(4);
    expect(sums.memory).toEqual({ used: 8, total: 20, of: 2 });
    expect(sums.power).toEqual({ draw: 200, limit: 1400, of: 2 });
    expect(totals([lost, silent], false)).toMatchObject({ memory: null, power: null });
  });

  it("have no limit if one GPU has none", () => {
    const none = gpu({
      state: "ok",
      power: { draw_watts: 5, enforced_limit_watts: null, limit_watts: null },
    });
    expect(totals([none], false).power).toEqual({ draw: 5, limit: null, of: 1 });
  });

  it("use the instances' memory if the GPU's is denied", () => {
    const mig = [
      { memory_total_bytes: 6, memory_used_bytes: 1 },
      { memory_total_bytes: 3, memory_used_bytes: 1 },
    ];
    const parted = gpu({ state: "ok", memory: { total_bytes: null, used_bytes: null }, mig: mig as never });
    expect(totals([parted], false).memory).toEqual({ used: 2, total: 9, of: 1 });
  });
});
