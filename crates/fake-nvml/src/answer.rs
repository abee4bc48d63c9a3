//! Playback of answers that a scenario gives for single calls: each argument receives its part.

use std::ffi::c_char;
use std::mem::offset_of;

use nvml_wrapper_sys::bindings::{
    nvmlBAR1Memory_t, nvmlDeviceAttributes_t, nvmlEventData_t, nvmlGpmMetricsGet_t, nvmlGpmSupport_t,
    nvmlGpuFabricInfo_t, nvmlGpuFabricInfo_v3_t, nvmlGridLicensableFeature_t, nvmlGridLicensableFeatures_t,
    nvmlMarginTemperature_v1_t, nvmlMemory_t, nvmlMemory_v2_t, nvmlPciInfo_t, nvmlProcessDetailList_v1_t,
    nvmlProcessesUtilizationInfo_v1_t, nvmlTemperature_v1_t, nvmlUtilization_t,
};

use crate::code::{Outcome, UNKNOWN};
use crate::events::EventSet;
use crate::gpm::Sample;
use crate::handle::Device;
use crate::log::warn;
use crate::pointer::{Fields, Size, TextOut};
use crate::scenario::{Answer, Item};

/// The rest of an answer while the arguments receive their parts.
pub(crate) struct Playback<'a> {
    items: std::slice::Iter<'a, Item>,
    /// Time on the scenario's clock, for numbers that move.
    seconds: f64,
    /// Text whose buffer size is the next argument.
    text: Option<(&'a TextOut, &'a [u8])>,
}

impl<'a> Playback<'a> {
    pub(crate) fn new(answer: &'a Answer, seconds: f64) -> Self {
        Self { items: answer.items.iter(), seconds, text: None }
    }

    pub(crate) fn word(&mut self) -> Result<u64, u32> {
        match self.items.next() {
            Some(Item::Word(word)) => Ok(*word),
            Some(Item::Moving(value)) => Ok(value.whole(self.seconds) as u64),
            _ => Err(mismatch("number")),
        }
    }

    fn text(&mut self) -> Result<&'a [u8], u32> {
        match self.items.next() {
            Some(Item::Text(text)) => Ok(text),
            _ => Err(mismatch("text")),
        }
    }

    /// Keeps a text until the size of its buffer is known.
    pub(crate) fn start_text(&mut self, buffer: &'a TextOut) -> Outcome {
        self.text = Some((buffer, self.text()?));
        Ok(())
    }

    /// Writes the text that was kept.
    pub(crate) fn finish_text(&mut self, size: Size) -> Outcome {
        self.text.take().map_or(Ok(()), |(buffer, bytes)| buffer.put(bytes, size))
    }
}

fn mismatch(expected: &str) -> u32 {
    warn(&format!("expected a {expected} in the scenario's answer, because its function writes one there"));
    UNKNOWN
}

/// A result type that answers can be written to.
pub(crate) trait Playable: Sized {
    /// Writes its parts of an answer. Fails for a type that captures do not contain.
    fn play(_to: Fields<Self>, _playback: &mut Playback<'_>) -> Outcome {
        warn("the scenario has an answer for a function whose results cannot be played");
        Err(UNKNOWN)
    }
}

impl Playable for u32 {
    fn play(to: Fields<Self>, playback: &mut Playback<'_>) -> Outcome {
        to.field(0).put(playback.word()? as Self);
        Ok(())
    }
}

impl Playable for i32 {
    fn play(to: Fields<Self>, playback: &mut Playback<'_>) -> Outcome {
        to.field(0).put(playback.word()? as Self);
        Ok(())
    }
}

impl Playable for u64 {
    fn play(to: Fields<Self>, playback: &mut Playback<'_>) -> Outcome {
        to.field(0).put(playback.word()?);
        Ok(())
    }
}

/// A null handle where a driver returned one; its function returns the others itself.
impl Playable for Device {
    fn play(to: Fields<Self>, playback: &mut Playback<'_>) -> Outcome {
        to.field(0).put(playback.word()?);
        Ok(())
    }
}

/// Implements [`Playable`] for structures of numbers: the named fields are written in this order. `version` is the
/// version that the caller must have set.
macro_rules! structures {
    ($($structure:ident $(version $version:literal)? { $($field:ident: $type:ty),* })*) => {
        $(impl Playable for $structure {
            fn play(to: Fields<Self>, playback: &mut Playback<'_>) -> Outcome {
                $(to.field::<$structure>(0).expect_version($version)?;)?
                $(to.field(offset_of!($structure, $field)).put(playback.word()? as $type);)*
                Ok(())
            }
        })*
    };
}

structures! {
    nvmlUtilization_t { gpu: u32, memory: u32 }
    nvmlMemory_t { total: u64, free: u64, used: u64 }
    nvmlMemory_v2_t version 2 { total: u64, reserved: u64, free: u64, used: u64 }
    nvmlBAR1Memory_t { bar1Total: u64, bar1Free: u64, bar1Used: u64 }
    nvmlTemperature_v1_t version 1 { temperature: i32 }
    nvmlMarginTemperature_v1_t version 1 { marginTemperature: i32 }
    nvmlGpmSupport_t { isSupportedDevice: u32 }
    nvmlGpuFabricInfo_t { state: u8, status: u32 }
}

/// The summary is written to version 3 alone, so a driver with version 2 may have been captured with any.
impl Playable for nvmlGpuFabricInfo_v3_t {
    fn play(to: Fields<Self>, playback: &mut Playback<'_>) -> Outcome {
        to.field(offset_of!(Self, state)).put(playback.word()? as u8);
        to.field(offset_of!(Self, status)).put(playback.word()? as u32);
        to.field(offset_of!(Self, healthMask)).put(playback.word()? as u32);
        let summary = playback.word()? as u8;
        if to.field::<Self>(0).expect_version(3).is_ok() {
            to.field(offset_of!(Self, healthSummary)).put(summary);
        }
        Ok(())
    }
}

impl Playable for nvmlPciInfo_t {
    fn play(to: Fields<Self>, playback: &mut Playback<'_>) -> Outcome {
        put_padded::<16>(to, offset_of!(Self, busIdLegacy), playback.text()?);
        for offset in [
            offset_of!(Self, domain),
            offset_of!(Self, bus),
            offset_of!(Self, device),
            offset_of!(Self, pciDeviceId),
            offset_of!(Self, pciSubSystemId),
        ] {
            to.field(offset).put(playback.word()? as u32);
        }
        put_padded::<32>(to, offset_of!(Self, busId), playback.text()?);
        Ok(())
    }
}

/// Writes a text field of fixed length, padded with zeros.
fn put_padded<const LENGTH: usize>(to: Fields<nvmlPciInfo_t>, offset: usize, text: &[u8]) {
    let mut field: [c_char; LENGTH] = [0; LENGTH];
    for (to, byte) in field.iter_mut().zip(text) {
        *to = *byte as c_char;
    }
    to.field(offset).put(field);
}

impl Playable for nvmlGridLicensableFeatures_t {
    fn play(to: Fields<Self>, playback: &mut Playback<'_>) -> Outcome {
        /// Entries of the structure's array.
        const MAX_FEATURES: usize = 3;
        let features = offset_of!(Self, gridLicensableFeatures);
        to.field(offset_of!(Self, isGridLicenseSupported)).put(playback.word()? as i32);
        let count = playback.word()? as u32;
        to.field(offset_of!(Self, licensableFeaturesCount)).put(count);
        for feature in 0..(count as usize).min(MAX_FEATURES) {
            let at = features + feature * size_of::<nvmlGridLicensableFeature_t>();
            to.field(at + offset_of!(nvmlGridLicensableFeature_t, featureState)).put(playback.word()? as u32);
        }
        Ok(())
    }
}

impl Playable for nvmlDeviceAttributes_t {}
impl Playable for nvmlEventData_t {}
impl Playable for nvmlGpmMetricsGet_t {}
impl Playable for nvmlProcessDetailList_v1_t {}
impl Playable for nvmlProcessesUtilizationInfo_v1_t {}
impl Playable for EventSet {}
impl Playable for Sample {}
