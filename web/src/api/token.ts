import { signal } from "@preact/signals";
import { prefix } from "./address";

/** How long the token is kept. */
export type Keep = "tab" | "browser";

// Agents behind one proxy share an origin and so a storage: the prefix keeps their tokens apart.
const key = (): string => `nvidia-smi-web-agent:token:${prefix()}`;

/** What is sent in `Authorization`; null where none was given. */
export const token = signal<string | null>(null);

/** Where the token is kept. A browser may forbid either; then it is known until the page is left. */
const store = (keep: Keep): Storage => (keep === "tab" ? sessionStorage : localStorage);

function attempt<T>(action: () => T): T | null {
  try {
    return action();
  } catch {
    return null;
  }
}

export function recall(): void {
  token.value = attempt(() => sessionStorage.getItem(key())) ?? attempt(() => localStorage.getItem(key()));
}

export function keep(value: string, how: Keep): void {
  forget();
  attempt(() => store(how).setItem(key(), value));
  token.value = value;
}

export function forget(): void {
  attempt(() => sessionStorage.removeItem(key()));
  attempt(() => localStorage.removeItem(key()));
  token.value = null;
}
