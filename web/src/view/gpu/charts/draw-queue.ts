/** What is to be drawn, each once, in the order in which it was asked for. */
const waiting = new Map<object, () => void>();
let asked = false;

/** So long a frame is given to drawing; the rest waits for the next, so that the page answers in between. */
const BUDGET = 5;

/** Does this in one of the next frames; said again for the same thing before that, only the last is done. */
export function scheduleDraw(about: object, draw: () => void): void {
  waiting.set(about, draw);
  if (asked) return;
  asked = true;
  requestAnimationFrame(work);
}

function work(): void {
  const until = performance.now() + BUDGET;
  try {
    for (const [about, draw] of waiting) {
      waiting.delete(about);
      draw();
      if (performance.now() >= until) break;
    }
  } finally {
    asked = waiting.size > 0;
    if (asked) requestAnimationFrame(work);
  }
}
