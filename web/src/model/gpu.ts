import type { Gpu } from "../api/types";

/** The one word for how a GPU is, which its pill shows and the totals count. */
export type GpuStatus =
  | "free"
  | "busy"
  | "held"
  | "unknown"
  | "stale"
  | "lost"
  | "denied"
  | "asleep"
  | "error";

/** No state of the agent's: it knows nothing of a GPU that this page has seen, since the driver is not there. */
export const UNREAD = "unread";

/** State first: of a GPU that is not read nobody knows whether it is free. */
export function statusOf(gpu: { state: string; use: { verdict: string } }): GpuStatus {
  switch (gpu.state) {
    case "ok":
      return verdict(gpu.use.verdict);
    case UNREAD:
      return "stale";
    case "stale":
    case "lost":
    case "denied":
    case "asleep":
      return gpu.state;
    default:
      return "error";
  }
}

export function verdict(word: string): GpuStatus {
  return word === "free" || word === "busy" || word === "held" ? word : "unknown";
}

/**
 * Whether somebody has to look: a GPU that is not well, or not read for no good reason. That the administrator has let the
 * driver go, `released`, is a good one.
 */
export const isTrouble = (gpu: { state: string; health: { verdict: string } }, released: boolean): boolean =>
  gpu.health.verdict === "critical" ||
  ["lost", "error", "denied"].includes(gpu.state) ||
  (!released && ["stale", UNREAD].includes(gpu.state));

/** Whether anything was ever read of it that could be shown. */
export const isKnown = (gpu: Pick<Gpu, "state" | "memory" | "power" | "temperature">): boolean =>
  gpu.state === "ok" ||
  gpu.memory.total_bytes !== null ||
  gpu.power.draw_watts !== null ||
  gpu.temperature.gpu_celsius !== null;

/** `H200` of `NVIDIA H200`: everybody knows who made it. */
export const shortName = (name: string | null): string | null =>
  name === null ? null : name.replace(/^NVIDIA\s+/i, "").replace(/^GeForce\s+/i, "") || name;

/** What holds the clocks down, in plain words; null for what is no news. */
const REASONS: Record<string, [word: string, text: string, serious: boolean] | null> = {
  gpu_idle: null,
  applications_clocks_setting: ["app clocks", "The clocks are held at what an administrator has set.", false],
  sw_power_cap: ["power cap", "The clocks are held down to stay under the power limit.", false],
  hw_slowdown: ["hardware slowdown", "The hardware slows the clocks down.", true],
  sync_boost: ["sync boost", "The clocks follow another GPU's.", false],
  sw_thermal_slowdown: ["thermal slowdown", "The driver slows the clocks down: the GPU is hot.", true],
  hw_thermal_slowdown: ["thermal slowdown", "The hardware slows the clocks down: the GPU is too hot.", true],
  hw_power_brake_slowdown: ["power brake", "The power supply slows the clocks down.", true],
  display_clock_setting: ["display clocks", "The clocks are held at what the display needs.", false],
};

export interface ThrottleReason {
  word: string;
  text: string;
  serious: boolean;
}

/** Why the clocks are not higher, the worst first, each once. */
export function throttleReasons(reasons: readonly string[]): ThrottleReason[] {
  const found = new Map<string, ThrottleReason>();
  for (const reason of reasons) {
    const known = REASONS[reason];
    if (known === null) continue;
    const [word, text, serious] = known ?? [
      reason.replaceAll("_", " "),
      "The driver names a reason of its own.",
      false,
    ];
    if (!found.get(word)?.serious) found.set(word, { word, text, serious });
  }
  return [...found.values()].sort((a, b) => Number(b.serious) - Number(a.serious));
}

/** A GPU by what an address says: its index or its UUID. */
export const findGpu = <G extends Pick<Gpu, "index" | "uuid">>(
  gpus: readonly G[],
  name: string,
): G | undefined => gpus.find(gpu => gpu.uuid === name) ?? gpus.find(gpu => String(gpu.index) === name);

/** By what a GPU is remembered: its UUID or, where it never told one, its index. */
export const identity = (gpu: Pick<Gpu, "index" | "uuid">): string => gpu.uuid ?? `index ${gpu.index}`;
