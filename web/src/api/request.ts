import { signal } from "@preact/signals";
import { address } from "./address";
import { bearer, token } from "./token";

/** Whether the agent said that it has been told of other hosts, which `api/v1/peers` names. */
export const hasPeers = signal(false);

/** An answer that is not what was asked for. */
export class HttpError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Whether the agent wants a token, or another one: 401, or 403 where the one that it has may not see this. */
export const isUnauthorized = (error: unknown): error is HttpError =>
  error instanceof HttpError && (error.status === 401 || error.status === 403);

/**
 * Asks the agent. The token goes into the header and nowhere else.
 *
 * @throws Refusal for any answer but a 2xx; TypeError where there is no answer at all.
 */
export async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  if (token.value !== null) headers.set("Authorization", bearer(token.value));
  const response = await fetch(address(path), { cache: "no-store", ...init, headers });
  if (!response.ok) throw new HttpError(response.status, await describe(response));
  if (response.headers.get("Link")?.startsWith("<peers>")) hasPeers.value = true;
  return response;
}

/** The same for JSON. What is not JSON comes from somebody else, such as a proxy's page. */
export async function requestJson<T>(path: string, init: RequestInit = {}): Promise<T> {
  const response = await ask(path, init);
  try {
    return (await response.json()) as T;
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new HttpError(response.status, "What it says is not the agent's JSON.");
    throw error;
  }
}

async function describe(response: Response): Promise<string> {
  const problem: unknown = await response.json().catch(() => null);
  const detail = (problem as { detail?: unknown } | null)?.detail;
  return typeof detail === "string" ? detail : `The answer was ${response.status}.`;
}
