//! Xid errors, by NVML's event sets.

use std::time::Duration;

use nvml_wrapper_sys::bindings::{nvmlEventData_t, nvmlEventSet_t, nvmlEventTypeXidCriticalError};
use telemetry::Reading;

use crate::{
    board::Desk,
    nvml::{Code, Device, Library, library::call},
};

/// "None", in an event's instance fields.
const NO_INSTANCE: u32 = u32::MAX;

/// A set of events of one GPU. It is freed by [`EventSet::free`], and lost if it is dropped.
#[derive(Debug)]
pub(crate) struct EventSet {
    set: nvmlEventSet_t,
    /// Who is listened to: nothing is asked of a GPU that is in trouble.
    gpu: u32,
    uuid: Reading<String>,
}

// SAFETY: NVML's sets belong to no thread, and one thread at a time has this.
unsafe impl Send for EventSet {}

/// An Xid error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) gpu: u32,
    pub(crate) uuid: Reading<String>,
    pub(crate) code: u64,
    pub(crate) gpu_instance: Option<u32>,
    pub(crate) compute_instance: Option<u32>,
}

impl EventSet {
    /// `nvmlEventSetCreate`, and `nvmlDeviceRegisterEvents` of a GPU's Xid errors, which are heard from now on.
    pub(crate) fn listening(device: &Device<'_>, gpu: u32, uuid: Reading<String>) -> Result<Self, Code> {
        let (library, desk) = (device.library, device.desk);
        let kinds = u64::from(nvmlEventTypeXidCriticalError);
        let mut supported = 0;
        call!(library, desk, nvmlDeviceGetSupportedEventTypes(device.handle, &raw mut supported))?;
        if supported & kinds == 0 {
            return Err(Code::NOT_SUPPORTED);
        }
        let mut set: nvmlEventSet_t = std::ptr::null_mut();
        call!(library, desk, nvmlEventSetCreate(&raw mut set))?;
        if set.is_null() {
            return Err(Code::UNKNOWN);
        }
        let set = Self { set, gpu, uuid };
        match call!(library, desk, nvmlDeviceRegisterEvents(device.handle, kinds, set.set)) {
            Ok(()) => Ok(set),
            Err(code) => {
                set.free(library, desk);
                Err(code)
            }
        }
    }

    /// `nvmlEventSetWait_v2`: the next Xid error; none if there was none within the time, or it was another event.
    pub(crate) fn wait(&self, library: Library, desk: &Desk, longest: Duration) -> Result<Option<Heard>, Code> {
        let milliseconds = u32::try_from(longest.as_millis()).unwrap_or(u32::MAX);
        let mut data = nvmlEventData_t {
            device: std::ptr::null_mut(),
            eventType: 0,
            eventData: 0,
            gpuInstanceId: NO_INSTANCE,
            computeInstanceId: NO_INSTANCE,
        };
        match call!(library, desk, nvmlEventSetWait_v2(self.set, &raw mut data, milliseconds)) {
            Ok(()) => {}
            Err(Code::TIMEOUT) => return Ok(None),
            Err(code) => return Err(code),
        }
        if data.eventType & u64::from(nvmlEventTypeXidCriticalError) == 0 {
            return Ok(None);
        }
        let instance = |id: u32| (id != NO_INSTANCE).then_some(id);
        Ok(Some(Heard {
            gpu: self.gpu,
            uuid: self.uuid.clone(),
            code: data.eventData,
            gpu_instance: instance(data.gpuInstanceId),
            compute_instance: instance(data.computeInstanceId),
        }))
    }

    /// `nvmlEventSetFree`.
    pub(crate) fn free(self, library: Library, desk: &Desk) {
        // A set that cannot be freed is lost; there is nothing else to do with it.
        let _ = call!(library, desk, nvmlEventSetFree(self.set));
    }
}
