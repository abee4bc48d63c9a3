//! One GPU's readings, as its thread read them.

use serde::{Deserialize, Serialize};

use crate::{
    Absence, Reading, Stamp,
    readings::{Activity, Identity, Memory, Readings},
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

/// One GPU's newest finished reading, and the state of its reader.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GpuSample {
    /// NVML's index of this moment.
    pub index: u32,
    /// Result of `nvmlDeviceGetHandleByIndex_v2`.
    pub handle: Reading<()>,
    /// The driver's failure where there is no handle, else of the last call of this reading that failed for another
    /// reason than that it is not supported. A required reset takes precedence.
    pub refusal: Option<Failure>,
    /// When the newest finished reading was finished; none before the first.
    pub read_at: Option<Stamp>,
    /// The call that keeps the reader from finishing, if it is late.
    pub stuck: Option<Call>,
    /// The slowest call since the reading before, if one was slow.
    pub slowest: Option<SlowCall>,
    /// Identity, read when the handle is got and again every ten ticks.
    pub identity: Identity,
    /// The readings of the catalogue, each as old as its sampling period at most.
    pub readings: Readings,
    /// Its processes, by the driver's lists.
    pub lists: ProcessLists,
    /// Its MIG instances, enumerated every ten ticks; empty without MIG.
    pub mig: Reading<Vec<MigSample>>,
    /// Since when Xid events are listened for: `nvmlDeviceRegisterEvents`.
    pub xid_since: Reading<Stamp>,
}

/// A slow call that has returned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlowCall {
    /// The NVML function.
    pub function: String,
    /// Its duration, in milliseconds.
    pub ms: u32,
}

readings! {
    /// Lists of processes, read on every tick.
    pub struct ProcessLists {
        /// `nvmlDeviceGetComputeRunningProcesses_v3` or older, else `nvmlDeviceGetRunningProcessDetailList`.
        compute: Vec<ListedProcess>,
        /// `nvmlDeviceGetGraphicsRunningProcesses_v3` or older, else `nvmlDeviceGetRunningProcessDetailList`.
        graphics: Vec<ListedProcess>,
        /// `nvmlDeviceGetMPSComputeRunningProcesses_v3` or older, else `nvmlDeviceGetRunningProcessDetailList`.
        mps: Vec<ListedProcess>,
        /// `nvmlDeviceGetProcessUtilization`, else `nvmlDeviceGetProcessesUtilizationInfo`: the newest of each process
        /// since the last reading; an idle GPU has none.
        shares: Vec<SampledProcess>,
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
        /// Activity of its GPU instance: GPM, by `nvmlGpmMigSampleGet`, on Hopper and newer.
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
    /// Its share, unless the driver's entry is garbage.
    pub share: Reading<ProcessShare>,
}

/// One process's part of a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessShare {
    /// Share of the SMs, in %.
    pub sm_percent: u32,
    /// Share of the memory's time, in %.
    pub memory_percent: u32,
    /// Share of the encoder, in %.
    pub encoder_percent: u32,
    /// Share of the decoder, in %.
    pub decoder_percent: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_readings_are_named() {
        let mut instance = MigSample::absent(Absence::Denied);
        assert!(instance.absences().any(|(name, _)| name == "uuid"));
        instance.uuid = Ok("MIG-1".into());
        assert!(instance.absences().all(|(name, why)| name != "uuid" && why == Absence::Denied));
    }
}
