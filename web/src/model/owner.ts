import type { Process } from "../api/types";

/** Owner of a process: the account or container that it counts for. */
export interface Owner {
  /** Key and part of URLs. */
  key: string;
  label: string;
}

/** Owner of processes whose user is unknown, or hidden in the token's scope. */
const NO_OWNER = "?";
const UNKNOWN: Owner = { key: NO_OWNER, label: "unknown" };
const HIDDEN: Owner = { key: NO_OWNER, label: "hidden" };

export function ownerOf({ owner, absent }: Pick<Process, "owner" | "absent">): Owner {
  if (owner !== null) return { key: owner, label: owner };
  return absent["owner"] === "hidden" ? HIDDEN : UNKNOWN;
}

export const isKnownOwner = (owner: Owner): boolean => owner.key !== NO_OWNER;
