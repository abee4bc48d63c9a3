//! A reader: the thread that reads one GPU.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
    thread,
    time::{Duration, Instant},
};

use telemetry::{
    Absence, Reading, Stamp,
    readings::{Every, Field, Identity, Readings},
    sample::{MigSample, ProcessLists},
};

use crate::{
    call_table::CallSlot,
    crash,
    nvml::{Code, Device, Errors, Gpm, Library, LinkStates, Rates, Since, pcie_most},
    process::host_memory,
    ticker::{GpuReading, Tick, Ticker},
    xids::Xids,
};

/// What a reader needs.
pub(crate) struct GpuReader {
    pub(crate) index: u32,
    pub(crate) library: Library,
    pub(crate) ticker: Arc<Ticker>,
    pub(crate) slot: CallSlot,
    pub(crate) proc_root: PathBuf,
    pub(crate) xids: Arc<Xids>,
}

/// What lies between the two readings of a capture: longer than any window that a rate is told over.
const CAPTURED_WINDOW: Duration = Duration::from_secs(1);

/// How long a handle is used at least that follows one which was stale_handle from its first tick on, and how long at most.
const SHORTEST_LIFETIME: Duration = Duration::from_secs(1);
const LONGEST_LIFETIME: Duration = Duration::from_secs(10);

/// Parts in which the readings of ten ticks are read, one per tick.
const PARTS: usize = 10;
/// The part with which the identity is read again.
const IDENTITY_PART: usize = 5;

/// A handle and what was read under it.
struct Session<'a> {
    device: Device<'a>,
    numbering: u64,
    identity: Identity,
    readings: Readings,
    lists: ProcessLists,
    mig: Reading<Vec<MigSample>>,
    proc_root: &'a Path,
    /// The next part of the readings of ten ticks; none until all were read once.
    next_part: Option<usize>,
    /// How many processes the lists held, so that the next buffer is large enough.
    listed: [usize; 3],
    gpm: Gpm,
    rates: Rates,
    /// Whether Xid errors were listened for under this handle.
    listened: bool,
    got: Instant,
    /// Another GPU answers under this handle.
    replaced: bool,
    /// On some tick no call's code stale_handle it.
    did_well: bool,
    /// How long it is used at least although it is stale_handle: a call that always fails so is no reason to get another on
    /// every tick.
    min_lifetime: Duration,
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        // NVML wants every sample back before it is shut down.
        self.gpm.release(&self.device);
    }
}

impl GpuReader {
    /// Reads on every tick until it is time to leave.
    pub(crate) fn run(self) {
        crash::set_slot(&self.slot);
        let reader = self.index as usize;
        let mut held: Option<Session<'_>> = None;
        let mut last = 0;
        while let Some(tick) = self.ticker.next(reader, last) {
            last = tick.number;
            if held.as_ref().is_none_or(|held| held.numbering != tick.numbering || held.is_to_be_reopened()) {
                let min_lifetime = held.as_ref().map_or(Duration::ZERO, Session::next_min_lifetime);
                match self.open(tick, held.take()) {
                    Ok(mut fresh) => {
                        fresh.min_lifetime = min_lifetime;
                        held = Some(fresh);
                    }
                    Err(code) => {
                        // A handle refused is a finished reading too: it says why there is nothing.
                        self.xids.mark_lost(self.index, code.absence());
                        let refusal = self.library.failure("nvmlDeviceGetHandleByIndex_v2", code, &self.slot);
                        let driver_gone = Some(code).filter(|code| code.means_driver_gone());
                        let absent = GpuReading::absent(code.absence());
                        let refused = GpuReading { refusal: Some(refusal), driver_gone, ..absent };
                        self.ticker.report(reader, tick.number, refused);
                        continue;
                    }
                }
            }
            if let Some(held) = &mut held {
                self.read(tick, held);
            }
        }
    }

    /// Reads everything once, and what needs two readings once more after a window: for a capture.
    pub(crate) fn capture(&self) {
        crash::set_slot(&self.slot);
        let tick = Tick { number: 1, numbering: 0 };
        let Ok(mut held) = self.open(tick, None) else { return };
        held.read_tick();
        held.read_rest();
        held.device.ask_in_other_ways();
        thread::sleep(CAPTURED_WINDOW);
        held.read_rest();
    }

    /// Gets the handle and asks who it is. The same GPU as before goes on where it was; if another stands under this
    /// index now, others may have moved too.
    fn open<'a>(&'a self, tick: Tick, before: Option<Session<'_>>) -> Result<Session<'a>, Code> {
        let device = Device::by_index(self.library, &self.slot, self.index)?;
        let identity = device.identity();
        let numbered_alike = before.as_ref().is_some_and(|before| before.numbering == tick.numbering);
        let mut same = before.filter(|before| match (&before.identity.uuid, &identity.uuid) {
            (Ok(then), Ok(now)) => then == now,
            // It did not say who it is before, and does not now.
            (Err(_), Err(_)) => numbered_alike,
            _ => false,
        });
        if numbered_alike && same.is_none() && identity.uuid.is_ok() {
            self.ticker.renumber();
        }
        let why = Absence::Timeout;
        Ok(Session {
            device,
            numbering: tick.numbering,
            identity,
            readings: same.as_ref().map_or(Readings::absent(why), |before| before.readings.clone()),
            lists: ProcessLists::absent(why),
            mig: same.as_ref().map_or(Err(why), |before| before.mig.clone()),
            proc_root: &self.proc_root,
            next_part: same.as_ref().and_then(|before| before.next_part),
            listed: same.as_ref().map_or([0; 3], |before| before.listed),
            gpm: same.as_mut().map(|before| std::mem::take(&mut before.gpm)).unwrap_or_default(),
            rates: same.as_mut().map(|before| std::mem::take(&mut before.rates)).unwrap_or_default(),
            listened: false,
            got: Instant::now(),
            replaced: false,
            did_well: false,
            min_lifetime: Duration::ZERO,
        })
    }

    fn read(&self, tick: Tick, held: &mut Session<'_>) {
        let reader = self.index as usize;
        held.read_tick();
        let finished = GpuReading {
            handle: Ok(()),
            refusal: None,
            driver_gone: held.device.driver_gone(),
            read_at: Stamp::now(),
            identity: held.identity.clone(),
            readings: held.plausible(),
            lists: held.lists.clone(),
            mig: held.mig.clone(),
        };
        // Before what costs more, so that a slow call there does not make the reader late.
        self.ticker.report(reader, tick.number, finished);
        let is_new = !std::mem::replace(&mut held.listened, true);
        self.xids.subscribe(self.index, &held.device, &held.identity.uuid, is_new);
        held.read_rest();
        held.did_well |= !held.device.is_stale();
        self.ticker.report_rest(reader, held.plausible(), held.mig.clone());
    }
}

impl Session<'_> {
    fn is_to_be_reopened(&self) -> bool {
        self.replaced || self.device.is_stale() && self.got.elapsed() >= self.min_lifetime
    }

    /// How long the next handle is used at least: ever longer after such as were stale_handle from the first tick on.
    fn next_min_lifetime(&self) -> Duration {
        if self.did_well || self.replaced {
            return Duration::ZERO;
        }
        (self.min_lifetime * 2).clamp(SHORTEST_LIFETIME, LONGEST_LIFETIME)
    }

    /// Reads the lists of processes, and all readings of every tick.
    fn read_tick(&mut self) {
        let device = &self.device;
        let compute = device.compute_processes(self.listed[0]);
        let graphics = device.graphics_processes(self.listed[1]);
        let mps = device.mps_processes(self.listed[2]);
        self.listed = [&compute, &graphics, &mps].map(|list| list.as_ref().map_or(0, Vec::len));
        self.lists = ProcessLists { compute, graphics, mps, shares: device.shares() };
        for field in own_calls(Every::Tick) {
            self.read_field(field);
        }
    }

    /// Reads what has a longer sampling period, or is read over a window.
    fn read_rest(&mut self) {
        let part = self.next_part;
        if part.is_none_or(|part| part == 0) {
            // At once, so that the mode is that of these instances.
            self.readings.modes.mig = self.device.mig_mode();
            self.mig = self.device.mig_instances(self.readings.modes.mig);
        }
        self.read_windows();
        match part {
            None => TENTHS.iter().flatten().for_each(|field| self.read_field(*field)),
            Some(part) => TENTHS[part].iter().for_each(|field| self.read_field(*field)),
        }
        if part == Some(IDENTITY_PART) {
            self.check_identity();
        }
        self.next_part = Some(part.map_or(0, |part| (part + 1) % PARTS));
    }

    /// Reads activity and traffic over the time since the reading before.
    fn read_windows(&mut self) {
        let instances = self.mig.iter().flatten().filter_map(|instance| instance.gpu_instance.ok());
        self.gpm.read(&self.device, instances.collect::<BTreeSet<u32>>().into_iter());
        self.readings.activity = self.gpm.activity();
        for instance in self.mig.iter_mut().flatten() {
            instance.activity = instance.gpu_instance.map(|id| self.gpm.activity_of(id));
        }
        let pcie = &mut self.readings.pcie;
        let traffic = self.rates.read(&self.device, &self.gpm, pcie_most(pcie.max_generation, pcie.max_width));
        pcie.tx_bytes_per_second = traffic.pcie_tx_bytes_per_second;
        pcie.rx_bytes_per_second = traffic.pcie_rx_bytes_per_second;
        let nvlink = &mut self.readings.nvlink;
        nvlink.tx_bytes_per_second = traffic.nvlink_tx_bytes_per_second;
        nvlink.rx_bytes_per_second = traffic.nvlink_rx_bytes_per_second;
    }

    /// The readings, without values that no GPU can have.
    fn plausible(&self) -> Readings {
        let mut readings = self.readings.clone();
        readings.reject_implausible();
        readings
    }

    /// Asks again who it is: an answer may have been garbage, or none. If it says that it is another GPU, the handle is
    /// got again, and whoever stands under this index now is taken up.
    fn check_identity(&mut self) {
        let now = self.device.identity();
        match (&self.identity.uuid, &now.uuid) {
            (Ok(before), Ok(now)) if before != now => self.replaced = true,
            // Garbage in one answer says nothing good of the others.
            (Ok(_), Err(_)) => {}
            _ => self.identity = now.or_before(&self.identity),
        }
    }
}

/// Fields that are read every ten ticks, a tenth on each.
static TENTHS: LazyLock<[Vec<Field>; PARTS]> = LazyLock::new(|| {
    let mut tenths = [const { Vec::new() }; PARTS];
    for (position, field) in own_calls(Every::TenTicks).enumerate() {
        tenths[position % PARTS].push(field);
    }
    tenths
});

/// Fields of one sampling period that have a call of their own.
fn own_calls(every: Every) -> impl Iterator<Item = Field> {
    Field::ALL.iter().copied().filter(move |field| {
        let spec = field.spec();
        spec.every == every && !spec.comes_with_another
    })
}

impl Session<'_> {
    /// Reads a field of the catalogue, and those that come with it.
    fn read_field(&mut self, field: Field) {
        let device = &self.device;
        let readings = &mut self.readings;
        match field {
            // Read when the handle is got, and again every ten ticks: see `check_identity`.
            Field::Uuid
            | Field::Name
            | Field::Serial
            | Field::PciBusId
            | Field::Architecture
            | Field::ComputeCapability
            | Field::MinorNumber
            | Field::VbiosVersion => {}
            // Read over a window: see `read_windows`.
            Field::ActivityGraphics
            | Field::ActivitySm
            | Field::ActivitySmOccupancy
            | Field::ActivityTensor
            | Field::ActivityDram
            | Field::ActivityFp64
            | Field::ActivityFp32
            | Field::ActivityFp16
            | Field::PcieTx
            | Field::PcieRx
            | Field::NvlinkTx
            | Field::NvlinkRx => {}
            // With its instances: see `read_instances`.
            Field::ModeMig => {}
            Field::UtilizationGpu | Field::UtilizationMemory => {
                let rates = device.utilization();
                readings.utilization.gpu_percent = rates.map(|(gpu, _)| gpu);
                readings.utilization.memory_percent = rates.map(|(_, memory)| memory);
            }
            Field::UtilizationEncoder => readings.utilization.encoder_percent = device.encoder_percent(),
            Field::UtilizationDecoder => readings.utilization.decoder_percent = device.decoder_percent(),
            Field::UtilizationJpeg => readings.utilization.jpeg_percent = device.jpeg_percent(),
            Field::UtilizationOfa => readings.utilization.ofa_percent = device.ofa_percent(),
            Field::MemoryTotal
            | Field::MemoryUsed
            | Field::MemoryFree
            | Field::MemoryReserved
            | Field::MemoryUnified => readings.memory.set_whole(device.memory(|| host_memory(self.proc_root))),
            Field::Bar1Total | Field::Bar1Used => {
                let bar1 = device.bar1();
                readings.memory.bar1_total_bytes = bar1.map(|(total, _)| total);
                readings.memory.bar1_used_bytes = bar1.map(|(_, used)| used);
            }
            Field::TemperatureGpu => readings.temperature.gpu_celsius = device.temperature_celsius(),
            Field::TemperatureMemory => readings.temperature.memory_celsius = device.memory_temperature_celsius(),
            Field::TemperatureSlowdown => readings.temperature.slowdown_celsius = device.slowdown_celsius(),
            Field::TemperatureShutdown => readings.temperature.shutdown_celsius = device.shutdown_celsius(),
            Field::TemperatureMargin => readings.temperature.margin_celsius = device.margin_celsius(),
            Field::PowerDraw => readings.power.draw_mw = device.power_draw_mw(),
            Field::PowerLimit => readings.power.limit_mw = device.power_limit_mw(),
            Field::PowerEnforcedLimit => readings.power.enforced_limit_mw = device.enforced_limit_mw(),
            Field::PowerDefaultLimit => readings.power.default_limit_mw = device.default_limit_mw(),
            Field::PowerEnergy => readings.power.energy_mj = device.energy_mj(),
            Field::ClockGraphics => readings.clocks.graphics_mhz = device.graphics_mhz(),
            Field::ClockSm => readings.clocks.sm_mhz = device.sm_mhz(),
            Field::ClockMemory => readings.clocks.memory_mhz = device.memory_mhz(),
            Field::ClockVideo => readings.clocks.video_mhz = device.video_mhz(),
            Field::ClockMaxGraphics => readings.clocks.max_graphics_mhz = device.max_graphics_mhz(),
            Field::ClockMaxSm => readings.clocks.max_sm_mhz = device.max_sm_mhz(),
            Field::ClockMaxMemory => readings.clocks.max_memory_mhz = device.max_memory_mhz(),
            Field::ClockEventReasons => readings.clocks.event_reasons = device.event_reasons(),
            Field::ClockPowerThrottled => readings.clocks.power_throttled_ns = device.power_throttled_ns(),
            Field::ClockThermalThrottled => readings.clocks.thermal_throttled_ns = device.thermal_throttled_ns(),
            Field::PerformanceState => readings.state.performance_state = device.performance_state(),
            Field::RecoveryAction => readings.state.recovery_action = device.recovery_action(),
            Field::FanSpeed => readings.fans.speed_percent = device.fan_percent(),
            Field::FanSpeeds => readings.fans.speeds_percent = device.fans(),
            Field::PcieGeneration => readings.pcie.generation = device.pcie_generation(),
            Field::PcieWidth => readings.pcie.width = device.pcie_width(),
            Field::PcieMaxGeneration => readings.pcie.max_generation = device.pcie_max_generation(),
            Field::PcieMaxWidth => readings.pcie.max_width = device.pcie_max_width(),
            Field::PcieReplays => readings.pcie.replays = device.pcie_replays(),
            Field::NvlinkActive | Field::NvlinkTotal | Field::NvlinkErrors => {
                let states = device.link_states();
                readings.nvlink.links_active = states.as_ref().map(LinkStates::active).map_err(|why| *why);
                readings.nvlink.links_total = states.as_ref().map(LinkStates::total).map_err(|why| *why);
                readings.nvlink.errors = states.and_then(|states| device.nvlink_errors(&states));
            }
            Field::EccEnabled => readings.ecc.enabled = device.ecc_enabled(),
            Field::EccVolatileCorrected => {
                readings.ecc.volatile_corrected = device.ecc_errors(Errors::Corrected, Since::Driver);
            }
            Field::EccVolatileUncorrected => {
                readings.ecc.volatile_uncorrected = device.ecc_errors(Errors::Uncorrected, Since::Driver);
            }
            Field::EccAggregateCorrected => {
                readings.ecc.aggregate_corrected = device.ecc_errors(Errors::Corrected, Since::Ever);
            }
            Field::EccAggregateUncorrected => {
                readings.ecc.aggregate_uncorrected = device.ecc_errors(Errors::Uncorrected, Since::Ever);
            }
            Field::RowsCorrectable | Field::RowsUncorrectable | Field::RowsPending | Field::RowsFailed => {
                readings.remapped_rows = device.remapped_rows();
            }
            Field::ModePersistence => readings.modes.persistence = device.persistence_mode(),
            Field::ModeCompute => readings.modes.compute = device.compute_mode(),
            Field::ModeDisplayActive => readings.modes.display_active = device.display_active(),
            Field::ModeVgpuLicensed => readings.modes.vgpu_licensed = device.vgpu_licensed(),
            Field::FabricState | Field::FabricStatus => readings.fabric = device.fabric(),
        }
    }
}
