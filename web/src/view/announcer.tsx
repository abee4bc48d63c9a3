import { useEffect, useRef, useState } from "preact/hooks";
import { link, shown } from "../live/store";
import { changes } from "../model/changes";
import { identity, standing } from "../model/gpu";
import { WORDS } from "../part/pill";

/** Says to who does not see it what changed in how things stand, and no number. */
export function Announcer() {
  const [said, say] = useState("");
  const before = useRef(new Map<string, string>());
  const now = new Map(
    shown.value.map(({ gpu }) => [identity(gpu), `GPU ${gpu.index} ${WORDS[standing(gpu)]}`]),
  );
  now.set("link", link.value.kind === "unreachable" ? "The agent does not answer" : "The agent answers");
  const told = changes(before.current, now);
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
