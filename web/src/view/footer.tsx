import { computed, signal } from "@preact/signals";
import { hubPath } from "../api/hub";
import { token } from "../api/token";
import { route } from "../browser/route";
import { helpOpen } from "../browser/single-keys";
import { agentNow, now, snapshot } from "../live/store";
import { exact, timeZone } from "../model/format";

/** Time zone of this browser, by which all times on the page are written. */
export const zone = computed(() => {
  void now.value;
  return timeZone(agentNow());
});

/** Time of the values on paper; null before anything was printed. */
const printed = signal<number | null>(null);
addEventListener("beforeprint", () => {
  printed.value = snapshot.peek()?.sampled_at ?? null;
});

/** Time zone, and links to the API and to other ways to look at the host. */
export function Footer() {
  return (
    <footer class="fine">
      <span>
        {/* Usage is in the agent's zone, which that view names. */}
        {route.value.view !== "usage" && `Times in ${zone.value}`}
        {printed.value !== null && <span class="paper">. Values of {exact(printed.value)}</span>}
      </span>
      <nav aria-label="About">
        {hubPath() === null && <a href="docs">API reference</a>}
        {/* A link cannot send the token. */}
        {token.value === null && (
          <>
            <a href="openapi.json">OpenAPI</a>
            <a href="api/v1/summary.txt">Summary as text</a>
            <a href="metrics">Metrics</a>
          </>
        )}
        <a href="#/wall">Wall</a>
        <button
          type="button"
          class="link"
          onClick={() => {
            helpOpen.value = true;
          }}
        >
          Help
        </button>
      </nav>
    </footer>
  );
}
