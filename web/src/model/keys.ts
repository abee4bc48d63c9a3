/** State of a chart for its keys. */
export interface KeyState {
  /** All times on the chart, the oldest first. */
  times: readonly number[];
  /** Cursor; null while it follows the newest time. */
  time: number | null;
  /** Other end of the selection. */
  mark: number | null;
  /** True while zoomed in. */
  zoomed: boolean;
}

export type KeyResult =
  | { do: "move"; time: number; mark: number | null }
  | { do: "zoom"; from: number; to: number }
  | { do: "reset" }
  /** Removes cursor and selection. */
  | { do: "let go" };

/** Steps of Page Up and Page Down, as a fraction of the chart. */
const PAGES = 10;
/** Fewest steps to zoom into. */
const MIN_STEPS = 4;

/**
 * Action of a key: arrows, Page Up, Page Down, Home and End move the cursor; with Shift they select; Enter zooms into
 * the selection; plus and minus zoom about the cursor; Escape undoes one step after the other. Null for other keys.
 */
export function press(key: string, shift: boolean, state: KeyState): KeyResult | null {
  const { times, time, mark, zoomed } = state;
  const last = times.length - 1;
  if (last < 0) return null;
  const at = time === null ? last : nearest(times, time);
  const to = target(key, at, last);
  if (to !== null) {
    const end = Math.min(last, Math.max(0, to));
    return { do: "move", time: times[end] ?? 0, mark: shift ? (mark ?? times[at] ?? null) : null };
  }
  switch (key) {
    case "Enter":
      if (mark === null || time === null || mark === time) return null;
      return { do: "zoom", from: Math.min(mark, time), to: Math.max(mark, time) };
    case "+":
    case "=":
      return closer(times, at);
    case "-":
    case "0":
      return zoomed ? { do: "reset" } : null;
    case "Escape":
      if (time !== null || mark !== null) return { do: "let go" };
      return zoomed ? { do: "reset" } : null;
    default:
      return null;
  }
}

function target(key: string, at: number, last: number): number | null {
  const page = Math.max(1, Math.round(last / PAGES));
  switch (key) {
    case "ArrowLeft":
    case "ArrowDown":
      return at - 1;
    case "ArrowRight":
    case "ArrowUp":
      return at + 1;
    case "PageDown":
      return at - page;
    case "PageUp":
      return at + page;
    case "Home":
      return 0;
    case "End":
      return last;
    default:
      return null;
  }
}

/** Zooms into half of the chart, about the cursor. */
function closer(times: readonly number[], at: number): KeyResult | null {
  const half = Math.floor(times.length / 2);
  if (half < MIN_STEPS) return null;
  const from = Math.min(Math.max(0, at - Math.floor(half / 2)), times.length - half);
  return { do: "zoom", from: times[from] ?? 0, to: times[from + half - 1] ?? 0 };
}

/** Index of the nearest time. */
export function nearest(times: readonly number[], time: number): number {
  let low = 0;
  let high = times.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) < time) low = middle + 1;
    else high = middle;
  }
  const before = times[low - 1];
  return before !== undefined && time - before <= (times[low] ?? 0) - time ? low - 1 : low;
}
