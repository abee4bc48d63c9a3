/** How something stands, and whether that is bad. */
export interface Stand {
  text: string;
  bad: boolean;
}

/**
 * What is said aloud: what has become bad, is bad otherwise than before, or is well again. Whatever else changes, such as
 * who has a GPU, is no news. The first look is none either.
 */
export function news(before: ReadonlyMap<string, Stand>, now: ReadonlyMap<string, Stand>): string[] {
  if (before.size === 0) return [];
  const isNews = ([key, { text, bad }]: [string, Stand]) => {
    const was = before.get(key);
    return bad ? was?.text !== text : was?.bad;
  };
  return [...now].filter(isNews).map(([, { text }]) => text);
}
