//! Process lists, each by the newest of its symbols that the library has.

use std::ptr;

use telemetry::{Absence, Reading, sample::ListedProcess};

use crate::nvml::{
    Code, Device,
    filled::{Ask, Failed, read},
    library::call,
};

/// A list by the newest of its symbols that the library has: `_v3`, `_v2`, and without suffix.
macro_rules! list {
    ($device:ident, $expected:ident, $third:ident, $second:ident, $first:ident) => {{
        macro_rules! ask {
            ($function:ident) => {
                &|count, buffer| {
                    call!($device.library, $device.desk, $function($device.handle, ptr::from_mut(count), buffer.cast()))
                }
            };
        }
        let (third, second, first): (&Ask<'_>, &Ask<'_>, &Ask<'_>) = (ask!($third), ask!($second), ask!($first));
        $device.processes(&[(third, 24), (second, 24), (first, 16)], $expected)
    }};
}

impl Device<'_> {
    /// `nvmlDeviceGetComputeRunningProcesses_v3`, else `_v2`, else without suffix.
    pub(crate) fn compute_processes(&self, expected: usize) -> Reading<Vec<ListedProcess>> {
        list!(
            self,
            expected,
            nvmlDeviceGetComputeRunningProcesses_v3,
            nvmlDeviceGetComputeRunningProcesses_v2,
            nvmlDeviceGetComputeRunningProcesses
        )
    }

    /// `nvmlDeviceGetGraphicsRunningProcesses_v3`, else `_v2`, else without suffix.
    pub(crate) fn graphics_processes(&self, expected: usize) -> Reading<Vec<ListedProcess>> {
        list!(
            self,
            expected,
            nvmlDeviceGetGraphicsRunningProcesses_v3,
            nvmlDeviceGetGraphicsRunningProcesses_v2,
            nvmlDeviceGetGraphicsRunningProcesses
        )
    }

    /// `nvmlDeviceGetMPSComputeRunningProcesses_v3`, else `_v2`, else without suffix: those that share the GPU
    /// through the MPS server.
    pub(crate) fn mps_processes(&self, expected: usize) -> Reading<Vec<ListedProcess>> {
        list!(
            self,
            expected,
            nvmlDeviceGetMPSComputeRunningProcesses_v3,
            nvmlDeviceGetMPSComputeRunningProcesses_v2,
            nvmlDeviceGetMPSComputeRunningProcesses
        )
    }

    fn processes(&self, symbols: &[(&Ask<'_>, usize)], expected: usize) -> Reading<Vec<ListedProcess>> {
        for (ask, width) in symbols {
            match self.list(ask, *width, expected) {
                Err(Failed::Code(Code::FUNCTION_NOT_FOUND)) => {}
                Err(Failed::Code(code)) => return self.reading(Err(code)).map(|()| Vec::new()),
                Err(Failed::Layout) => return Err(Absence::Error),
                Ok(list) => return Ok(list),
            }
        }
        Err(Absence::NotSupported)
    }

    /// One symbol's list.
    pub(super) fn list(
        &self,
        ask: &Ask<'_>,
        usual_width: usize,
        expected: usize,
    ) -> Result<Vec<ListedProcess>, Failed> {
        let filled = read(ask, usual_width, expected)?;
        self.desk.listed(|| filled.as_written());
        filled.entries().ok_or(Failed::Layout)
    }
}
