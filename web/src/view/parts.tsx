import { effect, signal } from "@preact/signals";
import type { ComponentType } from "preact";
import type { Gpu } from "../api/types";
import { preload, useLazy } from "../components/lazy";
import { hasSnapshot } from "../live/store";
import type { Describe } from "../model/tiles";

const loadMore = () => import("./more");
const loadStrip = () => import("./overview/strip");
const loadUsage = () => import("./usage/view");

/** Time after the first snapshot at which the other parts are loaded, in milliseconds. */
const LATER_MS = 4_000;

/** Description of a reading; null until the descriptions are loaded. */
export const describe = signal<Describe>(() => null);

interface HoldersProps {
  gpu: Gpu;
  whole?: boolean;
}

/** Component for the holders of a GPU over the last day; null until it is loaded. */
const holderStrip = signal<ComponentType<Required<HoldersProps>> | null>(null);

/** Loads the parts that no view has needed so far, once the page is idle. */
export function loadLater(): void {
  effect(() => {
    if (!hasSnapshot.value) return;
    setTimeout(async () => {
      // A view that needs a part loads it again and reports the failure.
      const more = await preload(loadMore).catch(() => null);
      if (more) describe.value = more.descriptionOf as Describe;
      // Without it cards only lack their last day.
      const strip = await preload(loadStrip).catch(() => null);
      if (strip) holderStrip.value = strip.HolderStrip;
    }, LATER_MS);
  });
}

export function UsersView() {
  const lazy = useLazy(loadMore);
  return lazy.kind === "loaded" ? <lazy.part.UsersView /> : <NotYet failed={lazy.kind === "failed"} />;
}

export function EventsView() {
  const lazy = useLazy(loadMore);
  return lazy.kind === "loaded" ? <lazy.part.EventsView /> : <NotYet failed={lazy.kind === "failed"} />;
}

export function UsageView() {
  const lazy = useLazy(loadUsage);
  return lazy.kind === "loaded" ? <lazy.part.UsageView /> : <NotYet failed={lazy.kind === "failed"} />;
}

export function Charts(props: { gpu: Gpu }) {
  const lazy = useLazy(loadMore);
  return lazy.kind === "loaded" ? <lazy.part.Charts {...props} /> : null;
}

export function Facts(props: { gpu: Gpu; old: boolean }) {
  const lazy = useLazy(loadMore);
  return lazy.kind === "loaded" ? <lazy.part.Facts {...props} /> : <NotYet failed={lazy.kind === "failed"} />;
}

/** Holders of a GPU over the last day, once the page has nothing better to do. */
export function Holders({ gpu, whole = false }: HoldersProps) {
  const Strip = holderStrip.value;
  return Strip && <Strip gpu={gpu} whole={whole} />;
}

export function Help() {
  const lazy = useLazy(loadMore);
  return lazy.kind === "loaded" ? <lazy.part.HelpDialog /> : null;
}

function NotYet({ failed }: { failed: boolean }) {
  if (!failed) return null;
  return (
    <p class="nothing" role="status">
      This part of the page could not be loaded.{" "}
      <button type="button" onClick={() => location.reload()}>
        Reload the page
      </button>
    </p>
  );
}
