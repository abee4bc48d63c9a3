import { prefix } from "../api/address";
import { stored } from "../browser/stored";

/** Time of the newest event of this agent that was seen. */
export const seenEvents = stored<number>(
  `seen-events:${prefix()}`,
  0,
  (value): value is number => typeof value === "number",
);
