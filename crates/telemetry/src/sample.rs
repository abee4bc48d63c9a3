//! What the collector read, as it was read: nothing here is derived.

use serde::{Deserialize, Serialize};

use crate::{Absence, BootTime, Reading, Stamp};

/// One frame's content: the newest finished reading of every GPU, and the facts of the processes they list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// When the frame was put together. A GPU's own time is [`GpuSample::read_at`].
    pub assembled: Stamp,
    /// How far the collector came with the driver.
    pub driver: Driver,
    /// In NVML's order; `gpus[i].index == i`. Empty until the driver is [`Driver::Ready`].
    pub gpus: Vec<GpuSample>,
    /// One entry for each PID that any GPU lists.
    pub processes: Vec<ProcessFacts>,
    /// From the tick until the last lane that was not late had reported, in microseconds.
    pub duration_us: u32,
}

/// How far the collector came with the driver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Driver {
    /// Another collector still holds the lock in the runtime directory.
    Waiting {
        /// What is waited for.
        detail: String,
    },
    /// Loading, initialising or counting.
    Starting {
        /// The call that is being waited for, if one is in flight.
        call: Option<Call>,
    },
    /// The driver cannot be read. The collector leaves after this frame; a fresh one tries again.
    Failed(Failure),
    /// Every GPU is idle and may be suspended. The collector leaves after this frame, so that they can be; the next is
    /// told to watch them without loading the library.
    Resting {
        /// The GPUs' PCI bus ids.
        buses: Vec<String>,
    },
    /// The GPUs were let go, and the library is not loaded.
    Asleep,
    /// The GPUs were let go in vain: they do not suspend. They are taken up again now.
    Sleepless,
    /// Another driver was installed meanwhile. The collector leaves after this frame; a fresh one loads it.
    Replaced {
        /// What was replaced.
        detail: String,
    },
    /// GPUs are being read.
    Ready(DriverFacts),
}

/// Why the driver cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The NVML function that failed, or `dlopen`.
    pub function: String,
    /// NVML's return code.
    pub code: u32,
    /// The driver's text for it, as the original agent words it.
    pub text: String,
    /// What helps the administrator beyond that text.
    pub hint: Option<String>,
}

/// What is known of the driver as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriverFacts {
    /// `nvmlSystemGetDriverVersion`.
    pub driver_version: Reading<String>,
    /// `nvmlSystemGetNVMLVersion`.
    pub nvml_version: Reading<String>,
    /// `nvmlSystemGetCudaDriverVersion_v2`: 1000 × major + 10 × minor.
    pub cuda_version: Reading<i32>,
    /// How long loading and `nvmlInit` took, in milliseconds.
    pub init_ms: u32,
}

/// A call into the driver that has not come back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The NVML function.
    pub function: String,
    /// NVML's index of the GPU, where the call is about one.
    pub gpu: Option<u32>,
    /// When it began.
    pub since: BootTime,
}

/// One GPU's newest finished reading, and what its lane is at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GpuSample {
    /// NVML's index of this moment.
    pub index: u32,
    /// Whether a handle was got: `nvmlDeviceGetHandleByIndex_v2`.
    pub handle: Reading<()>,
    /// When the newest finished reading was finished; none before the first.
    pub read_at: Option<Stamp>,
    /// The call that keeps the lane from finishing, if it is late.
    pub stuck: Option<Call>,
    /// What does not change while the handle lives.
    pub identity: Identity,
    /// What is read on every tick.
    pub fast: FastSet,
    /// What is read a tenth per tick.
    pub slow: SlowSet,
}

/// What does not change while the handle lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// `nvmlDeviceGetUUID`.
    pub uuid: Reading<String>,
    /// `nvmlDeviceGetName`; what is not UTF-8 is U+FFFD.
    pub name: Reading<String>,
    /// `nvmlDeviceGetPciInfo_v3`, `busId`.
    pub pci_bus_id: Reading<String>,
    /// `nvmlDeviceGetMinorNumber`: the number in `/dev/nvidiaN`.
    pub minor_number: Reading<u32>,
}

impl Identity {
    /// Nothing known, all for one reason.
    #[must_use]
    pub const fn absent(why: Absence) -> Self {
        Self { uuid: Err(why), name: Err(why), pci_bus_id: Err(why), minor_number: Err(why) }
    }
}

/// What is read on every tick: all that `/status` shows, and what moves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FastSet {
    /// `nvmlDeviceGetMemoryInfo_v2`, else `nvmlDeviceGetMemoryInfo`, else the host's.
    pub memory: Reading<Memory>,
    /// `nvmlDeviceGetFanSpeed`, in % of the intended speed; may exceed 100.
    pub fan_percent: Reading<u32>,
    /// `nvmlDeviceGetTemperatureV`, else `nvmlDeviceGetTemperature`, in °C.
    pub temperature_celsius: Reading<i32>,
    /// `nvmlDeviceGetPowerUsage`.
    pub power_draw_mw: Reading<u32>,
    /// `nvmlDeviceGetPowerManagementLimit`.
    pub power_limit_mw: Reading<u32>,
    /// `nvmlDeviceGetUtilizationRates`.
    pub utilization: Reading<Utilization>,
    /// `nvmlDeviceGetComputeRunningProcesses_v3` or older.
    pub compute: Reading<Vec<ListedProcess>>,
    /// `nvmlDeviceGetGraphicsRunningProcesses_v3` or older.
    pub graphics: Reading<Vec<ListedProcess>>,
}

impl FastSet {
    /// Nothing read, all for one reason.
    #[must_use]
    pub const fn absent(why: Absence) -> Self {
        Self {
            memory: Err(why),
            fan_percent: Err(why),
            temperature_celsius: Err(why),
            power_draw_mw: Err(why),
            power_limit_mw: Err(why),
            utilization: Err(why),
            compute: Err(why),
            graphics: Err(why),
        }
    }

    /// Why each reading is absent, in the order of the fields; none where it is not.
    #[must_use]
    pub fn absences(&self) -> [Option<Absence>; 8] {
        [
            self.memory.err(),
            self.fan_percent.err(),
            self.temperature_celsius.err(),
            self.power_draw_mw.err(),
            self.power_limit_mw.err(),
            self.utilization.err(),
            self.compute.as_ref().err().copied(),
            self.graphics.as_ref().err().copied(),
        ]
    }
}

/// A GPU's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// All of it.
    pub total_bytes: u64,
    /// In use; without what is reserved where `reserved_bytes` is known, else with it.
    pub used_bytes: Reading<u64>,
    /// Free for allocation.
    pub free_bytes: Reading<u64>,
    /// Reserved by driver and firmware: `nvmlDeviceGetMemoryInfo_v2` only.
    pub reserved_bytes: Reading<u64>,
    /// It is the host's memory, which the GPU shares (`/proc/meminfo`: MemTotal, MemAvailable).
    pub unified: bool,
}

/// How much of the last sample period something ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Utilization {
    /// In % of the time that a kernel ran.
    pub gpu_percent: u32,
    /// In % of the time that memory was read or written.
    pub memory_percent: u32,
}

/// What changes seldom or costs more: read whole at the first tick and then a tenth per tick.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SlowSet {
    /// `nvmlDeviceGetEnforcedPowerLimit`.
    pub enforced_limit_mw: Reading<u32>,
    /// `nvmlDeviceGetPowerManagementDefaultLimit`.
    pub default_limit_mw: Reading<u32>,
    /// `nvmlDeviceGetTemperatureThreshold`, slowdown, in °C.
    pub slowdown_celsius: Reading<u32>,
    /// `nvmlDeviceGetTemperatureThreshold`, shutdown, in °C.
    pub shutdown_celsius: Reading<u32>,
    /// `nvmlDeviceGetMaxPcieLinkGeneration`.
    pub pcie_max_generation: Reading<u32>,
    /// `nvmlDeviceGetMaxPcieLinkWidth`, in lanes.
    pub pcie_max_width: Reading<u32>,
    /// `nvmlDeviceGetPersistenceMode`.
    pub persistence_mode: Reading<bool>,
    /// `nvmlDeviceGetComputeMode`, NVML's number.
    pub compute_mode: Reading<u32>,
    /// `nvmlDeviceGetDisplayActive`.
    pub display_active: Reading<bool>,
    /// `nvmlDeviceGetMigMode`, the current one.
    pub mig_mode: Reading<bool>,
}

impl SlowSet {
    /// Nothing read, all for one reason.
    #[must_use]
    pub const fn absent(why: Absence) -> Self {
        Self {
            enforced_limit_mw: Err(why),
            default_limit_mw: Err(why),
            slowdown_celsius: Err(why),
            shutdown_celsius: Err(why),
            pcie_max_generation: Err(why),
            pcie_max_width: Err(why),
            persistence_mode: Err(why),
            compute_mode: Err(why),
            display_active: Err(why),
            mig_mode: Err(why),
        }
    }
}

/// One entry of a process list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedProcess {
    /// In the host's PID namespace; may be one that cannot exist.
    pub pid: u32,
    /// Memory in use on the GPU; absent where the driver does not tell (all ones).
    pub memory_bytes: Reading<u64>,
    /// MIG's GPU instance, if any.
    pub gpu_instance: Option<u32>,
    /// MIG's compute instance, if any.
    pub compute_instance: Option<u32>,
}

/// What `/proc` tells of a listed process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessFacts {
    /// The process.
    pub pid: u32,
    /// Whether it lives.
    pub life: Life,
    /// Its owner's real user id: `/proc/PID/status`, `Uid`.
    pub uid: Reading<u32>,
    /// The owner's name; none if the uid has no name, or it is not resolved yet.
    pub user: Option<String>,
    /// When it started: `/proc/PID/stat`, field 22.
    pub started: Reading<BootTime>,
    /// Its arguments, cut at [`crate::command::MAX_BYTES`] in all: `/proc/PID/cmdline`. What is not UTF-8 is U+FFFD.
    /// Empty for a kernel thread.
    pub arguments: Reading<Vec<String>>,
}

/// Whether a process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Life {
    /// It does.
    Running,
    /// It has exited and was not waited for.
    Zombie,
    /// There is no such process.
    Gone,
    /// `/proc` was not asked, or has not answered yet.
    Unknown,
}
