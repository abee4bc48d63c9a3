//! Process lists, each by the newest of its symbols in the library. Some Blackwell GPUs support only the one function
//! for all of them.

use std::ptr;

use nvml_wrapper_sys::bindings::{nvmlProcessDetail_v1_t, nvmlProcessDetailList_v1_t};
use telemetry::{Absence, Reading, sample::ListedProcess};

use crate::nvml::{
    CallSite, Code, Device,
    device::version_word,
    library::ask,
    list_buffer::{Ask, Failed, read},
};

/// Argument of `nvmlDeviceGetRunningProcessDetailList`: the list to return.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mode {
    Compute = 0,
    Graphics = 1,
    Mps = 2,
}

/// Reads a list by the newest of its symbols in the library: `_v3`, `_v2`, and without suffix.
macro_rules! list {
    ($device:ident, $mode:ident, $expected:ident, $third:ident, $second:ident, $first:ident) => {{
        macro_rules! symbol {
            ($function:ident) => {
                &|count, buffer| ask!($device, $function(ptr::from_mut(count), buffer.cast()))
            };
        }
        let (third, second, first): (&Ask<'_>, &Ask<'_>, &Ask<'_>) =
            (symbol!($third), symbol!($second), symbol!($first));
        $device.processes(&[(third, 24), (second, 24), (first, 16)], Mode::$mode, $expected)
    }};
}

impl Device<'_> {
    /// Lists compute processes: `nvmlDeviceGetComputeRunningProcesses_v3`, else `_v2`, else without suffix.
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

    /// Lists graphics processes: `nvmlDeviceGetGraphicsRunningProcesses_v3`, else `_v2`, else without suffix.
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

    /// Lists processes that share the GPU through the MPS server: `nvmlDeviceGetMPSComputeRunningProcesses_v3`, else
    /// `_v2`, else without suffix.
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
        // An older symbol replaces a newer one that is missing, not one that fails.
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

    /// Lists processes by `nvmlDeviceGetRunningProcessDetailList`.
    pub(super) fn detail_list(&self, mode: Mode, expected: usize) -> Result<Vec<ListedProcess>, Failed> {
        static SITES: [CallSite; 3] = [const { CallSite::new() }; 3];
        let ask: &Ask<'_> = &|count, buffer| {
            let mut list = nvmlProcessDetailList_v1_t {
                version: version_word::<nvmlProcessDetailList_v1_t>(1),
                mode: mode as u32,
                numProcArrayEntries: *count,
                procArray: buffer.cast(),
            };
            let site = &SITES[mode as usize];
            let code = ask!(self, site, nvmlDeviceGetRunningProcessDetailList(ptr::from_mut(&mut list)));
            *count = list.numProcArrayEntries;
            code
        };
        self.list(ask, size_of::<nvmlProcessDetail_v1_t>(), expected)
    }

    /// Lists processes by one symbol.
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
