import { describe, expect, it } from "vitest";
import examples from "../../crates/server/assets/examples.json";
import type { Summary } from "../src/api/types";
import { countGpus, learn, type PeerState, placeOf } from "../src/model/peers";

const summary = examples["/api/v1/summary"] as unknown as Summary;
const page = { origin: "https://gpus.example", prefix: "/server1/" };
const place = (url: string) => placeOf({ name: "x", url }, page);

describe("a peer", () => {
  it("is polled only at this origin, and not if it is this host", () => {
    expect(place("/server2/")).toBe("same_origin");
    expect(place("/")).toBe("same_origin");
    expect(place("/server1/")).toBe("here");
    for (const url of ["https://gpus.example/server2/", "https://other.example/", "http://gpus.example/x/"]) {
      expect(place(url), url).toBe("other_origin");
    }
  });

  it("is never polled at another origin, whatever its URL looks like", () => {
    for (const url of ["//other.example/", "/\\other.example/", "javascript:alert(1)", "data:,x"]) {
      expect(place(url), url).toBe("other_origin");
    }
  });

  it("counts each GPU once, those in trouble in no other category", () => {
    const [gpu] = summary.gpus;
    if (!gpu) throw new Error("the example has no GPU");
    const gpus = [
      { ...gpu, state: "ok", health: "ok", verdict: "free" },
      { ...gpu, state: "ok", health: "critical", verdict: "free" },
      { ...gpu, state: "lost", health: "critical", verdict: "unknown" },
      { ...gpu, state: "ok", health: "warning", verdict: "held" },
    ];
    const { by, collectorState } = countGpus({ ...summary, gpus });
    expect(by).toEqual({ free: 1, busy: 0, held: 1, asleep: 0, unknown: 0, trouble: 2 });
    expect(collectorState).toBeNull();
    const idle = gpus.map(each => ({ ...each, state: "stale", health: "ok" }));
    expect(countGpus({ ...summary, gpus: idle }).by.trouble).toBe(4);
    expect(countGpus({ ...summary, collector_state: "released", gpus: idle }).by.trouble).toBe(0);
    expect(countGpus({ ...summary, collector_state: "no_driver", gpus: [] }).collectorState).toBe(
      "no_driver",
    );
  });

  it("has the state of its last answer", () => {
    const asking: PeerState = { kind: "asking" };
    expect(learn(asking, { status: 200, body: summary }, 1).kind).toBe("known");
    expect(learn(asking, { status: 401, body: null }, 1).kind).toBe("token");
    expect(learn(asking, { status: 421, body: { status: 421 } }, 1).kind).toBe("refused_name");
    for (const body of [null, "<html>", { gpus: 1 }, []]) {
      expect(learn(asking, { status: 200, body }, 1).kind, JSON.stringify(body)).toBe("not_agent");
    }
    expect(learn(asking, { status: 404, body: summary }, 1).kind).toBe("not_agent");
  });

  it("is unreachable since its first failure", () => {
    const gone = learn({ kind: "asking" }, { status: 502, body: null }, 1);
    expect(gone).toEqual({ kind: "unreachable", since: 1 });
    expect(learn(gone, null, 2)).toEqual({ kind: "unreachable", since: 1 });
    const back = learn(gone, { status: 200, body: summary }, 3);
    expect(learn(back, null, 4)).toEqual({ kind: "unreachable", since: 4 });
  });
});
