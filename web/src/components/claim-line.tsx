import type { Gpu } from "../api/types";
import { agentNow } from "../live/store";
import { claimText, conflictText } from "../model/claim";
import { Icon } from "./icon";

/** Claim of a GPU or an instance, and who ignores it. Agents of earlier releases know no claims. */
export function ClaimLine({ of }: { of: Partial<Pick<Gpu, "claim" | "claim_conflicts">> }) {
  if (!of.claim) return null;
  const conflict = conflictText(of.claim_conflicts ?? []);
  return (
    <div class="trouble claim">
      <p data-severity="info">{claimText(of.claim, agentNow())}</p>
      {conflict !== null && (
        <p data-severity="warning">
          <Icon name="warning" /> {conflict}
        </p>
      )}
    </div>
  );
}
