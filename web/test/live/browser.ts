// What the modules that follow the agent want of a browser. Imported before them.
import { vi } from "vitest";

type Answer = { status: number; body: unknown };

/** What was asked for, in its order. */
export const asked: string[] = [];

/** What answers; a test puts its own in here. Null is nobody. */
export const agent: { answer: (path: string, init: RequestInit) => Answer | null | Promise<Answer | null> } =
  {
    answer: () => ({ status: 404, body: null }),
  };

const noStorage = { getItem: () => null, setItem: () => {}, removeItem: () => {} };

vi.stubGlobal("document", { visibilityState: "visible", addEventListener: () => {} });
vi.stubGlobal("location", { href: "http://gpu01/", origin: "http://gpu01", hash: "" });
vi.stubGlobal("localStorage", noStorage);
vi.stubGlobal("sessionStorage", noStorage);
vi.stubGlobal("fetch", async (path: string, init: RequestInit = {}) => {
  asked.push(path);
  const found = await agent.answer(path, init);
  init.signal?.throwIfAborted();
  if (found === null) throw new TypeError("Failed to fetch");
  return Response.json(found.body, { status: found.status });
});
