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

/** Whether a header can carry it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
export const isSendable = (value: string): boolean => !/[\0-\x1f\x7f]/.test(value);

/** What stands in the header: the token's bytes, of which a browser wants each as a character. */
export const bearer = (value: string): string =>
  `Bearer ${String.fromCharCode(...new TextEncoder().encode(value))}`;

export function recall(): void {
  const found = attempt(() => sessionStorage.getItem(key())) ?? attempt(() => localStorage.getItem(key()));
  token.value = found !== null && isSendable(found) ? found : null;
}

/** How long the token that is tried is to be kept; null where none is tried. */
let tried: Keep | null = null;

/** Takes a token into use. It is kept once the agent has taken it. */
export function tryToken(value: string, how: Keep): void {
  forget();
  tried = how;
  token.value = value;
}

/** The agent has answered with the token that is in use. */
export function settle(): void {
  const [how, value] = [tried, token.value];
  tried = null;
  if (how !== null && value !== null) attempt(() => store(how).setItem(key(), value));
}

export function forget(): void {
  attempt(() => sessionStorage.removeItem(key()));
  attempt(() => localStorage.removeItem(key()));
  tried = null;
  token.value = null;
}
