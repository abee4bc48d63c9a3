import { describe, expect, it } from "vitest";
import { COLOURS, Colours, hash } from "../src/model/colour";

const names = Array.from({ length: COLOURS }, (_, at) => `user${at}`);

describe("colours", () => {
  it("differ while there are enough", () => {
    const colours = new Colours();
    colours.meet(names);
    expect(new Set(names.map(name => colours.of(name))).size).toBe(COLOURS);
  });

  it("depend on the name only, not on order or time", () => {
    const [one, other] = [new Colours(), new Colours()];
    one.meet(names);
    other.meet([...names].reverse());
    expect(names.map(name => one.of(name))).toEqual(names.map(name => other.of(name)));
    const alone = new Colours();
    alone.meet(["alice"]);
    expect(alone.of("alice")).toBe(hash("alice") % COLOURS);
    // As the algorithm (FNV-1a, 32 bits) was published.
    expect([hash("a"), hash("foobar")]).toEqual([0xe40c292c, 0xbf9cf968]);
  });

  it("are freed by names that are gone, once others need them", () => {
    const colours = new Colours();
    colours.meet(names);
    colours.meet(names.slice(0, 2));
    const before = names.map(name => colours.of(name));
    expect(before).toEqual(names.map(name => colours.of(name)));
    for (let day = 0; day < 50; day += 1) {
      const others = Array.from({ length: COLOURS - 2 }, (_, at) => `day${day}-${at}`);
      const here = [...names.slice(0, 2), ...others];
      colours.meet(here);
      expect(new Set(here.map(name => colours.of(name))).size).toBe(COLOURS);
      expect(names.slice(0, 2).map(name => colours.of(name))).toEqual(before.slice(0, 2));
    }
  });

  it("stay when names are added, and repeat when there are too many", () => {
    const colours = new Colours();
    colours.meet(["alice", "bob"]);
    const before = [colours.of("alice"), colours.of("bob")];
    colours.meet([...names, "carol", "alice"]);
    expect([colours.of("alice"), colours.of("bob")]).toEqual(before);
    expect(colours.of("carol")).toBeLessThan(COLOURS);
  });
});
