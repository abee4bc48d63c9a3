//! Field values: many numbers in one call, some of which have no function of their own.
//!
//! The call succeeds while a field fails, so each has its own return code, and each names the type of its value.

use nvml_wrapper_sys::bindings::{
    nvmlFieldValue_t, nvmlValueType_enum_NVML_VALUE_TYPE_DOUBLE as DOUBLE,
    nvmlValueType_enum_NVML_VALUE_TYPE_SIGNED_INT as SIGNED_INT,
    nvmlValueType_enum_NVML_VALUE_TYPE_SIGNED_LONG_LONG as SIGNED_LONG_LONG,
    nvmlValueType_enum_NVML_VALUE_TYPE_UNSIGNED_INT as UNSIGNED_INT,
    nvmlValueType_enum_NVML_VALUE_TYPE_UNSIGNED_LONG as UNSIGNED_LONG,
    nvmlValueType_enum_NVML_VALUE_TYPE_UNSIGNED_LONG_LONG as UNSIGNED_LONG_LONG,
    nvmlValueType_enum_NVML_VALUE_TYPE_UNSIGNED_SHORT as UNSIGNED_SHORT,
};
use telemetry::{Absence, Reading, readings::Field};

use crate::nvml::{Code, Device, library::ask};

/// Scope of a field of the whole GPU.
pub(super) const WHOLE: u32 = 0;
/// Scope of an NVLink field that sums up all links.
pub(super) const ALL_LINKS: u32 = u32::MAX;

/// Value or code of a field; none for a value of an unknown type.
pub(super) type FieldValue = Result<Option<i128>, Code>;

/// Fields that are read with one call.
#[derive(Default)]
pub(crate) struct FieldBatch(Vec<nvmlFieldValue_t>);

impl FieldBatch {
    /// Removes all fields.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds a field of the whole GPU to the next call.
    pub(crate) fn add(&mut self, id: u32) {
        self.add_scoped(id, WHOLE);
    }

    /// Adds a field with its scope, such as a link, to the next call.
    pub(super) fn add_scoped(&mut self, id: u32, scope: u32) {
        // SAFETY: plain numbers and a union of numbers, for which all zeroes are a value.
        let mut value: nvmlFieldValue_t = unsafe { std::mem::zeroed() };
        value.fieldId = id;
        value.scopeId = scope;
        // In case the library ignores the entry.
        value.nvmlReturn = Code::NOT_SUPPORTED.0;
        self.0.push(value);
    }

    /// Reads the fields with one `nvmlDeviceGetFieldValues`. A failure of the call is a failure of each field.
    ///
    /// Should the driver reject the whole call because of one field, the fields are read one by one.
    pub(crate) fn read(&mut self, device: &Device<'_>) {
        let result = device.get_fields(&mut self.0);
        if result == Err(Code::INVALID_ARGUMENT) && self.0.len() > 1 {
            for value in &mut self.0 {
                let result = device.get_fields(std::slice::from_mut(value));
                set_outcome(value, result);
            }
            return;
        }
        for value in &mut self.0 {
            set_outcome(value, result);
        }
    }

    /// Returns a field of the whole GPU; none if it was not added.
    pub(crate) fn get(&self, id: u32) -> Option<FieldValue> {
        self.get_scoped(id, WHOLE)
    }

    /// Returns a field with its scope; none if it was not added.
    pub(super) fn get_scoped(&self, id: u32, scope: u32) -> Option<FieldValue> {
        let value = self.0.iter().find(|value| value.fieldId == id && value.scopeId == scope)?;
        Some(match Code(value.nvmlReturn) {
            Code::SUCCESS => Ok(number(value)),
            code => Err(code),
        })
    }
}

/// Stores the outcome of the call in an entry.
fn set_outcome(value: &mut nvmlFieldValue_t, result: Result<(), Code>) {
    match result {
        Err(code) => value.nvmlReturn = code.0,
        // Only the id and the scope can be invalid: the driver is older than the field, or has no such link.
        Ok(()) if Code(value.nvmlReturn) == Code::INVALID_ARGUMENT => value.nvmlReturn = Code::NOT_SUPPORTED.0,
        Ok(()) => {}
    }
}

impl Device<'_> {
    /// Reading of a field that has no function, from the batch.
    pub(crate) fn field<T: TryFrom<i128>>(&self, batch: &FieldBatch, field: Field) -> Reading<T> {
        let value = field.spec().field_id.and_then(|id| batch.get(id)).unwrap_or(Err(Code::NOT_SUPPORTED));
        self.field_value(value)
    }

    /// Reading of a field that is documented as the same value as a function, which is called if the field is refused.
    pub(crate) fn field_or<T: TryFrom<i128>>(
        &self,
        batch: &FieldBatch,
        field: Field,
        function: impl FnOnce(&Self) -> Reading<T>,
    ) -> Reading<T> {
        match field.spec().field_id.and_then(|id| batch.get(id)) {
            Some(value @ Ok(_)) => self.field_value(value),
            _ => function(self),
        }
    }

    /// Converts a field's value, and checks its code.
    pub(super) fn field_value<T: TryFrom<i128>>(&self, value: FieldValue) -> Reading<T> {
        self.reading(value.map(|_| ()))?;
        value.ok().flatten().and_then(|number| T::try_from(number).ok()).ok_or(Absence::Error)
    }

    fn get_fields(&self, values: &mut [nvmlFieldValue_t]) -> Result<(), Code> {
        let count = i32::try_from(values.len()).map_err(|_| Code::INVALID_ARGUMENT)?;
        if count == 0 {
            return Ok(());
        }
        ask!(self, nvmlDeviceGetFieldValues(count, values.as_mut_ptr()))
    }
}

/// The value, by the type that the library names (`nvmlValueType_t`); none for an unknown type and for what is not
/// finite.
fn number(value: &nvmlFieldValue_t) -> Option<i128> {
    // SAFETY: the union was zeroed as a whole before the library wrote one of its members, so every member is
    // initialised, and all of them are numbers for which any bits are a value.
    unsafe {
        match value.valueType {
            DOUBLE if value.value.dVal.is_finite() =>
            {
                #[allow(clippy::cast_possible_truncation, reason = "a float's whole part, far from i128's limits")]
                Some(value.value.dVal as i128)
            }
            UNSIGNED_INT => Some(value.value.uiVal.into()),
            UNSIGNED_LONG => Some(value.value.ulVal.into()),
            UNSIGNED_LONG_LONG => Some(value.value.ullVal.into()),
            SIGNED_LONG_LONG => Some(value.value.sllVal.into()),
            SIGNED_INT => Some(value.value.siVal.into()),
            UNSIGNED_SHORT => Some(value.value.usVal.into()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nvml_wrapper_sys::bindings::nvmlValue_t;

    fn read(kind: u32, write: impl FnOnce(&mut nvmlValue_t)) -> Option<i128> {
        // SAFETY: as in `FieldBatch::add_scoped`.
        let mut value: nvmlFieldValue_t = unsafe { std::mem::zeroed() };
        value.valueType = kind;
        write(&mut value.value);
        number(&value)
    }

    #[test]
    fn field_value_read_by_its_type() {
        assert_eq!(read(0, |value| value.dVal = 41.9), Some(41));
        assert_eq!(read(0, |value| value.dVal = f64::NAN), None);
        assert_eq!(read(1, |value| value.uiVal = u32::MAX), Some(i128::from(u32::MAX)));
        assert_eq!(read(3, |value| value.ullVal = u64::MAX), Some(i128::from(u64::MAX)));
        assert_eq!(read(4, |value| value.sllVal = -1), Some(-1));
        assert_eq!(read(5, |value| value.siVal = -7), Some(-7));
        assert_eq!(read(6, |value| value.usVal = 9), Some(9));
        assert_eq!(read(99, |value| value.uiVal = 9), None);
    }

    #[test]
    fn fields_found_by_id_and_scope_with_their_codes() {
        let mut batch = FieldBatch::default();
        batch.add(82);
        batch.add_scoped(161, 3);
        batch.0[0].nvmlReturn = 0;
        batch.0[0].valueType = UNSIGNED_INT;
        batch.0[0].value.uiVal = 70;
        batch.0[1].nvmlReturn = Code::INVALID_ARGUMENT.0;
        batch.0.iter_mut().for_each(|value| set_outcome(value, Ok(())));
        assert_eq!(batch.get(82), Some(Ok(Some(70))));
        assert_eq!(batch.get_scoped(161, 3), Some(Err(Code::NOT_SUPPORTED)));
        assert_eq!((batch.get(83), batch.get_scoped(161, 4)), (None, None));
        set_outcome(&mut batch.0[0], Err(Code::GPU_IS_LOST));
        assert_eq!(batch.get(82), Some(Err(Code::GPU_IS_LOST)));
        batch.clear();
        assert_eq!(batch.get(82), None);
    }
}
