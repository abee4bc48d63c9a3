import type { View } from "../browser/route";

/** The views that are always there, by name. */
export const VIEWS: readonly [View, string][] = [
  ["overview", "Overview"],
  ["processes", "Processes"],
  ["users", "Users"],
  ["events", "Events"],
];
