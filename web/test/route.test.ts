import { describe, expect, it } from "vitest";
import { format, parse } from "../src/browser/route";
import { tabIcon, titleOf } from "../src/model/title";

describe("the URL", () => {
  it.each([
    "#/",
    "#/gpu/3?range=1h",
    "#/processes?user=alice&sort=-sm",
    "#/users",
    "#/usage?range=custom&from=2026-11-01&to=2026-11-30&by=gpu",
    "#/events?severity=critical",
    "#/processes?group=user&columns=gpu%2Cuser",
    "#/wall",
  ])("%s survives a round trip", address => {
    expect(format(parse(address))).toBe(address);
  });

  it("leads to the overview if it is unknown", () => {
    for (const address of ["", "#", "#nothing", "#/gpu", "#/gpu/"]) {
      expect(parse(address).view, address).toBe("overview");
    }
  });

  it("may contain any characters", () => {
    const route = { view: "gpu", gpu: "GPU-a/b?c", query: { q: "a&b=ü #?", none: "" } } as const;
    const back = parse(format(route));
    expect(back).toEqual({ view: "gpu", gpu: "GPU-a/b?c", query: { q: "a&b=ü #?" } });
    expect(parse("#/gpu/%ff").view).toBe("gpu");
  });
});

describe("the title of a tab", () => {
  const of = { free: 2, mig: null, trouble: 0, problem: null, host: "gpu01", view: null };

  it("has free GPUs, host and view", () => {
    expect(titleOf(of)).toBe("2 free · gpu01");
    expect(titleOf({ ...of, free: 0, view: "GPU 3" })).toBe("0 free · gpu01 · GPU 3");
  });

  it("has free MIG instances", () => {
    const mig = { free: 1, busy: 2, held: 0, unknown: 0 };
    expect(titleOf({ ...of, free: 0, mig })).toBe("0 GPUs, 1 MIG free · gpu01");
    expect(titleOf({ ...of, free: 1, mig: { ...mig, free: 0 } })).toBe("1 GPU, 0 MIG free · gpu01");
  });

  it("begins with trouble", () => {
    expect(titleOf({ ...of, free: 0, trouble: 3 })).toBe("3 in trouble · 0 free · gpu01");
  });

  it("has no old number", () => {
    const old = { ...of, trouble: 1, problem: "no answer", view: "Users" };
    expect(titleOf(old)).toBe("no answer · gpu01 · Users");
  });
});

describe("the icon of a tab", () => {
  it("shows trouble by shape and colour", () => {
    const icons = (["ok", "warning", "critical"] as const).map(severity =>
      decodeURIComponent(tabIcon(severity)),
    );
    expect(new Set(icons).size).toBe(3);
    expect(icons[0]).toContain("#2f6fed");
    // The exclamation mark.
    for (const icon of icons.slice(1)) expect(icon).toContain("M8 3.5v5M8 12v.1");
  });
});
