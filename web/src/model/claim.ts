import type { Claim } from "../api/types";
import { moment } from "./format";

/** Sentence about a claim at this time. Its names are hidden from some tokens. */
export function claimText(
  claim: Pick<Claim, "kind" | "pid" | "until" | "user" | "why">,
  now: number,
): string {
  const owner = claim.user === null ? "" : ` by ${claim.user}`;
  const end =
    claim.until !== null
      ? ` until ${moment(claim.until, now)}`
      : claim.kind === "run" && claim.pid !== null
        ? ` while process ${claim.pid} runs`
        : "";
  return `Claimed${owner}${end}${claim.why ? `: ${claim.why}` : ""}`;
}

/** Sentence about those who compute on a device that another has claimed; null if nobody does. */
export const conflictText = (users: readonly string[]): string | null =>
  users.length === 0 ? null : `Used all the same by ${users.join(", ")}`;
