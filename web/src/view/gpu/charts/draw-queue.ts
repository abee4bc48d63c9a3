/** Pending draws, each once, in the order of the requests. */
const waiting = new Map<object, () => void>();
let asked = false;

/** Milliseconds of drawing per frame; the rest waits for the next frame, so that the page stays responsive. */
const FRAME_BUDGET_MS = 5;

/** Draws in one of the next frames. A second call for the same object replaces the first. */
export function scheduleDraw(about: object, draw: () => void): void {
  waiting.set(about, draw);
  if (asked) return;
  asked = true;
  requestAnimationFrame(work);
}

function work(): void {
  const until = performance.now() + FRAME_BUDGET_MS;
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
