import { computed, signal } from "@preact/signals";
import { token } from "../../api/token";
import { helpOpen } from "../../browser/single-keys";
import { exact, timeZone } from "../../model/format";
import { hubNow, now } from "../live/store";

/** Zones change their offset at a quarter of an hour at the latest. */
const QUARTER_MS = 900_000;
/** Time zone of this browser, by which all times on the page are written. */
const quarter = computed(() => Math.floor(now.value / QUARTER_MS));
export const zone = computed(() => timeZone(quarter.value * QUARTER_MS));

/** Time of the values on paper; null before anything was printed. */
const printed = signal<number | null>(null);
addEventListener("beforeprint", () => {
  printed.value = hubNow();
});

/** Time zone, and links to the API. */
export function Footer() {
  return (
    <footer class="fine">
      <span>
        Times in {zone.value}
        {printed.value !== null && <span class="paper">. Values of {exact(printed.value)}</span>}
      </span>
      <nav aria-label="About">
        <a href="docs">API reference</a>
        {/* A link cannot send the token. */}
        {token.value === null && (
          <>
            <a href="openapi.json">OpenAPI</a>
            <a href="api/v1/fleet/summary.txt">Summary as text</a>
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
