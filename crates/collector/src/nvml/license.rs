//! Licences of virtual GPUs.

use nvml_wrapper_sys::bindings::nvmlGridLicensableFeatures_t;
use telemetry::Reading;

use crate::nvml::{Device, library::ask};

impl Device<'_> {
    /// Licence of any feature of a virtual GPU: `nvmlDeviceGetGridLicensableFeatures_v4`. False if licences exist
    /// and none is active; not supported on GPUs without licences.
    pub(crate) fn vgpu_licensed(&self) -> Reading<bool> {
        // SAFETY: numbers and arrays of bytes, for which all zeroes are a value.
        let mut told: nvmlGridLicensableFeatures_t = unsafe { std::mem::zeroed() };
        let code = ask!(self, nvmlDeviceGetGridLicensableFeatures_v4(&raw mut told));
        self.reading(code)?;
        let count = usize::try_from(told.licensableFeaturesCount).unwrap_or(usize::MAX);
        let licensed = told.gridLicensableFeatures.iter().take(count).any(|feature| feature.featureState != 0);
        Ok(told.isGridLicenseSupported != 0 && licensed)
    }
}
