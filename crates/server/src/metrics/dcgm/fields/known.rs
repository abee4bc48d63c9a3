//! Fields that are labels of all others.

use telemetry::snapshot::{Gpu, Snapshot};

use super::Version;

/// A field that is a label of all others.
pub(crate) struct Known {
    /// Name until dcgm-exporter 4.8.
    pub(crate) until48: &'static str,
    /// Name since 4.9.
    pub(crate) since49: &'static str,
    pub(crate) value: fn(&Snapshot, &Gpu) -> Option<String>,
}

impl Known {
    /// Name in a version.
    pub(crate) const fn name(&self, version: Version) -> &'static str {
        match version {
            Version::Until48 => self.until48,
            Version::Since49 => self.since49,
        }
    }
}

/// The one label of dcgm-exporter's default set.
pub(crate) const DRIVER_VERSION: &str = "DCGM_FI_DRIVER_VERSION";

/// Fields that can be labels of all others.
pub(crate) const KNOWN: &[Known] = &[
    Known {
        until48: "DCGM_FI_CUDA_DRIVER_VERSION",
        since49: "DCGM_FI_CUDA_DRIVER_VERSION",
        value: |snapshot, _| Some(snapshot.driver.as_ref()?.cuda_version.ok()?.to_string()),
    },
    Known {
        until48: "DCGM_FI_DEV_MINOR_NUMBER",
        since49: "DCGM_FI_DEV_GPU_MINOR_NUMBER",
        value: |_, gpu| Some(gpu.identity.minor_number.ok()?.to_string()),
    },
    Known {
        until48: "DCGM_FI_DEV_NAME",
        since49: "DCGM_FI_DEV_GPU_NAME",
        value: |_, gpu| gpu.identity.name.clone().ok(),
    },
    Known {
        until48: "DCGM_FI_DEV_SERIAL",
        since49: "DCGM_FI_DEV_BOARD_SERIAL",
        value: |_, gpu| gpu.identity.serial.clone().ok(),
    },
    Known {
        until48: "DCGM_FI_DEV_UUID",
        since49: "DCGM_FI_DEV_GPU_UUID",
        value: |_, gpu| gpu.identity.uuid.clone().ok(),
    },
    Known {
        until48: "DCGM_FI_DEV_VBIOS_VERSION",
        since49: "DCGM_FI_DEV_VBIOS_VERSION",
        value: |_, gpu| gpu.identity.vbios_version.clone().ok(),
    },
    Known {
        until48: DRIVER_VERSION,
        since49: "DCGM_FI_SYSTEM_DRIVER_VERSION",
        value: |snapshot, _| snapshot.driver.as_ref()?.driver_version.clone().ok(),
    },
    Known {
        until48: "DCGM_FI_NVML_VERSION",
        since49: "DCGM_FI_SYSTEM_NVML_VERSION",
        value: |snapshot, _| snapshot.driver.as_ref()?.nvml_version.clone().ok(),
    },
];
