//! Readings of one call each.

use nvml_wrapper_sys::bindings::{
    nvmlBAR1Memory_t, nvmlClockType_enum_NVML_CLOCK_GRAPHICS as GRAPHICS, nvmlClockType_enum_NVML_CLOCK_MEM as MEMORY,
    nvmlClockType_enum_NVML_CLOCK_SM as SM, nvmlClockType_enum_NVML_CLOCK_VIDEO as VIDEO, nvmlMarginTemperature_t,
    nvmlTemperature_t, nvmlTemperatureSensors_enum_NVML_TEMPERATURE_GPU,
    nvmlTemperatureThresholds_enum_NVML_TEMPERATURE_THRESHOLD_SHUTDOWN as SHUTDOWN,
    nvmlTemperatureThresholds_enum_NVML_TEMPERATURE_THRESHOLD_SLOWDOWN as SLOWDOWN, nvmlUtilization_t,
};
use telemetry::{Absence, Reading};

use crate::nvml::{Code, Device, device::version_word, library::ask, library::call};

/// Fans that are read at most.
const MAX_FANS: u32 = 16;
/// NVML's value for an unknown performance state.
const UNKNOWN_STATE: u32 = 32;

/// Functions that write one number as their last argument.
macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $function:ident ( $($argument:expr),* );)*) => {
        $(
            $(#[$doc])*
            pub(crate) fn $name(&self) -> Reading<$type> {
                let mut value: $type = 0;
                self.reading(ask!(self, $function($($argument,)* &raw mut value)))?;
                Ok(value)
            }
        )*
    };
}

/// Functions that write a number, of which 0 is false, as their last argument.
macro_rules! flags {
    ($($(#[$doc:meta])* $name:ident = $function:ident;)*) => {
        $(
            $(#[$doc])*
            pub(crate) fn $name(&self) -> Reading<bool> {
                let mut value = 0;
                self.reading(ask!(self, $function(&raw mut value)))?;
                Ok(value != 0)
            }
        )*
    };
}

/// Functions that write two numbers, of which the first is the value.
macro_rules! first_of_two {
    ($($(#[$doc:meta])* $name:ident = $function:ident;)*) => {
        $(
            $(#[$doc])*
            pub(crate) fn $name(&self) -> Reading<u32> {
                let (mut value, mut second) = (0, 0);
                self.reading(ask!(self, $function(&raw mut value, &raw mut second)))?;
                Ok(value)
            }
        )*
    };
}

impl Device<'_> {
    numbers! {
        /// First fan in % of the intended speed: `nvmlDeviceGetFanSpeed`.
        fan_percent: u32 = nvmlDeviceGetFanSpeed();
        /// Power draw in mW: `nvmlDeviceGetPowerUsage`.
        power_draw_mw: u32 = nvmlDeviceGetPowerUsage();
        /// Power limit in mW: `nvmlDeviceGetPowerManagementLimit`.
        power_limit_mw: u32 = nvmlDeviceGetPowerManagementLimit();
        /// Enforced power limit in mW: `nvmlDeviceGetEnforcedPowerLimit`.
        enforced_limit_mw: u32 = nvmlDeviceGetEnforcedPowerLimit();
        /// Default power limit in mW: `nvmlDeviceGetPowerManagementDefaultLimit`.
        default_limit_mw: u32 = nvmlDeviceGetPowerManagementDefaultLimit();
        /// Slowdown threshold in °C: `nvmlDeviceGetTemperatureThreshold`.
        slowdown_celsius: u32 = nvmlDeviceGetTemperatureThreshold(SLOWDOWN);
        /// Shutdown threshold in °C: `nvmlDeviceGetTemperatureThreshold`.
        shutdown_celsius: u32 = nvmlDeviceGetTemperatureThreshold(SHUTDOWN);
        /// Maximum PCIe generation of GPU and slot: `nvmlDeviceGetMaxPcieLinkGeneration`.
        pcie_max_generation: u32 = nvmlDeviceGetMaxPcieLinkGeneration();
        /// Maximum PCIe width of GPU and slot, in lanes: `nvmlDeviceGetMaxPcieLinkWidth`.
        pcie_max_width: u32 = nvmlDeviceGetMaxPcieLinkWidth();
        /// Energy in mJ since the driver was loaded: `nvmlDeviceGetTotalEnergyConsumption`.
        energy_mj: u64 = nvmlDeviceGetTotalEnergyConsumption();
        /// PCIe generation: `nvmlDeviceGetCurrPcieLinkGeneration`.
        pcie_generation: u32 = nvmlDeviceGetCurrPcieLinkGeneration();
        /// PCIe width in lanes: `nvmlDeviceGetCurrPcieLinkWidth`.
        pcie_width: u32 = nvmlDeviceGetCurrPcieLinkWidth();
        /// PCIe replays: `nvmlDeviceGetPcieReplayCounter`.
        pcie_replays: u32 = nvmlDeviceGetPcieReplayCounter();
        /// NVML's number of the architecture: `nvmlDeviceGetArchitecture`.
        architecture: u32 = nvmlDeviceGetArchitecture();
        /// Graphics clock in MHz: `nvmlDeviceGetClockInfo`.
        graphics_mhz: u32 = nvmlDeviceGetClockInfo(GRAPHICS);
        /// SM clock in MHz: `nvmlDeviceGetClockInfo`.
        sm_mhz: u32 = nvmlDeviceGetClockInfo(SM);
        /// Memory clock in MHz: `nvmlDeviceGetClockInfo`.
        memory_mhz: u32 = nvmlDeviceGetClockInfo(MEMORY);
        /// Video clock in MHz: `nvmlDeviceGetClockInfo`.
        video_mhz: u32 = nvmlDeviceGetClockInfo(VIDEO);
        /// Maximum graphics clock in MHz: `nvmlDeviceGetMaxClockInfo`.
        max_graphics_mhz: u32 = nvmlDeviceGetMaxClockInfo(GRAPHICS);
        /// Maximum SM clock in MHz: `nvmlDeviceGetMaxClockInfo`.
        max_sm_mhz: u32 = nvmlDeviceGetMaxClockInfo(SM);
        /// Maximum memory clock in MHz: `nvmlDeviceGetMaxClockInfo`.
        max_memory_mhz: u32 = nvmlDeviceGetMaxClockInfo(MEMORY);
        /// Number in `/dev/nvidiaN`: `nvmlDeviceGetMinorNumber`.
        minor_number: u32 = nvmlDeviceGetMinorNumber();
        /// NVML's number of the compute mode: `nvmlDeviceGetComputeMode`.
        compute_mode: u32 = nvmlDeviceGetComputeMode();
    }

    flags! {
        /// Persistence mode: `nvmlDeviceGetPersistenceMode`.
        persistence_mode = nvmlDeviceGetPersistenceMode;
        /// Display active: `nvmlDeviceGetDisplayActive`.
        display_active = nvmlDeviceGetDisplayActive;
    }

    first_of_two! {
        /// Encoder utilization in %: `nvmlDeviceGetEncoderUtilization`, which also writes the sampling period.
        encoder_percent = nvmlDeviceGetEncoderUtilization;
        /// Decoder utilization in %: `nvmlDeviceGetDecoderUtilization`, which also writes the sampling period.
        decoder_percent = nvmlDeviceGetDecoderUtilization;
        /// JPEG decoder utilization in %: `nvmlDeviceGetJpgUtilization`, which also writes the sampling period.
        jpeg_percent = nvmlDeviceGetJpgUtilization;
        /// Optical flow accelerator utilization in %: `nvmlDeviceGetOfaUtilization`, which also writes the sampling period.
        ofa_percent = nvmlDeviceGetOfaUtilization;
        /// Current MIG mode, 0 for off: `nvmlDeviceGetMigMode`, which also writes the pending one.
        current_mig_mode = nvmlDeviceGetMigMode;
        /// Current ECC mode, 0 for off: `nvmlDeviceGetEccMode`, which also writes the pending one.
        current_ecc_mode = nvmlDeviceGetEccMode;
    }

    /// Temperature in °C: `nvmlDeviceGetTemperatureV` (signed, and the only one from CUDA 14 on), else
    /// `nvmlDeviceGetTemperature`.
    pub(crate) fn temperature_celsius(&self) -> Reading<i32> {
        let sensor = nvmlTemperatureSensors_enum_NVML_TEMPERATURE_GPU;
        let mut versioned =
            nvmlTemperature_t { version: version_word::<nvmlTemperature_t>(1), sensorType: sensor, temperature: 0 };
        match ask!(self, nvmlDeviceGetTemperatureV(&raw mut versioned)) {
            Ok(()) => return self.reading(Ok(())).map(|()| versioned.temperature),
            Err(code) if code.absence() == Absence::NotSupported => {}
            Err(code) => return self.reading(Err(code)).map(|()| 0),
        }
        let mut value = 0;
        self.reading(ask!(self, nvmlDeviceGetTemperature(sensor, &raw mut value)))?;
        i32::try_from(value).map_err(|_| Absence::Error)
    }

    /// Margin to the slowdown threshold in °C, negative above it: `nvmlDeviceGetMarginTemperature`.
    pub(crate) fn margin_celsius(&self) -> Reading<i32> {
        let version = version_word::<nvmlMarginTemperature_t>(1);
        let mut margin = nvmlMarginTemperature_t { version, marginTemperature: 0 };
        self.reading(ask!(self, nvmlDeviceGetMarginTemperature(&raw mut margin)))?;
        Ok(margin.marginTemperature)
    }

    /// GPU and memory utilization in %: `nvmlDeviceGetUtilizationRates`.
    pub(crate) fn utilization_percent(&self) -> Reading<(u32, u32)> {
        let mut rates = nvmlUtilization_t { gpu: 0, memory: 0 };
        self.reading(ask!(self, nvmlDeviceGetUtilizationRates(&raw mut rates)))?;
        Ok((rates.gpu, rates.memory))
    }

    /// Performance state, 0 the fastest and 15 the slowest: `nvmlDeviceGetPerformanceState`.
    pub(crate) fn performance_state(&self) -> Reading<u32> {
        let mut state = 0;
        self.reading(ask!(self, nvmlDeviceGetPerformanceState(&raw mut state)))?;
        if state == UNKNOWN_STATE { Err(Absence::NotSupported) } else { Ok(state) }
    }

    /// NVML's bits of the clock event reasons: `nvmlDeviceGetCurrentClocksEventReasons`, else
    /// `nvmlDeviceGetCurrentClocksThrottleReasons`, which CUDA 14 removes.
    pub(crate) fn event_reasons(&self) -> Reading<u64> {
        let mut bits = 0;
        let newer = ask!(self, nvmlDeviceGetCurrentClocksEventReasons(&raw mut bits));
        self.reading(match newer {
            Err(Code::FUNCTION_NOT_FOUND) => ask!(self, nvmlDeviceGetCurrentClocksThrottleReasons(&raw mut bits)),
            result => result,
        })?;
        Ok(bits)
    }

    /// CUDA compute capability as `major.minor`: `nvmlDeviceGetCudaComputeCapability`.
    pub(crate) fn compute_capability(&self) -> Reading<String> {
        let (mut major, mut minor) = (0, 0);
        self.reading(ask!(self, nvmlDeviceGetCudaComputeCapability(&raw mut major, &raw mut minor)))?;
        Ok(format!("{major}.{minor}"))
    }

    /// BAR1 memory in bytes, total and used: `nvmlDeviceGetBAR1MemoryInfo`.
    pub(crate) fn bar1_bytes(&self) -> Reading<(u64, u64)> {
        let mut memory = nvmlBAR1Memory_t { bar1Total: 0, bar1Free: 0, bar1Used: 0 };
        self.reading(ask!(self, nvmlDeviceGetBAR1MemoryInfo(&raw mut memory)))?;
        Ok((memory.bar1Total, memory.bar1Used))
    }

    /// Every fan in %: `nvmlDeviceGetFanSpeed_v2` of each that `nvmlDeviceGetNumFans` counts. Absent if one fails.
    pub(crate) fn fans_percent(&self) -> Reading<Vec<u32>> {
        let mut fans = 0;
        self.reading(ask!(self, nvmlDeviceGetNumFans(&raw mut fans)))?;
        let speed = |fan| {
            let mut percent = 0;
            let code = call!(self.library, self.slot, nvmlDeviceGetFanSpeed_v2(self.handle, fan, &raw mut percent));
            self.reading(code).map(|()| percent)
        };
        (0..fans.min(MAX_FANS)).map(speed).collect()
    }
}
