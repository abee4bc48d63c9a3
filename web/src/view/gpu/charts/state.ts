import { type Signal, signal } from "@preact/signals";
import type { Gpu } from "../../../api/types";
import type { FollowedHistory } from "../../../live/history";
import type { Drawn } from "../../../model/chart-selection";
import type { Plan, Span } from "../../../model/charts";
import type * as Drawing from "./plot";
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

export interface ChartProps {
  plan: Plan;
  lines: readonly Drawn[];
  /** As it is now. */
  gpu: Gpu;
  /** Its limits, which may be those of before it was lost. */
  limits: Gpu;
  span: Span;
  following: FollowedHistory;
  shared: Shared;
  drawing: typeof Drawing | null;
}
