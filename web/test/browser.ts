// Stand-ins for browser APIs, set up before each test file (`vite.config.ts`).
import { vi } from "vitest";

type Answer = { status: number; body: unknown } | Response;

/** Requests, in their order. */
export const asked: { path: string; token: string | null }[] = [];

export const paths = (): string[] => asked.map(({ path }) => path);

/** Answer of the agent, set by a test. Null for no answer. */
export const agent: { answer: (path: string, init: RequestInit) => Answer | null | Promise<Answer | null> } =
  {
    answer: () => ({ status: 404, body: null }),
  };

/** A browser's storage. */
class Store {
  private readonly stored = new Map<string, string>();
  getItem = (key: string) => this.stored.get(key) ?? null;
  setItem = (key: string, value: string) => void this.stored.set(key, value);
  removeItem = (key: string) => void this.stored.delete(key);
  clear = () => this.stored.clear();
  get length() {
    return this.stored.size;
  }
}

/** The element that says where the hub is, set by a test; `content` is null without a hub. */
export const hub: { content: string | null } = { content: null };

const listeners = new Map<string, () => void>();
const page = {
  visibilityState: "visible",
  addEventListener: (name: string, listener: () => void) => listeners.set(name, listener),
  querySelector: () => (hub.content === null ? null : hub),
};

/** Shows or hides the tab. */
export function look(state: "visible" | "hidden"): void {
  page.visibilityState = state;
  listeners.get("visibilitychange")?.();
}

vi.stubGlobal("document", page);
vi.stubGlobal("location", { href: "http://gpu01/", origin: "http://gpu01", hash: "" });
vi.stubGlobal("localStorage", new Store());
vi.stubGlobal("sessionStorage", new Store());
vi.stubGlobal("fetch", async (path: string, init: RequestInit = {}) => {
  asked.push({ path, token: new Headers(init.headers).get("Authorization") });
  const found = await agent.answer(path, init);
  init.signal?.throwIfAborted();
  if (found === null) throw new TypeError("Failed to fetch");
  return found instanceof Response ? found : Response.json(found.body, { status: found.status });
});
