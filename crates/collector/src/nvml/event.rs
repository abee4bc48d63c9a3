//! Xid errors, by NVML's event sets.

use nvml_wrapper_sys::bindings::{nvmlEventData_t, nvmlEventSet_t, nvmlEventTypeXidCriticalError};
use telemetry::{Reading, Stamp, sample::XidSample};

use crate::{
    board::Desk,
    nvml::{Code, Device, Library, library::call},
};

/// "None", in an event's instance fields.
const NO_INSTANCE: u32 = u32::MAX;

/// A set of events that is waited on by one thread.
pub(crate) struct EventSet<'a> {
    library: Library,
    desk: &'a Desk,
    set: nvmlEventSet_t,
}

impl<'a> EventSet<'a> {
    /// `nvmlEventSetCreate`.
    pub(crate) fn new(library: Library, desk: &'a Desk) -> Result<Self, Code> {
        let mut set: nvmlEventSet_t = std::ptr::null_mut();
        call!(library, desk, nvmlEventSetCreate(&raw mut set))?;
        if set.is_null() { Err(Code::UNKNOWN) } else { Ok(Self { library, desk, set }) }
    }

    /// `nvmlDeviceRegisterEvents` of a GPU's Xid errors; from when on they are heard.
    pub(crate) fn listen_to(&self, index: u32) -> Reading<Stamp> {
        let device = Device::by_index(self.library, self.desk, index).map_err(Code::absence)?;
        let kinds = u64::from(nvmlEventTypeXidCriticalError);
        let mut supported = 0;
        call!(self.library, self.desk, nvmlDeviceGetSupportedEventTypes(device.handle, &raw mut supported))
            .map_err(Code::absence)?;
        if supported & kinds == 0 {
            return Err(telemetry::Absence::NotSupported);
        }
        call!(self.library, self.desk, nvmlDeviceRegisterEvents(device.handle, kinds, self.set))
            .map_err(Code::absence)?;
        Ok(Stamp::now())
    }

    /// `nvmlEventSetWait_v2`: the next Xid error; none if there was none within the time, or it was another event.
    pub(crate) fn wait(&self, milliseconds: u32) -> Result<Option<XidSample>, Code> {
        let mut data = nvmlEventData_t {
            device: std::ptr::null_mut(),
            eventType: 0,
            eventData: 0,
            gpuInstanceId: NO_INSTANCE,
            computeInstanceId: NO_INSTANCE,
        };
        match call!(self.library, self.desk, nvmlEventSetWait_v2(self.set, &raw mut data, milliseconds)) {
            Ok(()) => {}
            Err(Code::TIMEOUT) => return Ok(None),
            Err(code) => return Err(code),
        }
        if data.eventType & u64::from(nvmlEventTypeXidCriticalError) == 0 {
            return Ok(None);
        }
        let instance = |id: u32| (id != NO_INSTANCE).then_some(id);
        let device = Device::of_handle(self.library, self.desk, data.device)?;
        Ok(Some(XidSample {
            gpu: device.index().unwrap_or(u32::MAX),
            uuid: device.uuid(),
            code: data.eventData,
            at: Stamp::now(),
            gpu_instance: instance(data.gpuInstanceId),
            compute_instance: instance(data.computeInstanceId),
        }))
    }
}

impl Drop for EventSet<'_> {
    fn drop(&mut self) {
        // A set that cannot be freed is lost; there is nothing else to do with it.
        let _ = call!(self.library, self.desk, nvmlEventSetFree(self.set));
    }
}
