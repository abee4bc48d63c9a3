import { HttpError } from "../api/request";

/** Reason why the agent does not answer, in whole sentences. */
export interface Problem {
  title: string;
  /** Detail; empty if there is none. */
  why: string;
  /** Question to the user; empty if there is none. */
  hint: string;
}

/** Program at the other end. */
export type Sender = "agent" | "hub";

const HINTS: Record<Sender, string> = {
  agent: "Is nvidia-smi-web-agent running on that host?",
  hub: "Is nvidia-smi-web-agent hub running there?",
};

/** Status codes of a proxy that does not reach the agent. */
const OF_PROXIES = [502, 503, 504];

export function problemOf(error: unknown, from: Sender = "agent"): Problem {
  const noAnswer = { title: `The ${from} does not answer.`, hint: HINTS[from] };
  if (!(error instanceof HttpError)) return { ...noAnswer, why: "" };
  const { status, message: why } = error;
  if (OF_PROXIES.includes(status)) {
    return { ...noAnswer, why: `The proxy in front of it answered ${status}.` };
  }
  if (status === 421) return { title: `The ${from} does not accept this host name.`, why, hint: "" };
  if (status >= 500) return { title: `The ${from} failed.`, why, hint: "" };
  if (status < 400 || status === 404)
    return { title: `Something other than the ${from} answers here.`, why, hint: "" };
  return { title: `The ${from} rejects this page's requests.`, why, hint: "" };
}

/** Request for another token, by the status of the answer. */
export const authMessage = (status: number, from: Sender = "agent"): string =>
  status === 403 ? "This token is only for /metrics." : `The ${from} refuses this token.`;
