import { followSingleKeys } from "../../browser/single-keys";
import { route } from "../route";

/** An item of the list on the page. */
interface Selectable {
  key: string;
  kind: string;
  host?: { name: string };
}

let list: readonly Selectable[] = [];
let show: (index: number) => void = () => {};
let selected: string | null = null;

/** Sets the list that `j` and `k` go through, most of which is not rendered. */
export function selectable(items: readonly Selectable[], reveal: (index: number) => void): () => void {
  list = items;
  show = reveal;
  return () => {
    if (list === items) list = [];
  };
}

/** Acts on single keys. */
export function followKeys(): void {
  followSingleKeys(ACTIONS, () => route.value.view === "wall");
}

const ACTIONS: Record<string, () => void> = {
  "/": toSearch,
  f: () => {
    location.hash = "#/find";
  },
  j: () => step(1),
  k: () => step(-1),
};

function toSearch(): void {
  const go = () => {
    const field = document.querySelector<HTMLInputElement>("main input[type=search]");
    field?.focus();
    field?.select();
    return field !== null;
  };
  if (go()) return;
  location.hash = "#/";
  // The view is rendered after the address has changed.
  addEventListener("hashchange", () => requestAnimationFrame(go), { once: true });
}

/** Moves the focus to the next or previous item. One that is off screen is rendered first. */
function step(by: 1 | -1): void {
  if (list.length === 0) {
    stepThroughPage(by);
    return;
  }
  const focused = document.activeElement?.closest<HTMLElement>("[data-key]")?.dataset["key"];
  selected = focused ?? selected;
  const at = list.findIndex(({ key }) => key === selected);
  const index = at < 0 ? (by > 0 ? 0 : list.length - 1) : at + by;
  const next = list[index];
  if (!next) return;
  selected = next.key;
  show(index);
  focusOn(next.key, 3);
}

/** Waits for the row to be rendered, for some frames. */
function focusOn(key: string, tries: number): void {
  const row = [...document.querySelectorAll<HTMLElement>("[data-key]")].find(
    each => each.dataset["key"] === key,
  );
  const item = row?.querySelector<HTMLElement>("[data-item]");
  if (item) item.focus({ preventScroll: true });
  else if (tries > 0) requestAnimationFrame(() => focusOn(key, tries - 1));
}

/** On views without a list, through their items. */
function stepThroughPage(by: 1 | -1): void {
  const items = [...document.querySelectorAll<HTMLElement>("main [data-item]")];
  const at = items.findIndex(item => item.contains(document.activeElement));
  items[at < 0 ? (by > 0 ? 0 : items.length - 1) : at + by]?.focus();
}
