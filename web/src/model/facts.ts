import type { Gpu } from "../api/types";
import { type Reading, read } from "./absence";
import { bytes, celsius, count, duration, energy, megahertz, percent, rate, ratio, watts } from "./format";

type Value = string | number | boolean;

/** One fact of a GPU: its label, its path in the API, and its formatter. */
export interface Fact {
  name: string;
  path: string;
  show: (value: Value) => string;
}

export interface FactGroup {
  name: string;
  facts: readonly Fact[];
}

const number =
  (format: (value: number) => string) =>
  (value: Value): string =>
    typeof value === "number" ? format(value) : String(value);
const seconds = (value: number): string => duration(value * 1000);
const plain = (value: Value): string => (typeof value === "number" ? count(value) : String(value));
const yes = (value: Value): string => (typeof value === "boolean" ? (value ? "yes" : "no") : String(value));
const on = (value: Value): string => (typeof value === "boolean" ? (value ? "on" : "off") : String(value));
const word = (value: Value): string => String(value).replaceAll("_", " ");
const capital = (value: Value): string => String(value).charAt(0).toUpperCase() + String(value).slice(1);
const id = (value: Value): string => String(value);

const fact = (name: string, path: string, show: Fact["show"] = plain): Fact => ({ name, path, show });

/** Every reading of a GPU, except those with their own display: use, health, MIG instances, Xid errors. */
export const FACTS: readonly FactGroup[] = [
  {
    name: "Utilization",
    facts: [
      fact("GPU", "utilization.gpu_percent", number(percent)),
      fact("Memory", "utilization.memory_percent", number(percent)),
      fact("Encoder", "utilization.encoder_percent", number(percent)),
      fact("Decoder", "utilization.decoder_percent", number(percent)),
      fact("JPEG", "utilization.jpeg_percent", number(percent)),
      fact("Optical flow", "utilization.ofa_percent", number(percent)),
    ],
  },
  {
    name: "Activity",
    facts: [
      fact("Graphics engine", "activity.graphics_ratio", number(ratio)),
      fact("SM active", "activity.sm_ratio", number(ratio)),
      fact("SM occupancy", "activity.sm_occupancy_ratio", number(ratio)),
      fact("Tensor active", "activity.tensor_ratio", number(ratio)),
      fact("Memory bandwidth", "activity.dram_ratio", number(ratio)),
      fact("FP64", "activity.fp64_ratio", number(ratio)),
      fact("FP32", "activity.fp32_ratio", number(ratio)),
      fact("FP16", "activity.fp16_ratio", number(ratio)),
    ],
  },
  {
    name: "Memory",
    facts: [
      fact("Total", "memory.total_bytes", number(bytes)),
      fact("Used", "memory.used_bytes", number(bytes)),
      fact("Free", "memory.free_bytes", number(bytes)),
      fact("Reserved", "memory.reserved_bytes", number(bytes)),
      fact("Shared with the host", "memory.unified", yes),
      fact("BAR1 used", "memory.bar1_used_bytes", number(bytes)),
      fact("BAR1 total", "memory.bar1_total_bytes", number(bytes)),
    ],
  },
  {
    name: "Power and temperature",
    facts: [
      fact("Draw", "power.draw_watts", number(watts)),
      fact("Enforced limit", "power.enforced_limit_watts", number(watts)),
      fact("Configured limit", "power.limit_watts", number(watts)),
      fact("Default limit", "power.default_limit_watts", number(watts)),
      fact("Energy since driver load", "power.energy_joules", number(energy)),
      fact("GPU temperature", "temperature.gpu_celsius", number(celsius)),
      fact("Memory temperature", "temperature.memory_celsius", number(celsius)),
      fact("Slowdown temperature", "temperature.slowdown_celsius", number(celsius)),
      fact("Margin to slowdown", "temperature.margin_celsius", number(celsius)),
      fact("Shutdown temperature", "temperature.shutdown_celsius", number(celsius)),
    ],
  },
  {
    name: "Clocks",
    facts: [
      fact("Graphics", "clocks.graphics_mhz", number(megahertz)),
      fact("Graphics, max", "clocks.max_graphics_mhz", number(megahertz)),
      fact("SM", "clocks.sm_mhz", number(megahertz)),
      fact("SM, max", "clocks.max_sm_mhz", number(megahertz)),
      fact("Memory", "clocks.memory_mhz", number(megahertz)),
      fact("Memory, max", "clocks.max_memory_mhz", number(megahertz)),
      fact("Video", "clocks.video_mhz", number(megahertz)),
      fact("Throttled by power", "clocks.power_throttled_seconds", number(seconds)),
      fact("Throttled by temperature", "clocks.thermal_throttled_seconds", number(seconds)),
      fact("Performance state", "performance_state", value => `P${value}`),
    ],
  },
  {
    name: "Links",
    facts: [
      fact("PCIe generation", "pcie.generation"),
      fact("PCIe generation, max", "pcie.max_generation"),
      fact("PCIe width", "pcie.width"),
      fact("PCIe width, max", "pcie.max_width"),
      fact("PCIe sent", "pcie.tx_bytes_per_second", number(rate)),
      fact("PCIe received", "pcie.rx_bytes_per_second", number(rate)),
      fact("PCIe replays", "pcie.replays"),
      fact("NVLinks active", "nvlink.links_active"),
      fact("NVLinks, total", "nvlink.links_total"),
      fact("NVLink sent", "nvlink.tx_bytes_per_second", number(rate)),
      fact("NVLink received", "nvlink.rx_bytes_per_second", number(rate)),
      fact("NVLink errors", "nvlink.errors"),
      fact("Fabric state", "fabric.state", word),
      fact("Fabric status", "fabric.status"),
    ],
  },
  {
    name: "Memory errors",
    facts: [
      fact("ECC mode", "ecc.enabled", on),
      fact("Corrected, since driver load", "ecc.volatile_corrected"),
      fact("Uncorrected, since driver load", "ecc.volatile_uncorrected"),
      fact("Corrected, lifetime", "ecc.aggregate_corrected"),
      fact("Uncorrected, lifetime", "ecc.aggregate_uncorrected"),
      fact("Rows remapped, correctable", "remapped_rows.correctable"),
      fact("Rows remapped, uncorrectable", "remapped_rows.uncorrectable"),
      fact("Row remap pending", "remapped_rows.pending", yes),
      fact("Row remap failed", "remapped_rows.failed", yes),
      fact("Recovery action", "recovery_action", word),
    ],
  },
  {
    name: "Identity",
    facts: [
      fact("Name", "name", id),
      fact("UUID", "uuid", id),
      fact("Serial number", "serial", id),
      fact("PCI bus ID", "pci_bus_id", id),
      fact("Device file", "minor_number", value => `/dev/nvidia${value}`),
      fact("Architecture", "architecture", capital),
      fact("Compute capability", "compute_capability", id),
      fact("VBIOS", "vbios_version", id),
      fact("Persistence mode", "modes.persistence", on),
      fact("Compute mode", "modes.compute", word),
      fact("MIG mode", "modes.mig", on),
      fact("vGPU licensed", "modes.vgpu_licensed", yes),
      fact("Display active", "modes.display_active", yes),
    ],
  },
];

/** Value at a path of a GPU, or the reason for its absence. */
export function factOf(gpu: Gpu, path: string): Reading<Value> {
  let value: unknown = gpu;
  for (const key of path.split(".")) value = (value as Record<string, unknown> | null)?.[key];
  return read(gpu.absent, path, (value ?? null) as Value | null);
}
