import { describe, expect, it } from "vitest";
import { FACTS } from "../src/api/facts";
import { absence, isNever, read } from "../src/model/absence";
import { descriptionOf, factOf, GROUPS, showFact } from "../src/model/facts";
import { gpu } from "./example";

describe("absence", () => {
  it("differs from zero, and by kind", () => {
    expect(read({}, "x", 0)).toEqual({ value: 0 });
    expect(read({}, "x", false)).toEqual({ value: false });
    const reasons = ["not_supported", "denied", "lost", "asleep", "timeout", "error", "hidden"];
    const words = reasons.map(reason => read({ x: reason }, "x", null).why?.word);
    expect(new Set(words).size).toBe(reasons.length);
    expect(words).not.toContain(undefined);
  });

  it("has words for an unknown reason, and for none", () => {
    expect(absence("on_holiday")).toEqual({
      reason: "on_holiday",
      word: "on holiday",
      text: "Absent: on holiday.",
    });
    expect(absence(undefined).word).toBe("unknown");
  });

  it("differs from an empty list", () => {
    expect(read({}, "x", [])).toEqual({ value: [] });
    expect(read({ x: "denied" }, "x", []).why?.word).toBe("no access");
  });

  it("frees its place only if it is permanent", () => {
    expect(isNever(read({ x: "not_supported" }, "x", null))).toBe(true);
    expect(isNever(read({ x: "timeout" }, "x", null))).toBe(false);
    expect(isNever(read({}, "x", 0))).toBe(false);
  });
});

describe("the facts of a GPU", () => {
  const shown: string[] = FACTS.map(fact => fact.path);

  it("have a text for each unit, also if the value has another type", () => {
    for (const fact of FACTS) {
      for (const value of [1, true, "some_word"]) expect(showFact(fact, value), fact.path).not.toBe("");
    }
    const problems = FACTS.find(fact => fact.path === "fabric.problems");
    if (!problems) throw new Error("fabric.problems is not listed");
    expect(showFact(problems, ["no_partition", "route_unhealthy"])).toBe("no partition, route unhealthy");
    expect(showFact(problems, [])).toBe("none");
  });

  it("are all of the API's readings, without duplicates", () => {
    // These have a place of their own.
    const elsewhere =
      /^(index|state|state_detail|read_at|age_ms|use|health|xid|absent|mig|pods|fans|claim|claim_conflicts|clocks\.event_reasons)(\.|$)/;
    const told = leaves(gpu()).filter(path => !elsewhere.test(path));
    expect([...shown].sort()).toEqual(told.sort());
    expect(new Set(shown).size).toBe(shown.length);
  });

  it("are grouped, each in one group, with a description", () => {
    expect(GROUPS.flatMap(group => group.facts)).toHaveLength(FACTS.length);
    for (const { path } of FACTS) expect(descriptionOf(path), path).toMatch(/^[^`]+\.$/);
  });

  it("have a text, or a reason", () => {
    const one = gpu({ absent: { "pcie.replays": "denied" }, pcie: { replays: null } });
    expect(factOf(one, "pcie.replays").why?.word).toBe("no access");
    for (const fact of FACTS) {
      const of = factOf(one, fact.path);
      const text = of.why ? of.why.word : showFact(fact, of.value);
      expect(text, fact.path).toMatch(/^\S/);
      expect(text, fact.path).not.toMatch(/NaN|undefined|null|object/);
    }
  });
});

function leaves(value: object, prefix = ""): string[] {
  return Object.entries(value).flatMap(([key, inner]) =>
    inner !== null && typeof inner === "object" && !Array.isArray(inner)
      ? leaves(inner, `${prefix}${key}.`)
      : [prefix + key],
  );
}
