import { useEffect, useState } from "preact/hooks";

/** Part of the page that is loaded once it is needed, which keeps the first load small. */
export type Lazy<T> = { kind: "loading" } | { kind: "loaded"; part: T } | { kind: "failed" };

/** Loads a part; `load` is the same function each time. */
export function useLazy<T>(load: () => Promise<T>): Lazy<T> {
  const [state, setState] = useState<Lazy<T>>({ kind: "loading" });
  useEffect(() => {
    let here = true;
    const run = async () => {
      // `await`, since `import().then()` does not reject if only the style sheet fails to load.
      try {
        const part = await load();
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
  return state;
}
