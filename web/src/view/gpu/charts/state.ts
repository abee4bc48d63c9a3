import { type Signal, signal } from "@preact/signals";
import type { Gpu } from "../../../api/types";
import type { FollowedHistory } from "../../../live/history";
import type { Drawn } from "../../../model/chart-selection";
import type { Plan, Span } from "../../../model/charts";
import type * as Drawing from "./plot";
import type { Window } from "./plot";

/** Cursor of all charts. */
export type Cursor =
  /** It moves with the pointer. */
  | { time: number; by: "pointer" }
  /** It stays until the keys move it. `back` is its distance from the newest step. */
  | { time: number; by: "keys"; back: number };

/** State that the charts of a GPU share. */
export interface Shared {
  cursor: Signal<Cursor | null>;
  /** Zoomed range; null for all of it. */
  zoom: Signal<Window | null>;
  /** Other end of the keys' selection. */
  mark: Signal<number | null>;
}

export const newShared = (): Shared => ({ cursor: signal(null), zoom: signal(null), mark: signal(null) });

export interface ChartProps {
  plan: Plan;
  lines: readonly Drawn[];
  /** The GPU in the newest snapshot. */
  gpu: Gpu;
  /** The GPU with its last known limits. */
  limits: Gpu;
  span: Span;
  following: FollowedHistory;
  shared: Shared;
  drawing: typeof Drawing | null;
}
