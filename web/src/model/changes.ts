/** What is said of things that are said something else of now. The first look is no change. */
export function changes(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): string[] {
  if (before.size === 0) return [];
  return [...now].filter(([key, text]) => before.get(key) !== text).map(([, text]) => text);
}
