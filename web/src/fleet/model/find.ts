import { plural } from "../../model/format";
import type { Found, Missing } from "../types";

/** Wish, as in the URL of the view. */
export interface Wish {
  count: string;
  memory: string;
  model: string;
  mig: string;
  held: boolean;
  labels: string;
}

export const wishOf = (query: Readonly<Record<string, string>>): Wish => ({
  count: query["count"] ?? "1",
  memory: query["memory"] ?? "",
  model: query["model"] ?? "",
  mig: query["mig"] ?? "",
  held: query["held"] === "true",
  labels: query["labels"] ?? "",
});

/** Query of `/api/v1/find`; a number of GiB may be without its unit. */
export function findQuery({ count, memory, model, mig, held, labels }: Wish): string {
  const size = memory.trim();
  const params = {
    count: count.trim() || "1",
    memory: /^\d+$/.test(size) ? `${size}GiB` : size,
    model: model.trim(),
    mig: mig.trim(),
    held: held ? "true" : "",
    labels: labels.trim(),
  };
  return new URLSearchParams(Object.entries(params).filter(([, value]) => value !== "")).toString();
}

/** The wish in words: `2 GPUs of h100 with 40 GiB free`. */
export function wishText({ count, memory, model, mig, held, labels }: Wish): string {
  const number = Number(count) || 1;
  const size = memory.trim();
  const what =
    mig === "" ? plural(number, "GPU") : plural(number, mig === "any" ? "MIG instance" : `${mig} instance`);
  const parts = [
    what,
    model && `of ${model}`,
    size && `with ${/^\d+$/.test(size) ? `${size} GiB` : size} free`,
    held && "free or idle",
    labels && `in ${labels}`,
  ];
  return parts.filter(part => part !== "" && part !== false).join(" ");
}

const REASONS: Record<string, (devices: number) => string> = {
  count: devices => `${plural(devices, "device")} fewer than needed`,
  memory: devices => `${plural(devices, "device")} with too little free memory`,
  model: devices => `${plural(devices, "device")} of another model`,
  claimed: devices => `${plural(devices, "device")} claimed`,
  held: devices => `${plural(devices, "device")} in use`,
  health: devices => `${plural(devices, "device")} not healthy`,
  stale: devices => `${plural(devices, "device")} without current values`,
};

/** Reason why devices do not fit; one that this page does not know is shown as it is. */
export const missingText = ({ what, devices }: Missing): string =>
  REASONS[what]?.(devices) ?? `${plural(devices, "device")}: ${what.replaceAll("_", " ")}`;

/** Text of a notification: where it fits now. */
export function foundText({ choices }: Found): string {
  const [first] = choices;
  if (!first) return "";
  const more = choices.length > 1 ? `, and on ${plural(choices.length - 1, "other host")}` : "";
  return `${first.host}: ${first.devices.map(({ index }) => `GPU ${index}`).join(", ")}${more}`;
}
