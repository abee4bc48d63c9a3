import { effect } from "@preact/signals";
import { contrast, theme } from "./settings";

/** Lets the style sheet know what was chosen; by itself it follows the system. */
export function applyTheme(): void {
  effect(() => {
    const root = document.documentElement;
    root.dataset["theme"] = theme.value;
    root.dataset["contrast"] = contrast.value;
  });
}
