import { signal } from "@preact/signals";
import { address } from "./address";
import { bearer, token } from "./token";

/** Set once the agent announced other hosts, which `api/v1/peers` lists. */
export const hasPeers = signal(false);
/** Set once the agent announced that it keeps usage. */
export const hasUsage = signal(false);

/** Answer with an unexpected status or body. */
export class HttpError extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** True if the message is the sender's own reason. */
    readonly hasReason = false,
  ) {
    super(message);
  }
}

/** True if the agent requires a token (401) or a token with a wider scope (403). */
export const isUnauthorized = (error: unknown): error is HttpError =>
  error instanceof HttpError && (error.status === 401 || error.status === 403);

/**
 * Sends a request to the agent, with the token in the `Authorization` header only.
 * @throws HttpError for any answer but a 2xx; TypeError without an answer.
 */
export async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  if (token.value !== null) headers.set("Authorization", bearer(token.value));
  const response = await fetch(address(path), { cache: "no-store", ...init, headers });
  if (!response.ok) throw await refusal(response);
  const links = response.headers.get("Link");
  if (links?.includes("<peers>")) hasPeers.value = true;
  if (links?.includes("<usage>")) hasUsage.value = true;
  return response;
}

/** The same for JSON. A body that is not JSON comes from something else, such as a proxy's error page. */
export async function requestJson<T>(path: string, init: RequestInit = {}): Promise<T> {
  const response = await ask(path, init);
  try {
    return (await response.json()) as T;
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new HttpError(response.status, "The answer is not the agent's JSON.");
    throw error;
  }
}

async function refusal(response: Response): Promise<HttpError> {
  const problem: unknown = await response.json().catch(() => null);
  const detail = (problem as { detail?: unknown } | null)?.detail;
  const hasReason = typeof detail === "string";
  return new HttpError(response.status, hasReason ? detail : `Status ${response.status}.`, hasReason);
}
