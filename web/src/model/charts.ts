import type { Gpu } from "../api/types";
import {
  bytes,
  celsius,
  clock,
  dateAndTime,
  hourAndMinute,
  megahertz,
  percent,
  rate,
  ratio,
  watts,
} from "./format";

/** Range of the charts, as in the URL. */
export type Range = "15m" | "1h" | "6h" | "24h" | "7d" | "30d";

export interface Span {
  range: Range;
  /** Label of a button. */
  short: string;
  /** Words in a sentence. */
  long: string;
  ms: number;
  /** Step to request: the agent keeps seconds for 15 minutes, ten seconds for a day, and 5 minutes for a month. */
  stepMs: number;
  /** Step of a table's rows. */
  rowMs: number;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const SPANS: readonly Span[] = [
  { range: "15m", short: "15 min", long: "15 minutes", ms: 15 * MINUTE, stepMs: 1_000, rowMs: 15_000 },
  { range: "1h", short: "1 h", long: "hour", ms: HOUR, stepMs: 10_000, rowMs: MINUTE },
  { range: "6h", short: "6 h", long: "6 hours", ms: 6 * HOUR, stepMs: 20_000, rowMs: 5 * MINUTE },
  { range: "24h", short: "24 h", long: "24 hours", ms: DAY, stepMs: MINUTE, rowMs: 30 * MINUTE },
  { range: "7d", short: "7 d", long: "7 days", ms: 7 * DAY, stepMs: 10 * MINUTE, rowMs: 3 * HOUR },
  { range: "30d", short: "30 d", long: "30 days", ms: 30 * DAY, stepMs: 30 * MINUTE, rowMs: 12 * HOUR },
];

/** Range in the URL; the shortest if it is unknown. */
export const spanOf = (filter: string | undefined): Span =>
  SPANS.find(span => span.range === filter) ?? (SPANS[0] as Span);

/** A time in a range, with its date if the range has several days. */
export const timeIn = ({ ms }: Span, at: number): string => (ms > DAY ? dateAndTime : clock)(at);

/** Start of a table's row. */
export const rowTime = (span: Span, at: number): string =>
  span.ms <= DAY && span.rowMs >= MINUTE ? hourAndMinute(at) : timeIn(span, at);

/** One line of a chart. */
export interface Line {
  /** Name of the metric in the history. */
  metric: string;
  /** Path of the reason in a GPU's `absent`. */
  path: string;
  name: string;
  /** Current value; only called while the GPU is read. */
  of(gpu: Gpu): number | null;
}

/** One chart. */
export interface Plan {
  key: string;
  name: string;
  lines: readonly Line[];
  /** Formatter for legends, axes and tables. */
  show(value: number): string;
  /** Base of the axis' steps. */
  unit: "decimal" | "binary";
  /** Range that the axis covers at least. */
  low: number;
  high(gpu: Gpu): number | null;
  /** Minimum height of the axis, for a chart of zeros. */
  least?: number;
  /** Limit line. */
  limit?: { name: string; of(gpu: Gpu): number | null };
  /** Hidden while all of it is zero, for engines that few use. */
  quiet?: boolean;
}

const line = (metric: string, name: string, of: Line["of"], path = metric): Line => ({
  metric,
  path,
  name,
  of,
});

/** Highest percentage. */
const HUNDRED = (): number => 100;

export const PLANS: readonly Plan[] = [
  {
    key: "utilization",
    name: "Utilization",
    lines: [
      line("utilization.gpu_percent", "GPU", gpu => gpu.utilization.gpu_percent),
      line("utilization.memory_percent", "memory bandwidth", gpu => gpu.utilization.memory_percent),
    ],
    show: percent,
    unit: "decimal",
    low: 0,
    high: HUNDRED,
  },
  {
    key: "memory",
    name: "Memory",
    lines: [line("memory.used_bytes", "used", gpu => gpu.memory.used_bytes)],
    show: bytes,
    unit: "binary",
    low: 0,
    high: gpu => gpu.memory.total_bytes,
  },
  {
    key: "power",
    name: "Power",
    lines: [line("power.draw_watts", "draw", gpu => gpu.power.draw_watts)],
    show: watts,
    unit: "decimal",
    low: 0,
    high: () => null,
    limit: { name: "limit", of: gpu => gpu.power.enforced_limit_watts ?? gpu.power.limit_watts },
  },
  {
    key: "temperature",
    name: "Temperature",
    lines: [
      line("temperature.gpu_celsius", "GPU", gpu => gpu.temperature.gpu_celsius),
      line("temperature.memory_celsius", "memory", gpu => gpu.temperature.memory_celsius),
    ],
    show: celsius,
    unit: "decimal",
    low: 20,
    high: () => null,
    limit: { name: "slowdown", of: gpu => gpu.temperature.slowdown_celsius },
  },
  {
    key: "activity",
    name: "Activity",
    lines: [
      line("activity.sm_ratio", "SMs", gpu => gpu.activity.sm_ratio),
      line("activity.tensor_ratio", "tensor", gpu => gpu.activity.tensor_ratio),
      line("activity.dram_ratio", "memory", gpu => gpu.activity.dram_ratio),
      line("activity.sm_occupancy_ratio", "occupancy", gpu => gpu.activity.sm_occupancy_ratio),
    ],
    show: ratio,
    unit: "decimal",
    low: 0,
    high: () => 1,
  },
  {
    key: "clocks",
    name: "Clocks",
    lines: [
      line("clocks.graphics_mhz", "graphics", gpu => gpu.clocks.graphics_mhz),
      line("clocks.memory_mhz", "memory", gpu => gpu.clocks.memory_mhz),
      line("clocks.sm_mhz", "SM", gpu => gpu.clocks.sm_mhz),
    ],
    show: megahertz,
    unit: "decimal",
    low: 0,
    high: gpu => gpu.clocks.max_graphics_mhz,
  },
  {
    key: "pcie",
    name: "PCIe",
    lines: [
      line("pcie.tx_bytes_per_second", "sent", gpu => gpu.pcie.tx_bytes_per_second),
      line("pcie.rx_bytes_per_second", "received", gpu => gpu.pcie.rx_bytes_per_second),
    ],
    show: rate,
    unit: "decimal",
    low: 0,
    high: () => null,
    least: 1e6,
  },
  {
    key: "nvlink",
    name: "NVLink",
    lines: [
      line("nvlink.tx_bytes_per_second", "sent", gpu => gpu.nvlink.tx_bytes_per_second),
      line("nvlink.rx_bytes_per_second", "received", gpu => gpu.nvlink.rx_bytes_per_second),
    ],
    show: rate,
    unit: "decimal",
    low: 0,
    high: () => null,
    least: 1e6,
  },
  {
    key: "fan",
    name: "Fan",
    lines: [line("fans.speed_percent", "speed", gpu => gpu.fans[0]?.speed_percent ?? null, "fans")],
    show: percent,
    unit: "decimal",
    low: 0,
    high: HUNDRED,
  },
  {
    key: "video",
    name: "Video engines",
    lines: [
      line("utilization.encoder_percent", "encoder", gpu => gpu.utilization.encoder_percent),
      line("utilization.decoder_percent", "decoder", gpu => gpu.utilization.decoder_percent),
    ],
    show: percent,
    unit: "decimal",
    low: 0,
    high: HUNDRED,
    quiet: true,
  },
];

/** All metrics, in the order of the plans. */
export const METRICS: readonly string[] = PLANS.flatMap(plan => plan.lines.map(({ metric }) => metric));
