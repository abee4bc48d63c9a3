//! What is asked only where something newer is missing. A capture asks it all the same, so that it can be played to a
//! reader that asks in another way.

use std::ptr;

use nvml_wrapper_sys::bindings::nvmlTemperatureSensors_enum_NVML_TEMPERATURE_GPU as GPU_SENSOR;

use crate::nvml::{Device, library::call, process_list::Mode};

impl Device<'_> {
    /// Asks, and leaves what is answered to the recorder.
    pub(crate) fn ask_in_other_ways(&self) {
        let _ = self.memory_v1();
        let mut celsius = 0;
        let _ = call!(self.library, self.slot, nvmlDeviceGetTemperature(self.handle, GPU_SENSOR, &raw mut celsius));
        let mut reasons = 0;
        let _ =
            call!(self.library, self.slot, nvmlDeviceGetCurrentClocksThrottleReasons(self.handle, &raw mut reasons));
        self.every_list();
        for mode in [Mode::Compute, Mode::Graphics, Mode::Mps] {
            let _ = self.detail_list(mode, 0);
        }
        self.ask_for_shares_otherwise();
        self.ask_for_nvlink_errors_otherwise();
    }

    /// Every process list by every symbol that there is for it.
    fn every_list(&self) {
        macro_rules! list {
            ($($function:ident, $width:literal;)*) => {
                $(
                    let _ = self.list(
                        &|count, buffer| {
                            call!(self.library, self.slot, $function(self.handle, ptr::from_mut(count), buffer.cast()))
                        },
                        $width,
                        0,
                    );
                )*
            };
        }
        list! {
            nvmlDeviceGetComputeRunningProcesses_v2, 24;
            nvmlDeviceGetComputeRunningProcesses, 16;
            nvmlDeviceGetGraphicsRunningProcesses_v2, 24;
            nvmlDeviceGetGraphicsRunningProcesses, 16;
            nvmlDeviceGetMPSComputeRunningProcesses_v2, 24;
            nvmlDeviceGetMPSComputeRunningProcesses, 16;
        }
    }
}
