import { signal } from "@preact/signals";
import { prefix } from "./address";
import { hubPath } from "./hub";

/** Storage of the token: `sessionStorage` or `localStorage`. */
export type Keep = "tab" | "browser";

/** Path that the token is for: the hub's, if one serves this page, else the agent's. */
const ownPath = (): string => hubPath() ?? prefix();

// Agents behind one proxy share an origin and so a storage: the path keeps their tokens apart.
const key = (path = ownPath()): string => `nvidia-smi-web-agent:token:${path}`;

/** The token in use; null without one. */
export const token = signal<string | null>(null);

/** Storage for a token. A browser may forbid both; the token is then kept in memory only. */
const store = (keep: Keep): Storage => (keep === "tab" ? sessionStorage : localStorage);

function attempt<T>(action: () => T): T | null {
  try {
    return action();
  } catch {
    return null;
  }
}

/** True if a header can carry the token. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
export const isSendable = (value: string): boolean => !/[\0-\x1f\x7f]/.test(value);

/** Header value: the token's bytes, each as one character, as browsers require. */
export const bearer = (value: string): string =>
  `Bearer ${String.fromCharCode(...new TextEncoder().encode(value))}`;

/** Token that is stored for the agent at a path of this origin; null without one. */
export function storedToken(path: string): string | null {
  const found =
    attempt(() => sessionStorage.getItem(key(path))) ?? attempt(() => localStorage.getItem(key(path)));
  return found !== null && isSendable(found) ? found : null;
}

export function loadToken(): void {
  token.value = storedToken(ownPath());
}

/** Storage for the token that is being tried; null if none is. */
let tried: Keep | null = null;

/** Uses a token. Once the agent has accepted it, it is stored in place of the one before. */
export function tryToken(value: string, how: Keep): void {
  tried = how;
  token.value = value;
}

/** Stores the token that was tried, since the agent has accepted it. */
export function storeTriedToken(): void {
  const [how, value] = [tried, token.value];
  tried = null;
  if (how === null || value === null) return;
  clearStores();
  attempt(() => store(how).setItem(key(), value));
}

/** Problem with a typed token; null for none. */
export function mistakeOf(value: string): string | null {
  if (value === "") return "Enter the token.";
  return isSendable(value) ? null : "A token has no control characters. Copy it again.";
}

/** True while the form for a token is open. */
export const signingIn = signal(false);

function clearStores(): void {
  attempt(() => sessionStorage.removeItem(key()));
  attempt(() => localStorage.removeItem(key()));
}

export function forgetToken(): void {
  clearStores();
  tried = null;
  token.value = null;
}
