//! Memory errors, and the rows that were replaced for them.

use telemetry::snapshot::Gpu;

use crate::v1::view::view;

view! {
    /// Errors of the memory, found by its check bits.
    struct Ecc of (eye, gpu: &Gpu) {
        /// Whether memory is checked.
        /// Source: `nvmlDeviceGetEccMode`, the current one. Lane: slow. Absent: `not_supported` on boards without ECC.
        read enabled: Option<bool> = gpu.readings.ecc.enabled;
        /// Errors corrected since the driver was loaded.
        /// Source: `nvmlDeviceGetTotalEccErrors`, corrected, volatile. Lane: slow. Absent: `not_supported` without ECC.
        read volatile_corrected: Option<u64> = gpu.readings.ecc.volatile_corrected;
        /// Errors not corrected since the driver was loaded.
        /// Source: `nvmlDeviceGetTotalEccErrors`, uncorrected, volatile. Lane: slow. Absent: `not_supported` without ECC.
        read volatile_uncorrected: Option<u64> = gpu.readings.ecc.volatile_uncorrected;
        /// Errors corrected over the GPU's life.
        /// Source: `nvmlDeviceGetTotalEccErrors`, corrected, aggregate. Lane: slow. Absent: `not_supported` without ECC.
        read aggregate_corrected: Option<u64> = gpu.readings.ecc.aggregate_corrected;
        /// Errors not corrected over the GPU's life.
        /// Source: `nvmlDeviceGetTotalEccErrors`, uncorrected, aggregate. Lane: slow. Absent: `not_supported` without ECC.
        read aggregate_uncorrected: Option<u64> = gpu.readings.ecc.aggregate_uncorrected;
    }
}

view! {
    /// Rows of memory that were replaced by spare ones.
    struct RemappedRowsView of (eye, gpu: &Gpu) {
        /// Rows replaced for errors that could be corrected.
        /// Source: `nvmlDeviceGetRemappedRows`. Lane: slow. Absent: `not_supported` before Ampere.
        read correctable: Option<u32> = gpu.readings.remapped_rows.correctable;
        /// Rows replaced for errors that could not be corrected.
        /// Source: `nvmlDeviceGetRemappedRows`. Lane: slow. Absent: `not_supported` before Ampere.
        read uncorrectable: Option<u32> = gpu.readings.remapped_rows.uncorrectable;
        /// Whether a row waits to be replaced at the next reset.
        /// Source: `nvmlDeviceGetRemappedRows`. Lane: slow. Absent: `not_supported` before Ampere.
        read pending: Option<bool> = gpu.readings.remapped_rows.pending;
        /// Whether a row could not be replaced.
        /// Source: `nvmlDeviceGetRemappedRows`. Lane: slow. Absent: `not_supported` before Ampere.
        read failed: Option<bool> = gpu.readings.remapped_rows.failed;
    }
}
