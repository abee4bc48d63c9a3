//! The values of a GPU that are one call each.

use nvml_wrapper_sys::bindings::{
    nvmlBAR1Memory_t, nvmlClockType_enum_NVML_CLOCK_GRAPHICS, nvmlClockType_enum_NVML_CLOCK_MEM,
    nvmlClockType_enum_NVML_CLOCK_SM, nvmlClockType_enum_NVML_CLOCK_VIDEO, nvmlMarginTemperature_t, nvmlTemperature_t,
    nvmlTemperatureSensors_enum_NVML_TEMPERATURE_GPU,
    nvmlTemperatureThresholds_enum_NVML_TEMPERATURE_THRESHOLD_SHUTDOWN,
    nvmlTemperatureThresholds_enum_NVML_TEMPERATURE_THRESHOLD_SLOWDOWN, nvmlUtilization_t,
};
use telemetry::{Absence, Reading};

use crate::nvml::{Code, Device, device::version_word, library::call};

/// The most fans that are asked about.
const MAX_FANS: u32 = 16;
/// NVML's word for a performance state that it does not know.
const UNKNOWN_STATE: u32 = 32;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident: $type:ty = $function:ident ( $($argument:expr),* )) => {
        $(#[$doc])*
        pub(crate) fn $name(&self) -> Reading<$type> {
            let mut value: $type = 0;
            self.reading(call!(self.library, self.slot, $function(self.handle, $($argument,)* &raw mut value)))?;
            Ok(value)
        }
    };
}

impl Device<'_> {
    /// `nvmlDeviceGetTemperatureV` (signed, and the only one from CUDA 14 on), else `nvmlDeviceGetTemperature`; °C.
    pub(crate) fn temperature_celsius(&self) -> Reading<i32> {
        let sensor = nvmlTemperatureSensors_enum_NVML_TEMPERATURE_GPU;
        let mut versioned =
            nvmlTemperature_t { version: version_word::<nvmlTemperature_t>(1), sensorType: sensor, temperature: 0 };
        match call!(self.library, self.slot, nvmlDeviceGetTemperatureV(self.handle, &raw mut versioned)) {
            Ok(()) => return Ok(versioned.temperature),
            Err(code) if code.absence() == Absence::NotSupported => {}
            Err(code) => return self.reading(Err(code)).map(|()| 0),
        }
        let mut value = 0;
        self.reading(call!(self.library, self.slot, nvmlDeviceGetTemperature(self.handle, sensor, &raw mut value)))?;
        i32::try_from(value).map_err(|_| Absence::Error)
    }

    /// `nvmlDeviceGetMarginTemperature`, in °C: how far the hottest part is from where it slows down. It is below zero
    /// beyond that.
    pub(crate) fn margin_celsius(&self) -> Reading<i32> {
        let version = version_word::<nvmlMarginTemperature_t>(1);
        let mut margin = nvmlMarginTemperature_t { version, marginTemperature: 0 };
        self.reading(call!(self.library, self.slot, nvmlDeviceGetMarginTemperature(self.handle, &raw mut margin)))?;
        Ok(margin.marginTemperature)
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
        /// `nvmlDeviceGetTotalEnergyConsumption`, since the driver was loaded.
        energy_mj: u64 = nvmlDeviceGetTotalEnergyConsumption()
    );
    number!(
        /// `nvmlDeviceGetPerformanceState`: 0 is the fastest, 32 is unknown.
        pstate: u32 = nvmlDeviceGetPerformanceState()
    );
    number!(
        /// `nvmlDeviceGetCurrPcieLinkGeneration`.
        pcie_generation: u32 = nvmlDeviceGetCurrPcieLinkGeneration()
    );
    number!(
        /// `nvmlDeviceGetCurrPcieLinkWidth`.
        pcie_width: u32 = nvmlDeviceGetCurrPcieLinkWidth()
    );
    number!(
        /// `nvmlDeviceGetPcieReplayCounter`.
        pcie_replays: u32 = nvmlDeviceGetPcieReplayCounter()
    );
    number!(
        /// `nvmlDeviceGetArchitecture`, NVML's number.
        architecture: u32 = nvmlDeviceGetArchitecture()
    );
    number!(
        /// `nvmlDeviceGetClockInfo`, graphics.
        graphics_mhz: u32 = nvmlDeviceGetClockInfo(nvmlClockType_enum_NVML_CLOCK_GRAPHICS)
    );
    number!(
        /// `nvmlDeviceGetClockInfo`, SM.
        sm_mhz: u32 = nvmlDeviceGetClockInfo(nvmlClockType_enum_NVML_CLOCK_SM)
    );
    number!(
        /// `nvmlDeviceGetClockInfo`, memory.
        memory_mhz: u32 = nvmlDeviceGetClockInfo(nvmlClockType_enum_NVML_CLOCK_MEM)
    );
    number!(
        /// `nvmlDeviceGetClockInfo`, video.
        video_mhz: u32 = nvmlDeviceGetClockInfo(nvmlClockType_enum_NVML_CLOCK_VIDEO)
    );
    number!(
        /// `nvmlDeviceGetMaxClockInfo`, graphics.
        max_graphics_mhz: u32 = nvmlDeviceGetMaxClockInfo(nvmlClockType_enum_NVML_CLOCK_GRAPHICS)
    );
    number!(
        /// `nvmlDeviceGetMaxClockInfo`, SM.
        max_sm_mhz: u32 = nvmlDeviceGetMaxClockInfo(nvmlClockType_enum_NVML_CLOCK_SM)
    );
    number!(
        /// `nvmlDeviceGetMaxClockInfo`, memory.
        max_memory_mhz: u32 = nvmlDeviceGetMaxClockInfo(nvmlClockType_enum_NVML_CLOCK_MEM)
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
        self.reading(call!(self.library, self.slot, nvmlDeviceGetPersistenceMode(self.handle, &raw mut mode)))?;
        Ok(mode != 0)
    }

    /// `nvmlDeviceGetDisplayActive`.
    pub(crate) fn display_active(&self) -> Reading<bool> {
        let mut active = 0;
        self.reading(call!(self.library, self.slot, nvmlDeviceGetDisplayActive(self.handle, &raw mut active)))?;
        Ok(active != 0)
    }

    /// `nvmlDeviceGetMigMode`, the current one.
    pub(crate) fn mig_mode(&self) -> Reading<bool> {
        let (mut current, mut pending) = (0, 0);
        let code =
            call!(self.library, self.slot, nvmlDeviceGetMigMode(self.handle, &raw mut current, &raw mut pending));
        self.reading(code)?;
        Ok(current != 0)
    }

    /// `nvmlDeviceGetUtilizationRates`: of the GPU and of its memory, in %.
    pub(crate) fn utilization(&self) -> Reading<(u32, u32)> {
        let mut rates = nvmlUtilization_t { gpu: 0, memory: 0 };
        self.reading(call!(self.library, self.slot, nvmlDeviceGetUtilizationRates(self.handle, &raw mut rates)))?;
        Ok((rates.gpu, rates.memory))
    }

    /// `nvmlDeviceGetEncoderUtilization`, in % of its last sample period.
    pub(crate) fn encoder_percent(&self) -> Reading<u32> {
        let (mut percent, mut period_us) = (0, 0);
        let code = call!(
            self.library,
            self.slot,
            nvmlDeviceGetEncoderUtilization(self.handle, &raw mut percent, &raw mut period_us)
        );
        self.reading(code)?;
        Ok(percent)
    }

    /// `nvmlDeviceGetDecoderUtilization`, in % of its last sample period.
    pub(crate) fn decoder_percent(&self) -> Reading<u32> {
        let (mut percent, mut period_us) = (0, 0);
        let code = call!(
            self.library,
            self.slot,
            nvmlDeviceGetDecoderUtilization(self.handle, &raw mut percent, &raw mut period_us)
        );
        self.reading(code)?;
        Ok(percent)
    }

    /// `nvmlDeviceGetJpgUtilization`, in % of its last sample period.
    pub(crate) fn jpeg_percent(&self) -> Reading<u32> {
        let (mut percent, mut period_us) = (0, 0);
        let code = call!(
            self.library,
            self.slot,
            nvmlDeviceGetJpgUtilization(self.handle, &raw mut percent, &raw mut period_us)
        );
        self.reading(code)?;
        Ok(percent)
    }

    /// `nvmlDeviceGetOfaUtilization`, in % of its last sample period.
    pub(crate) fn ofa_percent(&self) -> Reading<u32> {
        let (mut percent, mut period_us) = (0, 0);
        let code = call!(
            self.library,
            self.slot,
            nvmlDeviceGetOfaUtilization(self.handle, &raw mut percent, &raw mut period_us)
        );
        self.reading(code)?;
        Ok(percent)
    }

    /// `nvmlDeviceGetPerformanceState`: 0 is the fastest, 15 the slowest.
    pub(crate) fn performance_state(&self) -> Reading<u32> {
        self.pstate().and_then(|state| if state == UNKNOWN_STATE { Err(Absence::NotSupported) } else { Ok(state) })
    }

    /// `nvmlDeviceGetCurrentClocksEventReasons`, else `nvmlDeviceGetCurrentClocksThrottleReasons`, which CUDA 14
    /// takes away: NVML's bits.
    pub(crate) fn event_reasons(&self) -> Reading<u64> {
        let mut bits = 0;
        let code = call!(self.library, self.slot, nvmlDeviceGetCurrentClocksEventReasons(self.handle, &raw mut bits));
        if code == Err(Code::FUNCTION_NOT_FOUND) {
            let code =
                call!(self.library, self.slot, nvmlDeviceGetCurrentClocksThrottleReasons(self.handle, &raw mut bits));
            self.reading(code)?;
        } else {
            self.reading(code)?;
        }
        Ok(bits)
    }

    /// `nvmlDeviceGetCudaComputeCapability`, such as `9.0`.
    pub(crate) fn compute_capability(&self) -> Reading<String> {
        let (mut major, mut minor) = (0, 0);
        let code = call!(
            self.library,
            self.slot,
            nvmlDeviceGetCudaComputeCapability(self.handle, &raw mut major, &raw mut minor)
        );
        self.reading(code)?;
        Ok(format!("{major}.{minor}"))
    }

    /// `nvmlDeviceGetBAR1MemoryInfo`: total and used bytes.
    pub(crate) fn bar1(&self) -> Reading<(u64, u64)> {
        let mut memory = nvmlBAR1Memory_t { bar1Total: 0, bar1Free: 0, bar1Used: 0 };
        self.reading(call!(self.library, self.slot, nvmlDeviceGetBAR1MemoryInfo(self.handle, &raw mut memory)))?;
        Ok((memory.bar1Total, memory.bar1Used))
    }

    /// `nvmlDeviceGetFanSpeed_v2` of each fan that `nvmlDeviceGetNumFans` counts, in %. One that fails fails all.
    pub(crate) fn fans(&self) -> Reading<Vec<u32>> {
        let mut fans = 0;
        self.reading(call!(self.library, self.slot, nvmlDeviceGetNumFans(self.handle, &raw mut fans)))?;
        let speed = |fan| {
            let mut percent = 0;
            let code = call!(self.library, self.slot, nvmlDeviceGetFanSpeed_v2(self.handle, fan, &raw mut percent));
            self.reading(code).map(|()| percent)
        };
        (0..fans.min(MAX_FANS)).map(speed).collect()
    }
}
