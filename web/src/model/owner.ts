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

type Owned = Pick<Process, "user" | "uid" | "container"> &
  Partial<Pick<Process, "container_name" | "pod_name" | "pod_namespace">>;

export function ownerOf(process: Owned): Owner {
  if (process.uid === 0 && process.container !== null) {
    const label = containerLabel(process, process.container);
    return { key: label, label };
  }
  if (process.user !== null) return { key: process.user, label: process.user };
  if (process.uid !== null) return { key: String(process.uid), label: String(process.uid) };
  return NOBODY;
}

/** What a container is called: its name, with namespace and pod before it where they are known, else its short id. */
export function containerLabel(process: Owned, id: string): string {
  if (!process.container_name) return id.slice(0, SHORT_ID);
  if (!process.pod_name) return process.container_name;
  return `${process.pod_namespace}/${process.pod_name}/${process.container_name}`;
}
