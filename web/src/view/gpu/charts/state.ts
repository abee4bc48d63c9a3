import { type Signal, signal } from "@preact/signals";
import type { Window } from "./plot";

/** Where all charts' cursor is. */
export type Cursor =
  /** It is taken along. */
  | { time: number; by: "pointer" }
  /** It stays where it is until they move it. `back` is how many steps that was behind the newest. */
  | { time: number; by: "keys"; back: number };

/** What the charts of a GPU share. */
export interface Shared {
  cursor: Signal<Cursor | null>;
  /** What is looked at more closely; null for all of the range. */
  zoom: Signal<Window | null>;
  /** The other end of what the keys mark, from the cursor on. */
  mark: Signal<number | null>;
}

export const newShared = (): Shared => ({ cursor: signal(null), zoom: signal(null), mark: signal(null) });
