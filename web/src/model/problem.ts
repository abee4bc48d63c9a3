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

/** Sender of what a page shows: an agent, a hub, or a host by way of its hub. */
export type Origin = Sender | "host";

const HINTS: Record<Sender, string> = {
  agent: "Is nvidia-smi-web-agent running on that host?",
  hub: "Is nvidia-smi-web-agent hub running there?",
};

/** Status codes of a proxy that does not reach the agent. */
const OF_PROXIES = [502, 503, 504];

export function problemOf(error: unknown, from: Origin = "agent"): Problem {
  if (from === "host") return problemOfHost(error);
  const noAnswer = { title: `The ${from} does not answer.`, hint: HINTS[from] };
  if (!(error instanceof HttpError)) return { ...noAnswer, why: "" };
  const { status, message: why } = error;
  // A hub whose values are not current says so itself.
  if (from === "hub" && status === 503 && error.hasReason) {
    return { title: "The hub has no current values.", why, hint: "" };
  }
  if (OF_PROXIES.includes(status)) {
    return { ...noAnswer, why: `The proxy in front of it answered ${status}.` };
  }
  if (status === 421) return { title: `The ${from} does not accept this host name.`, why, hint: "" };
  if (status >= 500) return { title: `The ${from} failed.`, why, hint: "" };
  if (status < 400 || status === 404)
    return { title: `Something other than the ${from} answers here.`, why, hint: "" };
  return { title: `The ${from} rejects this page's requests.`, why, hint: "" };
}

/** The hub says why it has no answer of a host, such as one that runs the original agent. */
function problemOfHost(error: unknown): Problem {
  if (!(error instanceof HttpError)) return problemOf(error, "hub");
  return { title: "The hub cannot show this host.", why: error.message, hint: "" };
}

/** Request for another token, by the answer: its status and its text. */
export function authMessage(
  { status, why }: { status: number; why: string },
  from: Origin = "agent",
): string {
  if (from === "host" && status === 403) return why;
  return status === 403
    ? "This token is only for /metrics."
    : `The ${from === "host" ? "hub" : from} refuses this token.`;
}
