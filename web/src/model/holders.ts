import type { Owner } from "./owner";

/**
 * Keys of colours for the users of the accounting, which knows them by their labels. A label that one present owner has
 * gets the key of that owner, so that a container has its colour from the other views.
 */
export function colourKeys(present: readonly Owner[]): { keys: Set<string>; of: (user: string) => string } {
  const byLabel = new Map<string, string | null>();
  for (const { key, label } of present) {
    const known = byLabel.get(label);
    byLabel.set(label, known === undefined || known === key ? key : null);
  }
  return {
    keys: new Set(present.map(({ key }) => key)),
    of: user => byLabel.get(user) ?? user,
  };
}
