import { effect, signal } from "@preact/signals";
import { requestJson } from "../../api/request";
import { findQuery, foundText, type Wish, wishText } from "../model/find";
import type { Found } from "../types";

/** Interval of asking the hub for a wish, in milliseconds. */
export const WATCH_MS = 10_000;
/** Timeout in milliseconds; below the interval. */
const TIMEOUT_MS = 8_000;

/** A wish that is waited for. */
export type Watch =
  | { kind: "waiting"; wish: Wish; problem: string | null }
  | { kind: "fits"; wish: Wish; found: Found; at: number };

export const watch = signal<Watch | null>(null);

/** Ability to show notifications. `unavailable`: over plain HTTP browsers have none. */
export type Permission = "granted" | "denied" | "default" | "unavailable";

export function permission(): Permission {
  return typeof Notification === "undefined" || !isSecureContext ? "unavailable" : Notification.permission;
}

/** Waits for a wish. Asks for the permission to notify; call it on a click. */
export async function startWatch(wish: Wish): Promise<void> {
  watch.value = { kind: "waiting", wish, problem: null };
  if (permission() === "default") await Notification.requestPermission().catch(() => {});
  // The permission is part of what is shown.
  if (watch.value?.kind === "waiting") watch.value = { ...watch.value };
}

export function stopWatch(): void {
  watch.value = null;
}

/** Asks for the wish every ten seconds, also while the tab is hidden: that is when a notification helps. */
export function followWatch(): void {
  effect(() => {
    if (watch.value?.kind !== "waiting") return;
    const { wish } = watch.value;
    const timer = setTimeout(() => void ask(wish), WATCH_MS);
    return () => clearTimeout(timer);
  });
}

async function ask(wish: Wish): Promise<void> {
  const isStill = () => watch.peek()?.kind === "waiting" && watch.peek()?.wish === wish;
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const found = await requestJson<Found>(`api/v1/find?${findQuery(wish)}`, { signal });
    if (!isStill()) return;
    if (!found.found) {
      watch.value = { kind: "waiting", wish, problem: null };
      return;
    }
    watch.value = { kind: "fits", wish, found, at: Date.now() };
    notify(wish, found);
  } catch (error) {
    if (!isStill()) return;
    const problem = error instanceof Error ? error.message : String(error);
    watch.value = { kind: "waiting", wish, problem };
  }
}

function notify(wish: Wish, found: Found): void {
  if (permission() !== "granted") return;
  try {
    const shown = new Notification(`${wishText(wish)}: it fits now`, {
      body: foundText(found),
      tag: "nvsmi-find",
    });
    shown.onclick = () => {
      window.focus();
      shown.close();
    };
  } catch {
    // On Android pages have no notifications of their own; the banner says it.
  }
}
