/** How something stands, and whether that is bad. */
export interface Condition {
  text: string;
  bad: boolean;
}

/**
 * What is said aloud: what has become bad, is bad otherwise than before, or is well again. Whatever else changes, such as
 * who has a GPU, is no news. The first look is none either.
 */
export function news(before: ReadonlyMap<string, Condition>, now: ReadonlyMap<string, Condition>): string[] {
  if (before.size === 0) return [];
  const isNews = ([key, { text, bad }]: [string, Condition]) => {
    const was = before.get(key);
    return bad ? was?.text !== text : was?.bad;
  };
  return [...now].filter(isNews).map(([, { text }]) => text);
}
