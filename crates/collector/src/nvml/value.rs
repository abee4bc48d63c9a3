//! Readings of one call each.

use nvml_wrapper_sys::bindings::{
    nvmlBAR1Memory_t, nvmlMarginTemperature_t, nvmlTemperature_t, nvmlTemperatureSensors_enum_NVML_TEMPERATURE_GPU,
    nvmlUtilization_t,
};
use telemetry::{Absence, Reading};

use crate::nvml::{
    Code, Device,
    device::version_word,
    library::{ask, call, number},
};

/// Fans that are read at most.
const MAX_FANS: u32 = 16;
/// NVML's value for an architecture that the library does not know.
const UNKNOWN_ARCHITECTURE: u32 = u32::MAX;
/// NVML's value for an unknown performance state.
const UNKNOWN_STATE: u32 = 32;

impl Device<'_> {
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

    /// Architecture by NVML's number: `nvmlDeviceGetArchitecture`. Absent if it is newer than the library
    /// (`NVML_DEVICE_ARCH_UNKNOWN`).
    pub(crate) fn architecture(&self) -> Reading<u32> {
        let architecture = number!(self, nvmlDeviceGetArchitecture())?;
        if architecture == UNKNOWN_ARCHITECTURE { Err(Absence::NotSupported) } else { Ok(architecture) }
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
