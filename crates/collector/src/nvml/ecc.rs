//! Errors of the memory, and the rows that were remapped for them.

use nvml_wrapper_sys::bindings::{
    nvmlEccCounterType_enum_NVML_AGGREGATE_ECC as AGGREGATE, nvmlEccCounterType_enum_NVML_VOLATILE_ECC as VOLATILE,
    nvmlMemoryErrorType_enum_NVML_MEMORY_ERROR_TYPE_CORRECTED as CORRECTED,
    nvmlMemoryErrorType_enum_NVML_MEMORY_ERROR_TYPE_UNCORRECTED as UNCORRECTED,
};
use telemetry::{
    Reading,
    readings::{Field, RemappedRows},
};

use crate::nvml::{CallSite, Code, Device, FieldBatch, as_flag, library::ask};

/// Kind of errors (`nvmlMemoryErrorType_t`).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Errors {
    Corrected,
    Uncorrected,
}

/// Counter of errors (`nvmlEccCounterType_t`).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Count {
    /// Since the driver was loaded.
    Volatile,
    /// Over the GPU's life.
    Aggregate,
}

impl Device<'_> {
    /// Number of ECC errors: `nvmlDeviceGetTotalEccErrors`.
    pub(crate) fn ecc_errors(&self, errors: Errors, count: Count) -> Reading<u64> {
        static SITES: [[CallSite; 2]; 2] = [const { [const { CallSite::new() }; 2] }; 2];
        let (kind, [volatile, aggregate]) = match errors {
            Errors::Corrected => (CORRECTED, &SITES[0]),
            Errors::Uncorrected => (UNCORRECTED, &SITES[1]),
        };
        let (counter, site) = match count {
            Count::Volatile => (VOLATILE, volatile),
            Count::Aggregate => (AGGREGATE, aggregate),
        };
        let mut number = 0;
        self.reading(ask!(self, site, nvmlDeviceGetTotalEccErrors(kind, counter, &raw mut number)))?;
        Ok(number)
    }

    /// Remapped rows: fields 142 to 145, else `nvmlDeviceGetRemappedRows`.
    pub(crate) fn remapped_rows(&self, batch: &FieldBatch) -> RemappedRows {
        let fields = [Field::RowsCorrectable, Field::RowsUncorrectable, Field::RowsPending, Field::RowsFailed];
        let numbers = fields.map(|field| batch.get(field.spec().field_id?)?.ok().flatten()?.try_into().ok());
        let rows = match numbers {
            [Some(correctable), Some(uncorrectable), Some(pending), Some(failed)] => {
                self.reading(Ok(())).map(|()| [correctable, uncorrectable, pending, failed])
            }
            _ => self.remapped_rows_by_function(),
        };
        match rows {
            Ok([correctable, uncorrectable, pending, failed]) => RemappedRows {
                correctable: Ok(correctable),
                uncorrectable: Ok(uncorrectable),
                pending: as_flag(pending),
                failed: as_flag(failed),
            },
            Err(why) => RemappedRows::absent(why),
        }
    }

    /// Remapped rows: `nvmlDeviceGetRemappedRows`.
    pub(super) fn remapped_rows_by_function(&self) -> Reading<[u32; 4]> {
        let (mut correctable, mut uncorrectable, mut pending, mut failed) = (0, 0, 0, 0);
        let code: Result<(), Code> = ask!(
            self,
            nvmlDeviceGetRemappedRows(&raw mut correctable, &raw mut uncorrectable, &raw mut pending, &raw mut failed)
        );
        self.reading(code)?;
        Ok([correctable, uncorrectable, pending, failed])
    }
}
