import { HttpError } from "../api/request";

/** Reason why the agent does not answer, in whole sentences. */
export interface Problem {
  title: string;
  /** Detail; empty if there is none. */
  why: string;
  /** Question to the user; empty if there is none. */
  hint: string;
}

const NO_ANSWER = {
  title: "The agent does not answer.",
  hint: "Is nvidia-smi-web-agent running on that host?",
};

/** Status codes of a proxy that does not reach the agent. */
const OF_PROXIES = [502, 503, 504];

export function problemOf(error: unknown): Problem {
  if (!(error instanceof HttpError)) return { ...NO_ANSWER, why: "" };
  const { status, message: why } = error;
  if (OF_PROXIES.includes(status)) {
    return { ...NO_ANSWER, why: `The proxy in front of it answered ${status}.` };
  }
  if (status === 421) return { title: "The agent does not accept this host name.", why, hint: "" };
  if (status >= 500) return { title: "The agent failed.", why, hint: "" };
  if (status < 400 || status === 404)
    return { title: "Something other than the agent answers here.", why, hint: "" };
  return { title: "The agent rejects this page's requests.", why, hint: "" };
}

/** Request for another token, by the status of the answer. */
export const authMessage = (status: number): string =>
  status === 403 ? "This token is only for /metrics." : "The agent refuses this token.";
