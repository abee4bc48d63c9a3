const PATIENCE = 15_000;
const BETWEEN = 20;

/** Waits for a truthy result and returns it; `what` is in the error on timeout. */
export async function eventually(what, isTrue) {
  const until = performance.now() + PATIENCE;
  let last;
  for (;;) {
    try {
      const found = await isTrue();
      if (found) return found;
    } catch (error) {
      last = error;
    }
    if (performance.now() > until) throw new Error(`waited in vain for ${what}`, { cause: last });
    await new Promise(resolve => setTimeout(resolve, BETWEEN));
  }
}
