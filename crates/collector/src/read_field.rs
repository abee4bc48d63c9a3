//! Reading of each field of the catalogue: one arm per field, or per call for those that come together.

use telemetry::readings::Field;

use crate::{
    nvml::{Count, Device, Errors},
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
            F::MinorNumber => id.minor_number = d.minor_number(),
            F::VbiosVersion => id.vbios_version = d.vbios_version(),
            F::UtilizationGpu | F::UtilizationMemory => {
                (r.utilization.gpu_percent, r.utilization.memory_percent) = both(d.utilization_percent());
            }
            F::UtilizationEncoder => r.utilization.encoder_percent = d.encoder_percent(),
            F::UtilizationDecoder => r.utilization.decoder_percent = d.decoder_percent(),
            F::UtilizationJpeg => r.utilization.jpeg_percent = d.jpeg_percent(),
            F::UtilizationOfa => r.utilization.ofa_percent = d.ofa_percent(),
            F::ActivityGraphics
            | F::ActivitySm
            | F::ActivitySmOccupancy
            | F::ActivityTensor
            | F::ActivityDram
            | F::ActivityFp64
            | F::ActivityFp32
            | F::ActivityFp16 => self.read_activity(),
            F::MemoryTotal | F::MemoryUsed | F::MemoryFree | F::MemoryReserved | F::MemoryUnified => {
                r.memory.set_whole(d.memory(|| host_memory(self.proc_root)));
            }
            F::Bar1Total | F::Bar1Used => {
                (r.memory.bar1_total_bytes, r.memory.bar1_used_bytes) = both(d.bar1_bytes());
            }
            F::TemperatureGpu => r.temperature.gpu_celsius = d.temperature_celsius(),
            F::TemperatureMemory => r.temperature.memory_celsius = d.field(batch, field),
            F::TemperatureSlowdown => r.temperature.slowdown_celsius = d.slowdown_celsius(),
            F::TemperatureShutdown => r.temperature.shutdown_celsius = d.shutdown_celsius(),
            F::TemperatureMargin => r.temperature.margin_celsius = d.margin_celsius(),
            F::PowerDraw => r.power.draw_mw = d.power_draw_mw(),
            F::PowerLimit => r.power.limit_mw = d.power_limit_mw(),
            F::PowerEnforcedLimit => r.power.enforced_limit_mw = d.enforced_limit_mw(),
            F::PowerDefaultLimit => r.power.default_limit_mw = d.default_limit_mw(),
            F::PowerEnergy => r.power.energy_mj = d.field_or(batch, field, Device::energy_mj),
            F::ClockGraphics => r.clocks.graphics_mhz = d.graphics_mhz(),
            F::ClockSm => r.clocks.sm_mhz = d.sm_mhz(),
            F::ClockMemory => r.clocks.memory_mhz = d.memory_mhz(),
            F::ClockVideo => r.clocks.video_mhz = d.video_mhz(),
            F::ClockMaxGraphics => r.clocks.max_graphics_mhz = d.max_graphics_mhz(),
            F::ClockMaxSm => r.clocks.max_sm_mhz = d.max_sm_mhz(),
            F::ClockMaxMemory => r.clocks.max_memory_mhz = d.max_memory_mhz(),
            F::ClockEventReasons => r.clocks.event_reasons = d.event_reasons(),
            F::ClockPowerThrottled => r.clocks.power_throttled_ns = d.field(batch, field),
            F::ClockThermalThrottled => r.clocks.thermal_throttled_ns = d.field(batch, field),
            F::PerformanceState => r.state.performance_state = d.performance_state(),
            F::RecoveryAction => r.state.recovery_action = d.field(batch, field),
            F::FanSpeed => r.fans.speed_percent = d.fan_percent(),
            F::FanSpeeds => r.fans.speeds_percent = d.fans_percent(),
            F::PcieGeneration => r.pcie.generation = d.pcie_generation(),
            F::PcieWidth => r.pcie.width = d.pcie_width(),
            F::PcieMaxGeneration => r.pcie.max_generation = d.pcie_max_generation(),
            F::PcieMaxWidth => r.pcie.max_width = d.pcie_max_width(),
            F::PcieReplays => r.pcie.replays = d.field_or(batch, field, Device::pcie_replays),
            F::PcieTx | F::PcieRx | F::NvlinkTx | F::NvlinkRx => self.read_traffic(),
            F::NvlinkActive | F::NvlinkTotal => self.read_nvlinks(),
            // Read with the links.
            F::NvlinkErrors => {}
            F::EccEnabled => r.ecc.enabled = d.current_ecc_mode().map(|mode| mode != 0),
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
            F::ModePersistence => r.modes.persistence = d.persistence_mode(),
            F::ModeCompute => r.modes.compute = d.compute_mode(),
            F::ModeMig => {
                r.modes.mig = d.current_mig_mode().map(|mode| mode != 0);
                self.sample.mig = d.mig_instances(r.modes.mig);
            }
            F::ModeDisplayActive => r.modes.display_active = d.display_active(),
            F::ModeVgpuLicensed => r.modes.vgpu_licensed = d.vgpu_licensed(),
            F::FabricState | F::FabricStatus => r.fabric = d.fabric(),
        }
    }
}

/// Splits a reading of two values.
fn both<A: Copy, B: Copy>(pair: telemetry::Reading<(A, B)>) -> (telemetry::Reading<A>, telemetry::Reading<B>) {
    (pair.map(|(first, _)| first), pair.map(|(_, second)| second))
}
