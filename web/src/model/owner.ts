import type { Process } from "../api/types";

/** Owner of a process: its account or, for root in a container, the container. */
export interface Owner {
  /** Key and part of URLs. */
  key: string;
  label: string;
}

/** Digits of a container's id to show, as container tools do. */
const SHORT_ID = 12;

/** Owner of processes whose user is unknown, or hidden in the token's scope. */
const NO_OWNER = "?";
const UNKNOWN: Owner = { key: NO_OWNER, label: "unknown" };
const HIDDEN: Owner = { key: NO_OWNER, label: "hidden" };

type Owned = Pick<
  Process,
  "user" | "uid" | "container" | "container_name" | "pod_name" | "pod_namespace" | "absent"
>;

export function ownerOf(process: Owned): Owner {
  const label = containerOf(process) ?? process.user ?? process.uid;
  if (label !== null) return { key: String(label), label: String(label) };
  return process.absent["user"] === "hidden" ? HIDDEN : UNKNOWN;
}

export const isKnownOwner = (owner: Owner): boolean => owner.key !== NO_OWNER;

/** Name of the container in which root runs the process, with namespace and pod, or the first digits of its id. */
function containerOf(process: Owned): string | null {
  const { uid, container, container_name: name, pod_name: pod, pod_namespace: namespace } = process;
  if (uid !== 0 || container === null) return null;
  if (name === null) return container.slice(0, SHORT_ID);
  return pod === null ? name : `${namespace}/${pod}/${name}`;
}
