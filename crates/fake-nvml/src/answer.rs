//! Playing a captured answer: each argument of a call takes its part of it.

use std::ffi::{c_char, c_uint};
use std::mem::offset_of;

use nvml_wrapper_sys::bindings::{
    nvmlBAR1Memory_t, nvmlDeviceAttributes_t, nvmlEventData_t, nvmlGpmMetricsGet_t, nvmlGpmSupport_t,
    nvmlGpuFabricInfo_t, nvmlGpuFabricInfo_v3_t, nvmlGridLicensableFeature_t, nvmlGridLicensableFeatures_t,
    nvmlMarginTemperature_v1_t, nvmlMemory_t, nvmlMemory_v2_t, nvmlPciInfo_t, nvmlProcessDetailList_v1_t,
    nvmlProcessesUtilizationInfo_v1_t, nvmlTemperature_v1_t, nvmlUtilization_t,
};

use crate::code::{Done, SUCCESS, UNKNOWN};
use crate::engine::complain;
use crate::events::EventSet;
use crate::gpm::Sample;
use crate::handle::Device;
use crate::pointer::{Argument, Open, Text};
use crate::scenario::{Answer, Item};

/// What is left of an answer while the arguments take their parts.
pub(crate) struct Spoken<'a> {
    items: std::slice::Iter<'a, Item>,
    /// A text whose room is told by the next argument.
    text: Option<(&'a Text, &'a [u8])>,
}

impl Answer {
    /// Whether it is played by the arguments; a list is played by its function.
    pub(crate) const fn is_plain(&self) -> bool {
        self.list.is_none()
    }

    /// Answers as the driver did.
    pub(crate) fn play(&self, arguments: &[&dyn Argument]) -> Done {
        if self.code != SUCCESS {
            return Err(self.code);
        }
        let mut spoken = Spoken { items: self.told.iter(), text: None };
        arguments.iter().try_for_each(|argument| argument.hear(&mut spoken))
    }
}

impl<'a> Spoken<'a> {
    pub(crate) fn word(&mut self) -> Result<u64, u32> {
        match self.items.next() {
            Some(Item::Word(word)) => Ok(*word),
            _ => Err(unfit("a number")),
        }
    }

    fn text(&mut self) -> Result<&'a [u8], u32> {
        match self.items.next() {
            Some(Item::Text(text)) => Ok(text),
            _ => Err(unfit("a text")),
        }
    }

    /// Keeps a text until its room is known.
    pub(crate) fn begin_text(&mut self, text: &'a Text) -> Done {
        self.text = Some((text, self.text()?));
        Ok(())
    }

    /// Writes the text whose room is known now.
    pub(crate) fn end_text(&mut self, room: c_uint) -> Done {
        self.text.take().map_or(Ok(()), |(text, bytes)| text.put(bytes, room))
    }
}

fn unfit(wanted: &str) -> u32 {
    complain(&format!("an answer of the scenario lacks {wanted} where its function writes one"));
    UNKNOWN
}

/// What a call may write, part by part.
pub(crate) trait Told: Sized {
    /// Takes its parts of an answer.
    fn hear(_place: Open<Self>, _answer: &mut Spoken<'_>) -> Done {
        complain("an answer of the scenario is for a function whose values are not captured");
        Err(UNKNOWN)
    }
}

impl Told for u32 {
    fn hear(place: Open<Self>, answer: &mut Spoken<'_>) -> Done {
        place.field(0).put(answer.word()? as Self);
        Ok(())
    }
}

impl Told for i32 {
    fn hear(place: Open<Self>, answer: &mut Spoken<'_>) -> Done {
        place.field(0).put(answer.word()? as Self);
        Ok(())
    }
}

impl Told for u64 {
    fn hear(place: Open<Self>, answer: &mut Spoken<'_>) -> Done {
        place.field(0).put(answer.word()?);
        Ok(())
    }
}

/// A null handle where a driver gave one; others are given by the function itself.
impl Told for Device {
    fn hear(place: Open<Self>, answer: &mut Spoken<'_>) -> Done {
        place.field(0).put(answer.word()?);
        Ok(())
    }
}

/// Structures of numbers, of which those named are written in that order; the version that the caller must have put
/// first, if there is one.
macro_rules! told {
    ($($structure:ident $(version $version:literal)? { $($field:ident: $type:ty),* })*) => {
        $(impl Told for $structure {
            fn hear(place: Open<Self>, answer: &mut Spoken<'_>) -> Done {
                $(place.field::<$structure>(0).expect_version($version)?;)?
                $(place.field(offset_of!($structure, $field)).put(answer.word()? as $type);)*
                Ok(())
            }
        })*
    };
}

told! {
    nvmlUtilization_t { gpu: u32, memory: u32 }
    nvmlMemory_t { total: u64, free: u64, used: u64 }
    nvmlMemory_v2_t version 2 { total: u64, reserved: u64, free: u64, used: u64 }
    nvmlBAR1Memory_t { bar1Total: u64, bar1Free: u64, bar1Used: u64 }
    nvmlTemperature_v1_t version 1 { temperature: i32 }
    nvmlMarginTemperature_v1_t version 1 { marginTemperature: i32 }
    nvmlGpmSupport_t { isSupportedDevice: u32 }
    nvmlGpuFabricInfo_t { state: u8, status: u32 }
    nvmlGpuFabricInfo_v3_t { state: u8, status: u32 }
}

impl Told for nvmlPciInfo_t {
    fn hear(place: Open<Self>, answer: &mut Spoken<'_>) -> Done {
        write_text::<16>(place, offset_of!(Self, busIdLegacy), answer.text()?);
        for offset in [
            offset_of!(Self, domain),
            offset_of!(Self, bus),
            offset_of!(Self, device),
            offset_of!(Self, pciDeviceId),
            offset_of!(Self, pciSubSystemId),
        ] {
            place.field(offset).put(answer.word()? as u32);
        }
        write_text::<32>(place, offset_of!(Self, busId), answer.text()?);
        Ok(())
    }
}

/// Writes a field of fixed length, the rest zero.
fn write_text<const LENGTH: usize>(place: Open<nvmlPciInfo_t>, offset: usize, text: &[u8]) {
    let mut field: [c_char; LENGTH] = [0; LENGTH];
    for (to, byte) in field.iter_mut().zip(text) {
        *to = *byte as c_char;
    }
    place.field(offset).put(field);
}

impl Told for nvmlGridLicensableFeatures_t {
    fn hear(place: Open<Self>, answer: &mut Spoken<'_>) -> Done {
        let features = offset_of!(Self, gridLicensableFeatures);
        place.field(offset_of!(Self, isGridLicenseSupported)).put(answer.word()? as i32);
        let count = answer.word()? as u32;
        place.field(offset_of!(Self, licensableFeaturesCount)).put(count);
        // As many as there is room for.
        for feature in 0..(count as usize).min(3) {
            let at = features + feature * size_of::<nvmlGridLicensableFeature_t>();
            place.field(at + offset_of!(nvmlGridLicensableFeature_t, featureState)).put(answer.word()? as u32);
        }
        Ok(())
    }
}

impl Told for nvmlDeviceAttributes_t {}
impl Told for nvmlEventData_t {}
impl Told for nvmlGpmMetricsGet_t {}
impl Told for nvmlProcessDetailList_v1_t {}
impl Told for nvmlProcessesUtilizationInfo_v1_t {}
impl Told for EventSet {}
impl Told for Sample {}
