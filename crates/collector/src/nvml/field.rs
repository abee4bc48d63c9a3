//! Field values: numbers without functions of their own.
//!
//! The call succeeds while a field fails, so each has its own return code; and each says of which type it is.

use nvml_wrapper_sys::bindings::{
    nvmlFieldValue_t, nvmlValueType_enum_NVML_VALUE_TYPE_DOUBLE as DOUBLE,
    nvmlValueType_enum_NVML_VALUE_TYPE_SIGNED_INT as SIGNED_INT,
    nvmlValueType_enum_NVML_VALUE_TYPE_SIGNED_LONG_LONG as SIGNED_LONG_LONG,
    nvmlValueType_enum_NVML_VALUE_TYPE_UNSIGNED_INT as UNSIGNED_INT,
    nvmlValueType_enum_NVML_VALUE_TYPE_UNSIGNED_LONG as UNSIGNED_LONG,
    nvmlValueType_enum_NVML_VALUE_TYPE_UNSIGNED_LONG_LONG as UNSIGNED_LONG_LONG,
    nvmlValueType_enum_NVML_VALUE_TYPE_UNSIGNED_SHORT as UNSIGNED_SHORT,
};
use telemetry::{Absence, Reading};

use crate::nvml::{Code, Device, library::call};

/// `NVML_FI_DEV_MEMORY_TEMP`, in °C.
const MEMORY_TEMPERATURE: u32 = 82;
/// `NVML_FI_DEV_PERF_POLICY_POWER`, in nanoseconds. Fields, since `nvmlDeviceGetViolationStatus` goes with CUDA 14.
const POWER_THROTTLED: u32 = 74;
/// `NVML_FI_DEV_PERF_POLICY_THERMAL`, in nanoseconds.
const THERMAL_THROTTLED: u32 = 75;
/// `NVML_FI_DEV_GET_GPU_RECOVERY_ACTION`.
const RECOVERY_ACTION: u32 = 230;
/// For fields of NVLink: all links together.
pub(super) const ALL_LINKS: u32 = u32::MAX;

/// Fields that count bytes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Counter {
    /// `NVML_FI_DEV_PCIE_COUNT_TX_BYTES`.
    PcieTx,
    /// `NVML_FI_DEV_PCIE_COUNT_RX_BYTES`.
    PcieRx,
    /// `NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX`, in KiB.
    NvlinkTx,
    /// `NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_RX`, in KiB.
    NvlinkRx,
}

impl Device<'_> {
    /// The memory's temperature, in °C.
    pub(crate) fn memory_temperature_celsius(&self) -> Reading<i32> {
        i32::try_from(self.field(MEMORY_TEMPERATURE, 0)?).map_err(|_| Absence::Error)
    }

    /// What the driver recommends: NVML's number, 0 for nothing.
    pub(crate) fn recovery_action(&self) -> Reading<u32> {
        u32::try_from(self.field(RECOVERY_ACTION, 0)?).map_err(|_| Absence::Error)
    }

    /// For how long the power limit has held the clocks down, in nanoseconds.
    pub(crate) fn power_throttled_ns(&self) -> Reading<u64> {
        u64::try_from(self.field(POWER_THROTTLED, 0)?).map_err(|_| Absence::Error)
    }

    /// For how long heat has held the clocks down, in nanoseconds.
    pub(crate) fn thermal_throttled_ns(&self) -> Reading<u64> {
        u64::try_from(self.field(THERMAL_THROTTLED, 0)?).map_err(|_| Absence::Error)
    }

    /// Bytes so far.
    pub(super) fn bytes(&self, counter: Counter) -> Reading<u64> {
        let (field, scope, unit) = match counter {
            Counter::PcieTx => (197, 0, 1),
            Counter::PcieRx => (198, 0, 1),
            Counter::NvlinkTx => (138, ALL_LINKS, 1024),
            Counter::NvlinkRx => (139, ALL_LINKS, 1024),
        };
        let count = u64::try_from(self.field(field, scope)?).map_err(|_| Absence::Error)?;
        count.checked_mul(unit).ok_or(Absence::Error)
    }

    /// `nvmlDeviceGetFieldValues` of one field. Asked one at a time, so that one which hangs is named by its reader.
    pub(super) fn field(&self, field: u32, scope: u32) -> Reading<i128> {
        // SAFETY: plain numbers and a union of numbers, for which all zeroes are a value.
        let mut value: nvmlFieldValue_t = unsafe { std::mem::zeroed() };
        value.fieldId = field;
        value.scopeId = scope;
        // In case the library leaves the entry alone.
        value.nvmlReturn = Code::NOT_SUPPORTED.0;
        self.reading(call!(self.library, self.slot, nvmlDeviceGetFieldValues(self.handle, 1, &raw mut value)))?;
        match Code(value.nvmlReturn) {
            Code::SUCCESS => {}
            // The field and its scope are what is asked with: the driver is older than the field, or has no such link.
            Code::INVALID_ARGUMENT => return Err(Absence::NotSupported),
            code => return self.reading(Err(code)).map(|()| 0),
        }
        number(&value)
    }
}

/// The value by the type that the library says it is (`nvmlValueType_t`).
fn number(value: &nvmlFieldValue_t) -> Reading<i128> {
    // SAFETY: the union was zeroed as a whole before the library wrote one of its members, so every member is
    // initialised, and all of them are numbers for which any bits are a value.
    unsafe {
        match value.valueType {
            DOUBLE if value.value.dVal.is_finite() =>
            {
                #[allow(clippy::cast_possible_truncation, reason = "a float's whole part, far from i128's limits")]
                Ok(value.value.dVal as i128)
            }
            UNSIGNED_INT => Ok(value.value.uiVal.into()),
            UNSIGNED_LONG => Ok(value.value.ulVal.into()),
            UNSIGNED_LONG_LONG => Ok(value.value.ullVal.into()),
            SIGNED_LONG_LONG => Ok(value.value.sllVal.into()),
            SIGNED_INT => Ok(value.value.siVal.into()),
            UNSIGNED_SHORT => Ok(value.value.usVal.into()),
            _ => Err(Absence::Error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nvml_wrapper_sys::bindings::nvmlValue_t;

    fn read(kind: u32, write: impl FnOnce(&mut nvmlValue_t)) -> Reading<i128> {
        // SAFETY: as in `Device::field`.
        let mut value: nvmlFieldValue_t = unsafe { std::mem::zeroed() };
        value.valueType = kind;
        write(&mut value.value);
        number(&value)
    }

    #[test]
    fn field_value_read_by_its_type() {
        assert_eq!(read(0, |value| value.dVal = 41.9), Ok(41));
        assert_eq!(read(0, |value| value.dVal = f64::NAN), Err(Absence::Error));
        assert_eq!(read(1, |value| value.uiVal = u32::MAX), Ok(i128::from(u32::MAX)));
        assert_eq!(read(3, |value| value.ullVal = u64::MAX), Ok(i128::from(u64::MAX)));
        assert_eq!(read(4, |value| value.sllVal = -1), Ok(-1));
        assert_eq!(read(5, |value| value.siVal = -7), Ok(-7));
        assert_eq!(read(6, |value| value.usVal = 9), Ok(9));
        assert_eq!(read(99, |value| value.uiVal = 9), Err(Absence::Error));
    }
}
