import { describe, expect, it } from "vitest";
import { format, parse } from "../src/browser/route";
import { titleOf } from "../src/model/title";

describe("the URL", () => {
  it.each([
    "#/",
    "#/gpu/3?range=1h",
    "#/processes?user=alice&sort=-sm",
    "#/users",
    "#/events?severity=critical",
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
  const of = { free: 2, problem: null, host: "gpu01", view: null };

  it("has free GPUs, host and view", () => {
    expect(titleOf(of)).toBe("2 free · gpu01");
    expect(titleOf({ ...of, free: 0, view: "GPU 3" })).toBe("0 free · gpu01 · GPU 3");
  });

  it("has no old number", () => {
    expect(titleOf({ ...of, problem: "no answer", view: "Users" })).toBe("no answer · gpu01 · Users");
  });
});
