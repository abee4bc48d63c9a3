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

type Whose = Pick<Process, "user" | "uid" | "container" | "container_name" | "pod_name" | "pod_namespace">;

export function ownerOf(process: Whose): Owner {
  const label = containerOf(process) ?? process.user ?? process.uid;
  return label === null ? NOBODY : { key: String(label), label: String(label) };
}

/** What the container is called in which root runs it: its name, with namespace and pod, or the first digits of its id. */
function containerOf(process: Whose): string | null {
  const { uid, container, container_name: name, pod_name: pod, pod_namespace: namespace } = process;
  if (uid !== 0 || container === null) return null;
  if (name === null) return container.slice(0, SHORT_ID);
  return pod === null ? name : `${namespace}/${pod}/${name}`;
}
