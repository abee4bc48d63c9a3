import { signal } from "@preact/signals";
import { format, route } from "../browser/route";
import { shortcuts } from "../browser/settings";
import { shown } from "../live/store";
import { findGpu } from "../model/gpu";
import { focusInNextView } from "./view-focus";

/** True while the help is open. */
export const helpOpen = signal(false);

/** Items that `j` and `k` go through, in the order of the page. */
const ITEMS =
  "article.gpu h2 a, table.processes td.more button, table:is(.users, .usage) tbody th a, .events li";

/** Acts on single keys, unless they are typed into a field, part of a combination, or turned off. */
export function followKeys(): void {
  document.addEventListener("keydown", event => {
    const { key, target } = event;
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (key === "Escape" && route.value.view === "wall") {
      location.hash = "#/";
      return;
    }
    const isTyped =
      target instanceof HTMLElement && target.closest("input, select, textarea, [contenteditable]") !== null;
    const isCovered = document.querySelector("dialog[open], .popover:popover-open") !== null;
    if (isTyped || isCovered || !shortcuts.value || route.value.view === "wall") return;
    const action = ACTIONS[key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

const ACTIONS: Record<string, () => void> = {
  "/": find,
  "?": () => {
    helpOpen.value = true;
  },
  j: () => step(1),
  k: () => step(-1),
};

const FIELD = "main input[type=search]";

/** Moves the focus to the filter, on the view of processes if this one has none. */
function find(): void {
  const field = document.querySelector<HTMLInputElement>(FIELD);
  if (field) {
    field.focus();
    field.select();
    return;
  }
  focusInNextView(FIELD);
  location.hash = format({ view: "processes", query: {} });
}

/** The next or previous GPU in the view of one, else the next or previous item of the page. */
function step(by: 1 | -1): void {
  const current = route.value;
  if (current.view === "gpu") {
    const gpus = shown.value.map(({ gpu }) => gpu);
    const found = findGpu(gpus, current.gpu);
    const next = found && gpus[gpus.indexOf(found) + by];
    if (next) location.hash = format({ view: "gpu", gpu: String(next.index), query: current.query });
    return;
  }
  const items = [...document.querySelectorAll<HTMLElement>(`main :is(${ITEMS})`)];
  const at = items.findIndex(item => item.contains(document.activeElement));
  const next = items[at < 0 ? (by > 0 ? 0 : items.length - 1) : at + by];
  if (!next) return;
  if (next.tabIndex < 0) next.tabIndex = -1;
  next.focus();
}
