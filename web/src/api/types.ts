// Made from the code, as /openapi.json is; `RENEW_DOCS=1 cargo test -p server --lib docs` renews it.

/** Why a value is null or a list empty, by its dotted path in the object that holds this map. */
export type Absent = Record<string, string>;

/** Activity over the last window, as ratios from 0 to 1, by the GPU's own monitors (GPM): of a GPU, or of the GPU instance that a MIG instance is in. */
export interface Activity {
  /** Used share of the memory bandwidth. */
  dram_ratio: number | null;
  /** Share of the last window in which the FP16 pipe was active. */
  fp16_ratio: number | null;
  /** Share of the last window in which the FP32 pipe was active. */
  fp32_ratio: number | null;
  /** Share of the last window in which the FP64 pipe was active. */
  fp64_ratio: number | null;
  /** Share of the last window in which the graphics or compute engine was active. */
  graphics_ratio: number | null;
  /** Warps resident on the SMs, relative to the highest possible number. */
  sm_occupancy_ratio: number | null;
  /** Share of the last window in which SMs had at least one warp, over all SMs. */
  sm_ratio: number | null;
  /** Share of the last window in which any tensor pipe was active. */
  tensor_ratio: number | null;
}

/** Claim of a device. The scope `summary` sees that there is one, and nothing of it. */
export interface Claim {
  /** `claim`: for a time. `run`: as long as a process runs. */
  kind: string | null;
  /** PID of the process of `run`. */
  pid: number | null;
  /** Begin, Unix time in milliseconds. */
  since: number | null;
  /** User ID on this host. */
  uid: number | null;
  /** End, Unix time in milliseconds. */
  until: number | null;
  /** Account's name, or the uid in digits if it has none. */
  user: string | null;
  /** Reason by the user, at most 200 characters; may be empty. */
  why: string | null;
}

/** Clocks, and the reasons that hold them down. */
export interface Clocks {
  /** Reasons that hold the clocks down: `gpu_idle`, `applications_clocks_setting`, `sw_power_cap`, `hw_slowdown`, `sync_boost`, `sw_thermal_slowdown`, `hw_thermal_slowdown`, `hw_power_brake_slowdown`, `display_clock_setting`, `board_limit`, `reliability`, or `bit_N` for a bit that has no name here. */
  event_reasons: string[];
  /** Current graphics clock. */
  graphics_mhz: number | null;
  /** Maximum graphics clock. */
  max_graphics_mhz: number | null;
  /** Maximum memory clock. */
  max_memory_mhz: number | null;
  /** Maximum SM clock. */
  max_sm_mhz: number | null;
  /** Current memory clock. */
  memory_mhz: number | null;
  /** Time for which the power limit has held the clocks down, since the driver was loaded. */
  power_throttled_seconds: number | null;
  /** Current SM clock. */
  sm_mhz: number | null;
  /** Time for which heat has held the clocks down, since the driver was loaded. */
  thermal_throttled_seconds: number | null;
  /** Current video clock. */
  video_mhz: number | null;
}

export type CollectorState = string;

/** State of the collector, the process that reads GPUs. */
export interface Collector {
  /** Reasons why values of the collector are null, by name. */
  absent: Absent;
  /** Detail of the state: the call that hangs and its GPU, the driver's text, or the reason of a restart; null if there is none. */
  detail: string | null;
  /** Number of unexpected restarts. */
  restarts: number;
  /** Duration of the newest sample. */
  sample_duration_seconds: number | null;
  /** Start of this state, Unix time in milliseconds. */
  since: number;
  /** State: `ok` if GPUs are read, else the reason. */
  state: CollectorState;
}

/** Number of GPUs. */
export interface Count {
  /** 0: success. */
  code: number;
  /** Number of GPUs. */
  data: number;
}

/** Memory errors, found by its check bits. */
export interface Ecc {
  /** Corrected memory errors over the GPU's life. */
  aggregate_corrected: number | null;
  /** Uncorrected memory errors over the GPU's life. */
  aggregate_uncorrected: number | null;
  /** 1 (true) if memory errors are detected and corrected. */
  enabled: boolean | null;
  /** Corrected memory errors since the driver was loaded. */
  volatile_corrected: number | null;
  /** Uncorrected memory errors since the driver was loaded. */
  volatile_uncorrected: number | null;
}

export type EventKind = string;

/** An event. */
export interface Event {
  /** Recommended action; empty if there is none. */
  action: string;
  /** Time, Unix time in milliseconds. */
  at: number;
  /** Stable code for programs, such as `xid_79`, `lost` or `stalled`. */
  code: string;
  /** UUID of the GPU; null if the event is not about a GPU. */
  gpu_uuid: string | null;
  /** Kind. */
  kind: EventKind;
  /** Severity. */
  severity: Severity;
  /** Description in plain words; of a claim that is ignored, without the users for the scope `summary`. */
  text: string;
}

/** Registration with the NVSwitch fabric. */
export interface Fabric {
  /** The driver's summary of the fabric's health for this GPU: `healthy`, `unhealthy`, `limited_capacity`, or `unknown_N`. */
  health: string | null;
  /** Problems of the fabric that the driver reports for this GPU: `degraded_bandwidth`, `route_recovery`, `route_unhealthy`, `access_timeout_recovery`, `incorrect_system_guid`, `incorrect_chassis_serial`, `no_partition`, `insufficient_nvlinks`, `incompatible_firmware`, `invalid_location`, `invalid_gpu_state`, `incorrect_configuration`, `partition_not_assigned`, `fabric_manager_disconnected`. */
  problems: string[];
  /** State of the registration: `not_started`, `in_progress`, `completed`, or `unknown_N`. */
  state: string | null;
  /** NVML's return code of the registration: 0 for success. */
  status: number | null;
}

/** An error, in the original's format. */
export interface Failure {
  /** 1: invalid request; 2: the driver cannot be read; 401: no token, or a wrong one; 403: the token's scope does not include this; 421: Host not allowed; 500: internal error. */
  code: number;
  /** Nothing. */
  data: null;
  /** The error. */
  error: string;
}

/** One fan. */
export interface Fan {
  /** Intended speed, in % of the highest; may exceed 100. */
  speed_percent: number;
}

/** Devices that fit a request. */
export interface Find {
  /** At most one choice of each host, the best first. */
  choices: FindChoice[];
  /** True if there is a choice. */
  found: boolean;
  /** If there is no choice, the hosts that nearly have one, at most three. */
  nearest: FindNearest[];
  /** Version of this answer: 1. */
  schema: number;
}

/** Devices of one host, as many as requested. */
export interface FindChoice {
  /** Command that opens a shell on the host, from a hub; null on an agent. */
  command: string | null;
  /** Their UUIDs, for the variable of this name. */
  cuda_visible_devices: string;
  /** The devices, by index. */
  devices: FindDevice[];
  /** Name of the host; on an agent its hostname. */
  host: string;
}

/** GPU or MIG instance. */
export interface FindDevice {
  /** NVML's current index of the GPU. */
  index: number;
  /** Free memory in bytes; null if it was not read. */
  memory_free_bytes: number | null;
  /** Product name; of a MIG instance with its profile, as NVML writes it; null if it was not read. */
  name: string | null;
  /** UUID of the GPU or the MIG instance. */
  uuid: string;
}

/** Reason why devices of a host do not fit. */
export interface FindMissing {
  /** Number of devices; for `count`, how many the host lacks. */
  devices: number;
  /** `count`: the host has fewer devices than requested. `model`: another model or profile, or a GPU in MIG mode. `stale`: not read on time, of unknown use, or without a UUID of its own. `health`: a warning or worse. `held`: busy, or held without `held=true`. `claimed`: somebody has claimed it. `memory`: too little. */
  what: "count" | "model" | "stale" | "health" | "held" | "claimed" | "memory";
}

/** Host that nearly has a choice. */
export interface FindNearest {
  /** Number of devices that fit. */
  fitting: number;
  /** Name of the host. */
  host: string;
  /** Reasons why the other devices do not fit. Each device counts once, for the first of `model`, `memory` in total, `stale`, `health`, `held`, `claimed`, free `memory`. */
  missing: FindMissing[];
}

export type GpuState = string;

/** A GPU. */
export interface Gpu {
  /** Reasons why values of this GPU are null or lists empty, by dotted path. */
  absent: Absent;
  /** Activity in the last window, by GPM. */
  activity: Activity;
  /** Age of that reading when this was rendered, in milliseconds. */
  age_ms: number | null;
  /** Architecture: `kepler`, `maxwell`, `pascal`, `volta`, `turing`, `ampere`, `ada`, `hopper`, `blackwell`, `dla2`, `rubin`, `npu3`, or `unknown_N`. */
  architecture: string | null;
  claim: null | Claim;
  /** Users who compute on it although another has claimed it, as in `use`. Processes that only draw and monitors of root do not count. */
  claim_conflicts: string[];
  /** Clocks. */
  clocks: Clocks;
  /** CUDA compute capability, such as `9.0`. */
  compute_capability: string | null;
  /** Memory errors. */
  ecc: Ecc;
  /** Registration with the NVSwitch fabric. */
  fabric: Fabric;
  /** Fans. */
  fans: Fan[];
  /** Health. */
  health: Health;
  /** NVML's current index; a GPU that it no longer counts has the next free number. */
  index: number;
  /** Memory. */
  memory: Memory;
  /** MIG instances; empty without MIG. */
  mig: Mig[];
  /** Number in `/dev/nvidiaN`. */
  minor_number: number | null;
  /** Modes. */
  modes: Modes;
  /** Number of the GPU's module on its baseboard. */
  module_id: number | null;
  /** Product name. */
  name: string | null;
  /** NVLink, all links together. */
  nvlink: Nvlink;
  /** Address on the PCI bus. */
  pci_bus_id: string | null;
  /** PCIe link. */
  pcie: Pcie;
  /** Performance state: 0 is the fastest, 15 the slowest. */
  performance_state: number | null;
  /** Containers to which the kubelet assigned the whole GPU; those of a MIG instance are listed with it. */
  pods: Pod[];
  /** Power. */
  power: Power;
  /** Time at which the newest reading was finished, Unix time in milliseconds. */
  read_at: number | null;
  /** Recovery action that the driver requests: `none`, `gpu_reset`, `node_reboot`, `drain_p2p`, `drain_and_reset`, `recover_imex_domain`, `bus_reset`, `system_reboot`, or `unknown_N`. */
  recovery_action: string | null;
  /** Remapped memory rows. */
  remapped_rows: RemappedRows;
  /** Serial number of the board. */
  serial: string | null;
  /** State of its readings; `stale` means that no reading was finished for three intervals, at least 1 s. */
  state: GpuState;
  /** Detail of the state; null if there is none. */
  state_detail: string | null;
  /** Temperatures. */
  temperature: Temperature;
  /** Use, and its users. */
  use: Use;
  /** Utilization of its engines. */
  utilization: Utilization;
  /** Permanent identifier: history, events and counters go by it. */
  uuid: string | null;
  /** VBIOS version. */
  vbios_version: string | null;
  /** Xid errors. */
  xid: Xid;
}

/** Numbers of GPUs by health. */
export interface HealthCounts {
  /** GPUs that must not be used. */
  critical: number;
  /** GPUs without a problem. */
  ok: number;
  /** GPUs that need attention. */
  warning: number;
}

/** Health of a GPU. */
export interface Health {
  /** Problems, the worst first; empty if there is none. */
  reasons: Reason[];
  /** Verdict: `warning` needs attention, with `critical` the GPU must not be used. */
  verdict: Severity;
}

/** An idle GPU that is held. */
export interface Held {
  /** Index of the GPU. */
  gpu: number;
  /** Held memory of its processes, where that is reported. */
  gpu_memory_bytes: number | null;
  /** Time since which the GPU has been held, Unix time in milliseconds. */
  since: number;
}

/** History. */
export interface History {
  series: Series[];
  /** When the first step begins, Unix time in milliseconds. */
  start_at: number;
  /** The length of a step, in milliseconds. */
  step_ms: number;
}

/** The host: its name, versions, CPU and memory. */
export interface Host {
  /** Reasons why values of the host are null, by name. */
  absent: Absent;
  /** Version of this program. */
  agent_version: string;
  /** Time of the boot, Unix time in milliseconds. */
  booted_at: number | null;
  /** CPU utilization since the previous sample, in % of all CPUs. */
  cpu_percent: number | null;
  /** Newest CUDA version that the driver supports, such as `13.0`. */
  cuda_version: string | null;
  /** Version of the driver. */
  driver_version: string | null;
  /** Hostname. */
  hostname: string | null;
  /** Load average of one minute. */
  load_1m: number | null;
  /** Memory available without swapping. */
  memory_available_bytes: number | null;
  /** Total memory. */
  memory_total_bytes: number | null;
  /** Limits of what the agent can read, each with its remedy, in plain words. */
  notes: string[];
  /** Version of the NVML library. */
  nvml_version: string | null;
}

/** Memory of a GPU. */
export interface Memory {
  /** Size of BAR1, the window through which the host accesses the GPU's memory. */
  bar1_total_bytes: number | null;
  /** Mapped part of BAR1. */
  bar1_used_bytes: number | null;
  /** Free memory. */
  free_bytes: number | null;
  /** Memory reserved by driver and firmware. */
  reserved_bytes: number | null;
  /** Total memory. */
  total_bytes: number | null;
  /** 1 (true) if the memory is the host's, shared with the GPU. */
  unified: boolean | null;
  /** Used memory; without the reserved memory where `reserved_bytes` is known, else with it. */
  used_bytes: number | null;
}

/** Numbers of MIG instances by use. */
export interface MigCounts {
  /** Busy instances. */
  busy: number;
  /** Free instances. */
  free: number;
  /** Idle instances on which memory is held. */
  held: number;
  /** Instances of unknown use. */
  unknown: number;
}

/** MIG instance: a compute instance in a GPU instance. */
export interface Mig {
  /** Activity of its GPU instance in the last window. */
  activity: Activity;
  claim: null | Claim;
  /** Users who compute on it although another has claimed it, as in `use`. Processes that only draw and monitors of root do not count. */
  claim_conflicts: string[];
  /** Compute instance ID. */
  compute_instance: number | null;
  /** GPU instance ID. */
  gpu_instance: number | null;
  /** Name on this GPU: the profile, followed by the instance's IDs if several instances have the same profile, such as `1g.18gb (GI 9)`. The page and `/summary.txt` write it after the index, as `0 · 1g.18gb`. */
  label: string;
  /** Total memory. */
  memory_total_bytes: number | null;
  /** Used memory. */
  memory_used_bytes: number | null;
  /** Containers to which the kubelet assigned it. */
  pods: Pod[];
  /** Profile, such as `1g.18gb`. */
  profile: string | null;
  /** Use, and its users. */
  use: Use;
  /** UUID. */
  uuid: string | null;
}

/** GPU that an earlier run of the agent read, and that the driver does not list. */
export interface MissingGpu {
  /** Remedy. */
  action: string;
  /** UUID; where that cannot be used, the PCI bus id with `bus ` before it. */
  id: string;
  /** Product name; empty where the driver never reported it. */
  name: string;
  /** Time of its last reading, Unix time in milliseconds. */
  read_at: number;
  /** Description. */
  text: string;
}

/** Modes of a GPU. */
export interface Modes {
  /** Compute mode: `default`, `exclusive_thread`, `prohibited`, `exclusive_process`, or `unknown_N`. */
  compute: string | null;
  /** 1 (true) if the GPU drives a display. */
  display_active: boolean | null;
  /** 1 (true) if MIG is enabled. */
  mig: boolean | null;
  /** 1 (true) if the driver stays loaded without a client. */
  persistence: boolean | null;
  /** 1 (true) if a feature of a virtual GPU is licensed. */
  vgpu_licensed: boolean | null;
}

/** NVLink, all links together. */
export interface Nvlink {
  /** NVLink errors of every kind, all links together. */
  errors: number | null;
  /** NVLink links that are up. */
  links_active: number | null;
  /** NVLink links of the GPU. */
  links_total: number | null;
  /** Data received by the GPU over NVLink, all links together. */
  rx_bytes_per_second: number | null;
  /** Data sent by the GPU over NVLink, all links together. */
  tx_bytes_per_second: number | null;
}

/** PCIe link. */
export interface Pcie {
  /** Current PCIe generation; it falls while the GPU is idle. */
  generation: number | null;
  /** Highest PCIe generation of both GPU and slot. */
  max_generation: number | null;
  /** Highest number of PCIe lanes of both GPU and slot. */
  max_width: number | null;
  /** PCIe packets that were sent again. */
  replays: number | null;
  /** Data received by the GPU over PCIe. */
  rx_bytes_per_second: number | null;
  /** Data sent by the GPU over PCIe. */
  tx_bytes_per_second: number | null;
  /** Current number of PCIe lanes. */
  width: number | null;
}

/** Another host that the administrator has configured. */
export interface Peer {
  /** Name. */
  name: string;
  /** Address of its page: a path that begins with a slash, at the origin of this agent, or a whole URL. */
  url: string;
}

/** A container of a Kubernetes pod. */
export interface Pod {
  /** Name of the container in the pod. */
  container: string;
  /** Name of the pod. */
  name: string;
  /** Namespace of the pod. */
  namespace: string;
}

/** Power draw and limits. */
export interface Power {
  /** Default power limit, in force after a reset. */
  default_limit_watts: number | null;
  /** Power draw of the board; a mean over 1 s on Ampere and newer. */
  draw_watts: number | null;
  /** Energy consumed since the driver was loaded. */
  energy_joules: number | null;
  /** Enforced power limit: the lowest of all limits. */
  enforced_limit_watts: number | null;
  /** Power limit that was set. */
  limit_watts: number | null;
}

/** Price of an hour of a GPU (`--price-gpu-hour`). */
export interface Price {
  /** Amount, in units of the currency. */
  amount: number;
  /** Code of the currency, such as EUR. */
  currency: string;
}

/** Error (RFC 9457). */
export interface Problem {
  /** Description of the error and its remedy. */
  detail: string;
  /** The HTTP status. */
  status: number;
  /** The status in words. */
  title: string;
  /** `about:blank`: the status says what kind of problem it is. */
  type: string;
}

export type ProcessKind = string;

/** A process on a GPU or MIG instance. */
export interface Process {
  /** Reasons why values of this process are null, by name. */
  absent: Absent;
  /** Command line, with obvious secrets as `***`; empty for a kernel thread. */
  command: string | null;
  /** MIG compute instance ID; null without MIG. */
  compute_instance: number | null;
  /** ID of the innermost container that it runs in, or its name where it has no other ID; null outside a container. */
  container: string | null;
  /** Name of that container: the kubelet's in a pod, else the runtime's or the container engine's. */
  container_name: string | null;
  /** Runtime of that container: `docker`, `containerd`, `cri-o`, `podman`, `lxc` or `systemd-nspawn`. */
  container_runtime: string | null;
  /** CPU utilization since the previous sample, in % of one CPU; may exceed 100. */
  cpu_percent: number | null;
  /** Share of decoder time, in %. */
  decoder_percent: number | null;
  /** Share of encoder time, in %. */
  encoder_percent: number | null;
  /** Index of the GPU. */
  gpu: number;
  /** MIG GPU instance ID; null without MIG. */
  gpu_instance: number | null;
  /** Used GPU memory; the graphics list's value if it is in both lists. */
  gpu_memory_bytes: number | null;
  /** UUID of the GPU. */
  gpu_uuid: string | null;
  /** Resident host memory. */
  host_memory_bytes: number | null;
  /** Raw number of the Slurm job, as `squeue -o %A` prints it; null outside a job. */
  job: string | null;
  /** Number of that job as users know it: `2_3` for a task of an array, `10+1` for a component of a heterogeneous job, else as `job`. A hint of the process itself, which may name another job's array; only `job` is proved. */
  job_display: string | null;
  /** Step of that job: `batch`, `interactive`, `extern`, or the number of a step of `srun`. */
  job_step: string | null;
  /** Share of memory time, in %. */
  memory_percent: number | null;
  /** Process name, at most 15 bytes. */
  name: string | null;
  /** User that it counts for: `user` of its row in `/users`, an account or a container. */
  owner: string | null;
  /** ID of the container that it counts for: `container` of its row in `/users`; null if it counts for its account. */
  owner_container: string | null;
  /** PID in the host's PID namespace. */
  pid: number | null;
  /** UID of the Kubernetes pod; null outside a pod. */
  pod: string | null;
  /** Name of that pod. */
  pod_name: string | null;
  /** Namespace of that pod. */
  pod_namespace: string | null;
  /** ID of the Podman pod; null outside one. */
  podman_pod: string | null;
  /** Share of SM time, in %. */
  sm_percent: number | null;
  /** Start time, Unix time in milliseconds. */
  started_at: number | null;
  /** Name of the outermost system container (LXC, Incus, Proxmox, systemd-nspawn) that it runs in; null outside one. */
  system_container: string | null;
  /** Type: `C` (compute), `G` (graphics) or `C+G`. */
  type: ProcessKind;
  /** Real user ID, as this host sees it. */
  uid: number | null;
  /** Account's name, or the uid in digits if it has none. */
  user: string | null;
}

/** Readiness. */
export interface Readiness {
  /** State of the collector: `ok`, or the reason why GPUs are not read. */
  state: "starting" | "ok" | "stalled" | "restarting" | "no_driver" | "released";
}

/** A problem of a GPU. */
export interface Reason {
  /** Recommended action. */
  action: string;
  /** Stable code for programs, such as `xid_79` or `row_remap_pending`. */
  code: string;
  /** Severity: `warning` or `critical`. */
  severity: Severity;
  /** Description in plain words. */
  text: string;
}

/** Memory rows that were replaced by spare ones. */
export interface RemappedRows {
  /** Rows remapped for correctable errors. */
  correctable: number | null;
  /** 1 (true) if remapping a row failed. */
  failed: boolean | null;
  /** 1 (true) if a row is remapped at the next reset. */
  pending: boolean | null;
  /** Rows remapped for uncorrectable errors. */
  uncorrectable: number | null;
}

/** One number of one GPU. */
export interface Series {
  /** Index of the GPU as of now. */
  gpu: number | null;
  /** The GPU. */
  gpu_uuid: string;
  /** The dotted path of the number. */
  metric: string;
  /** The mean of each step; null where nothing was read, and where the collector was restarted. */
  values: (number | null)[];
}

/** One user on one GPU or MIG instance, from the first to the last sample; a minute's absence ends it. */
export interface Session {
  /** Time for which a scheduler had them allocated to it, in seconds; null without a scheduler. */
  allocated_gpu_seconds: number | null;
  /** Part of `gpu_seconds` in which the GPU worked, in seconds: times its SM activity, else its utilization; null where neither is known. */
  busy_gpu_seconds: number | null;
  /** First command, as `--commands` shows it; null if it is hidden or not stored. */
  command: string | null;
  /** Name or ID of its container; null outside of one. */
  container: string | null;
  /** Board energy, in joules, split like `gpu_seconds`. */
  energy_joules: number;
  /** First sample, Unix time in milliseconds. */
  first_at: number;
  /** Index of the GPU at the time. */
  gpu: number;
  /** Time for which it had GPUs, in seconds; a GPU with several holders is split equally among them. */
  gpu_seconds: number;
  /** Identity; it does not change. */
  id: string;
  /** Part of `gpu_seconds` in which the GPU was idle, in seconds; null where that is not known. */
  idle_gpu_seconds: number | null;
  /** Its Slurm job; null outside of one. */
  job: string | null;
  /** Last sample, Unix time in milliseconds. */
  last_at: number;
  /** GPU memory of its processes times time, in bytes times seconds. */
  memory_byte_seconds: number;
  /** Name of the MIG instance; null for the GPU itself. */
  mig: string | null;
  /** UUID of the MIG instance; null for the GPU itself. */
  mig_uuid: string | null;
  /** True if it has not ended. */
  open: boolean;
  /** Largest GPU memory at one sample, in bytes; of a group that of its largest holder. */
  peak_memory_bytes: number;
  /** Namespace and name of its pod; null outside of one. */
  pod: string | null;
  /** The same, not split, in seconds. */
  present_gpu_seconds: number;
  /** Number of its processes. */
  processes: number;
  /** The user, as in `/users`; null if users are not stored. */
  user: string | null;
  /** The GPU, as in `/gpus`. */
  uuid: string;
}

/** A page of sessions. */
export interface Sessions {
  /** `cursor` of the next page; null on the last. */
  next: string | null;
  /** Version of this answer: 1. */
  schema: number;
  sessions: Session[];
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
  /** Access of this client: `read` is everything, `summary` is without users and their programs. */
  scope: "read" | "summary";
  /** Counts up by one per snapshot. */
  sequence: number;
}

/** The requested GPUs, and the processes on them. */
export interface Status {
  /** 0: success. */
  code: number;
  data: StatusData;
}

/** GPUs and processes. */
export interface StatusData {
  /** Number of GPUs of the host. */
  count: number;
  devices: StatusDevice[];
  processes: StatusProcess[];
}

/** A GPU. Values that it does not report are `N/A`. */
export interface StatusDevice {
  /** Speed of the first fan, in %. */
  fan_speed: number | "N/A";
  /** Utilization, in %. */
  gpu_utilization: number | "N/A";
  /** Index. */
  idx: number;
  /** Free memory. */
  memory_free_human: string;
  /** Total memory, such as `24576MiB`. */
  memory_total_human: string;
  /** Used memory. */
  memory_used_human: string;
  /** Used memory, in %. */
  memory_utilization: number | "N/A";
  /** Model name. */
  name: string;
  /** Power draw and limit, such as `119W / 350W`. */
  power_status: string;
  /** Temperature of the GPU, in °C. */
  temperature: number | "N/A";
  /** Time of the reading, Unix time in milliseconds. */
  ts: number;
}

/** A process. Unknown values are `N/A`. */
export interface StatusProcess {
  /** Command line. */
  command: string;
  /** Memory in use on the GPU, such as `11710MiB`. */
  gpu_memory: string;
  /** The GPU's index. */
  idx: number;
  /** In the host's PID namespace; `N/A` for a token that may not see it. */
  pid: number | "N/A";
  /** Running time, such as `0:16:13`. */
  running_time: string;
  /** `C` (compute), `G` (graphics) or `C+G`. */
  type: "C" | "G" | "C+G";
  /** User name. */
  username: string;
}

/** Summary of a GPU. */
export interface SummaryGpu {
  claim: null | Claim;
  /** Compute mode, as in `/api/v1/snapshot`. With `prohibited` nobody can use the GPU. */
  compute_mode: string | null;
  /** Health. */
  health: Severity;
  /** NVML's current index. */
  index: number;
  /** Free memory. */
  memory_free_bytes: number | null;
  /** Total memory. */
  memory_total_bytes: number | null;
  /** MIG instances; empty without MIG. */
  mig: SummaryMig[];
  /** True if MIG is enabled; then the GPU cannot be used as a whole. */
  mig_mode: boolean | null;
  /** Product name. */
  name: string | null;
  /** Power draw of the board. */
  power_watts: number | null;
  /** Start of this use, Unix time in milliseconds. */
  since: number;
  /** State of its readings. */
  state: GpuState;
  /** Temperature of the GPU. */
  temperature_celsius: number | null;
  /** Use, the same as `verdict`. In `/api/v1/snapshot` `use` is an object. */
  use: UseVerdict;
  /** Users: names of accounts or, for root in a container, the container as in `/users`. */
  users: string[];
  /** Share of the time in which a kernel ran, in %. */
  utilization_percent: number | null;
  /** UUID. */
  uuid: string | null;
  /** Use. */
  verdict: UseVerdict;
}

/** Summary of a MIG instance. */
export interface SummaryMig {
  claim: null | Claim;
  /** Name on its GPU: the profile, with the instance's IDs if several instances have the same profile. */
  label: string;
  /** Free memory. */
  memory_free_bytes: number | null;
  /** Total memory. */
  memory_total_bytes: number | null;
  /** Profile, such as `1g.18gb`. */
  profile: string | null;
  /** Start of this use, Unix time in milliseconds. */
  since: number;
  /** Use, the same as `verdict`. In `/api/v1/snapshot` `use` is an object. */
  use: UseVerdict;
  /** Users: names of accounts or, for root in a container, the container as in `/users`. */
  users: string[];
  /** UUID, for `CUDA_VISIBLE_DEVICES`. */
  uuid: string | null;
  /** Use. */
  verdict: UseVerdict;
}

/** Summary of the host. */
export interface Summary {
  /** Reasons why values are null, by dotted path. */
  absent: Absent;
  /** Age of that reading at the time of the snapshot, in milliseconds. */
  age_ms: number | null;
  /** Version of this program. */
  agent_version: string;
  /** State of the collector: `ok` if GPUs are read, else the reason. */
  collector_state: CollectorState;
  /** Version of the driver. */
  driver_version: string | null;
  /** All GPUs. */
  gpus: SummaryGpu[];
  /** Number of GPUs in state `ok`. */
  gpus_ok: number;
  /** Number of GPUs. */
  gpus_total: number | null;
  /** Numbers of GPUs by health. */
  health: HealthCounts;
  /** Hostname. */
  hostname: string | null;
  /** Interval between readings, in milliseconds. */
  interval_ms: number;
  /** Numbers of MIG instances by use; the numbers of GPUs do not include them. */
  mig: MigCounts;
  /** GPUs that an earlier run of the agent read, and that the driver does not list. No number above counts them. */
  missing: MissingGpu[];
  /** Problems of the host and its GPUs in plain words, the worst first. */
  problems: string[];
  /** Time of the newest reading of any GPU, Unix time in milliseconds. */
  read_at: number | null;
  /** Time of the snapshot, Unix time in milliseconds. */
  sampled_at: number;
  /** Numbers of GPUs by use. */
  use: UseCounts;
}

/** Temperatures and thresholds. */
export interface Temperature {
  /** Temperature of the GPU. */
  gpu_celsius: number | null;
  /** Temperature margin to the slowdown threshold; negative above it. Newer GPUs report it in place of `slowdown_celsius`. */
  margin_celsius: number | null;
  /** Temperature of the memory. */
  memory_celsius: number | null;
  /** Shutdown threshold of the GPU. */
  shutdown_celsius: number | null;
  /** Slowdown threshold of the GPU. */
  slowdown_celsius: number | null;
}

/** Usage of a period. */
export interface Usage {
  /** Keys of the rows, as asked for. */
  by: string[];
  /** Time for which the GPUs existed, in seconds: the sum of all times below. */
  device_seconds: number;
  /** Number of GPUs without MIG and of MIG instances that existed in the period. */
  devices: number;
  /** Largest possible error of a row by the edges of the period, which share the sums of their minute or hour, in seconds. */
  edge_seconds: number;
  /** Board energy of all of it, in joules. */
  energy_joules: number;
  /** Time in which nobody used them, in seconds. */
  free_gpu_seconds: number;
  /** Problem: no file, or one that cannot be used or written; null without one. */
  note: string | null;
  /** True if users, containers, pods, jobs and commands are stored (`--usage people`). */
  people: boolean;
  /** True if usage is stored in a file; otherwise it is kept in memory for one day. */
  persistent: boolean;
  price_gpu_hour: Price | null;
  /** Groups of holders, by `gpu_seconds`, the largest first. */
  rows: UsageRow[];
  /** Version of this answer: 1. */
  schema: number;
  /** Begin of the period, Unix time in milliseconds. */
  since: number;
  /** Time zone of days and hours; `local` if the agent's has no name. */
  tz: string;
  /** Time of MIG slices in no instance, in seconds. */
  unassigned_gpu_seconds: number;
  /** Time in which the holder is not known, in seconds. */
  unknown_gpu_seconds: number;
  /** Time that was not sampled, in seconds: the agent was down, or the GPU lost, stale or denied. */
  unobserved_gpu_seconds: number;
  /** End of the period, which is not included, Unix time in milliseconds. */
  until: number;
}

/** One group of holders. It has the keys of `by`, and always the sums. */
export interface UsageRow {
  /** Time for which a scheduler had them allocated to it, in seconds; null without a scheduler. */
  allocated_gpu_seconds: number | null;
  /** Part of `gpu_seconds` in which the GPU worked, in seconds: times its SM activity, else its utilization; null where neither is known. */
  busy_gpu_seconds: number | null;
  /** With `by=container`: name or ID of the container; null outside of one. */
  container?: string | null;
  /** With `by=day`: the day, such as 2026-11-30. */
  day?: string;
  /** Board energy, in joules, split like `gpu_seconds`. */
  energy_joules: number;
  /** With `by=gpu`: last known index of the GPU. */
  gpu?: number | null;
  /** Time for which it had GPUs, in seconds; a GPU with several holders is split equally among them. */
  gpu_seconds: number;
  /** With `by=hour_of_day`: 0 to 23. */
  hour_of_day?: number;
  /** Part of `gpu_seconds` in which the GPU was idle, in seconds; null where that is not known. */
  idle_gpu_seconds: number | null;
  /** With `by=job`: the Slurm job; null outside of one. */
  job?: string | null;
  /** GPU memory of its processes times time, in bytes times seconds. */
  memory_byte_seconds: number;
  /** With `by=model`: the model of the GPU. */
  model?: string | null;
  /** Largest GPU memory at one sample, in bytes; of a group that of its largest holder. */
  peak_memory_bytes: number;
  /** With `by=pod`: namespace and name of the pod; null outside of one. */
  pod?: string | null;
  /** The same, not split, in seconds. */
  present_gpu_seconds: number;
  /** Number of its sessions; one that lasts longer counts in every day it touches. */
  sessions: number;
  /** With `by=user`: the user, as in `/users`; null if it is not stored. */
  user?: string | null;
  /** With `by=gpu`: the GPU, as in `/gpus`. */
  uuid?: string;
}

/** Numbers of GPUs by use. */
export interface UseCounts {
  /** Busy GPUs. */
  busy: number;
  /** Free GPUs. */
  free: number;
  /** Idle GPUs on which memory is held. */
  held: number;
  /** GPUs of unknown use: their state is not `ok`, or there is no list of processes. */
  unknown: number;
}

export type UseVerdict = string;

/** Use of a GPU or a MIG instance, and its users. */
export interface Use {
  /** Start of this use, Unix time in milliseconds. */
  since: number;
  /** True if this use began before the agent started. */
  since_at_least: boolean;
  /** Used memory that no listed process accounts for. */
  unattributed_bytes: number | null;
  /** Users: names of accounts or, for root in a container, the container as in `/users`. */
  users: string[];
  /** Use; `held` means that memory is held although it has been idle for a while. A MIG instance is held only where its `activity` is read. A GPU with MIG on and no instance is `busy` without users: CUDA cannot use it. */
  verdict: UseVerdict;
}

/** Account, or container that counts instead of its accounts, with its use of the GPUs. */
export interface User {
  /** Reasons why values of this row are null, by dotted path. */
  absent: Absent;
  /** ID of the container whose processes are counted; null for an account. Root counts for its container, another account with `--count-containers container`, and each in a system container. */
  container: string | null;
  /** GPU memory of its processes, where that is reported. */
  gpu_memory_bytes: number | null;
  /** Indices of the GPUs with its processes. */
  gpus: number[];
  /** Idle GPUs, or MIG instances, that it holds. */
  held_idle: Held[];
  /** Age of its oldest process. */
  longest_run_seconds: number | null;
  /** Number of its processes, each counted once. */
  processes: number;
  /** Share of SM time over all GPUs, in % of one, where that is reported. */
  sm_percent: number | null;
  /** Real user ID of the account; null for a container whose processes have several, or that has accounts of its own. */
  uid: number | null;
  /** Name of the account, or the uid in digits if it has none. For a container its name, in a pod `namespace/pod/container`, or the first 12 digits of its ID. */
  user: string | null;
}

/** Utilization of a GPU's engines over the driver's last sample period. */
export interface Utilization {
  /** Utilization of the video decoder. */
  decoder_percent: number | null;
  /** Utilization of the video encoder. */
  encoder_percent: number | null;
  /** Share of the last sample period in which a kernel ran. */
  gpu_percent: number | null;
  /** Utilization of the JPEG engine. */
  jpeg_percent: number | null;
  /** Share of the last sample period in which memory was read or written. */
  memory_percent: number | null;
  /** Utilization of the optical flow accelerator. */
  ofa_percent: number | null;
}

/** Xid errors of a GPU since the agent has listened for them. */
export interface Xid {
  /** Number since `since` or, while nothing listens, in the last period in which the agent listened. */
  count: number | null;
  /** Number of the newest since the agent started; null if there was none. */
  last: number | null;
  /** Time of the newest, Unix time in milliseconds; null if there was none. */
  last_at: number | null;
  /** Time since which the agent has listened for them without a break, Unix time in milliseconds; earlier ones are unknown. */
  since: number | null;
}
