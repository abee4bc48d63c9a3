import { effect } from "@preact/signals";
import { contrast, theme } from "./settings";

/** Publishes the chosen theme to the style sheet; the default follows the system. */
export function applyTheme(): void {
  effect(() => {
    const root = document.documentElement;
    root.dataset["theme"] = theme.value;
    root.dataset["contrast"] = contrast.value;
  });
}
