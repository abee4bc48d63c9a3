import { hubPath } from "../api/hub";
import { route } from "../browser/route";
import { PageFooter, printedAt, zoneAt } from "../components/page-footer";
import { now, snapshot } from "../live/store";

/** Time zone of this browser, by which all times on the page are written. */
export const zone = zoneAt(now);

const printed = printedAt(() => snapshot.peek()?.sampled_at ?? null);

export function Footer() {
  return (
    <PageFooter
      // Usage is in the agent's zone, which that view names.
      zone={route.value.view === "usage" ? null : zone.value}
      printed={printed.value}
      hasReference={hubPath() === null}
      summary="api/v1/summary.txt"
    />
  );
}
