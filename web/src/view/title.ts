import { computed, effect } from "@preact/signals";
import { type Route, route } from "../browser/route";
import { late, link, paused, released, shown, snapshot } from "../live/store";
import { findGpu } from "../model/gpu";
import { titleOf } from "../model/title";
import { totals } from "../model/totals";
import { VIEWS } from "./views";

/** Keeps the title of the tab up to date. */
export function followTitle(): void {
  const title = computed(() => {
    if (snapshot.value === null) return `GPUs · ${location.hostname}`;
    return titleOf({
      free: totals(
        shown.value.map(({ gpu }) => gpu),
        released.value,
      ).by.free,
      problem: connectionProblem(),
      host: snapshot.value.host.hostname ?? location.hostname,
      view: nameOf(route.value),
    });
  });
  effect(() => {
    document.title = title.value;
  });
}

function connectionProblem(): string | null {
  if (link.value.kind === "refused") return "token refused";
  if (paused.value) return "paused";
  if (link.value.kind === "unreachable") return "no answer";
  return late.value ? "late" : null;
}

function nameOf(current: Route): string | null {
  if (current.view === "overview") return null;
  if (current.view !== "gpu") return VIEWS.find(([view]) => view === current.view)?.[1] ?? null;
  const found = findGpu(
    shown.value.map(({ gpu }) => gpu),
    current.gpu,
  );
  return `GPU ${found?.index ?? current.gpu}`;
}
