//! Fallbacks for functions that are missing or refused. A capture calls them all, so that it can be played back to a
//! reader that calls others.

use std::ptr;

use nvml_wrapper_sys::bindings::nvmlTemperatureSensors_enum_NVML_TEMPERATURE_GPU as GPU_SENSOR;

use crate::nvml::{Count, Device, Errors, library::ask, number, process_list::Mode};

impl Device<'_> {
    /// Calls every fallback; the recorder keeps the answers.
    pub(crate) fn call_fallbacks(&self) {
        let _ = self.memory_v1();
        let _ = self.fabric_v1();
        let mut celsius = 0;
        let _ = ask!(self, nvmlDeviceGetTemperature(GPU_SENSOR, &raw mut celsius));
        let mut reasons = 0;
        let _ = ask!(self, nvmlDeviceGetCurrentClocksThrottleReasons(&raw mut reasons));
        let _ = number!(self, nvmlDeviceGetTotalEnergyConsumption());
        let _ = number!(self, nvmlDeviceGetPcieReplayCounter());
        let _ = self.remapped_rows_by_function();
        for errors in [Errors::Corrected, Errors::Uncorrected] {
            let _ = (self.ecc_errors(errors, Count::Volatile), self.ecc_errors(errors, Count::Aggregate));
        }
        self.every_list();
        for mode in [Mode::Compute, Mode::Graphics, Mode::Mps] {
            let _ = self.detail_list(mode, 0);
        }
        self.ask_for_shares_otherwise();
        self.read_nvlink_errors_otherwise();
    }

    /// Calls every symbol of every process list, and the functions that fields replace.
    fn every_list(&self) {
        macro_rules! list {
            ($($function:ident, $width:literal;)*) => {
                $(
                    let _ = self.list(
                        &|count, buffer| {
                            ask!(self, $function(ptr::from_mut(count), buffer.cast()))
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
