import type { Collector, Host } from "../api/types";
import { type Reading, read } from "./absence";
import { DASH } from "./format";

/** State of the collector in words. */
export interface Words {
  severity: "critical" | "warning" | "info";
  title: string;
  text: string;
}

const STATES: Record<string, Words> = {
  starting: { severity: "info", title: "The agent has just started.", text: "Reading the GPUs." },
  stalled: {
    severity: "warning",
    title: "The driver does not answer.",
    text: "Values are the last that were read. Reading continues when the call returns.",
  },
  restarting: {
    severity: "warning",
    title: "The collector is restarting.",
    text: "The collector exited and is being restarted.",
  },
  no_driver: {
    severity: "critical",
    title: "The driver cannot be read.",
    text: "Retrying every two seconds.",
  },
  released: {
    severity: "info",
    title: "An administrator has released the driver.",
    text: "The agent holds no GPU. Reading resumes when the time is over, or with “nvidia-smi-web-agent resume”.",
  },
};

export const wordsOf = (state: string): Words =>
  STATES[state] ?? { severity: "warning", title: `The collector is ${state}.`, text: "" };

/** Version that the driver reports. Without a driver it has no error of its own: the reason is the collector's. */
export function driverVersion(
  { absent, ...host }: Host,
  { state, detail }: Collector,
  key: "driver_version" | "cuda_version",
): Reading<string> {
  const reading = read(absent, key, host[key]);
  if (reading.why?.reason !== "error" || state === "ok") return reading;
  const text = [wordsOf(state).title, detail].filter(Boolean).join(" ");
  return { why: { reason: state, word: DASH, text } };
}
