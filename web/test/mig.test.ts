import { describe, expect, it } from "vitest";
import examples from "../../crates/server/assets/examples.json";
import type { Gpu, Summary } from "../src/api/types";
import { countMig, instanceOf, placeName } from "../src/model/mig";
import { countGpus } from "../src/model/peers";
import { totals } from "../src/model/totals";
import { usersOf } from "../src/model/users";
import { gpu, process } from "./example";

const instance = (label: string, gpuInstance: number, verdict: string, since = 0): Gpu["mig"][number] =>
  ({
    label,
    gpu_instance: gpuInstance,
    compute_instance: 0,
    uuid: `MIG-${gpuInstance}`,
    profile: label,
    memory_total_bytes: 2 ** 34,
    memory_used_bytes: 0,
    use: { verdict, since, since_at_least: false, users: [], unattributed_bytes: 0 },
    pods: [],
  }) as unknown as Gpu["mig"][number];

const split = gpu({
  state: "ok",
  health: { verdict: "ok" },
  use: { verdict: "busy" },
  mig: [
    instance("3g.40gb", 2, "busy"),
    instance("1g.10gb (GI 9)", 9, "free"),
    instance("1g.10gb (GI 10)", 10, "free"),
    instance("2g.20gb", 3, "held", 5),
  ],
});

describe("MIG instances", () => {
  it("are counted by use beside the GPUs", () => {
    expect(totals([split], false)).toMatchObject({
      by: { free: 0, busy: 1 },
      mig: { free: 2, busy: 1, held: 1, unknown: 0 },
    });
    expect(totals([gpu({ mig: [] })], false).mig).toBeNull();
    expect(countMig(["new_word", "free"])).toEqual({ free: 1, busy: 0, held: 0, unknown: 1 });
  });

  it("are not free on a GPU in trouble", () => {
    expect(totals([{ ...split, state: "lost" }], false).mig).toBeNull();
    expect(totals([{ ...split, health: { verdict: "critical", reasons: [] } }], false).mig).toBeNull();
  });

  it("of another host are counted from its summary, if it reports them", () => {
    const summary = examples["/api/v1/summary"] as unknown as Summary;
    const [first] = summary.gpus;
    if (!first) throw new Error("the example has no GPU");
    const mig = split.mig.map(({ label, use }) => ({ label, verdict: use.verdict })) as never;
    const of = (changes: object) => countGpus({ ...summary, gpus: [{ ...first, health: "ok", ...changes }] });
    expect(of({ mig }).mig).toEqual({ free: 2, busy: 1, held: 1, unknown: 0 });
    expect(of({ mig, health: "critical" }).mig).toBeNull();
    expect(of({ mig: undefined }).mig, "an older agent").toBeNull();
  });

  it("have one name", () => {
    const on = (gpuInstance: number | null) =>
      process({ gpu: 0, gpu_instance: gpuInstance, compute_instance: gpuInstance === null ? null : 0 });
    expect(placeName(split, on(2))).toBe("0 · 3g.40gb");
    expect(placeName(split, on(9))).toBe("0 · 1g.10gb (GI 9)");
    expect(placeName(split, on(7)), "one that is gone").toBe("0 · GI 7");
    expect(placeName(undefined, on(2))).toBe("0 · GI 2");
    expect(placeName(split, on(null))).toBe("0");
    expect(instanceOf(split, on(null))).toBeUndefined();
    // A process on a whole GPU is on no instance, even on one without IDs.
    const nameless = {
      ...split,
      mig: [{ ...split.mig[0], gpu_instance: null, compute_instance: null }],
    } as Gpu;
    expect(instanceOf(nameless, on(null))).toBeUndefined();
  });

  it("are listed by name for each user", () => {
    const processes = [3, 2].map(id =>
      process({ gpu: split.index, gpu_instance: id, compute_instance: 0, user: "alice" }),
    );
    const [user] = usersOf({ gpus: [split], processes });
    expect(user?.places.map(({ name }) => name)).toEqual(["0 · 2g.20gb", "0 · 3g.40gb"]);
    expect(user?.held).toMatchObject([{ place: "0 · 2g.20gb", since: 5 }]);
  });
});
