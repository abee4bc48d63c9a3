/** Rows that are rendered: those on screen and some above and below. */
export interface Window {
  from: number;
  /** Behind the last. */
  to: number;
}

/** Top of each row, and the height of all as the last element. */
export function tops(heights: readonly number[]): number[] {
  const found = [0];
  let top = 0;
  for (const height of heights) {
    top += height;
    found.push(top);
  }
  return found;
}

/** Index of the row at this height, by its top. */
function rowAt(tops: readonly number[], y: number): number {
  let [low, high] = [0, Math.max(0, tops.length - 2)];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((tops[middle] ?? 0) <= y) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Rows between two heights, and `extra` pixels more on both sides. */
export function rowsBetween(tops: readonly number[], top: number, bottom: number, extra: number): Window {
  const count = tops.length - 1;
  const all = tops[count] ?? 0;
  if (count <= 0 || bottom + extra < 0 || top - extra > all) return { from: 0, to: 0 };
  return { from: rowAt(tops, top - extra), to: Math.min(count, rowAt(tops, bottom + extra) + 1) };
}

/**
 * Names to request for the rows on screen, of `all` names in their order: the same as before while those on screen are
 * among them, so that neither the first view nor scrolling a little opens a new stream. Null asks for the first hosts,
 * which are all of a small fleet.
 */
export function namesToRequest(
  before: readonly string[] | null,
  onScreen: readonly string[],
  near: readonly string[],
  all: readonly string[],
): readonly string[] | null {
  if (all.length <= EVERY_HOST) return null;
  const requested = new Set(before ?? all.slice(0, EVERY_HOST));
  if (onScreen.every(name => requested.has(name))) return before;
  return cut(near, onScreen);
}

/** Number of hosts up to which the GPUs of all are requested. */
export const EVERY_HOST = 50;
/** Longest list of names in an address, in characters: servers limit the length of a request's head. */
const MAX_LENGTH = 5_000;

/** The rows on screen first, then those near them, as far as an address can be. */
function cut(near: readonly string[], onScreen: readonly string[]): string[] {
  const found: string[] = [];
  let length = 0;
  for (const name of new Set([...onScreen, ...near])) {
    length += encodeURIComponent(name).length + 1;
    if (length > MAX_LENGTH) break;
    found.push(name);
  }
  return found.sort();
}
