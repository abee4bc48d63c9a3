import { computed } from "@preact/signals";
import { link } from "../../live/connection";
import { plural } from "../../model/format";
import { late, totals } from "../live/store";

/** Announces to screen readers how many hosts do not report; no other numbers. */
const announcement = computed(() => {
  const { kind } = link.value;
  if (kind === "refused") return "The hub refuses the token";
  if (kind === "unreachable" || late.value) return "The hub does not answer";
  const states = totals.value?.hosts;
  const silent = states ? states.stale + states.unreachable + states.refused : 0;
  return silent > 0 ? `${plural(silent, "host")} without current values` : "";
});

export function Announcer() {
  return (
    <p class="unseen" role="status" aria-live="polite">
      {announcement.value || null}
    </p>
  );
}
