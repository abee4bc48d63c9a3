import type { Absent } from "../api/types";

/** Reason for a missing value. */
export interface Absence {
  /** Reason as in the API. */
  reason: string;
  /** Short form for a narrow place. */
  word: string;
  /** Whole sentence for a tooltip. */
  text: string;
}

const KNOWN: Record<string, [word: string, text: string]> = {
  not_supported: ["n/a", "Not supported by this GPU or driver."],
  denied: ["no access", "The agent has no permission to read this."],
  lost: ["lost", "The GPU no longer answers."],
  asleep: ["asleep", "The GPU is asleep, and the agent does not wake it."],
  timeout: ["waiting", "No answer yet."],
  error: ["error", "Reading failed."],
  hidden: ["hidden", "Hidden: sign in with a token of a wider scope."],
};

const cache = new Map<string | undefined, Absence>();

/** Meaning of a reason, as the same object each time. A reason that this page does not know is shown as it is. */
export function absence(reason: string | undefined): Absence {
  const before = cache.get(reason);
  const found = before ?? meaningOf(reason);
  if (!before) cache.set(reason, found);
  return found;
}

function meaningOf(reason: string | undefined): Absence {
  const known = reason === undefined ? undefined : KNOWN[reason];
  if (reason !== undefined && known) return { reason, word: known[0], text: known[1] };
  const word = reason?.replaceAll("_", " ") ?? "unknown";
  return {
    reason: reason ?? "unknown",
    word,
    text: reason ? `Absent: ${word}.` : "No reason given.",
  };
}

/** A value, or the reason for its absence. */
export type Reading<T> = { value: T; why?: never } | { value?: never; why: Absence };

/** A list that was not read is empty in the API, with a reason. */
export function read<T>(absent: Absent, path: string, value: T | null): Reading<T> {
  const isMissing = value === null || (Array.isArray(value) && absent[path] !== undefined);
  return isMissing ? { why: absence(absent[path]) } : { value };
}

/** True if a GPU will never have this value, so that another can take its place. */
export const isNever = (reading: Reading<unknown>): boolean => reading.why?.reason === "not_supported";
