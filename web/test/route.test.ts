import { describe, expect, it } from "vitest";
import { format, parse } from "../src/browser/route";
import { titleOf } from "../src/model/title";

describe("the address", () => {
  it.each([
    "#/",
    "#/gpu/3?range=1h",
    "#/processes?user=alice&sort=-sm",
    "#/users",
    "#/events?severity=critical",
  ])("%s comes back as it was", address => {
    expect(format(parse(address))).toBe(address);
  });

  it("leads to the overview from anywhere else", () => {
    for (const address of ["", "#", "#nothing", "#/gpu", "#/gpu/"]) {
      expect(parse(address).view, address).toBe("overview");
    }
  });

  it("may hold anything", () => {
    const route = { view: "gpu", gpu: "GPU-a/b?c", query: { q: "a&b=ü #?", none: "" } } as const;
    const back = parse(format(route));
    expect(back).toEqual({ view: "gpu", gpu: "GPU-a/b?c", query: { q: "a&b=ü #?" } });
    expect(parse("#/gpu/%ff").view).toBe("gpu");
  });
});

describe("the title of a tab", () => {
  const of = { free: 2, stands: null, host: "gpu01", view: null };

  it("says what is free, whose it is, and what of it", () => {
    expect(titleOf(of)).toBe("2 free · gpu01");
    expect(titleOf({ ...of, free: 0, view: "GPU 3" })).toBe("0 free · gpu01 · GPU 3");
  });

  it("says no number that is not of now", () => {
    expect(titleOf({ ...of, stands: "no answer", view: "Users" })).toBe("no answer · gpu01 · Users");
  });
});
