/** Number of colours: `--user-0` and on, in `style/tokens.css`. */
export const COLOURS = 10;

/** FNV-1a, so that a name has the same colour on every host and every day. */
export function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const character of text) {
    value ^= character.codePointAt(0) ?? 0;
    value = Math.imul(value, 0x01000193);
  }
  return value >>> 0;
}

/**
 * Assigns colours to names. A name gets the colour of its hash or, if that is taken, the next free one, and keeps it.
 * When all are taken, names that are gone free theirs; when that is not enough, colours repeat: a colour is always
 * beside its name.
 */
export class Colours {
  private readonly taken = new Map<string, number>();

  of(key: string): number {
    return this.taken.get(key) ?? hash(key) % COLOURS;
  }

  /** Assigns colours to new names out of all names that are shown. Their order does not matter. */
  meet(keys: Iterable<string>): void {
    const here = new Set(keys);
    const fresh = [...here].filter(key => !this.taken.has(key)).sort();
    if (this.taken.size + fresh.length > COLOURS) {
      for (const key of this.taken.keys()) if (!here.has(key)) this.taken.delete(key);
    }
    const used = new Set(this.taken.values());
    for (const key of fresh) {
      const home = hash(key) % COLOURS;
      let colour = home;
      for (let step = 0; step < COLOURS && used.has(colour); step += 1) colour = (home + step + 1) % COLOURS;
      if (used.has(colour)) colour = home;
      used.add(colour);
      this.taken.set(key, colour);
    }
  }
}
