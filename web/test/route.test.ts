import { describe, expect, it } from "vitest";
import { format, parse } from "../src/page/route";

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
