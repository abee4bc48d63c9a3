import { PageFooter, printedAt, zoneAt } from "../../components/page-footer";
import { hubNow, now } from "../live/store";

/** Time zone of this browser, by which all times on the page are written. */
export const zone = zoneAt(now);

const printed = printedAt(hubNow);

export function Footer() {
  return (
    <PageFooter zone={zone.value} printed={printed.value} hasReference summary="api/v1/fleet/summary.txt" />
  );
}
