import type { Process } from "../api/types";

/** Owner of a process: the account or container that it counts for. */
export interface Owner {
  /** Key and part of URLs. */
  key: string;
  label: string;
  /** ID of the container; null for an account. */
  container: string | null;
}

/** Start of the key of a container. No account has a colon in its name, as passwd(5) separates fields by it. */
const CONTAINER = "container:";

/** Digits of a container's ID that identify it on its host, as in the output of `docker ps`. */
const SHORT_ID = 12;

/** Owner of processes whose user is unknown, or hidden in the token's scope. */
const NO_OWNER = "?";
const UNKNOWN: Owner = { key: NO_OWNER, label: "unknown", container: null };
const HIDDEN: Owner = { key: NO_OWNER, label: "hidden", container: null };

export function ownerOf({
  owner,
  owner_container: container,
  absent,
}: Pick<Process, "owner" | "owner_container" | "absent">): Owner {
  if (owner !== null) {
    // An account and several containers may have the same name.
    const key = container === null ? owner : CONTAINER + container;
    return { key, label: owner, container };
  }
  return absent["owner"] === "hidden" ? HIDDEN : UNKNOWN;
}

export const isKnownOwner = (owner: Owner): boolean => owner.key !== NO_OWNER;

/** Label in a list of owners: with the ID of the container where another owner in it has the same label. */
export function labelAmong(owner: Owner, all: readonly Owner[]): string {
  const { key, label, container } = owner;
  const isAlone = container === null || all.every(other => other.label !== label || other.key === key);
  return isAlone ? label : `${label} (container ${container.slice(0, SHORT_ID)})`;
}
