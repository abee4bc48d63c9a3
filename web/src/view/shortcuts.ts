import { format, route } from "../browser/route";
import { followSingleKeys } from "../browser/single-keys";
import { shown } from "../live/store";
import { findGpu } from "../model/gpu";
import { focusInNextView } from "./view-focus";

/** Items that `j` and `k` go through, in the order of the page. */
const ITEMS =
  "article.gpu h2 a, table.processes td.more button, table:is(.users, .usage) tbody th a, .events li";

/** Acts on single keys. */
export function followKeys(): void {
  followSingleKeys(ACTIONS, () => route.value.view === "wall");
}

const ACTIONS: Record<string, () => void> = {
  "/": find,
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
