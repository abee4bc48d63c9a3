import { describe, expect, it } from "vitest";
import type { Event } from "../src/api/types";
import { mergeEvents } from "../src/live/events";
import { changes } from "../src/model/changes";
import { byDay, wanted, withoutGpu } from "../src/model/events";

const event = (at: number, changed: Partial<Event> = {}): Event => ({
  at,
  kind: "xid",
  gpu_uuid: "GPU-a",
  severity: "warning",
  code: "xid_94",
  text: "Xid 94",
  action: "",
  ...changed,
});

describe("events", () => {
  it("that come twice are there once, in the order of their times", () => {
    const known = [event(1), event(3)];
    expect(mergeEvents(known, [event(3), event(2), event(2)]).map(each => each.at)).toEqual([1, 2, 3]);
    expect(mergeEvents(known, [event(1)])).toBe(known);
    expect(mergeEvents(known, [event(3, { gpu_uuid: "GPU-b" })])).toHaveLength(3);
  });

  it("are chosen by severity, kind and GPU, the newest first", () => {
    const all = [
      event(1, { severity: "ok" }),
      event(2),
      event(3, { severity: "critical", kind: "gpu_state" }),
      event(4, { gpu_uuid: null, severity: "odd" }),
    ];
    const ats = (wish: object) =>
      wanted(all, { severity: "", kind: "", gpu: "", ...wish }).map(each => each.at);
    expect(ats({})).toEqual([4, 3, 2, 1]);
    expect(ats({ severity: "warning" })).toEqual([4, 3, 2]);
    expect(ats({ severity: "critical" })).toEqual([3]);
    expect(ats({ kind: "xid", gpu: "GPU-a" })).toEqual([2, 1]);
  });

  it("stand under their days", () => {
    const now = new Date(2026, 10, 23, 12).getTime();
    const days = byDay([event(now), event(now - 3_600_000), event(now - 86_400_000)], now);
    expect(days.map(day => [day.name, day.events.length])).toEqual([
      ["Today", 2],
      ["Yesterday", 1],
    ]);
  });

  it("do not say their GPU twice", () => {
    expect(withoutGpu("GPU 2 is stale", 2)).toBe("is stale");
    expect(withoutGpu("GPU 21 is stale", 2)).toBe("GPU 21 is stale");
    expect(withoutGpu("Xid 94", 2)).toBe("Xid 94");
  });
});

describe("what is said aloud", () => {
  it("is what changed, and not the first look", () => {
    const before = new Map([["a", "GPU 0 free"]]);
    const now = new Map([
      ["a", "GPU 0 busy"],
      ["b", "GPU 1 free"],
    ]);
    expect(changes(new Map(), now)).toEqual([]);
    expect(changes(before, now)).toEqual(["GPU 0 busy", "GPU 1 free"]);
    expect(changes(now, now)).toEqual([]);
  });
});
