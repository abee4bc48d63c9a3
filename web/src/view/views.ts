import type { View } from "../browser/route";

/** Views in the navigation, by name. */
export const VIEWS: readonly [View, string][] = [
  ["overview", "Overview"],
  ["processes", "Processes"],
  ["users", "Users"],
  ["usage", "Usage"],
  ["events", "Events"],
];
