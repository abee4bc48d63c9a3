/** Width of a card relative to its height that shows most. */
const SHAPE = 1.5;

/** Columns for large cards that fill an area of this width and height, with few holes in the last row. */
export function columnsFor(cards: number, width: number, height: number): number {
  let best = 1;
  let largest = 0;
  for (let columns = 1; columns <= cards; columns += 1) {
    const rows = Math.ceil(cards / columns);
    const filled = cards / (columns * rows);
    const size = Math.min(width / columns / SHAPE, height / rows) * Math.sqrt(filled);
    if (size > largest * 1.001) [best, largest] = [columns, size];
  }
  return best;
}
