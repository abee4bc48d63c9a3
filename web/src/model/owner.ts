import type { Process } from "../api/types";

/** Whom a process counts for: its account or, for root in a container, the container. */
export interface Owner {
  /** What it is known by, also where two have one name. */
  key: string;
  label: string;
}

/** Of a container's id this many digits are shown, as container tools do. */
const SHORT_ID = 12;

export const NOBODY: Owner = { key: "?", label: "unknown" };

export function ownerOf(process: Pick<Process, "user" | "uid" | "container">): Owner {
  if (process.uid === 0 && process.container !== null) {
    const label = process.container.slice(0, SHORT_ID);
    return { key: label, label };
  }
  if (process.user !== null) return { key: process.user, label: process.user };
  if (process.uid !== null) return { key: String(process.uid), label: String(process.uid) };
  return NOBODY;
}
