import { useEffect, useRef, useState } from "preact/hooks";
import { late, link, released, shown } from "../live/store";
import { identity, isTrouble, standing } from "../model/gpu";
import { news, type Stand } from "../model/news";
import { WORDS } from "../part/pill";

/** Says to who does not see it what is in trouble and how the page stands with the agent; no number, and no use. */
export function Announcer() {
  const [said, say] = useState("");
  const before = useRef<ReadonlyMap<string, Stand>>(new Map());
  const now = stands();
  const told = news(before.current, now);
  useEffect(() => {
    before.current = now;
    if (told.length === 0) return;
    // At once a few words, not a list that nobody can follow.
    say(
      told.length > 3 ? `${told.length} changes: ${told.slice(0, 3).join(", ")} and more` : told.join(", "),
    );
  });
  return (
    <p class="unseen" role="status" aria-live="polite">
      {said}
    </p>
  );
}

function stands(): Map<string, Stand> {
  const found = new Map<string, Stand>(
    shown.value.map(({ gpu }) => [
      identity(gpu),
      { text: `GPU ${gpu.index} ${WORDS[standing(gpu)]}`, bad: isTrouble(gpu, released.value) },
    ]),
  );
  const { kind } = link.value;
  const silent = kind === "unreachable" || late.value;
  const text = kind === "refused" ? "The agent refuses the token" : "The agent does not answer";
  const bad = silent || kind === "refused";
  found.set("link", { text: bad ? text : "The agent answers", bad });
  return found;
}
