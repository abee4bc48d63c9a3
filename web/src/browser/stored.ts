import { effect, type Signal, signal } from "@preact/signals";

/** A choice that this browser keeps. What it kept and is not allowed (any more) counts as the first choice. */
export function kept<T>(name: string, first: T, allowed: (value: unknown) => value is T): Signal<T> {
  const key = `nvidia-smi-web-agent:${name}`;
  const choice = signal(recall(key, first, allowed));
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
      // It is kept until the page is left.
    }
  });
  return choice;
}

function recall<T>(key: string, first: T, allowed: (value: unknown) => value is T): T {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(key) ?? "null");
    return value !== null && allowed(value) ? value : first;
  } catch {
    return first;
  }
}

/** Allows these values alone. */
export const oneOf =
  <T>(...values: T[]) =>
  (value: unknown): value is T =>
    (values as unknown[]).includes(value);
