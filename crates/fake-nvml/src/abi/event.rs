//! Events: critical Xid errors.

use std::ffi::{c_uint, c_ulonglong};
use std::time::Duration;

use nvml_wrapper_sys::bindings::{self as sys, nvmlEventData_t};

use super::export;
use crate::code::NOT_SUPPORTED;
use crate::events::{EventSet, event_sets};
use crate::handle::{Device, Target};
use crate::pointer::Out;

const XID: c_ulonglong = sys::nvmlEventTypeXidCriticalError as c_ulonglong;

export! {
    system fn nvmlEventSetCreate(call; set: Out<EventSet>) { call.put(set, event_sets().create()) }

    system fn nvmlEventSetFree(_call; set: EventSet) { event_sets().free(set) }

    gpu fn nvmlDeviceGetSupportedEventTypes(call, gpu; types: Out<c_ulonglong>) {
        gpu.xids.as_ref().ok_or(NOT_SUPPORTED)?;
        call.put(types, XID)
    }

    device fn nvmlDeviceRegisterEvents(call, target; types: c_ulonglong, set: EventSet) {
        call.gpu(target)?.xids.as_ref().ok_or(NOT_SUPPORTED)?;
        if types & !XID != 0 {
            return Err(NOT_SUPPORTED);
        }
        if types == 0 { Ok(()) } else { event_sets().register(set, target.gpu) }
    }

    system fn nvmlEventSetWait_v2(call; set: EventSet, data: Out<nvmlEventData_t>, timeout_ms: c_uint) {
        let event = event_sets().wait(set, Duration::from_millis(timeout_ms.into()))?;
        call.put(data, nvmlEventData_t {
            device: Device::from(Target { gpu: event.gpu, mig: None }).pointer(),
            eventType: XID,
            eventData: event.code,
            gpuInstanceId: c_uint::MAX,
            computeInstanceId: c_uint::MAX,
        })
    }
}
