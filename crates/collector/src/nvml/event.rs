//! NVML event sets for Xid errors.

use std::time::Duration;

use nvml_wrapper_sys::bindings::{nvmlEventData_t, nvmlEventSet_t, nvmlEventTypeXidCriticalError};
use telemetry::Reading;

use crate::{
    call_table::CallSlot,
    nvml::{Code, Device, Library, library::call},
};

/// Value for "none" in an event's instance fields.
const NO_INSTANCE: u32 = u32::MAX;

/// Event set of one GPU. Freed by [`EventSet::free`], and leaked if it is dropped.
#[derive(Debug)]
pub(crate) struct EventSet {
    set: nvmlEventSet_t,
    /// Known from the registration, since nothing is asked of a GPU that fails.
    gpu: u32,
    uuid: Reading<String>,
}

// SAFETY: NVML's sets are not bound to a thread, and one thread at a time owns this.
unsafe impl Send for EventSet {}

/// Xid error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct XidEvent {
    pub(crate) gpu: u32,
    pub(crate) uuid: Reading<String>,
    pub(crate) code: u64,
    pub(crate) gpu_instance: Option<u32>,
    pub(crate) compute_instance: Option<u32>,
}

impl EventSet {
    /// Registers for a GPU's Xid errors: `nvmlEventSetCreate` and `nvmlDeviceRegisterEvents`.
    pub(crate) fn subscribe(device: &Device<'_>, gpu: u32, uuid: Reading<String>) -> Result<Self, Code> {
        let (library, slot) = (device.library, device.slot);
        let kinds = u64::from(nvmlEventTypeXidCriticalError);
        let mut supported = 0;
        call!(library, slot, nvmlDeviceGetSupportedEventTypes(device.handle, &raw mut supported))?;
        if supported & kinds == 0 {
            return Err(Code::NOT_SUPPORTED);
        }
        let mut set: nvmlEventSet_t = std::ptr::null_mut();
        call!(library, slot, nvmlEventSetCreate(&raw mut set))?;
        if set.is_null() {
            return Err(Code::UNKNOWN);
        }
        let set = Self { set, gpu, uuid };
        match call!(library, slot, nvmlDeviceRegisterEvents(device.handle, kinds, set.set)) {
            Ok(()) => Ok(set),
            Err(code) => {
                set.free(library, slot);
                Err(code)
            }
        }
    }

    /// Waits for the next Xid error: `nvmlEventSetWait_v2`. None at the timeout and for any other event. Returns the
    /// address of the handle that the event names, too: a library may deliver another GPU's event to this set.
    pub(crate) fn wait(
        &self,
        library: Library,
        slot: &CallSlot,
        timeout: Duration,
    ) -> Result<Option<(usize, XidEvent)>, Code> {
        let milliseconds = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
        let mut data = nvmlEventData_t {
            device: std::ptr::null_mut(),
            eventType: 0,
            eventData: 0,
            gpuInstanceId: NO_INSTANCE,
            computeInstanceId: NO_INSTANCE,
        };
        match call!(library, slot, nvmlEventSetWait_v2(self.set, &raw mut data, milliseconds)) {
            Ok(()) => {}
            Err(Code::TIMEOUT) => return Ok(None),
            Err(code) => return Err(code),
        }
        if data.eventType & u64::from(nvmlEventTypeXidCriticalError) == 0 {
            return Ok(None);
        }
        let instance = |id: u32| (id != NO_INSTANCE).then_some(id);
        let event = XidEvent {
            gpu: self.gpu,
            uuid: self.uuid.clone(),
            code: data.eventData,
            gpu_instance: instance(data.gpuInstanceId),
            compute_instance: instance(data.computeInstanceId),
        };
        Ok(Some((data.device.addr(), event)))
    }

    /// Frees the set: `nvmlEventSetFree`.
    pub(crate) fn free(self, library: Library, slot: &CallSlot) {
        // A set that cannot be freed is leaked; there is no other way to release it.
        let _ = call!(library, slot, nvmlEventSetFree(self.set));
    }
}
