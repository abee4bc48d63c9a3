/** State of something, and its severity. */
export interface Condition {
  text: string;
  bad: boolean;
}

/**
 * Texts for screen readers: states that became bad, changed while bad, or recovered. Other changes, such as a GPU's
 * users, are not announced, nor is the first state.
 */
export function news(before: ReadonlyMap<string, Condition>, now: ReadonlyMap<string, Condition>): string[] {
  if (before.size === 0) return [];
  const isNews = ([key, { text, bad }]: [string, Condition]) => {
    const was = before.get(key);
    return bad ? was?.text !== text : was?.bad;
  };
  return [...now].filter(isNews).map(([, { text }]) => text);
}
