// Scenarios of the simulated driver, as TOML.

const inToml = value => {
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(inToml).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    return `{ ${Object.entries(value)
      .map(([key, each]) => `${JSON.stringify(key)} = ${inToml(each)}`)
      .join(", ")} }`;
  }
  return String(value);
};

/** A scenario of these GPUs, each an object of readings. */
export function scenario(gpus, { faults = [], ...top } = {}) {
  const lines = Object.entries(top).map(([key, value]) => `${key} = ${inToml(value)}`);
  for (const fault of faults) {
    lines.push("[[fault]]", ...Object.entries(fault).map(([key, value]) => `${key} = ${inToml(value)}`));
  }
  for (const gpu of gpus) {
    const told = Object.entries(gpu).filter(([, value]) => value !== undefined);
    lines.push("[[gpu]]", ...told.map(([key, value]) => `${key} = ${inToml(value)}`));
  }
  return `${lines.join("\n")}\n`;
}

const GIB = 2 ** 30;

/** Readings of a data-centre GPU, with changes. */
export const gpu = (changes = {}) => ({
  name: "NVIDIA H100 80GB HBM3",
  minor_number: 0,
  architecture: 9,
  compute_capability: [9, 0],
  utilization_percent: { wave: [40, 95], period_s: 30 },
  memory_utilization_percent: { wave: [20, 60], period_s: 30 },
  encoder_percent: 0,
  decoder_percent: 0,
  temperature_c: { wave: [50, 70], period_s: 30 },
  memory_temperature_c: { wave: [55, 75], period_s: 30 },
  slowdown_temperature_c: 87,
  shutdown_temperature_c: 90,
  power_mw: { wave: [200_000, 600_000], period_s: 30 },
  power_limit_mw: 700_000,
  enforced_limit_mw: 700_000,
  default_limit_mw: 700_000,
  memory_total_bytes: 80 * GIB,
  memory_used_bytes: 60 * GIB,
  graphics_clock_mhz: 1980,
  sm_clock_mhz: 1980,
  memory_clock_mhz: 2619,
  max_graphics_clock_mhz: 1980,
  max_sm_clock_mhz: 1980,
  max_memory_clock_mhz: 2619,
  clocks_event_reasons: 0,
  performance_state: 0,
  pcie_generation: 5,
  pcie_width: 16,
  pcie_max_generation: 5,
  pcie_max_width: 16,
  ecc_enabled: true,
  ecc_volatile_corrected: 0,
  ecc_volatile_uncorrected: 0,
  persistence: true,
  compute_mode: 0,
  mig_mode: false,
  display_active: false,
  xids: [],
  ...changes,
});

/** An idle GPU without processes. */
export const free = (changes = {}) =>
  gpu({ utilization_percent: 0, memory_used_bytes: 4_194_304, power_mw: 70_000, ...changes });

/** Rows of processes that do not exist, so that their users are unknown. */
export const rows = (first, count, memory = 0.1 * GIB) => [
  { first_pid: first, count, memory_bytes: Math.round(memory), sm_percent: { wave: [1, 9], period_s: 20 } },
];
