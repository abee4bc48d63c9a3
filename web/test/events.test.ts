import { describe, expect, it } from "vitest";
import type { Event } from "../src/api/types";
import { mergeEvents } from "../src/live/events";
import { news } from "../src/model/announcements";
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
  it("that come twice are kept once, in the order of time", () => {
    const known = [event(1), event(3)];
    expect(mergeEvents(known, [event(3), event(2), event(2)]).map(each => each.at)).toEqual([1, 2, 3]);
    expect(mergeEvents(known, [event(1)])).toBe(known);
    expect(mergeEvents(known, [event(3, { gpu_uuid: "GPU-b" })])).toHaveLength(3);
  });

  it("are filtered by severity, kind and GPU, the newest first", () => {
    const all = [
      event(1, { severity: "ok" }),
      event(2),
      event(3, { severity: "critical", kind: "gpu_state" }),
      event(4, { gpu_uuid: null, severity: "odd" }),
    ];
    const ats = (filter: object) =>
      wanted(all, { severity: "", kind: "", gpu: "", ...filter }).map(each => each.at);
    expect(ats({})).toEqual([4, 3, 2, 1]);
    expect(ats({ severity: "warning" })).toEqual([4, 3, 2]);
    expect(ats({ severity: "critical" })).toEqual([3]);
    expect(ats({ kind: "xid", gpu: "GPU-a" })).toEqual([2, 1]);
  });

  it("are grouped by day", () => {
    const now = new Date(2026, 10, 23, 12).getTime();
    const days = byDay([event(now), event(now - 3_600_000), event(now - 86_400_000)], now);
    expect(days.map(day => [day.name, day.events.length])).toEqual([
      ["Today", 2],
      ["Yesterday", 1],
    ]);
  });

  it("do not name their GPU twice", () => {
    expect(withoutGpu("GPU 2 is stale", 2)).toBe("is stale");
    expect(withoutGpu("GPU 21 is stale", 2)).toBe("GPU 21 is stale");
    expect(withoutGpu("Xid 94", 2)).toBe("Xid 94");
  });
});

describe("announcements", () => {
  const stands = (...list: [string, boolean][]) =>
    new Map(list.map(([text, bad], index) => [String(index), { text, bad }]));

  it("are states that became bad, changed while bad, or recovered", () => {
    const first = stands(["GPU 0 free", false], ["GPU 1 stale", true], ["GPU 2 busy", false]);
    expect(news(new Map(), first)).toEqual([]);
    expect(news(first, first)).toEqual([]);
    const then = stands(["GPU 0 lost", true], ["GPU 1 lost", true], ["GPU 2 busy", false]);
    expect(news(first, then)).toEqual(["GPU 0 lost", "GPU 1 lost"]);
    expect(news(then, stands(["GPU 0 free", false], ["GPU 1 lost", true], ["GPU 2 busy", false]))).toEqual([
      "GPU 0 free",
    ]);
  });

  it("do not include a GPU's use", () => {
    expect(news(stands(["GPU 0 free", false]), stands(["GPU 0 busy", false]))).toEqual([]);
  });
});
