//! Licences of virtual GPUs.

use nvml_wrapper_sys::bindings::nvmlGridLicensableFeatures_t;
use telemetry::Reading;

use crate::nvml::{Device, library::call};

impl Device<'_> {
    /// `nvmlDeviceGetGridLicensableFeatures_v4`: whether any feature of a virtual GPU is licensed. A board that can be
    /// licensed and is not says no; one that knows of no licences does not support the call.
    pub(crate) fn vgpu_licensed(&self) -> Reading<bool> {
        // SAFETY: numbers and arrays of bytes, for which all zeroes are a value.
        let mut told: nvmlGridLicensableFeatures_t = unsafe { std::mem::zeroed() };
        let code = call!(self.library, self.slot, nvmlDeviceGetGridLicensableFeatures_v4(self.handle, &raw mut told));
        self.reading(code)?;
        let count = usize::try_from(told.licensableFeaturesCount).unwrap_or(usize::MAX);
        let licensed = told.gridLicensableFeatures.iter().take(count).any(|feature| feature.featureState != 0);
        Ok(told.isGridLicenseSupported != 0 && licensed)
    }
}
