//! Fields that are labels of all others.

use telemetry::snapshot::{Gpu, Snapshot};

/// A field that is a label of all others.
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) value: fn(&Snapshot, &Gpu) -> Option<String>,
}

/// The one label of dcgm-exporter's default set.
pub(crate) const DRIVER_VERSION: &str = "DCGM_FI_DRIVER_VERSION";

/// Fields that can be labels of all others, in alphabetical order, as they are served.
pub(crate) const KNOWN: &[Known] = &[
    Known {
        name: "DCGM_FI_CUDA_DRIVER_VERSION",
        value: |snapshot, _| Some(snapshot.driver.as_ref()?.cuda_version.ok()?.to_string()),
    },
    Known { name: "DCGM_FI_DEV_MINOR_NUMBER", value: |_, gpu| Some(gpu.identity.minor_number.ok()?.to_string()) },
    Known { name: "DCGM_FI_DEV_NAME", value: |_, gpu| gpu.identity.name.clone().ok() },
    Known { name: "DCGM_FI_DEV_SERIAL", value: |_, gpu| gpu.identity.serial.clone().ok() },
    Known { name: "DCGM_FI_DEV_UUID", value: |_, gpu| gpu.identity.uuid.clone().ok() },
    Known { name: "DCGM_FI_DEV_VBIOS_VERSION", value: |_, gpu| gpu.identity.vbios_version.clone().ok() },
    Known { name: DRIVER_VERSION, value: |snapshot, _| snapshot.driver.as_ref()?.driver_version.clone().ok() },
    Known { name: "DCGM_FI_NVML_VERSION", value: |snapshot, _| snapshot.driver.as_ref()?.nvml_version.clone().ok() },
];
