//! One GPU: its handle and the values that are one call each.

use nvml_wrapper_sys::bindings::{
    nvmlDevice_t, nvmlPciInfo_t, nvmlTemperature_t, nvmlTemperatureSensors_enum_NVML_TEMPERATURE_GPU,
    nvmlTemperatureThresholds_enum_NVML_TEMPERATURE_THRESHOLD_SHUTDOWN,
    nvmlTemperatureThresholds_enum_NVML_TEMPERATURE_THRESHOLD_SLOWDOWN, nvmlUtilization_t,
};
use telemetry::{Absence, Reading, sample::Identity, sample::Utilization};

use crate::{
    board::Desk,
    nvml::{
        Code, Library,
        library::{call, text, until_nul},
    },
};

/// The longest UUID with its NUL (`NVML_DEVICE_UUID_V2_BUFFER_SIZE`).
const UUID_BYTES: usize = 96;
/// The longest name with its NUL (`NVML_DEVICE_NAME_V2_BUFFER_SIZE`).
const NAME_BYTES: usize = 96;

/// A GPU's handle, used by the lane that got it and by no other thread.
pub(crate) struct Device<'a> {
    pub(super) library: Library,
    pub(super) desk: &'a Desk,
    pub(super) handle: nvmlDevice_t,
    /// The worst code seen since the handle was got, if it was one that spoils handles.
    spoiled: std::cell::Cell<bool>,
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident: $type:ty = $function:ident ( $($argument:expr),* )) => {
        $(#[$doc])*
        pub(crate) fn $name(&self) -> Reading<$type> {
            let mut value: $type = 0;
            self.reading(call!(self.library, self.desk, $function(self.handle, $($argument,)* &raw mut value)))?;
            Ok(value)
        }
    };
}

impl<'a> Device<'a> {
    /// `nvmlDeviceGetHandleByIndex_v2`. A success with a null handle is an error: passing it on crashes the library.
    pub(crate) fn by_index(library: Library, desk: &'a Desk, index: u32) -> Result<Self, Code> {
        let mut handle: nvmlDevice_t = std::ptr::null_mut();
        call!(library, desk, nvmlDeviceGetHandleByIndex_v2(index, &raw mut handle))?;
        if handle.is_null() {
            return Err(Code::UNKNOWN);
        }
        Ok(Self { library, desk, handle, spoiled: std::cell::Cell::new(false) })
    }

    /// Whether a call answered what a handle answers that is no good any more.
    pub(crate) fn is_spoiled(&self) -> bool {
        self.spoiled.get()
    }

    /// Who it is.
    pub(crate) fn identity(&self) -> Identity {
        Identity {
            uuid: text::<UUID_BYTES>(|buffer, length| {
                self.seen(call!(self.library, self.desk, nvmlDeviceGetUUID(self.handle, buffer, length)))
            }),
            name: text::<NAME_BYTES>(|buffer, length| {
                self.seen(call!(self.library, self.desk, nvmlDeviceGetName(self.handle, buffer, length)))
            }),
            pci_bus_id: self.pci_bus_id(),
            minor_number: self.minor_number(),
            ..Identity::absent(Absence::NotSupported)
        }
    }

    fn pci_bus_id(&self) -> Reading<String> {
        // SAFETY: plain numbers and byte arrays, for which all zeroes are a value.
        let mut pci: nvmlPciInfo_t = unsafe { std::mem::zeroed() };
        self.reading(call!(self.library, self.desk, nvmlDeviceGetPciInfo_v3(self.handle, &raw mut pci)))?;
        Ok(until_nul(&pci.busId.map(i8::cast_unsigned)))
    }

    /// `nvmlDeviceGetTemperatureV` (signed, and the only one from CUDA 14 on), else `nvmlDeviceGetTemperature`; °C.
    pub(crate) fn temperature_celsius(&self) -> Reading<i32> {
        let sensor = nvmlTemperatureSensors_enum_NVML_TEMPERATURE_GPU;
        let mut versioned =
            nvmlTemperature_t { version: version_word::<nvmlTemperature_t>(1), sensorType: sensor, temperature: 0 };
        match call!(self.library, self.desk, nvmlDeviceGetTemperatureV(self.handle, &raw mut versioned)) {
            Ok(()) => return Ok(versioned.temperature),
            Err(code) if code.absence() == Absence::NotSupported => {}
            Err(code) => return self.reading(Err(code)).map(|()| 0),
        }
        let mut value = 0;
        self.reading(call!(self.library, self.desk, nvmlDeviceGetTemperature(self.handle, sensor, &raw mut value)))?;
        i32::try_from(value).map_err(|_| Absence::Error)
    }

    number!(
        /// `nvmlDeviceGetFanSpeed`: the first fan, in % of what is intended.
        fan_percent: u32 = nvmlDeviceGetFanSpeed()
    );
    number!(
        /// `nvmlDeviceGetPowerUsage`.
        power_draw_mw: u32 = nvmlDeviceGetPowerUsage()
    );
    number!(
        /// `nvmlDeviceGetPowerManagementLimit`.
        power_limit_mw: u32 = nvmlDeviceGetPowerManagementLimit()
    );
    number!(
        /// `nvmlDeviceGetEnforcedPowerLimit`.
        enforced_limit_mw: u32 = nvmlDeviceGetEnforcedPowerLimit()
    );
    number!(
        /// `nvmlDeviceGetPowerManagementDefaultLimit`.
        default_limit_mw: u32 = nvmlDeviceGetPowerManagementDefaultLimit()
    );
    number!(
        /// `nvmlDeviceGetTemperatureThreshold`, slowdown; °C.
        slowdown_celsius: u32 =
            nvmlDeviceGetTemperatureThreshold(nvmlTemperatureThresholds_enum_NVML_TEMPERATURE_THRESHOLD_SLOWDOWN)
    );
    number!(
        /// `nvmlDeviceGetTemperatureThreshold`, shutdown; °C.
        shutdown_celsius: u32 =
            nvmlDeviceGetTemperatureThreshold(nvmlTemperatureThresholds_enum_NVML_TEMPERATURE_THRESHOLD_SHUTDOWN)
    );
    number!(
        /// `nvmlDeviceGetMaxPcieLinkGeneration`.
        pcie_max_generation: u32 = nvmlDeviceGetMaxPcieLinkGeneration()
    );
    number!(
        /// `nvmlDeviceGetMaxPcieLinkWidth`.
        pcie_max_width: u32 = nvmlDeviceGetMaxPcieLinkWidth()
    );
    number!(
        /// `nvmlDeviceGetMinorNumber`.
        minor_number: u32 = nvmlDeviceGetMinorNumber()
    );
    number!(
        /// `nvmlDeviceGetComputeMode`, NVML's number.
        compute_mode: u32 = nvmlDeviceGetComputeMode()
    );

    /// `nvmlDeviceGetPersistenceMode`.
    pub(crate) fn persistence_mode(&self) -> Reading<bool> {
        let mut mode = 0;
        self.reading(call!(self.library, self.desk, nvmlDeviceGetPersistenceMode(self.handle, &raw mut mode)))?;
        Ok(mode != 0)
    }

    /// `nvmlDeviceGetDisplayActive`.
    pub(crate) fn display_active(&self) -> Reading<bool> {
        let mut active = 0;
        self.reading(call!(self.library, self.desk, nvmlDeviceGetDisplayActive(self.handle, &raw mut active)))?;
        Ok(active != 0)
    }

    /// `nvmlDeviceGetMigMode`, the current one.
    pub(crate) fn mig_mode(&self) -> Reading<bool> {
        let (mut current, mut pending) = (0, 0);
        let code =
            call!(self.library, self.desk, nvmlDeviceGetMigMode(self.handle, &raw mut current, &raw mut pending));
        self.reading(code)?;
        Ok(current != 0)
    }

    /// `nvmlDeviceGetUtilizationRates`. More than 100 % is garbage.
    pub(crate) fn utilization(&self) -> Reading<Utilization> {
        let mut rates = nvmlUtilization_t { gpu: 0, memory: 0 };
        self.reading(call!(self.library, self.desk, nvmlDeviceGetUtilizationRates(self.handle, &raw mut rates)))?;
        if rates.gpu > 100 || rates.memory > 100 {
            return Err(Absence::Error);
        }
        Ok(Utilization { gpu_percent: rates.gpu, memory_percent: rates.memory })
    }

    /// The reason in place of the code.
    pub(super) fn reading(&self, result: Result<(), Code>) -> Reading<()> {
        self.seen(result).map_err(Code::absence)
    }

    /// Passes a code on, and remembers it if it spoils the handle.
    pub(super) fn seen(&self, result: Result<(), Code>) -> Result<(), Code> {
        if let Err(code) = result {
            self.spoiled.set(self.spoiled.get() || code.spoils_the_handle());
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
