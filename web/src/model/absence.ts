import type { Absent } from "../api/types";

/** Why there is no value. */
export interface Absence {
  /** The API's word. */
  reason: string;
  /** For a narrow place. */
  word: string;
  /** A whole sentence, for whoever asks. */
  text: string;
}

const KNOWN: Record<string, [word: string, text: string]> = {
  not_supported: ["n/a", "Not supported by this GPU or driver."],
  denied: ["no access", "The agent may not read this: it has no permission."],
  lost: ["lost", "The GPU no longer answers."],
  asleep: ["asleep", "The GPU sleeps, and is not woken to be asked."],
  timeout: ["waiting", "There is no answer yet."],
  error: ["error", "Reading this failed."],
  hidden: ["hidden", "Not shown to you."],
};

const told = new Map<string | undefined, Absence>();

/** What a reason means, the same object each time. A reason that is newer than this page is shown as it is. */
export function absence(reason: string | undefined): Absence {
  const before = told.get(reason);
  const found = before ?? meaningOf(reason);
  if (!before) told.set(reason, found);
  return found;
}

function meaningOf(reason: string | undefined): Absence {
  const known = reason === undefined ? undefined : KNOWN[reason];
  if (reason !== undefined && known) return { reason, word: known[0], text: known[1] };
  const word = reason?.replaceAll("_", " ") ?? "unknown";
  return {
    reason: reason ?? "unknown",
    word,
    text: reason ? `Absent: ${word}.` : "The agent does not say why.",
  };
}

/** A value, or why there is none. */
export type Reading<T> = { value: T; why?: never } | { value?: never; why: Absence };

export function read<T>(absent: Absent, path: string, value: T | null): Reading<T> {
  return value === null ? { why: absence(absent[path]) } : { value };
}

/** Whether a GPU will never have this value, so that its place can be given to another. */
export const isNever = (reading: Reading<unknown>): boolean => reading.why?.reason === "not_supported";
