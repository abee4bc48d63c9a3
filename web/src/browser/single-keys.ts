import { signal } from "@preact/signals";
import { shortcuts } from "./settings";

/** True while the help is open. */
export const helpOpen = signal(false);

/**
 * Acts on single keys, unless they are typed into a field, part of a combination, or turned off. `?` opens the help. On the
 * wall only Escape counts, which leaves it.
 */
export function followSingleKeys(actions: Record<string, () => void>, isWall: () => boolean): void {
  const all: Record<string, () => void> = {
    ...actions,
    "?": () => {
      helpOpen.value = true;
    },
  };
  document.addEventListener("keydown", event => {
    const { key, target } = event;
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (key === "Escape" && isWall()) {
      location.hash = "#/";
      return;
    }
    const isTyped =
      target instanceof HTMLElement && target.closest("input, select, textarea, [contenteditable]") !== null;
    const isCovered = document.querySelector("dialog[open], .popover:popover-open") !== null;
    if (isTyped || isCovered || !shortcuts.value || isWall()) return;
    const action = all[key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
