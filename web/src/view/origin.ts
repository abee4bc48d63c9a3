import { hubPath } from "../api/hub";
import type { Origin } from "../model/problem";

/** Sender of what this page shows. */
export const origin = (): Origin => (hubPath() === null ? "agent" : "host");
