import { effect, signal } from "@preact/signals";
import { STATUS_LABELS } from "../components/pill";
import { link } from "../live/connection";
import { late, released, shown } from "../live/store";
import { type Condition, news } from "../model/announcements";
import { identity, isTrouble, statusOf } from "../model/gpu";

const announcement = signal("");

/** Announces trouble and the state of the connection to screen readers; no numbers, and no use. */
export function Announcer() {
  return (
    <p class="unseen" role="status" aria-live="polite">
      {announcement.value || null}
    </p>
  );
}

export function followAnnouncements(): void {
  let before: ReadonlyMap<string, Condition> = new Map();
  effect(() => {
    const now = conditions();
    const texts = news(before, now);
    before = now;
    if (texts.length === 0) return;
    // A few words only: nobody can follow a long list.
    announcement.value =
      texts.length > 3
        ? `${texts.length} changes: ${texts.slice(0, 3).join(", ")} and more`
        : texts.join(", ");
  });
}

function conditions(): Map<string, Condition> {
  const found = new Map<string, Condition>(
    shown.value.map(({ gpu }) => [
      identity(gpu),
      { text: `GPU ${gpu.index} ${STATUS_LABELS[statusOf(gpu)]}`, bad: isTrouble(gpu, released.value) },
    ]),
  );
  const { kind } = link.value;
  const silent = kind === "unreachable" || late.value;
  const text = kind === "refused" ? "The agent refuses the token" : "The agent does not answer";
  const bad = silent || kind === "refused";
  found.set("link", { text: bad ? text : "The agent answers", bad });
  return found;
}
