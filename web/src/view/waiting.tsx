import type { Link } from "../live/follow";
import { Mark } from "../part/mark";

/** Before anything is known: the agent was asked. */
export function Waiting({ link }: { link: Link }) {
  const lost = link.kind === "unreachable";
  return (
    <main class="door" id="main" aria-busy={!lost}>
      <Mark />
      <h1>GPUs of {location.hostname}</h1>
      <p role="status">{lost ? `The agent does not answer: ${link.why}.` : "Asking the agent …"}</p>
      {lost && <p class="fine">It is asked again by itself. Is nvidia-smi-web-agent running on that host?</p>}
    </main>
  );
}
