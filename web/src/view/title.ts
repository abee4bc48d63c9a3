import { computed, effect } from "@preact/signals";
import { hostName } from "../api/hub";
import { type Route, route } from "../browser/route";
import { link, paused } from "../live/connection";
import { late, released, shown, snapshot } from "../live/store";
import { findGpu, isTrouble } from "../model/gpu";
import { type TabSeverity, tabIcon, titleOf } from "../model/title";
import { totals } from "../model/totals";
import { VIEWS } from "./views";

/** Keeps the title and the icon of the tab up to date. */
export function followTitle(): void {
  const title = computed(() => {
    const named = hostName();
    if (snapshot.value === null) return `GPUs · ${named ?? location.hostname}`;
    const { by, mig } = totals(
      shown.value.map(({ gpu }) => gpu),
      released.value,
    );
    return titleOf({
      free: by.free,
      mig,
      trouble: by.trouble,
      problem: connectionProblem(),
      host: named ?? snapshot.value.host.hostname ?? location.hostname,
      view: nameOf(route.value),
    });
  });
  effect(() => {
    document.title = title.value;
  });
  const icon = computed(() => tabIcon(severity()));
  effect(() => {
    const link = document.querySelector<HTMLLinkElement>("link[rel=icon]");
    if (link && link.href !== icon.value) link.href = icon.value;
  });
}

/** Worst that the tab shows: a GPU in trouble, then what needs attention, or values that are not current. */
function severity(): TabSeverity {
  const gpus = shown.value.map(({ gpu }) => gpu);
  if (gpus.some(gpu => isTrouble(gpu, released.value))) return "critical";
  const collector = snapshot.value?.collector.state;
  const isUnread = collector === "stalled" || collector === "restarting" || collector === "no_driver";
  const isSilent = link.value.kind === "refused" || link.value.kind === "unreachable" || late.value;
  const needsAttention = gpus.some(gpu => gpu.health.verdict === "warning");
  return isUnread || isSilent || needsAttention ? "warning" : "ok";
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
