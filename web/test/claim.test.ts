import { describe, expect, it } from "vitest";
import { claimText, conflictText } from "../src/model/claim";
import { moment } from "../src/model/format";

describe("a claim", () => {
  const now = 1_796_000_000_000;
  const until = now + 3_600_000;
  const claim = { kind: "claim", pid: null, until, user: "alice", why: "paper deadline" };

  it("has its owner, end and reason", () => {
    expect(claimText(claim, now)).toBe(`Claimed by alice until ${moment(until, now)}: paper deadline`);
    expect(claimText({ ...claim, why: "" }, now)).toBe(`Claimed by alice until ${moment(until, now)}`);
  });

  it("of a process lasts as long as that", () => {
    expect(claimText({ ...claim, kind: "run", pid: 4711, until: null, why: "" }, now)).toBe(
      "Claimed by alice while process 4711 runs",
    );
  });

  it("is without names for a token that may not see them", () => {
    expect(claimText({ kind: null, pid: null, until: null, user: null, why: null }, now)).toBe("Claimed");
  });

  it("names those who ignore it", () => {
    expect(conflictText([])).toBeNull();
    expect(conflictText(["bob", "carol"])).toBe("Used all the same by bob, carol");
  });
});
