//! Recording of the arguments of NVML's functions in a capture, by their types.

use std::ffi::c_char;

use nvml_wrapper_sys::bindings::{
    nvmlBAR1Memory_t, nvmlDevice_st, nvmlEventData_t, nvmlEventSet_st, nvmlFieldValue_t, nvmlGpmMetricsGet_t,
    nvmlGpmSample_st, nvmlGpmSupport_t, nvmlGpuFabricInfo_t, nvmlGpuFabricInfo_v3_t, nvmlGridLicensableFeatures_t,
    nvmlMarginTemperature_t, nvmlMemory_t, nvmlMemory_v2_t, nvmlPciInfo_t, nvmlProcessDetailList_v1_t,
    nvmlProcessInfo_v1_t, nvmlProcessInfo_v2_t, nvmlProcessUtilizationSample_t, nvmlProcessesUtilizationInfo_v1_t,
    nvmlTemperature_t, nvmlUtilization_t,
};
use telemetry::capture::{Field, Item, Metric};

use crate::record::{Arguments, Note};

/// Function of the library, called with a tuple of its arguments.
pub(crate) trait Callable {
    /// Tuple of the arguments.
    type Arguments: Arguments;

    /// Calls it.
    ///
    /// # Safety
    /// As for the function.
    unsafe fn call(self, arguments: Self::Arguments) -> u32;
}

/// Argument of a function.
trait Argument: Copy {
    /// Records an input.
    fn ask(&self, _note: &mut Note) {}

    /// Records an output.
    ///
    /// # Safety
    /// As for [`Arguments::tell`].
    unsafe fn tell(&self, _note: &mut Note) {}
}

macro_rules! callables {
    ($(($($type:ident $place:tt),*))*) => {
        $(
            #[allow(non_snake_case, unused_variables, reason = "each is as it comes, also with no arguments")]
            impl<$($type: Argument),*> Arguments for ($($type,)*) {
                fn ask(&self, note: &mut Note) {
                    $(self.$place.ask(note);)*
                }

                unsafe fn tell(&self, note: &mut Note) {
                    // SAFETY: as for this function.
                    $(unsafe { self.$place.tell(note) };)*
                }
            }

            impl<$($type: Argument),*> Callable for unsafe extern "C" fn($($type),*) -> u32 {
                type Arguments = ($($type,)*);

                #[allow(unused_variables, reason = "where there are no arguments")]
                unsafe fn call(self, arguments: Self::Arguments) -> u32 {
                    // SAFETY: as for this function.
                    unsafe { self($(arguments.$place),*) }
                }
            }
        )*
    };
}

callables! {
    ()
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
}

/// Handle: the device of the call.
impl Argument for *mut nvmlDevice_st {
    fn ask(&self, note: &mut Note) {
        note.handle = Some(self.addr());
    }
}

impl Argument for *mut *mut nvmlDevice_st {
    unsafe fn tell(&self, note: &mut Note) {
        // SAFETY: a handle was written there.
        note.given = Some(unsafe { self.read() }.addr());
    }
}

/// Number: an input that selects the answer, or the size of the text buffer before it.
impl Argument for u32 {
    fn ask(&self, note: &mut Note) {
        if note.text.take().is_none() {
            note.with.push((*self).into());
        }
    }

    unsafe fn tell(&self, note: &mut Note) {
        let Some(text) = note.text.take() else { return };
        // SAFETY: there is room for so many bytes, all of which were initialised before the call.
        let room = unsafe { std::slice::from_raw_parts(text, *self as usize) };
        let text = room.split(|byte| *byte == 0).next().unwrap_or_default();
        note.told.push(Item::Text(text.to_vec()));
    }
}

impl Argument for *mut c_char {
    fn ask(&self, note: &mut Note) {
        note.text = Some(self.cast());
    }

    unsafe fn tell(&self, note: &mut Note) {
        note.text = Some(self.cast());
    }
}

/// Number of fields, which the next argument points to.
impl Argument for i32 {
    unsafe fn tell(&self, note: &mut Note) {
        note.length = usize::try_from(*self).unwrap_or(0);
    }
}

/// Time or mask: the answer contains it.
impl Argument for u64 {}
impl Argument for *mut nvmlEventSet_st {}
impl Argument for *mut *mut nvmlEventSet_st {}
/// Sample: identifies the GPU instance in later calls.
impl Argument for *mut nvmlGpmSample_st {
    fn ask(&self, note: &mut Note) {
        note.sample = Some(self.addr());
    }
}

impl Argument for *mut *mut nvmlGpmSample_st {}
// The caller knows the layout of a list, and amends the record.
impl Argument for *mut nvmlProcessInfo_v1_t {}
impl Argument for *mut nvmlProcessInfo_v2_t {}
impl Argument for *mut nvmlProcessUtilizationSample_t {}
impl Argument for *mut nvmlProcessesUtilizationInfo_v1_t {}

impl Argument for *mut nvmlProcessDetailList_v1_t {
    fn ask(&self, note: &mut Note) {
        // SAFETY: the structure was initialised before the call, and still lives.
        note.with.push(unsafe { self.read() }.mode.into());
    }
}

/// Bits of a number, sign-extended if it is signed.
trait Word {
    fn word(self) -> Item;
}

macro_rules! words {
    ($($type:ty)*) => {
        $(
            impl Word for $type {
                #[allow(clippy::cast_sign_loss, clippy::cast_lossless, reason = "the bits are wanted")]
                fn word(self) -> Item {
                    Item::Word(self as u64)
                }
            }
        )*
    };
}

words! { u8 u32 i32 u64 }

macro_rules! numbers {
    ($($type:ty)*) => {
        $(
            impl Argument for *mut $type {
                unsafe fn tell(&self, note: &mut Note) {
                    // SAFETY: a number was written there.
                    note.told.push(unsafe { self.read() }.word());
                }
            }
        )*
    };
}

numbers! { u32 i32 u64 }

/// Structures of numbers. The listed fields are recorded, in that order.
macro_rules! structures {
    ($($structure:ident { $($field:ident),* })*) => {
        $(
            impl Argument for *mut $structure {
                unsafe fn tell(&self, note: &mut Note) {
                    // SAFETY: the structure was initialised before the call and written by it.
                    let told = unsafe { self.read() };
                    note.told.extend([$(told.$field.word()),*]);
                }
            }
        )*
    };
}

structures! {
    nvmlUtilization_t { gpu, memory }
    nvmlMemory_t { total, free, used }
    nvmlMemory_v2_t { total, reserved, free, used }
    nvmlBAR1Memory_t { bar1Total, bar1Free, bar1Used }
    nvmlTemperature_t { temperature }
    nvmlMarginTemperature_t { marginTemperature }
    nvmlGpmSupport_t { isSupportedDevice }
    // Without the name of the cluster, which is private.
    nvmlGpuFabricInfo_t { state, status }
    // In version 2 the summary is 0, as it is initialised.
    nvmlGpuFabricInfo_v3_t { state, status, healthMask, healthSummary }
}

impl Argument for *mut nvmlPciInfo_t {
    unsafe fn tell(&self, note: &mut Note) {
        // SAFETY: as for the structures of numbers.
        let told = unsafe { self.read() };
        let text = |bytes: &[c_char]| {
            Item::Text(bytes.iter().take_while(|byte| **byte != 0).map(|byte| byte.cast_unsigned()).collect())
        };
        note.told.push(text(&told.busIdLegacy));
        note.told.extend([told.domain, told.bus, told.device, told.pciDeviceId, told.pciSubSystemId].map(Word::word));
        note.told.push(text(&told.busId));
    }
}

/// Licences: whether there are any, and the state of each feature. The names of features are not recorded.
impl Argument for *mut nvmlGridLicensableFeatures_t {
    unsafe fn tell(&self, note: &mut Note) {
        // SAFETY: as for the structures of numbers; only read through a reference, since it is large.
        let told = unsafe { &**self };
        let features = told.gridLicensableFeatures.iter().take(told.licensableFeaturesCount as usize);
        note.told.extend([told.isGridLicenseSupported.word(), told.licensableFeaturesCount.word()]);
        note.told.extend(features.map(|feature| feature.featureState.word()));
    }
}

impl Argument for *mut nvmlEventData_t {
    unsafe fn tell(&self, note: &mut Note) {
        // SAFETY: as for the structures of numbers.
        let told = unsafe { self.read() };
        note.handle = Some(told.device.addr());
        note.told.extend([told.eventType.word(), told.eventData.word()]);
    }
}

impl Argument for *mut nvmlFieldValue_t {
    unsafe fn tell(&self, note: &mut Note) {
        // SAFETY: the argument before this is the length of the array, whose entries were initialised before the call.
        let values = unsafe { std::slice::from_raw_parts(self.cast_const(), note.length) };
        let field = |value: &nvmlFieldValue_t| Field {
            id: value.fieldId,
            scope: value.scopeId,
            code: value.nvmlReturn,
            kind: value.valueType,
            // SAFETY: the union was zeroed as a whole before the call, and any bits are a number.
            bits: unsafe { value.value.ullVal },
        };
        note.fields = Some(values.iter().map(field).collect());
    }
}

impl Argument for *mut nvmlGpmMetricsGet_t {
    fn ask(&self, note: &mut Note) {
        // SAFETY: the structure was initialised before the call, and still lives; it is too large to be copied.
        note.sample = Some(unsafe { &**self }.sample2.addr());
    }

    unsafe fn tell(&self, note: &mut Note) {
        // SAFETY: as for the structures of numbers; only read through a reference, since it is large.
        let told = unsafe { &**self };
        let asked = told.metrics.iter().take(told.numMetrics as usize);
        let metric = |metric: &nvml_wrapper_sys::bindings::nvmlGpmMetric_t| Metric {
            id: metric.metricId,
            code: metric.nvmlReturn,
            value: metric.value,
        };
        note.metrics = Some(asked.map(metric).collect());
    }
}
