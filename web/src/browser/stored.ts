import { effect, type Signal, signal } from "@preact/signals";

/** Signal that is kept in `localStorage`. A stored value that is not allowed (any more) counts as the default. */
export function stored<T>(name: string, first: T, allowed: (value: unknown) => value is T): Signal<T> {
  const key = `nvidia-smi-web-agent:${name}`;
  const choice = signal(load(key, first, allowed));
  let begun = false;
  effect(() => {
    const value = JSON.stringify(choice.value);
    if (!begun) {
      begun = true;
      return;
    }
    try {
      localStorage.setItem(key, value);
    } catch {
      // Storage is forbidden: the value lasts until the page is closed.
    }
  });
  return choice;
}

function load<T>(key: string, first: T, allowed: (value: unknown) => value is T): T {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(key) ?? "null");
    return value !== null && allowed(value) ? value : first;
  } catch {
    return first;
  }
}

/** Type guard for these values. */
export const oneOf =
  <T>(...values: T[]) =>
  (value: unknown): value is T =>
    (values as unknown[]).includes(value);
