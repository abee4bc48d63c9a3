//! One GPU's handle, and who it is.

use std::cell::Cell;

use nvml_wrapper_sys::bindings::{nvmlDevice_t, nvmlPciInfo_t};
use telemetry::{Absence, Reading, readings::Identity};

use crate::{
    call_table::CallSlot,
    nvml::{
        Code, Library,
        library::{call, text, until_nul},
    },
};

/// The longest UUID with its NUL (`NVML_DEVICE_UUID_V2_BUFFER_SIZE`).
const UUID_BYTES: usize = 96;
/// The longest name with its NUL (`NVML_DEVICE_NAME_V2_BUFFER_SIZE`).
const NAME_BYTES: usize = 96;
/// The longest serial number with its NUL (`NVML_DEVICE_SERIAL_BUFFER_SIZE`).
const SERIAL_BYTES: usize = 30;
/// The longest VBIOS version with its NUL (`NVML_DEVICE_VBIOS_VERSION_BUFFER_SIZE`).
const VBIOS_BYTES: usize = 32;

/// A GPU's handle, used by the reader that got it and by no other thread.
pub(crate) struct Device<'a> {
    pub(super) library: Library,
    pub(super) slot: &'a CallSlot,
    pub(super) handle: nvmlDevice_t,
    /// Whether a call since the handle was got had a code that spoils handles.
    stale_handle: Cell<bool>,
    /// Whether any call since the last [`Device::driver_gone`] went well, and the last code that says that there is
    /// no driver any more.
    heard: Cell<(bool, Option<Code>)>,
}

impl<'a> Device<'a> {
    /// `nvmlDeviceGetHandleByIndex_v2`. A success with a null handle is an error: passing it on crashes the library.
    pub(crate) fn by_index(library: Library, slot: &'a CallSlot, index: u32) -> Result<Self, Code> {
        let mut handle: nvmlDevice_t = std::ptr::null_mut();
        call!(library, slot, nvmlDeviceGetHandleByIndex_v2(index, &raw mut handle))?;
        Self::of_handle(library, slot, handle)
    }

    /// A device by the handle that the library gave for it.
    pub(super) fn of_handle(library: Library, slot: &'a CallSlot, handle: nvmlDevice_t) -> Result<Self, Code> {
        if handle.is_null() {
            return Err(Code::UNKNOWN);
        }
        Ok(Self { library, slot, handle, stale_handle: Cell::default(), heard: Cell::default() })
    }

    /// Whether, since this was asked last, some call said that there is no driver any more and none went well.
    pub(crate) fn driver_gone(&self) -> Option<Code> {
        match self.heard.take() {
            (false, gone) => gone,
            (true, _) => None,
        }
    }

    /// The library that gave the handle.
    pub(crate) const fn library(&self) -> Library {
        self.library
    }

    /// Where calls about it are noted.
    pub(crate) const fn slot(&self) -> &CallSlot {
        self.slot
    }

    /// Whether a call answered what a handle answers that is no good any more.
    pub(crate) fn is_stale(&self) -> bool {
        self.stale_handle.get()
    }

    /// Who it is.
    pub(crate) fn identity(&self) -> Identity {
        Identity {
            uuid: self.uuid(),
            name: text::<NAME_BYTES>(|buffer, length| {
                self.seen(call!(self.library, self.slot, nvmlDeviceGetName(self.handle, buffer, length)))
            }),
            pci_bus_id: self.pci_bus_id(),
            minor_number: self.minor_number(),
            serial: text::<SERIAL_BYTES>(|buffer, length| {
                self.seen(call!(self.library, self.slot, nvmlDeviceGetSerial(self.handle, buffer, length)))
            }),
            architecture: self.architecture(),
            compute_capability: self.compute_capability(),
            vbios_version: text::<VBIOS_BYTES>(|buffer, length| {
                self.seen(call!(self.library, self.slot, nvmlDeviceGetVbiosVersion(self.handle, buffer, length)))
            }),
        }
    }

    /// `nvmlDeviceGetUUID`. What has no letters, or others than a UUID's, is garbage: all that is remembered of a GPU
    /// goes by it.
    pub(super) fn uuid(&self) -> Reading<String> {
        let uuid = text::<UUID_BYTES>(|buffer, length| {
            self.seen(call!(self.library, self.slot, nvmlDeviceGetUUID(self.handle, buffer, length)))
        })?;
        let credible = !uuid.is_empty() && uuid.bytes().all(|letter| letter.is_ascii_graphic());
        if credible { Ok(uuid) } else { Err(Absence::Error) }
    }

    fn pci_bus_id(&self) -> Reading<String> {
        // SAFETY: plain numbers and byte arrays, for which all zeroes are a value.
        let mut pci: nvmlPciInfo_t = unsafe { std::mem::zeroed() };
        self.reading(call!(self.library, self.slot, nvmlDeviceGetPciInfo_v3(self.handle, &raw mut pci)))?;
        Ok(until_nul(&pci.busId.map(i8::cast_unsigned)))
    }

    /// The reason in place of the code.
    pub(super) fn reading(&self, result: Result<(), Code>) -> Reading<()> {
        self.seen(result).map_err(Code::absence)
    }

    /// Passes a code on, and remembers what it says of the handle and of the driver.
    pub(super) fn seen(&self, result: Result<(), Code>) -> Result<(), Code> {
        let (went_well, gone) = self.heard.get();
        match result {
            Ok(()) => self.heard.set((true, gone)),
            Err(code) => {
                self.stale_handle.set(self.stale_handle.get() || code.makes_handle_stale());
                self.heard.set((went_well, Some(code).filter(|code| code.means_driver_gone()).or(gone)));
            }
        }
        result
    }
}

/// The word that NVML's versioned structures begin with: size, and version in the top byte.
pub(super) const fn version_word<T>(version: u32) -> u32 {
    #[allow(clippy::cast_possible_truncation, reason = "no structure of NVML comes near 16 MiB")]
    let size = size_of::<T>() as u32;
    size | version << 24
}
