//! Handle and identity of one GPU.

use std::cell::Cell;

use nvml_wrapper_sys::bindings::{nvmlDevice_t, nvmlPciInfo_t};
use telemetry::{Absence, Reading};

use crate::{
    call_table::CallSlot,
    nvml::{
        Code, Library,
        library::{ask, call, text, until_nul},
        support::Support,
    },
};

/// Longest UUID with its NUL (`NVML_DEVICE_UUID_V2_BUFFER_SIZE`).
const UUID_BYTES: usize = 96;
/// Longest name with its NUL (`NVML_DEVICE_NAME_V2_BUFFER_SIZE`).
const NAME_BYTES: usize = 96;
/// Longest serial number with its NUL (`NVML_DEVICE_SERIAL_BUFFER_SIZE`).
const SERIAL_BYTES: usize = 30;
/// Longest VBIOS version with its NUL (`NVML_DEVICE_VBIOS_VERSION_BUFFER_SIZE`).
const VBIOS_BYTES: usize = 32;

/// Handle of a GPU, used only by the reader thread that opened it.
pub(crate) struct Device<'a> {
    pub(crate) library: Library,
    pub(crate) slot: &'a CallSlot,
    pub(crate) handle: nvmlDevice_t,
    pub(crate) support: Support,
    /// A call has returned a code of a stale handle.
    stale: Cell<bool>,
    /// Outcome of the calls since the last [`Device::driver_gone`]: whether any has succeeded, and the last code that
    /// says that the driver is gone.
    outcome: Cell<(bool, Option<Code>)>,
    /// Last code since the last [`Device::failure`] that is not the answer of a working GPU.
    failed: Cell<Option<Code>>,
}

impl<'a> Device<'a> {
    /// Opens the handle of an index: `nvmlDeviceGetHandleByIndex_v2`. Success with a null handle is an error, since the
    /// library crashes if it is given one.
    pub(crate) fn by_index(library: Library, slot: &'a CallSlot, index: u32) -> Result<Self, Code> {
        let mut handle: nvmlDevice_t = std::ptr::null_mut();
        call!(library, slot, nvmlDeviceGetHandleByIndex_v2(index, &raw mut handle))?;
        Self::of_handle(library, slot, handle)
    }

    /// Creates a device from the library's handle.
    pub(super) fn of_handle(library: Library, slot: &'a CallSlot, handle: nvmlDevice_t) -> Result<Self, Code> {
        if handle.is_null() {
            return Err(Code::UNKNOWN);
        }
        Ok(Self {
            library,
            slot,
            handle,
            support: Support::default(),
            stale: Cell::default(),
            outcome: Cell::default(),
            failed: Cell::default(),
        })
    }

    /// Returns the code that says that the driver is gone, if one did since the last call of this and no call has
    /// succeeded.
    pub(crate) fn driver_gone(&self) -> Option<Code> {
        match self.outcome.take() {
            (false, gone) => gone,
            (true, _) => None,
        }
    }

    /// Returns the last code since the last call of this that says more than that something is not supported. A
    /// required reset takes precedence.
    pub(crate) fn failure(&self) -> Option<Code> {
        self.failed.take()
    }

    /// Library that returned the handle.
    pub(crate) const fn library(&self) -> Library {
        self.library
    }

    /// Address of the library's handle.
    pub(crate) fn address(&self) -> usize {
        self.handle.addr()
    }

    /// Call slot of its calls.
    pub(crate) const fn slot(&self) -> &CallSlot {
        self.slot
    }

    /// Returns whether a call has failed as it does with a stale handle.
    pub(crate) fn is_stale(&self) -> bool {
        self.stale.get()
    }

    /// Name: `nvmlDeviceGetName`.
    pub(crate) fn name(&self) -> Reading<String> {
        text::<NAME_BYTES>(|buffer, length| self.check(ask!(self, nvmlDeviceGetName(buffer, length))))
    }

    /// Serial number of the board: `nvmlDeviceGetSerial`.
    pub(crate) fn serial(&self) -> Reading<String> {
        text::<SERIAL_BYTES>(|buffer, length| self.check(ask!(self, nvmlDeviceGetSerial(buffer, length))))
    }

    /// VBIOS version: `nvmlDeviceGetVbiosVersion`.
    pub(crate) fn vbios_version(&self) -> Reading<String> {
        text::<VBIOS_BYTES>(|buffer, length| self.check(ask!(self, nvmlDeviceGetVbiosVersion(buffer, length))))
    }

    /// UUID: `nvmlDeviceGetUUID`. An empty one, or one with other characters than a UUID has, is garbage: a GPU's
    /// history is found by it.
    pub(crate) fn uuid(&self) -> Reading<String> {
        let uuid = text::<UUID_BYTES>(|buffer, length| self.check(ask!(self, nvmlDeviceGetUUID(buffer, length))))?;
        let credible = !uuid.is_empty() && uuid.bytes().all(|letter| letter.is_ascii_graphic());
        if credible { Ok(uuid) } else { Err(Absence::Error) }
    }

    /// PCI bus id: `nvmlDeviceGetPciInfo_v3`, `busId`.
    pub(crate) fn pci_bus_id(&self) -> Reading<String> {
        // SAFETY: plain numbers and byte arrays, for which all zeroes are a value.
        let mut pci: nvmlPciInfo_t = unsafe { std::mem::zeroed() };
        self.reading(ask!(self, nvmlDeviceGetPciInfo_v3(&raw mut pci)))?;
        Ok(until_nul(&pci.busId.map(i8::cast_unsigned)))
    }

    /// Converts a code to the reason of an absence, and [checks](Self::check) it.
    pub(crate) fn reading(&self, result: Result<(), Code>) -> Reading<()> {
        self.check(result).map_err(Code::absence)
    }

    /// Returns a code as it is, and remembers what it says about the handle and the driver.
    pub(super) fn check(&self, result: Result<(), Code>) -> Result<(), Code> {
        let (went_well, gone) = self.outcome.get();
        match result {
            Ok(()) => self.outcome.set((true, gone)),
            Err(code) => {
                if code.absence() != Absence::NotSupported && self.failed.get() != Some(Code::RESET_REQUIRED) {
                    self.failed.set(Some(code));
                }
                self.stale.set(self.stale.get() || code.makes_handle_stale());
                self.outcome.set((went_well, Some(code).filter(|code| code.means_driver_gone()).or(gone)));
            }
        }
        result
    }
}

/// First word of NVML's versioned structures: the size, and the version in the top byte.
pub(super) const fn version_word<T>(version: u32) -> u32 {
    #[allow(clippy::cast_possible_truncation, reason = "no structure of NVML comes near 16 MiB")]
    let size = size_of::<T>() as u32;
    size | version << 24
}
