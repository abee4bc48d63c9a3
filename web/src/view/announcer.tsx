import { effect, signal } from "@preact/signals";
import { WORDS } from "../components/pill";
import { late, link, released, shown } from "../live/store";
import { type Condition, news } from "../model/announcements";
import { identity, isTrouble, statusOf } from "../model/gpu";

const said = signal("");

/** Says to who does not see it what is in trouble and how the page stands with the agent; no number, and no use. */
export function Announcer() {
  return (
    <p class="unseen" role="status" aria-live="polite">
      {said.value || null}
    </p>
  );
}

export function followAnnouncements(): void {
  let before: ReadonlyMap<string, Condition> = new Map();
  effect(() => {
    const now = stands();
    const told = news(before, now);
    before = now;
    if (told.length === 0) return;
    // At once a few words, not a list that nobody can follow.
    said.value =
      told.length > 3 ? `${told.length} changes: ${told.slice(0, 3).join(", ")} and more` : told.join(", ");
  });
}

function stands(): Map<string, Condition> {
  const found = new Map<string, Condition>(
    shown.value.map(({ gpu }) => [
      identity(gpu),
      { text: `GPU ${gpu.index} ${WORDS[statusOf(gpu)]}`, bad: isTrouble(gpu, released.value) },
    ]),
  );
  const { kind } = link.value;
  const silent = kind === "unreachable" || late.value;
  const text = kind === "refused" ? "The agent refuses the token" : "The agent does not answer";
  const bad = silent || kind === "refused";
  found.set("link", { text: bad ? text : "The agent answers", bad });
  return found;
}
