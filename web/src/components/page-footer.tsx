import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { token } from "../api/token";
import { helpOpen } from "../browser/single-keys";
import { exact, timeZone } from "../model/format";

/** Zones change their offset at a quarter of an hour. */
const QUARTER_MS = 900_000;

/** Time zone of this browser at a time, which is looked up when it can have changed. */
export function zoneAt(now: ReadonlySignal<number>): ReadonlySignal<string> {
  const quarter = computed(() => Math.floor(now.value / QUARTER_MS));
  return computed(() => timeZone(quarter.value * QUARTER_MS));
}

/** Time of the values on paper; null before anything was printed. */
export function printedAt(time: () => number | null): ReadonlySignal<number | null> {
  const printed = signal<number | null>(null);
  addEventListener("beforeprint", () => {
    printed.value = time();
  });
  return printed;
}

interface FooterProps {
  /** Null for a view whose times are in another zone. */
  zone: string | null;
  printed: number | null;
  /** True if this origin serves the reference of its API. */
  hasReference: boolean;
  /** Address of the summary as text. */
  summary: string;
}

/** Time zone, and links to the API and to other ways to look at the same. */
export function PageFooter({ zone, printed, hasReference, summary }: FooterProps) {
  return (
    <footer class="fine">
      <span>
        {zone !== null && `Times in ${zone}`}
        {printed !== null && <span class="paper">. Values of {exact(printed)}</span>}
      </span>
      <nav aria-label="About">
        {hasReference && <a href="docs">API reference</a>}
        {/* A link cannot send the token. */}
        {token.value === null && (
          <>
            <a href="openapi.json">OpenAPI</a>
            <a href={summary}>Summary as text</a>
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
