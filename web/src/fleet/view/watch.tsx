import { Banner } from "../../components/banner";
import { link } from "../../live/connection";
import { permission, stopWatch, watch } from "../live/watch";
import { findQuery, foundText, wishText } from "../model/find";

const PERMISSIONS = {
  granted: "A notification says so.",
  denied:
    "This browser blocks notifications of this page: allow them in its settings for this site, or keep the tab open.",
  default: "Allow notifications when the browser asks, or keep the tab open.",
  unavailable: "Notifications need HTTPS, which this page does not have: keep the tab open.",
} as const;

/** A wish that is waited for, on every view. */
export function WatchBanner() {
  const current = watch.value;
  if (current === null) return null;
  const address = `#/find?${findQuery(current.wish)}`;
  if (current.kind === "fits") {
    return (
      <Banner severity="info" title={`${wishText(current.wish)}: it fits now.`}>
        <a href={address}>{foundText(current.found)}</a>
        <button type="button" onClick={stopWatch}>
          Close
        </button>
      </Banner>
    );
  }
  return (
    <Banner severity="info" title={`Waiting for ${wishText(current.wish)}.`}>
      {PERMISSIONS[permission()]} {current.problem !== null && `The last request failed: ${current.problem}`}
      {link.value.kind === "refused" && "Sign in first."}
      <button type="button" onClick={stopWatch}>
        Stop
      </button>
    </Banner>
  );
}
