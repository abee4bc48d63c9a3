//! MIG: the instances of a GPU, each with a handle of its own.

use nvml_wrapper_sys::bindings::nvmlDevice_t;
use telemetry::{Absence, Reading, sample::MigSample};

use crate::nvml::{
    Code, Device,
    library::{ask, call},
};

/// Instances that are read at most; no GPU has as many.
const MAX_INSTANCES: u32 = 64;

impl Device<'_> {
    /// Reads the current instances: `nvmlDeviceGetMigDeviceHandleByIndex` of each place that
    /// `nvmlDeviceGetMaxMigDeviceCount` allows. Places may be empty. An instance whose handle is refused is in the list
    /// with everything absent. If all are refused, the list is absent.
    pub(crate) fn mig_instances(&self, mode: Reading<bool>) -> Reading<Vec<MigSample>> {
        match mode {
            Ok(true) => {}
            Ok(false) | Err(Absence::NotSupported) => return Ok(Vec::new()),
            Err(why) => return Err(why),
        }
        let mut most = 0;
        self.reading(ask!(self, nvmlDeviceGetMaxMigDeviceCount(&raw mut most)))?;
        let all = (0..most.min(MAX_INSTANCES)).filter_map(|place| self.instance(place).transpose());
        known(all.map(|instance| instance.map(|instance| instance.mig_sample())).collect())
    }

    /// Returns the instance at a place; none if it is empty.
    fn instance(&self, place: u32) -> Reading<Option<Device<'_>>> {
        let mut handle: nvmlDevice_t = std::ptr::null_mut();
        let code =
            call!(self.library, self.slot, nvmlDeviceGetMigDeviceHandleByIndex(self.handle, place, &raw mut handle));
        match code.and_then(|()| Device::of_handle(self.library, self.slot, handle)) {
            Ok(instance) => Ok(Some(instance)),
            Err(Code::NOT_FOUND | Code::INVALID_ARGUMENT) => Ok(None),
            Err(code) => self.reading(Err(code)).map(|()| None),
        }
    }

    fn mig_sample(&self) -> MigSample {
        MigSample {
            gpu_instance: self.gpu_instance_id(),
            compute_instance: self.compute_instance_id(),
            uuid: self.uuid(),
            profile: self.name().and_then(|name| profile(&name).ok_or(Absence::NotSupported)),
            // The host's memory does not belong to an instance.
            memory: self.memory(None),
            // Read by GPM on every tick.
            activity: Err(Absence::Timeout),
            compute: self.compute_processes(0),
        }
    }

    fn gpu_instance_id(&self) -> Reading<u32> {
        let mut id = 0;
        self.reading(ask!(self, nvmlDeviceGetGpuInstanceId(&raw mut id)))?;
        Ok(id)
    }

    fn compute_instance_id(&self) -> Reading<u32> {
        let mut id = 0;
        self.reading(ask!(self, nvmlDeviceGetComputeInstanceId(&raw mut id)))?;
        Ok(id)
    }
}

/// Returns the instances, with the refused ones as absent. If all were refused, not even their number is known.
fn known(all: Vec<Reading<MigSample>>) -> Reading<Vec<MigSample>> {
    match all.iter().find_map(|one| one.as_ref().err()) {
        Some(why) if all.iter().all(Result::is_err) => Err(*why),
        _ => Ok(all.into_iter().map(|one| one.unwrap_or_else(MigSample::absent)).collect()),
    }
}

/// Returns the profile in an instance's name: `NVIDIA A100-SXM4-40GB MIG 1g.5gb`.
fn profile(name: &str) -> Option<String> {
    let (_, profile) = name.rsplit_once("MIG ")?;
    Some(profile.trim().to_owned()).filter(|profile| !profile.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mig_instance_refused_stays_listed() {
        let one = || MigSample { gpu_instance: Ok(1), ..MigSample::absent(Absence::Error) };
        let denied = || Err(Absence::Denied);
        for (name, all, expected) in [
            ("none", vec![], Ok(vec![])),
            ("all read", vec![Ok(one()), Ok(one())], Ok(vec![one(), one()])),
            ("some", vec![denied(), Ok(one())], Ok(vec![MigSample::absent(Absence::Denied), one()])),
            ("none read", vec![denied(), Err(Absence::Lost)], Err(Absence::Denied)),
        ] {
            assert_eq!(known(all), expected, "{name}");
        }
    }

    #[test]
    fn mig_profile_parsed_from_name() {
        assert_eq!(profile("NVIDIA A100-SXM4-40GB MIG 1g.5gb").as_deref(), Some("1g.5gb"));
        assert_eq!(profile("NVIDIA H200 MIG 1c.2g.35gb").as_deref(), Some("1c.2g.35gb"));
        assert_eq!(profile("NVIDIA A100-SXM4-40GB"), None);
    }
}
