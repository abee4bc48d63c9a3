//! One GPU's readings, as its lane read them.

use serde::{Deserialize, Serialize};

use crate::{
    Absence, Reading, Stamp,
    sample::{Call, Failure, ListedProcess},
};

/// Declares a set of readings: each field is a [`Reading`], and all of them can be absent for one reason, or be asked
/// which are absent.
macro_rules! readings {
    ($(#[$doc:meta])* pub struct $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: Reading<$type>,)*
        }

        impl $name {
            /// Nothing read, all for one reason.
            #[must_use]
            pub const fn absent(why: Absence) -> Self {
                Self { $($field: Err(why),)* }
            }

            /// The same, but where a reading is absent, what it was before, if it was anything.
            #[must_use]
            pub fn or_before(self, before: &Self) -> Self {
                Self { $($field: self.$field.or_else(|why| before.$field.clone().map_err(|_| why)),)* }
            }

            /// Why each reading is absent, by the name of its field; those that are not are left out.
            pub fn absences(&self) -> impl Iterator<Item = (&'static str, Absence)> {
                [$((stringify!($field), self.$field.as_ref().err().copied()),)*]
                    .into_iter()
                    .filter_map(|(name, why)| Some((name, why?)))
            }
        }
    };
}

pub(super) use readings;

/// One GPU's newest finished reading, and what its lane is at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GpuSample {
    /// NVML's index of this moment.
    pub index: u32,
    /// Whether a handle was got: `nvmlDeviceGetHandleByIndex_v2`.
    pub handle: Reading<()>,
    /// What the driver said where none was got.
    pub refusal: Option<Failure>,
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
    /// What ran where, by the GPU's own monitors: GPM, on Hopper and newer.
    pub activity: Activity,
    /// What crossed its links.
    pub traffic: Traffic,
    /// Its MIG instances, found again on each slow tick; empty without MIG.
    pub mig: Reading<Vec<MigSample>>,
    /// Since when Xid events are listened for: `nvmlDeviceRegisterEvents`.
    pub xid_since: Reading<Stamp>,
}

readings! {
    /// What does not change while the handle lives.
    pub struct Identity {
        /// `nvmlDeviceGetUUID`.
        uuid: String,
        /// `nvmlDeviceGetName`; what is not UTF-8 is U+FFFD.
        name: String,
        /// `nvmlDeviceGetPciInfo_v3`, `busId`.
        pci_bus_id: String,
        /// `nvmlDeviceGetMinorNumber`: the number in `/dev/nvidiaN`.
        minor_number: u32,
        /// `nvmlDeviceGetSerial`.
        serial: String,
        /// `nvmlDeviceGetArchitecture`, NVML's number.
        architecture: u32,
        /// `nvmlDeviceGetCudaComputeCapability`: major and minor.
        compute_capability: (i32, i32),
        /// `nvmlDeviceGetVbiosVersion`.
        vbios_version: String,
    }
}

readings! {
    /// What is read on every tick: all that `/status` shows, and what moves.
    pub struct FastSet {
        /// `nvmlDeviceGetMemoryInfo_v2`, else `nvmlDeviceGetMemoryInfo`, else the host's.
        memory: Memory,
        /// `nvmlDeviceGetFanSpeed`, in % of the intended speed; may exceed 100.
        fan_percent: u32,
        /// `nvmlDeviceGetTemperatureV`, else `nvmlDeviceGetTemperature`, in °C.
        temperature_celsius: i32,
        /// `nvmlDeviceGetPowerUsage`.
        power_draw_mw: u32,
        /// `nvmlDeviceGetPowerManagementLimit`.
        power_limit_mw: u32,
        /// `nvmlDeviceGetUtilizationRates`.
        utilization: Utilization,
        /// `nvmlDeviceGetFieldValues`, field 82 (memory temperature), in °C.
        memory_temperature_celsius: i32,
        /// `nvmlDeviceGetTotalEnergyConsumption`, since the driver was loaded.
        energy_mj: u64,
        /// `nvmlDeviceGetEncoderUtilization`.
        encoder_percent: u32,
        /// `nvmlDeviceGetDecoderUtilization`.
        decoder_percent: u32,
        /// `nvmlDeviceGetJpgUtilization`.
        jpeg_percent: u32,
        /// `nvmlDeviceGetOfaUtilization`.
        ofa_percent: u32,
        /// `nvmlDeviceGetClockInfo`, graphics.
        graphics_mhz: u32,
        /// `nvmlDeviceGetClockInfo`, SM.
        sm_mhz: u32,
        /// `nvmlDeviceGetClockInfo`, memory.
        memory_mhz: u32,
        /// `nvmlDeviceGetClockInfo`, video.
        video_mhz: u32,
        /// `nvmlDeviceGetCurrentClocksEventReasons`, else `nvmlDeviceGetCurrentClocksThrottleReasons`: NVML's bits.
        event_reasons: u64,
        /// `nvmlDeviceGetPerformanceState`: 0 is the fastest.
        performance_state: u32,
        /// `nvmlDeviceGetMPSComputeRunningProcesses_v3` or older, else `nvmlDeviceGetRunningProcessDetailList`.
        mps: Vec<ListedProcess>,
        /// `nvmlDeviceGetProcessUtilization`, else `nvmlDeviceGetProcessesUtilizationInfo`: the newest of each process
        /// since the last reading; an idle GPU has none.
        shares: Vec<SampledProcess>,
        /// `nvmlDeviceGetComputeRunningProcesses_v3` or older, else `nvmlDeviceGetRunningProcessDetailList`.
        compute: Vec<ListedProcess>,
        /// `nvmlDeviceGetGraphicsRunningProcesses_v3` or older, else `nvmlDeviceGetRunningProcessDetailList`.
        graphics: Vec<ListedProcess>,
    }
}

readings! {
    /// What changes seldom or costs more: read whole at the first tick and then a tenth per tick.
    pub struct SlowSet {
        /// `nvmlDeviceGetEnforcedPowerLimit`.
        enforced_limit_mw: u32,
        /// `nvmlDeviceGetPowerManagementDefaultLimit`.
        default_limit_mw: u32,
        /// `nvmlDeviceGetTemperatureThreshold`, slowdown, in °C.
        slowdown_celsius: u32,
        /// `nvmlDeviceGetTemperatureThreshold`, shutdown, in °C.
        shutdown_celsius: u32,
        /// `nvmlDeviceGetMarginTemperature`: how far it is from slowing down, in °C.
        margin_celsius: i32,
        /// `nvmlDeviceGetMaxPcieLinkGeneration`.
        pcie_max_generation: u32,
        /// `nvmlDeviceGetMaxPcieLinkWidth`, in lanes.
        pcie_max_width: u32,
        /// `nvmlDeviceGetCurrPcieLinkGeneration`.
        pcie_generation: u32,
        /// `nvmlDeviceGetCurrPcieLinkWidth`, in lanes.
        pcie_width: u32,
        /// `nvmlDeviceGetPcieReplayCounter`.
        pcie_replays: u32,
        /// `nvmlDeviceGetMaxClockInfo`, graphics.
        max_graphics_mhz: u32,
        /// `nvmlDeviceGetMaxClockInfo`, SM.
        max_sm_mhz: u32,
        /// `nvmlDeviceGetMaxClockInfo`, memory.
        max_memory_mhz: u32,
        /// `nvmlDeviceGetBAR1MemoryInfo`.
        bar1: Bar1,
        /// `nvmlDeviceGetFanSpeed_v2` of each fan that `nvmlDeviceGetNumFans` counts, in %.
        fans: Vec<u32>,
        /// `nvmlDeviceGetEccMode`, the current one.
        ecc_enabled: bool,
        /// `nvmlDeviceGetTotalEccErrors`, corrected, since the driver was loaded.
        ecc_volatile_corrected: u64,
        /// `nvmlDeviceGetTotalEccErrors`, uncorrected, since the driver was loaded.
        ecc_volatile_uncorrected: u64,
        /// `nvmlDeviceGetTotalEccErrors`, corrected, over the GPU's life.
        ecc_aggregate_corrected: u64,
        /// `nvmlDeviceGetTotalEccErrors`, uncorrected, over the GPU's life.
        ecc_aggregate_uncorrected: u64,
        /// `nvmlDeviceGetRemappedRows`.
        remapped_rows: RemappedRows,
        /// `nvmlDeviceGetNvLinkState` of each link there is.
        links: Links,
        /// NVLink's error counters, all links together: `nvmlDeviceGetNvLinkErrorCounter`, else `nvmlDeviceGetFieldValues`:
        /// fields 161 to 163 of each link, else 206, 207, 208, 211, 212 and 215 of all.
        nvlink_errors: u64,
        /// `nvmlDeviceGetGpuFabricInfo`.
        fabric: Fabric,
        /// `nvmlDeviceGetFieldValues`, field 230: NVML's number, 0 for none.
        recovery_action: u32,
        /// `nvmlDeviceGetFieldValues`, field 74: for how long the power limit has held the clocks down, in nanoseconds.
        power_throttled_ns: u64,
        /// `nvmlDeviceGetFieldValues`, field 75: for how long heat has held the clocks down, in nanoseconds.
        thermal_throttled_ns: u64,
        /// `nvmlDeviceGetGridLicensableFeatures_v4`: whether any feature of a virtual GPU is licensed.
        vgpu_licensed: bool,
        /// `nvmlDeviceGetPersistenceMode`.
        persistence_mode: bool,
        /// `nvmlDeviceGetComputeMode`, NVML's number.
        compute_mode: u32,
        /// `nvmlDeviceGetDisplayActive`.
        display_active: bool,
        /// `nvmlDeviceGetMigMode`, the current one.
        mig_mode: bool,
    }
}

readings! {
    /// What ran where in the last window, as ratios from 0 to 1: `nvmlGpmMetricsGet`.
    pub struct Activity {
        /// Metric 1: the graphics or compute engine.
        graphics_ratio: f64,
        /// Metric 2: SMs with a warp.
        sm_ratio: f64,
        /// Metric 3: warps of those that could be.
        sm_occupancy_ratio: f64,
        /// Metric 5: any tensor pipe.
        tensor_ratio: f64,
        /// Metric 10: the memory's bandwidth.
        dram_ratio: f64,
        /// Metric 11: the FP64 pipe.
        fp64_ratio: f64,
        /// Metric 12: the FP32 pipe.
        fp32_ratio: f64,
        /// Metric 13: the FP16 pipe.
        fp16_ratio: f64,
    }
}

readings! {
    /// What crossed the links in the last window, from counters or GPM and never by a call that blocks for a window.
    pub struct Traffic {
        /// GPM metric 20, else from field 197.
        pcie_tx_bytes_per_second: u64,
        /// GPM metric 21, else from field 198.
        pcie_rx_bytes_per_second: u64,
        /// GPM metric 61, else from field 138.
        nvlink_tx_bytes_per_second: u64,
        /// GPM metric 60, else from field 139.
        nvlink_rx_bytes_per_second: u64,
    }
}

readings! {
    /// One MIG instance: a compute instance in a GPU instance.
    pub struct MigSample {
        /// `nvmlDeviceGetGpuInstanceId`.
        gpu_instance: u32,
        /// `nvmlDeviceGetComputeInstanceId`.
        compute_instance: u32,
        /// `nvmlDeviceGetUUID` of the instance.
        uuid: String,
        /// The profile in the name that `nvmlDeviceGetName` gives the instance, such as `1g.18gb`.
        profile: String,
        /// Its part of the memory.
        memory: Memory,
        /// What ran where on its GPU instance: GPM, by `nvmlGpmMigSampleGet`, on Hopper and newer.
        activity: Activity,
        /// `nvmlDeviceGetComputeRunningProcesses_v3` of the instance.
        compute: Vec<ListedProcess>,
    }
}

/// A process that used a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampledProcess {
    /// The process.
    pub pid: u32,
    /// Its part, unless all that was told of it is garbage.
    pub share: Reading<ProcessShare>,
}

/// One process's part of a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessShare {
    /// Of the SMs, in %.
    pub sm_percent: u32,
    /// Of the memory's time, in %.
    pub memory_percent: u32,
    /// Of the encoder, in %.
    pub encoder_percent: u32,
    /// Of the decoder, in %.
    pub decoder_percent: u32,
}

/// The window through which the host writes to the GPU's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bar1 {
    /// All of it.
    pub total_bytes: u64,
    /// Mapped.
    pub used_bytes: u64,
}

/// Rows of memory that were replaced by spare ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemappedRows {
    /// For errors that could be corrected.
    pub correctable: u32,
    /// For errors that could not.
    pub uncorrectable: u32,
    /// One waits for a reset.
    pub pending: bool,
    /// One could not be replaced.
    pub failed: bool,
}

/// NVLink's links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Links {
    /// Those that are up.
    pub active: u32,
    /// Those there are.
    pub total: u32,
}

/// Where a GPU stands with the NVSwitch fabric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fabric {
    /// `nvmlGpuFabricState_t`: 0 not supported, 1 not started, 2 in progress, 3 completed.
    pub state: u32,
    /// The return code of the registration, once it is completed.
    pub status: u32,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_readings_are_named() {
        let mut set = SlowSet::absent(Absence::Denied);
        assert!(set.absences().any(|(name, _)| name == "mig_mode"));
        set.mig_mode = Ok(true);
        assert!(set.absences().all(|(name, why)| name != "mig_mode" && why == Absence::Denied));
        let now = SlowSet { compute_mode: Ok(1), ..SlowSet::absent(Absence::Lost) };
        let kept = now.or_before(&set);
        assert_eq!((kept.compute_mode, kept.mig_mode, kept.pcie_width), (Ok(1), Ok(true), Err(Absence::Lost)));
    }
}
