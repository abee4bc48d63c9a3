//! Process lists, each by the newest of its symbols that the library has, or else by the one function for all of them
//! that some Blackwell has instead.

use std::ptr;

use nvml_wrapper_sys::bindings::{nvmlProcessDetail_v1_t, nvmlProcessDetailList_v1_t};
use telemetry::{Absence, Reading, sample::ListedProcess};

use crate::nvml::{
    Code, Device,
    device::version_word,
    library::call,
    list_buffer::{Ask, Failed, read},
};

/// Which list `nvmlDeviceGetRunningProcessDetailList` gives.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mode {
    Compute = 0,
    Graphics = 1,
    Mps = 2,
}

/// A list by the newest of its symbols that the library has: `_v3`, `_v2`, and without suffix.
macro_rules! list {
    ($device:ident, $mode:ident, $expected:ident, $third:ident, $second:ident, $first:ident) => {{
        macro_rules! ask {
            ($function:ident) => {
                &|count, buffer| {
                    call!($device.library, $device.slot, $function($device.handle, ptr::from_mut(count), buffer.cast()))
                }
            };
        }
        let (third, second, first): (&Ask<'_>, &Ask<'_>, &Ask<'_>) = (ask!($third), ask!($second), ask!($first));
        $device.processes(&[(third, 24), (second, 24), (first, 16)], Mode::$mode, $expected)
    }};
}

impl Device<'_> {
    /// `nvmlDeviceGetComputeRunningProcesses_v3`, else `_v2`, else without suffix.
    pub(crate) fn compute_processes(&self, expected: usize) -> Reading<Vec<ListedProcess>> {
        list!(
            self,
            Compute,
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
            Graphics,
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
            Mps,
            expected,
            nvmlDeviceGetMPSComputeRunningProcesses_v3,
            nvmlDeviceGetMPSComputeRunningProcesses_v2,
            nvmlDeviceGetMPSComputeRunningProcesses
        )
    }

    fn processes(&self, symbols: &[(&Ask<'_>, usize)], mode: Mode, expected: usize) -> Reading<Vec<ListedProcess>> {
        let mut usual = symbols.iter().map(|(ask, width)| self.list(ask, *width, expected));
        // An older symbol is asked where a newer one is missing, and not where it fails.
        let list = usual.find(|list| !matches!(list, Err(Failed::Code(Code::FUNCTION_NOT_FOUND))));
        let list = match list.unwrap_or(Err(Failed::Code(Code::NOT_SUPPORTED))) {
            Err(Failed::Code(code)) if code.absence() == Absence::NotSupported => self.detail_list(mode, expected),
            list => list,
        };
        match list {
            Ok(list) => Ok(list),
            Err(Failed::Code(code)) => self.reading(Err(code)).map(|()| Vec::new()),
            Err(Failed::Layout) => Err(Absence::Error),
        }
    }

    /// `nvmlDeviceGetRunningProcessDetailList`.
    pub(super) fn detail_list(&self, mode: Mode, expected: usize) -> Result<Vec<ListedProcess>, Failed> {
        let ask: &Ask<'_> = &|count, buffer| {
            let mut list = nvmlProcessDetailList_v1_t {
                version: version_word::<nvmlProcessDetailList_v1_t>(1),
                mode: mode as u32,
                numProcArrayEntries: *count,
                procArray: buffer.cast(),
            };
            let code = call!(
                self.library,
                self.slot,
                nvmlDeviceGetRunningProcessDetailList(self.handle, ptr::from_mut(&mut list))
            );
            *count = list.numProcArrayEntries;
            code
        };
        self.list(ask, size_of::<nvmlProcessDetail_v1_t>(), expected)
    }

    /// One symbol's list.
    pub(super) fn list(
        &self,
        ask: &Ask<'_>,
        usual_width: usize,
        expected: usize,
    ) -> Result<Vec<ListedProcess>, Failed> {
        let filled = read(ask, usual_width, expected)?;
        self.slot.listed(|| filled.as_written());
        filled.entries().ok_or(Failed::Layout)
    }
}
