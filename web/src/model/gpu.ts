import type { Gpu } from "../api/types";

/** Status of a GPU in one word, which its pill shows and the totals count. */
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

/** State of a GPU that the page has seen and the agent does not report, since there is no driver. Not in the API. */
export const UNREAD = "unread";

/** Status of a GPU. The state comes first: use is unknown while a GPU is not read. */
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
 * True for a GPU that needs attention: critical, or not read for no good reason. A released driver is a good reason.
 */
export const isTrouble = (gpu: { state: string; health: { verdict: string } }, released: boolean): boolean =>
  gpu.health.verdict === "critical" ||
  ["lost", "error", "denied"].includes(gpu.state) ||
  (!released && ["stale", UNREAD].includes(gpu.state));

/** True if there are values to show. */
export const isKnown = (gpu: Pick<Gpu, "state" | "memory" | "power" | "temperature">): boolean =>
  gpu.state === "ok" ||
  gpu.memory.total_bytes !== null ||
  gpu.power.draw_watts !== null ||
  gpu.temperature.gpu_celsius !== null;

/** `H200` of `NVIDIA H200`. */
export const shortName = (name: string | null): string | null =>
  name === null ? null : name.replace(/^NVIDIA\s+/i, "").replace(/^GeForce\s+/i, "") || name;

/** Clock event reasons in plain words; null for those that are not shown. */
const REASONS: Record<string, [word: string, text: string, serious: boolean] | null> = {
  gpu_idle: null,
  applications_clocks_setting: ["app clocks", "Application clocks set by an administrator.", false],
  sw_power_cap: ["power cap", "Clocks reduced to stay below the power limit.", false],
  hw_slowdown: ["HW slowdown", "Clocks reduced by the hardware.", true],
  sync_boost: ["sync boost", "Clocks synchronized with another GPU.", false],
  sw_thermal_slowdown: ["thermal slowdown", "Clocks reduced by the driver: the GPU is hot.", true],
  hw_thermal_slowdown: ["thermal slowdown", "Clocks reduced by the hardware: the GPU is too hot.", true],
  hw_power_brake_slowdown: ["power brake", "Clocks reduced by the power supply.", true],
  display_clock_setting: ["display clocks", "Clocks set by the display.", false],
  board_limit: ["board limit", "The board's limit holds the clocks down.", true],
  reliability: ["reliability", "The clocks are held down for the GPU's reliability.", true],
};

export interface ThrottleReason {
  word: string;
  text: string;
  serious: boolean;
}

/** Reasons for which the clocks are throttled, the worst first, without duplicates. */
export function throttleReasons(reasons: readonly string[]): ThrottleReason[] {
  const found = new Map<string, ThrottleReason>();
  for (const reason of reasons) {
    const known = REASONS[reason];
    if (known === null) continue;
    const [word, text, serious] = known ?? [
      reason.replaceAll("_", " "),
      "A reason that this page does not know.",
      false,
    ];
    if (!found.get(word)?.serious) found.set(word, { word, text, serious });
  }
  return [...found.values()].sort((a, b) => Number(b.serious) - Number(a.serious));
}

/** Finds a GPU by index or UUID, as in a URL. */
export const findGpu = <G extends Pick<Gpu, "index" | "uuid">>(
  gpus: readonly G[],
  name: string,
): G | undefined => gpus.find(gpu => gpu.uuid === name) ?? gpus.find(gpu => String(gpu.index) === name);

/** Key of a GPU: its UUID or, if it never reported one, its index. */
export const identity = (gpu: Pick<Gpu, "index" | "uuid">): string => gpu.uuid ?? `index ${gpu.index}`;
