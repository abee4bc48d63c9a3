import { computed, effect } from "@preact/signals";
import { link, paused } from "../../live/connection";
import { plural } from "../../model/format";
import { type TabSeverity, tabIcon } from "../../model/title";
import { hosts, late, totals } from "../live/store";
import { severityOf } from "../model/host";
import { route, VIEWS } from "../route";

/** Keeps the title and the icon of the tab up to date. */
export function followTitle(): void {
  const trouble = computed(() => [...hosts.value.values()].map(severityOf).filter(each => each !== null));
  const problem = computed(() => {
    if (link.value.kind === "refused") return "token refused";
    if (paused.value) return "paused";
    return link.value.kind === "unreachable" || late.value ? "no answer" : null;
  });
  const title = computed(() => {
    const view = VIEWS.find(([view]) => view === route.value.view && view !== "hosts")?.[1];
    if (totals.value === null) return `Fleet · ${location.hostname}`;
    const { gpus, mig } = totals.value;
    const counts = [
      trouble.value.length > 0 && `${plural(trouble.value.length, "host")} in trouble`,
      mig.free > 0 ? `${gpus.free} GPUs, ${mig.free} MIG free` : `${gpus.free} free`,
    ];
    return [...(problem.value === null ? counts : [problem.value]), "Fleet", view]
      .filter(part => part)
      .join(" · ");
  });
  effect(() => {
    document.title = title.value;
  });
  const icon = computed(() => {
    const isCritical = trouble.value.includes("critical");
    const severity: TabSeverity =
      problem.value !== null
        ? "warning"
        : isCritical
          ? "critical"
          : trouble.value.length > 0
            ? "warning"
            : "ok";
    return tabIcon(severity);
  });
  effect(() => {
    const link = document.querySelector<HTMLLinkElement>("link[rel=icon]");
    if (link && link.href !== icon.value) link.href = icon.value;
  });
}
