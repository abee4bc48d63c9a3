import { every } from "../browser/settings";
import { link, paused } from "../live/connection";
import { age, late, now, snapshot } from "../live/store";
import { duration, SPACE } from "../model/format";

/** State of the connection, in a word. */
export function Status() {
  void now.value;
  const { state, text } = words();
  return (
    <span class="status" data-state={state}>
      <i aria-hidden="true" />
      {text}
    </span>
  );
}

function words(): { state: string; text: string } {
  const old = () => (snapshot.value ? `${duration(age())} old` : "");
  if (link.value.kind === "refused") return { state: "refused", text: "token refused" };
  if (paused.value) return { state: "paused", text: `paused, ${old()}` };
  if (link.value.kind === "unreachable") return { state: "unreachable", text: `no answer, ${old()}` };
  if (link.value.kind === "connecting") return { state: "connecting", text: "connecting" };
  if (late.value) return { state: "late", text: `late, ${old()}` };
  if (every.value !== null) return { state: "live", text: `every ${every.value / 1000}${SPACE}s` };
  return { state: "live", text: "live" };
}
