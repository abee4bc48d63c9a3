//! Errors of the memory, and the rows that were replaced for them.

use nvml_wrapper_sys::bindings::{
    nvmlEccCounterType_t, nvmlMemoryErrorType_enum_NVML_MEMORY_ERROR_TYPE_CORRECTED,
    nvmlMemoryErrorType_enum_NVML_MEMORY_ERROR_TYPE_UNCORRECTED, nvmlMemoryErrorType_t,
};
use telemetry::{Reading, readings::RemappedRows};

use crate::nvml::{Device, library::call};

/// Which errors are counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Errors {
    Corrected,
    Uncorrected,
}

/// Since when they are counted (`nvmlEccCounterType_t`).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Since {
    /// Since the driver was loaded.
    Driver,
    /// Over the GPU's life.
    Ever,
}

impl Device<'_> {
    /// `nvmlDeviceGetEccMode`, the current one.
    pub(crate) fn ecc_enabled(&self) -> Reading<bool> {
        let (mut current, mut pending) = (0, 0);
        let code =
            call!(self.library, self.slot, nvmlDeviceGetEccMode(self.handle, &raw mut current, &raw mut pending));
        self.reading(code)?;
        Ok(current != 0)
    }

    /// `nvmlDeviceGetTotalEccErrors`.
    pub(crate) fn ecc_errors(&self, errors: Errors, since: Since) -> Reading<u64> {
        let which: nvmlMemoryErrorType_t = match errors {
            Errors::Corrected => nvmlMemoryErrorType_enum_NVML_MEMORY_ERROR_TYPE_CORRECTED,
            Errors::Uncorrected => nvmlMemoryErrorType_enum_NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
        };
        let counter: nvmlEccCounterType_t = match since {
            Since::Driver => 0,
            Since::Ever => 1,
        };
        let mut count = 0;
        let code =
            call!(self.library, self.slot, nvmlDeviceGetTotalEccErrors(self.handle, which, counter, &raw mut count));
        self.reading(code)?;
        Ok(count)
    }

    /// `nvmlDeviceGetRemappedRows`.
    pub(crate) fn remapped_rows(&self) -> RemappedRows {
        let (mut correctable, mut uncorrectable, mut pending, mut failed) = (0, 0, 0, 0);
        let code = call!(
            self.library,
            self.slot,
            nvmlDeviceGetRemappedRows(
                self.handle,
                &raw mut correctable,
                &raw mut uncorrectable,
                &raw mut pending,
                &raw mut failed
            )
        );
        match self.reading(code) {
            Ok(()) => RemappedRows {
                correctable: Ok(correctable),
                uncorrectable: Ok(uncorrectable),
                pending: Ok(pending != 0),
                failed: Ok(failed != 0),
            },
            Err(why) => RemappedRows::absent(why),
        }
    }
}
