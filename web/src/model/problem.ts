import { HttpError } from "../api/request";

/** Why nothing comes from the agent, in whole sentences. */
export interface Trouble {
  title: string;
  /** What there is to add; empty if nothing. */
  why: string;
}

/** What a proxy says of an agent that it does not reach. */
const OF_PROXIES = [502, 503, 504];

export function problemOf(error: unknown): Trouble {
  if (!(error instanceof HttpError)) return { title: "The agent does not answer.", why: "" };
  const { status, message: why } = error;
  if (OF_PROXIES.includes(status)) {
    return { title: "The agent does not answer.", why: `What stands before it says ${status}.` };
  }
  if (status === 421) return { title: "The agent is not told of this address.", why };
  if (status >= 500) return { title: "The agent has failed.", why };
  if (status < 400 || status === 404) return { title: "Something else than the agent answers here.", why };
  return { title: "The agent refuses what this page asks.", why };
}

/** That the agent wants another token, by the status that it answers with. */
export const authMessage = (status: number): string =>
  status === 403 ? "The token may not see this page." : "The agent refuses this token.";
