import { useEffect, useState } from "preact/hooks";

/** Part of the page that is loaded once it is needed, which keeps the first load small. */
export type Lazy<T> = { kind: "loading" } | { kind: "loaded"; part: T } | { kind: "failed" };

type Load<T> = () => Promise<T>;

/** Parts that are loaded, by their functions. */
const parts = new Map<Load<unknown>, unknown>();

/** Loads a part before it is needed, so that it shows at once, also while the agent does not answer. */
export async function preload<T>(load: Load<T>): Promise<T> {
  const part = await load();
  parts.set(load, part);
  return part;
}

/** Loads a part; `load` is the same function each time. */
export function useLazy<T>(load: Load<T>): Lazy<T> {
  const known = parts.get(load) as T | undefined;
  const [state, setState] = useState<Lazy<T>>({ kind: "loading" });
  useEffect(() => {
    if (known !== undefined) return;
    // Loaded between the rendering and this effect.
    if (parts.has(load)) {
      setState({ kind: "loaded", part: parts.get(load) as T });
      return;
    }
    let here = true;
    const run = async () => {
      // `await`, since `import().then()` does not reject if only the style sheet fails to load.
      try {
        const part = await preload(load);
        if (here) setState({ kind: "loaded", part });
      } catch {
        if (here) setState({ kind: "failed" });
      }
    };
    void run();
    return () => {
      here = false;
    };
  }, [load]);
  return known === undefined ? state : { kind: "loaded", part: known };
}
