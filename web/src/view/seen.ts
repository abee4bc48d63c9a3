import { prefix } from "../api/address";
import { kept } from "../browser/stored";

/** The time of the newest event that was looked at; of this agent. */
export const seenEvents = kept<number>(
  `seen-events:${prefix()}`,
  0,
  (value): value is number => typeof value === "number",
);
