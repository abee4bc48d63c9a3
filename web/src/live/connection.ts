import { signal } from "@preact/signals";
import type { Link } from "./follow";

export const link = signal<Link>({ kind: "connecting" });
/** True while the user has paused the page. */
export const paused = signal(false);
export const visible = signal(document.visibilityState === "visible");
