//! MIG: the instances that a GPU is divided into, each with a handle of its own.

use nvml_wrapper_sys::bindings::nvmlDevice_t;
use telemetry::{Absence, Reading, sample::MigSample};

use crate::nvml::{Code, Device, library::call};

/// More instances than any GPU has.
const MOST_INSTANCES: u32 = 64;

impl Device<'_> {
    /// The instances there are now: `nvmlDeviceGetMigDeviceHandleByIndex` of each that
    /// `nvmlDeviceGetMaxMigDeviceCount` allows. Places may be empty.
    pub(crate) fn mig_instances(&self) -> Reading<Vec<MigSample>> {
        match self.mig_mode() {
            Ok(true) => {}
            Ok(false) | Err(Absence::NotSupported) => return Ok(Vec::new()),
            Err(why) => return Err(why),
        }
        let mut most = 0;
        self.reading(call!(self.library, self.desk, nvmlDeviceGetMaxMigDeviceCount(self.handle, &raw mut most)))?;
        let places = 0..most.min(MOST_INSTANCES);
        Ok(places.filter_map(|place| self.instance(place).ok()).map(|instance| instance.mig_sample()).collect())
    }

    fn instance(&self, place: u32) -> Result<Device<'_>, Code> {
        let mut handle: nvmlDevice_t = std::ptr::null_mut();
        call!(self.library, self.desk, nvmlDeviceGetMigDeviceHandleByIndex(self.handle, place, &raw mut handle))?;
        Device::of_handle(self.library, self.desk, handle)
    }

    fn mig_sample(&self) -> MigSample {
        let identity = self.identity();
        MigSample {
            gpu_instance: self.gpu_instance_id(),
            compute_instance: self.compute_instance_id(),
            uuid: identity.uuid,
            profile: identity.name.and_then(|name| profile(&name).ok_or(Absence::NotSupported)),
            // The host's memory is not an instance's.
            memory: self.memory(|| Err(Absence::NotSupported)),
            compute: self.compute_processes(0),
        }
    }

    fn gpu_instance_id(&self) -> Reading<u32> {
        let mut id = 0;
        self.reading(call!(self.library, self.desk, nvmlDeviceGetGpuInstanceId(self.handle, &raw mut id)))?;
        Ok(id)
    }

    fn compute_instance_id(&self) -> Reading<u32> {
        let mut id = 0;
        self.reading(call!(self.library, self.desk, nvmlDeviceGetComputeInstanceId(self.handle, &raw mut id)))?;
        Ok(id)
    }
}

/// The profile in an instance's name: `NVIDIA A100-SXM4-40GB MIG 1g.5gb`.
fn profile(name: &str) -> Option<String> {
    let (_, profile) = name.rsplit_once("MIG ")?;
    Some(profile.trim().to_owned()).filter(|profile| !profile.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_stands_in_the_name() {
        assert_eq!(profile("NVIDIA A100-SXM4-40GB MIG 1g.5gb").as_deref(), Some("1g.5gb"));
        assert_eq!(profile("NVIDIA H200 MIG 1c.2g.35gb").as_deref(), Some("1c.2g.35gb"));
        assert_eq!(profile("NVIDIA A100-SXM4-40GB"), None);
    }
}
