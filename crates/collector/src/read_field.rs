//! Reading of each field of the catalogue: one arm per field, or per call for those that come together.

use nvml_wrapper_sys::bindings::{
    nvmlClockType_enum_NVML_CLOCK_GRAPHICS as GRAPHICS, nvmlClockType_enum_NVML_CLOCK_MEM as MEMORY,
    nvmlClockType_enum_NVML_CLOCK_SM as SM, nvmlClockType_enum_NVML_CLOCK_VIDEO as VIDEO,
    nvmlTemperatureThresholds_enum_NVML_TEMPERATURE_THRESHOLD_SHUTDOWN as SHUTDOWN,
    nvmlTemperatureThresholds_enum_NVML_TEMPERATURE_THRESHOLD_SLOWDOWN as SLOWDOWN,
};
use telemetry::readings::Field;

use crate::{
    nvml::{Count, Errors, as_flag, first_of_two, flag, is_integrated, number},
    process::host_memory,
    session::Session,
};

impl Session<'_> {
    /// Reads a field, and those that come with its call.
    pub(crate) fn read_field(&mut self, field: Field) {
        use Field as F;
        let (d, batch) = (&self.device, &self.fields);
        let (id, r) = (&mut self.sample.identity, &mut self.sample.readings);
        match field {
            F::Uuid => id.uuid = d.uuid(),
            F::Name => id.name = d.name(),
            F::Serial => id.serial = d.serial(),
            F::PciBusId => id.pci_bus_id = d.pci_bus_id(),
            F::Architecture => id.architecture = d.architecture(),
            F::ComputeCapability => id.compute_capability = d.compute_capability(),
            F::MinorNumber => id.minor_number = number!(d, nvmlDeviceGetMinorNumber()),
            F::ModuleId => id.module_id = number!(d, nvmlDeviceGetModuleId()),
            F::VbiosVersion => id.vbios_version = d.vbios_version(),
            F::UtilizationGpu | F::UtilizationMemory => {
                (r.utilization.gpu_percent, r.utilization.memory_percent) = both(d.utilization_percent());
            }
            F::UtilizationEncoder => {
                r.utilization.encoder_percent = first_of_two!(d, nvmlDeviceGetEncoderUtilization());
            }
            F::UtilizationDecoder => {
                r.utilization.decoder_percent = first_of_two!(d, nvmlDeviceGetDecoderUtilization());
            }
            F::UtilizationJpeg => r.utilization.jpeg_percent = first_of_two!(d, nvmlDeviceGetJpgUtilization()),
            F::UtilizationOfa => r.utilization.ofa_percent = first_of_two!(d, nvmlDeviceGetOfaUtilization()),
            F::ActivityGraphics
            | F::ActivitySm
            | F::ActivitySmOccupancy
            | F::ActivityTensor
            | F::ActivityDram
            | F::ActivityFp64
            | F::ActivityFp32
            | F::ActivityFp16 => self.read_activity(),
            F::MemoryTotal | F::MemoryUsed | F::MemoryFree | F::MemoryReserved | F::MemoryUnified => {
                let host = || host_memory(self.proc_root);
                r.memory.set_whole(d.memory(is_integrated(&id.name).then_some(&host)));
            }
            F::Bar1Total | F::Bar1Used => {
                (r.memory.bar1_total_bytes, r.memory.bar1_used_bytes) = both(d.bar1_bytes());
            }
            F::TemperatureGpu => r.temperature.gpu_celsius = d.temperature_celsius(),
            F::TemperatureMemory => r.temperature.memory_celsius = d.field(batch, field),
            F::TemperatureSlowdown => {
                r.temperature.slowdown_celsius = number!(d, nvmlDeviceGetTemperatureThreshold(SLOWDOWN));
            }
            F::TemperatureShutdown => {
                r.temperature.shutdown_celsius = number!(d, nvmlDeviceGetTemperatureThreshold(SHUTDOWN));
            }
            F::TemperatureMargin => r.temperature.margin_celsius = d.margin_celsius(),
            F::PowerDraw => r.power.draw_mw = number!(d, nvmlDeviceGetPowerUsage()),
            F::PowerLimit => r.power.limit_mw = number!(d, nvmlDeviceGetPowerManagementLimit()),
            F::PowerEnforcedLimit => r.power.enforced_limit_mw = number!(d, nvmlDeviceGetEnforcedPowerLimit()),
            F::PowerDefaultLimit => r.power.default_limit_mw = number!(d, nvmlDeviceGetPowerManagementDefaultLimit()),
            F::PowerEnergy => {
                r.power.energy_mj = d.field_or(batch, field, |d| number!(d, nvmlDeviceGetTotalEnergyConsumption()));
            }
            F::ClockGraphics => r.clocks.graphics_mhz = number!(d, nvmlDeviceGetClockInfo(GRAPHICS)),
            F::ClockSm => r.clocks.sm_mhz = number!(d, nvmlDeviceGetClockInfo(SM)),
            F::ClockMemory => r.clocks.memory_mhz = number!(d, nvmlDeviceGetClockInfo(MEMORY)),
            F::ClockVideo => r.clocks.video_mhz = number!(d, nvmlDeviceGetClockInfo(VIDEO)),
            F::ClockMaxGraphics => r.clocks.max_graphics_mhz = number!(d, nvmlDeviceGetMaxClockInfo(GRAPHICS)),
            F::ClockMaxSm => r.clocks.max_sm_mhz = number!(d, nvmlDeviceGetMaxClockInfo(SM)),
            F::ClockMaxMemory => r.clocks.max_memory_mhz = number!(d, nvmlDeviceGetMaxClockInfo(MEMORY)),
            F::ClockEventReasons => r.clocks.event_reasons = d.event_reasons(),
            F::ClockPowerThrottled => r.clocks.power_throttled_ns = d.field(batch, field),
            F::ClockThermalThrottled => r.clocks.thermal_throttled_ns = d.field(batch, field),
            F::PerformanceState => r.state.performance_state = d.performance_state(),
            F::RecoveryAction => r.state.recovery_action = d.field(batch, field),
            F::FanSpeed => r.fans.speed_percent = number!(d, nvmlDeviceGetFanSpeed()),
            F::FanSpeeds => r.fans.speeds_percent = d.fans_percent(),
            F::PcieGeneration => r.pcie.generation = number!(d, nvmlDeviceGetCurrPcieLinkGeneration()),
            F::PcieWidth => r.pcie.width = number!(d, nvmlDeviceGetCurrPcieLinkWidth()),
            F::PcieMaxGeneration => r.pcie.max_generation = number!(d, nvmlDeviceGetMaxPcieLinkGeneration()),
            F::PcieMaxWidth => r.pcie.max_width = number!(d, nvmlDeviceGetMaxPcieLinkWidth()),
            F::PcieReplays => {
                r.pcie.replays = d.field_or(batch, field, |d| number!(d, nvmlDeviceGetPcieReplayCounter()));
            }
            F::PcieTx | F::PcieRx | F::NvlinkTx | F::NvlinkRx => self.read_traffic(),
            F::NvlinkActive | F::NvlinkTotal => self.read_nvlinks(),
            // Read with the links.
            F::NvlinkErrors => {}
            F::EccEnabled => r.ecc.enabled = first_of_two!(d, nvmlDeviceGetEccMode()).and_then(as_flag),
            F::EccVolatileCorrected => {
                r.ecc.volatile_corrected =
                    d.field_or(batch, field, |d| d.ecc_errors(Errors::Corrected, Count::Volatile));
            }
            F::EccVolatileUncorrected => {
                r.ecc.volatile_uncorrected =
                    d.field_or(batch, field, |d| d.ecc_errors(Errors::Uncorrected, Count::Volatile));
            }
            F::EccAggregateCorrected => {
                r.ecc.aggregate_corrected =
                    d.field_or(batch, field, |d| d.ecc_errors(Errors::Corrected, Count::Aggregate));
            }
            F::EccAggregateUncorrected => {
                r.ecc.aggregate_uncorrected =
                    d.field_or(batch, field, |d| d.ecc_errors(Errors::Uncorrected, Count::Aggregate));
            }
            F::RowsCorrectable | F::RowsUncorrectable | F::RowsPending | F::RowsFailed => {
                r.remapped_rows = d.remapped_rows(batch);
            }
            F::ModePersistence => r.modes.persistence = flag!(d, nvmlDeviceGetPersistenceMode()),
            F::ModeCompute => r.modes.compute = number!(d, nvmlDeviceGetComputeMode()),
            F::ModeMig => {
                r.modes.mig = first_of_two!(d, nvmlDeviceGetMigMode()).and_then(as_flag);
                self.sample.mig = d.mig_instances(r.modes.mig);
            }
            F::ModeDisplayActive => r.modes.display_active = flag!(d, nvmlDeviceGetDisplayActive()),
            F::ModeVgpuLicensed => r.modes.vgpu_licensed = d.vgpu_licensed(),
            F::FabricState | F::FabricStatus | F::FabricHealth | F::FabricProblems => r.fabric = d.fabric(),
        }
    }
}

/// Splits a reading of two values.
fn both<A: Copy, B: Copy>(pair: telemetry::Reading<(A, B)>) -> (telemetry::Reading<A>, telemetry::Reading<B>) {
    (pair.map(|(first, _)| first), pair.map(|(_, second)| second))
}
