//! One GPU's readings, as its lane read them.

use serde::{Deserialize, Serialize};

use crate::{
    Absence, Reading, Stamp,
    sample::{Call, ListedProcess},
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

            /// Why each reading is absent, by the name of its field; those that are not are left out.
            pub fn absences(&self) -> impl Iterator<Item = (&'static str, Absence)> {
                [$((stringify!($field), self.$field.as_ref().err().copied()),)*]
                    .into_iter()
                    .filter_map(|(name, why)| Some((name, why?)))
            }
        }
    };
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
        /// `nvmlDeviceGetComputeRunningProcesses_v3` or older.
        compute: Vec<ListedProcess>,
        /// `nvmlDeviceGetGraphicsRunningProcesses_v3` or older.
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
        /// `nvmlDeviceGetMaxPcieLinkGeneration`.
        pcie_max_generation: u32,
        /// `nvmlDeviceGetMaxPcieLinkWidth`, in lanes.
        pcie_max_width: u32,
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
    fn what_is_absent_is_named() {
        let mut set = SlowSet::absent(Absence::Denied);
        assert_eq!(set.absences().count(), 10);
        set.mig_mode = Ok(true);
        assert!(set.absences().all(|(name, why)| name != "mig_mode" && why == Absence::Denied));
    }
}
