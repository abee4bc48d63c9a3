import { computed, type ReadonlySignal } from "@preact/signals";

/** A computed list that stays the same object while its elements do, so that nothing is rendered for it. */
export function unchanging<T>(compute: () => readonly T[]): ReadonlySignal<readonly T[]> {
  let last: readonly T[] = [];
  return computed(() => {
    const next = compute();
    const isSame = next.length === last.length && next.every((value, at) => value === last[at]);
    if (!isSame) last = next;
    return last;
  });
}
