// Made from the code, as /openapi.json is; `RENEW_DOCS=1 cargo test -p server --lib docs` renews it.

/** Why a value is null or a list empty, by its dotted path in the object that holds this map. */
export type Absent = Record<string, string>;

/** What ran where in the last window, as ratios from 0 to 1: on a GPU, or on the GPU instance that a MIG instance is in. */
export interface Activity {
  /** The memory's bandwidth. */
  dram_ratio: number | null;
  /** The FP16 pipe. */
  fp16_ratio: number | null;
  /** The FP32 pipe. */
  fp32_ratio: number | null;
  /** The FP64 pipe. */
  fp64_ratio: number | null;
  /** The graphics or compute engine. */
  graphics_ratio: number | null;
  /** Warps of those that could be. */
  sm_occupancy_ratio: number | null;
  /** SMs with a warp. */
  sm_ratio: number | null;
  /** Any tensor pipe. */
  tensor_ratio: number | null;
}

/** Clocks, and why they are not higher. */
export interface Clocks {
  /** What holds the clocks down: `gpu_idle`, `applications_clocks_setting`, `sw_power_cap`, `hw_slowdown`, `sync_boost`, `sw_thermal_slowdown`, `hw_thermal_slowdown`, `hw_power_brake_slowdown`, `display_clock_setting`, or `bit_N` for a bit that has no name here. */
  event_reasons: string[];
  /** The graphics clock now. */
  graphics_mhz: number | null;
  /** The highest graphics clock. */
  max_graphics_mhz: number | null;
  /** The highest memory clock. */
  max_memory_mhz: number | null;
  /** The highest SM clock. */
  max_sm_mhz: number | null;
  /** The memory clock now. */
  memory_mhz: number | null;
  /** For how long the power limit has held the clocks down, since the driver was loaded. */
  power_throttled_seconds: number | null;
  /** The SM clock now. */
  sm_mhz: number | null;
  /** For how long heat has held the clocks down, since the driver was loaded. */
  thermal_throttled_seconds: number | null;
  /** The video clock now. */
  video_mhz: number | null;
}

export type CollectorState = string;

/** How the part of the agent is that reads the machine. */
export interface Collector {
  /** Why a value of the collector is null, by its name. */
  absent: Absent;
  /** What there is to say: the call that hangs and its GPU, the driver's text, why it restarts; null if nothing. */
  detail: string | null;
  /** How often a collector was started anew after one that ended when it should not have. */
  restarts: number;
  /** How long the newest sample took. */
  sample_duration_seconds: number | null;
  /** Since when it has been in this state, Unix time in milliseconds. */
  since: number;
  /** Whether GPUs are read, and if not, why. */
  state: CollectorState;
}

/** How many GPUs there are. */
export interface Count {
  /** 0: it went well. */
  code: number;
  /** How many. */
  data: number;
}

/** Errors of the memory, found by its check bits. */
export interface Ecc {
  /** Errors corrected over the GPU's life. */
  aggregate_corrected: number | null;
  /** Errors not corrected over the GPU's life. */
  aggregate_uncorrected: number | null;
  /** Whether memory is checked. */
  enabled: boolean | null;
  /** Errors corrected since the driver was loaded. */
  volatile_corrected: number | null;
  /** Errors not corrected since the driver was loaded. */
  volatile_uncorrected: number | null;
}

export type EventKind = string;

/** Something that happened. */
export interface Event {
  /** What to do about it; empty if nothing. */
  action: string;
  /** When, Unix time in milliseconds. */
  at: number;
  /** A stable word for programs, such as `xid_79`, `lost` or `stalled`. */
  code: string;
  /** The GPU that it is about; null if it is about none. */
  gpu_uuid: string | null;
  /** What kind of thing. */
  kind: EventKind;
  /** How bad it is. */
  severity: Severity;
  /** What it is, in plain words. */
  text: string;
}

/** Where a GPU stands with the NVSwitch fabric. */
export interface Fabric {
  /** `not_started`, `in_progress`, `completed`, or `unknown_N`. */
  state: string | null;
  /** NVML's return code of the registration: 0 if it went well. */
  status: number | null;
}

/** What went wrong, in the original's form. */
export interface Failure {
  /** 1: the request is wrong; 2: the driver cannot be read; 401: no token, or a wrong one; 403: the token does not go so far; 421: another host's name; 500: our own fault. */
  code: number;
  /** Nothing. */
  data: null;
  /** What is wrong. */
  error: string;
}

/** One fan. */
export interface Fan {
  /** Its intended speed, in % of the highest; may exceed 100. */
  speed_percent: number;
}

export type GpuState = string;

/** One GPU. */
export interface Gpu {
  /** Why a value of this GPU is null or a list empty, by its dotted path. */
  absent: Absent;
  /** What ran where in the last window, by the GPU's own monitors. */
  activity: Activity;
  /** How old that reading was when this was rendered, in milliseconds. */
  age_ms: number | null;
  /** `kepler`, `maxwell`, `pascal`, `volta`, `turing`, `ampere`, `ada`, `hopper`, `blackwell`, or `unknown_N`. */
  architecture: string | null;
  /** Its clocks. */
  clocks: Clocks;
  /** The CUDA compute capability, such as `9.0`. */
  compute_capability: string | null;
  /** Memory errors. */
  ecc: Ecc;
  /** Where it stands with the NVSwitch fabric. */
  fabric: Fabric;
  /** Its fans. */
  fans: Fan[];
  /** Whether it is well. */
  health: Health;
  /** NVML's index of this moment; a GPU that it no longer counts has the next free number. */
  index: number;
  /** Its memory. */
  memory: Memory;
  /** Its MIG instances; empty without MIG. */
  mig: Mig[];
  /** The number in `/dev/nvidiaN`. */
  minor_number: number | null;
  /** How it is set up. */
  modes: Modes;
  /** What it is called. */
  name: string | null;
  /** Its NVLink links, all together. */
  nvlink: Nvlink;
  /** Where it sits on the PCI bus. */
  pci_bus_id: string | null;
  /** Its PCIe link. */
  pcie: Pcie;
  /** The performance state: 0 is the fastest. */
  performance_state: number | null;
  /** The containers to which the kubelet gave the whole GPU; those of its MIG instances stand there. */
  pods: Pod[];
  /** What it draws. */
  power: Power;
  /** When the newest finished reading was finished, Unix time in milliseconds. */
  read_at: number | null;
  /** What the driver asks to be done: `none`, `gpu_reset`, `node_reboot`, `drain_p2p`, `drain_and_reset`, `recover_imex_domain`, `bus_reset`, `system_reboot`, or `unknown_N`. */
  recovery_action: string | null;
  /** Rows of memory that were replaced. */
  remapped_rows: RemappedRows;
  /** The board's serial number. */
  serial: string | null;
  /** How fresh and how whole its readings are; `stale` is no finished reading for three intervals, at least 1 s. */
  state: GpuState;
  /** What there is to say beyond the state; null if nothing. */
  state_detail: string | null;
  /** How warm it is. */
  temperature: Temperature;
  /** Whether it is free, and whose it is. */
  use: Use;
  /** How busy its parts are. */
  utilization: Utilization;
  /** Its name for ever: history, events and counters go by it. */
  uuid: string | null;
  /** The version of its VBIOS. */
  vbios_version: string | null;
  /** Its Xid errors. */
  xid: Xid;
}

/** GPUs by the verdict on their health. */
export interface HealthCounts {
  /** They must not be used. */
  critical: number;
  /** Nothing is wrong. */
  ok: number;
  /** Somebody should look. */
  warning: number;
}

/** Whether a GPU is well. */
export interface Health {
  /** Why, the worst first; empty if it is well. */
  reasons: Reason[];
  /** How bad it is: `warning` is that somebody should look, `critical` that it must not be used. */
  verdict: Severity;
}

/** A GPU that is held while it idles. */
export interface Held {
  /** The GPU's index. */
  gpu: number;
  /** The memory held, of the processes of which it is told. */
  gpu_memory_bytes: number | null;
  /** Since when the GPU has been held, Unix time in milliseconds. */
  since: number;
}

/** What was. */
export interface History {
  series: Series[];
  /** When the first step begins, Unix time in milliseconds. */
  start_at: number;
  /** The length of a step, in milliseconds. */
  step_ms: number;
}

/** What the host is and has. */
export interface Host {
  /** Why a value of the host is null, by its name. */
  absent: Absent;
  /** The version of this program. */
  agent_version: string;
  /** When it booted, Unix time in milliseconds. */
  booted_at: number | null;
  /** How busy its processors were since the sample before, in % of all of them. */
  cpu_percent: number | null;
  /** The newest CUDA that the driver runs, such as `13.0`. */
  cuda_version: string | null;
  /** The driver's version. */
  driver_version: string | null;
  /** Its name. */
  hostname: string | null;
  /** The load average of a minute. */
  load_1m: number | null;
  /** Memory that can be had without swapping. */
  memory_available_bytes: number | null;
  /** All memory. */
  memory_total_bytes: number | null;
  /** What keeps the agent from seeing all, with the remedy, in plain words. */
  notes: string[];
  /** The library's version. */
  nvml_version: string | null;
}

/** A GPU's memory. */
export interface Memory {
  /** The window through which the host writes to it. */
  bar1_total_bytes: number | null;
  /** What of that window is mapped. */
  bar1_used_bytes: number | null;
  /** Free for allocation. */
  free_bytes: number | null;
  /** Reserved by driver and firmware. */
  reserved_bytes: number | null;
  /** All of it. */
  total_bytes: number | null;
  /** Whether it is the host's memory, which the GPU shares. */
  unified: boolean | null;
  /** In use; without what is reserved where `reserved_bytes` is told, else with it. */
  used_bytes: number | null;
}

/** One MIG instance: a compute instance in a GPU instance. */
export interface Mig {
  /** What ran where on its GPU instance in the last window, by the GPU's own monitors. */
  activity: Activity;
  /** The compute instance. */
  compute_instance: number | null;
  /** The GPU instance. */
  gpu_instance: number | null;
  /** All of its memory. */
  memory_total_bytes: number | null;
  /** What of it is in use. */
  memory_used_bytes: number | null;
  /** The containers to which the kubelet gave it. */
  pods: Pod[];
  /** The profile, such as `1g.18gb`. */
  profile: string | null;
  /** Whether it is free, and whose it is. */
  use: Use;
  /** Its name for ever. */
  uuid: string | null;
}

/** How a GPU is set up. */
export interface Modes {
  /** Who may compute: `default`, `exclusive_thread`, `prohibited`, `exclusive_process`, or `unknown_N`. */
  compute: string | null;
  /** Whether a display is driven. */
  display_active: boolean | null;
  /** Whether it is cut into MIG instances. */
  mig: boolean | null;
  /** Whether the driver stays loaded without a client. */
  persistence: boolean | null;
  /** Whether any feature of a virtual GPU is licensed. */
  vgpu_licensed: boolean | null;
}

/** NVLink, all links together. */
export interface Nvlink {
  /** Errors of all links and kinds. */
  errors: number | null;
  /** Links that are up. */
  links_active: number | null;
  /** Links there are. */
  links_total: number | null;
  /** What the GPU received. */
  rx_bytes_per_second: number | null;
  /** What the GPU sent. */
  tx_bytes_per_second: number | null;
}

/** The PCIe link. */
export interface Pcie {
  /** The generation that it runs at now; it falls while the GPU is idle. */
  generation: number | null;
  /** The highest generation that GPU and slot can run at. */
  max_generation: number | null;
  /** The most lanes that GPU and slot can have. */
  max_width: number | null;
  /** Packets that had to be sent again. */
  replays: number | null;
  /** What the GPU received. */
  rx_bytes_per_second: number | null;
  /** What the GPU sent. */
  tx_bytes_per_second: number | null;
  /** Its lanes now. */
  width: number | null;
}

/** Another host that the administrator has named. */
export interface Peer {
  /** What it is called. */
  name: string;
  /** Where its page is: a path that begins with a slash, at the origin where this agent is seen, or a whole address. */
  url: string;
}

/** A container of a Kubernetes pod. */
export interface Pod {
  /** The container's name in the pod. */
  container: string;
  /** The pod's name. */
  name: string;
  /** The pod's namespace. */
  namespace: string;
}

/** What a GPU draws, and may draw. */
export interface Power {
  /** The limit after a reset. */
  default_limit_watts: number | null;
  /** What the board draws; a mean over 1 s on Ampere and newer. */
  draw_watts: number | null;
  /** What was drawn since the driver was loaded. */
  energy_joules: number | null;
  /** The limit in force: the lowest of all that limit. */
  enforced_limit_watts: number | null;
  /** The limit that was set. */
  limit_watts: number | null;
}

/** What went wrong (RFC 9457). */
export interface Problem {
  /** What is wrong, and what to do about it. */
  detail: string;
  /** The HTTP status. */
  status: number;
  /** The status in words. */
  title: string;
  /** `about:blank`: the status says what kind of problem it is. */
  type: string;
}

export type ProcessKind = string;

/** One process on one GPU (and MIG instance). */
export interface Process {
  /** Why a value of this process is null, by its name. */
  absent: Absent;
  /** Its arguments as one line, with obvious secrets as `***`; empty for a kernel thread. */
  command: string | null;
  /** MIG's compute instance; null without MIG. */
  compute_instance: number | null;
  /** The id of the container that it runs in; null outside of one. */
  container: string | null;
  /** What that container is called: in a pod as the kubelet names it, else as the container engine does. */
  container_name: string | null;
  /** How much of one processor it used since the sample before, in %; may exceed 100. */
  cpu_percent: number | null;
  /** Its part of the decoder, in %. */
  decoder_percent: number | null;
  /** Its part of the encoder, in %. */
  encoder_percent: number | null;
  /** The GPU's index. */
  gpu: number;
  /** MIG's GPU instance; null without MIG. */
  gpu_instance: number | null;
  /** Memory in use on the GPU; the graphics list's where it stands in both. */
  gpu_memory_bytes: number | null;
  /** The GPU's UUID. */
  gpu_uuid: string | null;
  /** Host memory that is resident. */
  host_memory_bytes: number | null;
  /** The Slurm job; null outside of one. */
  job: string | null;
  /** Its part of the memory's time, in %. */
  memory_percent: number | null;
  /** What it calls itself, at most 15 bytes. */
  name: string | null;
  /** In the host's PID namespace. */
  pid: number | null;
  /** The Kubernetes pod's uid; null outside of one. */
  pod: string | null;
  /** That pod's name. */
  pod_name: string | null;
  /** That pod's namespace. */
  pod_namespace: string | null;
  /** Its part of the SMs, in %. */
  sm_percent: number | null;
  /** When it started, Unix time in milliseconds. */
  started_at: number | null;
  /** `C` (it computes), `G` (it draws) or `C+G`. */
  type: ProcessKind;
  /** Its owner's real user id. */
  uid: number | null;
  /** Its owner's name, or the uid in digits where it has none. */
  user: string | null;
}

/** Whether GPUs are read. */
export interface Readiness {
  /** Whether GPUs are read, and if not, why. */
  state: string;
}

/** One thing that is wrong with a GPU. */
export interface Reason {
  /** What to do about it. */
  action: string;
  /** A stable word for programs, such as `xid_79` or `row_remap_pending`. */
  code: string;
  /** What it is, in plain words. */
  text: string;
}

/** Rows of memory that were replaced by spare ones. */
export interface RemappedRows {
  /** Rows replaced for errors that could be corrected. */
  correctable: number | null;
  /** Whether a row could not be replaced. */
  failed: boolean | null;
  /** Whether a row waits to be replaced at the next reset. */
  pending: boolean | null;
  /** Rows replaced for errors that could not be corrected. */
  uncorrectable: number | null;
}

/** One number of one GPU. */
export interface Series {
  /** The GPU. */
  gpu_uuid: string;
  /** The dotted path of the number. */
  metric: string;
  /** The mean of each step; null where nothing was read, and where the collector was started anew. */
  values: (number | null)[];
}

export type Severity = string;

/** All that is known at this moment. */
export interface Snapshot {
  collector: Collector;
  gpus: Gpu[];
  host: Host;
  processes: Process[];
  /** When this was derived, Unix time in milliseconds. */
  sampled_at: number;
  /** The version of this contract: 1. */
  schema: number;
  /** Counts up by one per snapshot. */
  sequence: number;
}

/** Every GPU asked for, and the processes on it. */
export interface Status {
  /** 0: it went well. */
  code: number;
  data: StatusData;
}

/** GPUs and processes. */
export interface StatusData {
  /** How many GPUs the host has. */
  count: number;
  devices: StatusDevice[];
  processes: StatusProcess[];
}

/** A GPU. What it does not tell is `N/A`. */
export interface StatusDevice {
  /** Of its first fan, in %. */
  fan_speed: number | string;
  /** How busy it is, in %. */
  gpu_utilization: number | string;
  /** Its index. */
  idx: number;
  /** What of it is free. */
  memory_free_human: string;
  /** All of its memory, such as `24576MiB`. */
  memory_total_human: string;
  /** What of it is in use. */
  memory_used_human: string;
  /** What of it is in use, in %. */
  memory_utilization: number | string;
  /** What it is called. */
  name: string;
  /** What it draws and may draw, such as `119W / 350W`. */
  power_status: string;
  /** Of the chip, in °C. */
  temperature: number | string;
  /** When it was read, Unix time in milliseconds. */
  ts: number;
}

/** A process. What cannot be told is `N/A`. */
export interface StatusProcess {
  /** Its command line. */
  command: string;
  /** Memory in use on the GPU, such as `11710MiB`. */
  gpu_memory: string;
  /** The GPU's index. */
  idx: number;
  /** In the host's PID namespace; `N/A` for a token that may not see it. */
  pid: number | string;
  /** How long it has run, such as `0:16:13`. */
  running_time: string;
  /** `C` (it computes), `G` (it draws) or `C+G`. */
  type: string;
  /** Whose it is. */
  username: string;
}

/** One GPU at a glance. */
export interface SummaryGpu {
  /** Whether it is well. */
  health: Severity;
  /** NVML's index of this moment. */
  index: number;
  /** Memory free for allocation. */
  memory_free_bytes: number | null;
  /** What it is called. */
  name: string | null;
  /** How fresh and how whole its readings are. */
  state: GpuState;
  /** Its name for ever. */
  uuid: string | null;
  /** Whether it is free. */
  verdict: UseVerdict;
}

/** The host at a glance. */
export interface Summary {
  /** Why a value is null, by its dotted path. */
  absent: Absent;
  /** Whether GPUs are read, and if not, why. */
  collector_state: CollectorState;
  /** Each GPU. */
  gpus: SummaryGpu[];
  /** How many of them are in state `ok`. */
  gpus_ok: number;
  /** How many GPUs there are. */
  gpus_total: number;
  /** GPUs by the verdict on their health. */
  health: HealthCounts;
  /** The host's name. */
  hostname: string | null;
  /** When this was derived, Unix time in milliseconds. */
  sampled_at: number;
  /** GPUs by the verdict on their use. */
  use: UseCounts;
}

/** How warm a GPU is, and may get. */
export interface Temperature {
  /** The chip's temperature. */
  gpu_celsius: number | null;
  /** How far its hottest part is from slowing down; below zero beyond that. Newer GPUs tell this in place of `slowdown_celsius`. */
  margin_celsius: number | null;
  /** The memory's temperature. */
  memory_celsius: number | null;
  /** Where the chip shuts down. */
  shutdown_celsius: number | null;
  /** Where the chip slows down. */
  slowdown_celsius: number | null;
}

/** GPUs by the verdict on their use. */
export interface UseCounts {
  /** They work. */
  busy: number;
  /** Nobody has them. */
  free: number;
  /** Somebody holds memory on them while they idle. */
  held: number;
  /** It cannot be told: their state is not `ok`, or there is no list of processes. */
  unknown: number;
}

export type UseVerdict = string;

/** Whether a GPU or a MIG instance is free, and whose it is. */
export interface Use {
  /** Since when it has been so, Unix time in milliseconds. */
  since: number;
  /** Whether it was so already when the agent began to look. */
  since_at_least: boolean;
  /** Memory in use that no listed process explains. */
  unattributed_bytes: number | null;
  /** Who has it: names of accounts or, for root in a container, the container as in `/users`. */
  users: string[];
  /** Whether it is free; `held` is memory that is held although it has been idle for a while. A MIG instance is held only where its `activity` is read. A GPU with MIG on and no instance is `busy`, by nobody: CUDA cannot use it. */
  verdict: UseVerdict;
}

/** An account, or a container in which root runs, and what it has. */
export interface User {
  /** Why a value of this row is null, by its dotted path. */
  absent: Absent;
  /** The id of the container for which root's processes in it count; null for an account. */
  container: string | null;
  /** Memory in use on GPUs, of the processes of which it is told. */
  gpu_memory_bytes: number | null;
  /** Indices of the GPUs on which it has processes. */
  gpus: number[];
  /** GPUs, or instances of them, that it holds while they idle. */
  held_idle: Held[];
  /** How long its oldest process has run. */
  longest_run_seconds: number | null;
  /** How many processes it has, each counted once. */
  processes: number;
  /** Its parts of the SMs, over all GPUs, in % of one; of the processes of which it is told. */
  sm_percent: number | null;
  /** The account's real user id. */
  uid: number | null;
  /** The account's name, or the uid in digits where it has none. For root in a container what that is called: its name, in a pod as `namespace/pod/container`, or the first 12 digits of its id. */
  user: string | null;
}

/** How much of the last sample period a GPU's parts were busy. */
export interface Utilization {
  /** The decoder. */
  decoder_percent: number | null;
  /** The encoder. */
  encoder_percent: number | null;
  /** Of the time, that a kernel ran. */
  gpu_percent: number | null;
  /** The JPEG engine. */
  jpeg_percent: number | null;
  /** Of the time, that memory was read or written. */
  memory_percent: number | null;
  /** The optical flow engine. */
  ofa_percent: number | null;
}

/** A GPU's Xid errors since somebody listened. */
export interface Xid {
  /** How many there were since `since` or, while nobody listens, in the time in which somebody did last. */
  count: number | null;
  /** NVIDIA's number of the newest since the agent began; null if there was none. */
  last: number | null;
  /** When the newest came, Unix time in milliseconds; null if there was none. */
  last_at: number | null;
  /** Since when they are listened for without a break, Unix time in milliseconds; nothing before that was heard. */
  since: number | null;
}
