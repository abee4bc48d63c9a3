//! A reader: the thread that reads one GPU.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use telemetry::{
    Absence, Stamp,
    sample::{FastSet, Identity, SlowSet},
};

use crate::{
    call_table::CallSlot,
    crash,
    nvml::{Code, Device, Errors, Gpm, Library, LinkStates, Rates, Since, pcie_most},
    process::host_memory,
    ticker::{GpuReading, SlowReading, Tick, Ticker},
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

/// How many parts the slow set is read in, one per tick.
const SLOW_PARTS: u64 = 10;
/// With which of them it is asked again who a GPU is: one with few calls of its own.
const IDENTITY_PART: u64 = 5;

/// A handle and what was read under it.
struct Session<'a> {
    device: Device<'a>,
    numbering: u64,
    identity: Identity,
    slow: SlowSet,
    /// The slow set's next part; none until it was read whole.
    next_part: Option<u64>,
    /// How many processes the lists held, so that the next buffer is large enough.
    listed: [usize; 3],
    gpm: Gpm,
    rates: Rates,
    extra: SlowReading,
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
        let _ = self.fast(&mut held);
        held.read_slow();
        held.device.ask_in_other_ways();
        thread::sleep(CAPTURED_WINDOW);
        held.read_slow();
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
            slow: same.as_ref().map_or(SlowSet::absent(why), |before| before.slow.clone()),
            next_part: same.as_ref().and_then(|before| before.next_part),
            listed: same.as_ref().map_or([0; 3], |before| before.listed),
            extra: same.as_ref().map_or(SlowReading::absent(why), |before| before.extra.clone()),
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
        let fast = self.fast(held);
        let finished = GpuReading {
            handle: Ok(()),
            refusal: None,
            driver_gone: held.device.driver_gone(),
            read_at: Stamp::now(),
            identity: held.identity.clone(),
            fast,
            slow: held.slow.clone(),
            extra: held.extra.clone(),
        };
        // Before what costs more, so that a slow call there does not make the reader late.
        self.ticker.report(reader, tick.number, finished);
        let is_new = !std::mem::replace(&mut held.listened, true);
        self.xids.subscribe(self.index, &held.device, &held.identity.uuid, is_new);
        held.read_slow();
        held.did_well |= !held.device.is_stale();
        self.ticker.report_slow(reader, held.slow.clone(), held.extra.clone());
    }

    fn fast(&self, held: &mut Session<'_>) -> FastSet {
        let device = &held.device;
        let compute = device.compute_processes(held.listed[0]);
        let graphics = device.graphics_processes(held.listed[1]);
        let mps = device.mps_processes(held.listed[2]);
        held.listed = [&compute, &graphics, &mps].map(|list| list.as_ref().map_or(0, Vec::len));
        FastSet {
            memory: device.memory(|| host_memory(&self.proc_root)),
            fan_percent: device.fan_percent(),
            temperature_celsius: device.temperature_celsius(),
            power_draw_mw: device.power_draw_mw(),
            power_limit_mw: device.power_limit_mw(),
            utilization: device.utilization(),
            memory_temperature_celsius: device.memory_temperature_celsius(),
            energy_mj: device.energy_mj(),
            encoder_percent: device.encoder_percent(),
            decoder_percent: device.decoder_percent(),
            jpeg_percent: device.jpeg_percent(),
            ofa_percent: device.ofa_percent(),
            graphics_mhz: device.graphics_mhz(),
            sm_mhz: device.sm_mhz(),
            memory_mhz: device.memory_mhz(),
            video_mhz: device.video_mhz(),
            event_reasons: device.event_reasons(),
            performance_state: device.performance_state(),
            mps,
            shares: device.shares(),
            compute,
            graphics,
        }
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

    /// What is not read on every tick, or costs more than the fast set may.
    fn read_slow(&mut self) {
        let part = self.next_part;
        if part.is_none_or(|part| part == 0) {
            // At once, so that what the mode says is of these instances.
            self.slow.mig_mode = self.device.mig_mode();
            self.extra.mig = self.device.mig_instances(self.slow.mig_mode);
        }
        let instances = self.extra.mig.iter().flatten().filter_map(|instance| instance.gpu_instance.ok());
        self.gpm.read(&self.device, instances.collect::<BTreeSet<u32>>().into_iter());
        self.extra.activity = self.gpm.activity();
        for instance in self.extra.mig.iter_mut().flatten() {
            instance.activity = instance.gpu_instance.map(|id| self.gpm.activity_of(id));
        }
        let most = pcie_most(self.slow.pcie_max_generation, self.slow.pcie_max_width);
        self.extra.traffic = self.rates.read(&self.device, &self.gpm, most);
        match part {
            None => (0..SLOW_PARTS).for_each(|part| read_part(&self.device, part, &mut self.slow)),
            Some(part) => read_part(&self.device, part, &mut self.slow),
        }
        if part == Some(IDENTITY_PART) {
            self.check_identity();
        }
        self.next_part = Some(part.map_or(0, |part| (part + 1) % SLOW_PARTS));
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

/// One part of the slow set, about as many calls as any other, so that each field is read once in [`SLOW_PARTS`]
/// ticks.
fn read_part(device: &Device<'_>, part: u64, slow: &mut SlowSet) {
    match part {
        0 => {
            slow.enforced_limit_mw = device.enforced_limit_mw();
            slow.default_limit_mw = device.default_limit_mw();
            slow.recovery_action = device.recovery_action();
        }
        1 => {
            slow.slowdown_celsius = device.slowdown_celsius();
            slow.shutdown_celsius = device.shutdown_celsius();
            slow.margin_celsius = device.margin_celsius();
            slow.fans = device.fans();
        }
        2 => {
            slow.pcie_max_generation = device.pcie_max_generation();
            slow.pcie_max_width = device.pcie_max_width();
            slow.pcie_replays = device.pcie_replays();
        }
        3 => {
            slow.pcie_generation = device.pcie_generation();
            slow.pcie_width = device.pcie_width();
            slow.bar1 = device.bar1();
        }
        4 => {
            slow.max_graphics_mhz = device.max_graphics_mhz();
            slow.max_sm_mhz = device.max_sm_mhz();
            slow.max_memory_mhz = device.max_memory_mhz();
        }
        5 => {
            slow.persistence_mode = device.persistence_mode();
            slow.compute_mode = device.compute_mode();
            slow.display_active = device.display_active();
            slow.vgpu_licensed = device.vgpu_licensed();
        }
        6 => {
            slow.ecc_enabled = device.ecc_enabled();
            slow.remapped_rows = device.remapped_rows();
        }
        7 => {
            slow.ecc_volatile_corrected = device.ecc_errors(Errors::Corrected, Since::Driver);
            slow.ecc_volatile_uncorrected = device.ecc_errors(Errors::Uncorrected, Since::Driver);
            slow.power_throttled_ns = device.power_throttled_ns();
            slow.thermal_throttled_ns = device.thermal_throttled_ns();
        }
        8 => {
            slow.ecc_aggregate_corrected = device.ecc_errors(Errors::Corrected, Since::Ever);
            slow.ecc_aggregate_uncorrected = device.ecc_errors(Errors::Uncorrected, Since::Ever);
            slow.fabric = device.fabric();
        }
        _ => {
            let states = device.link_states();
            slow.links = states.as_ref().map(LinkStates::links).map_err(|why| *why);
            slow.nvlink_errors = states.and_then(|states| device.nvlink_errors(&states));
        }
    }
}
