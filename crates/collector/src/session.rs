//! Handle of one GPU, and everything that was read with it.

use std::{
    collections::BTreeSet,
    path::Path,
    time::{Duration, Instant},
};

use telemetry::{
    Absence, Reading, Stamp,
    readings::{Field, Identity, Readings},
    sample::{GpuSample, ListedProcess, Memory, MigSample, ProcessLists},
};

use crate::{
    counters::Counters,
    meter,
    nvml::{Device, FieldBatch, Gpm, NvLinks, Rates, pcie_max_bytes_per_second},
    schedule::{EVERY_HANDLE, EVERY_TICK, Schedule, field_ids},
    ticker::{GpuReading, unread},
};

/// Limits of the time before a failing handle is reopened, after another that failed from its first tick on.
const MIN_LIFETIME: Duration = Duration::from_secs(1);
const MAX_LIFETIME: Duration = Duration::from_secs(10);

/// Handle of a GPU, and what was read with it.
pub(crate) struct Session<'a> {
    pub(crate) device: Device<'a>,
    pub(crate) numbering: u64,
    /// Everything read so far, but for the lists, which are moved into each report.
    pub(crate) sample: GpuSample,
    pub(crate) proc_root: &'a Path,
    pub(crate) fields: FieldBatch,
    fields_read: Instant,
    schedule: Schedule,
    /// Lengths of the process lists, so that the next buffers are large enough.
    listed: [usize; 3],
    pub(crate) gpm: Gpm,
    rates: Rates,
    pub(crate) nvlinks: NvLinks,
    counters: Counters,
    /// Place of the identity field that is read again next.
    identity_turn: usize,
    /// Xid errors were subscribed to with this handle.
    pub(crate) subscribed: bool,
    opened: Instant,
    /// Another GPU answers under this handle.
    replaced: bool,
    /// On some tick no call's code made the handle stale.
    worked: bool,
    /// Minimum time before a failing handle is reopened: a call that always fails must not reopen it on every tick.
    pub(crate) min_lifetime: Duration,
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        // NVML requires every sample to be freed before nvmlShutdown.
        self.gpm.release(&self.device);
    }
}

impl<'a> Session<'a> {
    /// Reads the identity with a new handle. If it is still the same GPU, the readings of `before` are kept. Returns
    /// whether another GPU has its index now.
    pub(crate) fn open(
        device: Device<'a>,
        index: u32,
        numbering: u64,
        proc_root: &'a Path,
        before: Option<Session<'_>>,
    ) -> (Self, bool) {
        let mut session = Self::blank(device, index, numbering, proc_root);
        EVERY_HANDLE.iter().for_each(|field| session.read_field(*field));
        let same_numbering = before.as_ref().is_some_and(|before| before.numbering == numbering);
        let same = before.filter(|before| match (&before.sample.identity.uuid, &session.sample.identity.uuid) {
            (Ok(before), Ok(now)) => before == now,
            (Err(_), Err(_)) => same_numbering,
            _ => false,
        });
        let moved = same_numbering && same.is_none() && session.sample.identity.uuid.is_ok();
        if let Some(before) = same {
            session.keep_readings_of(before);
        }
        (session, moved)
    }

    fn blank(device: Device<'a>, index: u32, numbering: u64, proc_root: &'a Path) -> Self {
        let now = Instant::now();
        Self {
            device,
            numbering,
            sample: GpuSample { handle: Ok(()), ..unread(index, Absence::Timeout) },
            proc_root,
            fields: FieldBatch::default(),
            fields_read: now,
            schedule: Schedule::default(),
            listed: [0; 3],
            gpm: Gpm::default(),
            rates: Rates::default(),
            nvlinks: NvLinks::default(),
            counters: Counters::default(),
            identity_turn: 0,
            subscribed: false,
            opened: now,
            replaced: false,
            worked: false,
            min_lifetime: Duration::ZERO,
        }
    }

    fn keep_readings_of(&mut self, mut before: Session<'_>) {
        self.sample.readings = before.sample.readings.clone();
        self.sample.mig = before.sample.mig.clone();
        self.schedule = std::mem::take(&mut before.schedule);
        self.listed = before.listed;
        self.gpm = std::mem::take(&mut before.gpm);
        self.gpm.forget_support();
        self.rates = std::mem::take(&mut before.rates);
        self.counters = std::mem::take(&mut before.counters);
        self.nvlinks = std::mem::take(&mut before.nvlinks);
        self.nvlinks.forget_support();
    }

    /// Returns whether a new handle is needed.
    pub(crate) fn must_reopen(&self) -> bool {
        self.replaced || self.device.is_stale() && self.opened.elapsed() >= self.min_lifetime
    }

    /// Returns the minimum lifetime of the next handle: it doubles while handles fail from their first tick on.
    pub(crate) fn next_min_lifetime(&self) -> Duration {
        if self.worked || self.replaced {
            return Duration::ZERO;
        }
        (self.min_lifetime * 2).clamp(MIN_LIFETIME, MAX_LIFETIME)
    }

    /// Reads the fields of one call, the lists of processes, and the readings of every tick.
    pub(crate) fn read_tick(&mut self) {
        self.schedule.begin_tick();
        self.read_field_batch();
        let device = &self.device;
        let compute = device.compute_processes(self.listed[0]);
        let graphics = device.graphics_processes(self.listed[1]);
        let mps = device.mps_processes(self.listed[2]);
        self.listed = [&compute, &graphics, &mps].map(|list| list.as_ref().map_or(0, Vec::len));
        self.sample.lists = ProcessLists { compute, graphics, mps, shares: device.shares() };
        EVERY_TICK.iter().for_each(|field| self.read_field(*field));
    }

    /// Reads all fields that this tick needs with one call.
    fn read_field_batch(&mut self) {
        self.fields_read = Instant::now();
        self.fields.clear();
        let fields = EVERY_TICK.iter().copied().chain(self.schedule.due());
        fields.flat_map(field_ids).for_each(|id| self.fields.add(id));
        if self.gpm.traffic().is_none() {
            self.rates.add_fields(self.fields_read, &mut self.fields);
        }
        self.fields.read(&self.device);
    }

    /// Reads what has a longer period than a tick, until all is read or `late` says that the next tick has begun. At
    /// least one step is made on every tick.
    pub(crate) fn read_slow(&mut self, late: impl Fn() -> bool) {
        while let Some(field) = self.schedule.next() {
            match field {
                Field::Uuid => self.check_identity(),
                field => self.read_field(field),
            }
            if field == Field::NvlinkActive && self.nvlinks.is_busy() {
                self.schedule.go_on_with(field);
            }
            if late() {
                break;
            }
        }
        self.worked |= !self.device.is_stale();
    }

    /// Returns what was read so far, without implausible values, as the reading of now.
    pub(crate) fn report(&mut self) -> GpuReading {
        self.sample.identity.reject_implausible();
        self.sample.readings.reject_implausible();
        let doubtful = self.counters.check(&mut self.sample.readings, Instant::now());
        self.schedule.repeat(&doubtful);
        let mut lists = std::mem::replace(&mut self.sample.lists, ProcessLists::absent(Absence::Timeout));
        let total = self.sample.readings.memory.total_bytes.ok();
        for list in [&mut lists.compute, &mut lists.graphics, &mut lists.mps] {
            reject_too_large(list, total);
        }
        for instance in self.sample.mig.iter_mut().flatten() {
            reject_implausible_instance(instance, total);
        }
        let (library, slot) = (self.device.library(), self.device.slot());
        let refusal = self.device.failure().map(|code| library.failure("a call", code, slot));
        let slowest = meter::take_slowest();
        let sample = GpuSample { lists, refusal, slowest, read_at: Some(Stamp::now()), ..self.sample.clone() };
        GpuReading { sample, driver_gone: self.device.driver_gone() }
    }

    /// Reads GPM's activity of the GPU and of its GPU instances.
    pub(crate) fn read_activity(&mut self) {
        let instances = self.sample.mig.iter().flatten().filter_map(|instance| instance.gpu_instance.ok());
        self.gpm.read(&self.device, instances.collect::<BTreeSet<u32>>().into_iter());
        self.sample.readings.activity = self.gpm.activity();
        for instance in self.sample.mig.iter_mut().flatten() {
            instance.activity = instance.gpu_instance.map(|id| self.gpm.activity_of(id));
        }
    }

    /// Calculates the rates of PCIe and NVLink.
    pub(crate) fn read_traffic(&mut self) {
        let Readings { pcie, nvlink, .. } = &mut self.sample.readings;
        let max = pcie_max_bytes_per_second(pcie.max_generation, pcie.max_width);
        let counters = Rates::counters(&self.device, &self.fields);
        let traffic = self.rates.step(self.fields_read, self.gpm.traffic(), counters, max);
        pcie.tx_bytes_per_second = traffic.pcie_tx_bytes_per_second;
        pcie.rx_bytes_per_second = traffic.pcie_rx_bytes_per_second;
        nvlink.tx_bytes_per_second = traffic.nvlink_tx_bytes_per_second;
        nvlink.rx_bytes_per_second = traffic.nvlink_rx_bytes_per_second;
    }

    /// Makes one step of reading NVLink's links and their errors, and stores both after the last.
    pub(crate) fn read_nvlinks(&mut self) {
        self.nvlinks.step(&self.device);
        if !self.nvlinks.is_busy() {
            let nvlink = &mut self.sample.readings.nvlink;
            (nvlink.links_active, nvlink.links_total) = self.nvlinks.links();
            nvlink.errors = self.nvlinks.errors();
        }
    }

    /// Reads the UUID again, and in turn the rest of the identity, since an answer may have been garbage or absent.
    ///
    /// If the UUID is another GPU's, the handle is reopened, and whichever GPU has this index now is read.
    fn check_identity(&mut self) {
        let before = self.sample.identity.clone();
        self.read_field(Field::Uuid);
        match (&before.uuid, &self.sample.identity.uuid) {
            (Ok(before), Ok(now)) if before != now => self.replaced = true,
            // After garbage in one answer the others are not trusted either.
            (Ok(_), Err(_)) => {}
            _ => {
                self.identity_turn = (self.identity_turn + 1) % EVERY_HANDLE.len();
                for (turn, &field) in EVERY_HANDLE.iter().enumerate().filter(|(_, field)| **field != Field::Uuid) {
                    if turn == self.identity_turn || is_missing(&before, field) {
                        self.read_field(field);
                    }
                }
                self.sample.identity = self.sample.identity.clone().or_before(&before);
                return;
            }
        }
        self.sample.identity = before;
    }
}

/// Returns whether a part of the identity is absent, but not because the GPU has none.
fn is_missing(identity: &Identity, field: Field) -> bool {
    matches!(identity.value(field), Some(Err(why)) if why != Absence::NotSupported)
}

/// More memory than any GPU has, and thus than any process has: drivers report fillers in place of what they do not
/// know.
const MAX_PROCESS_BYTES: u64 = 1 << 50;
/// Highest plausible id of a MIG instance: a GPU has seven instances of each kind.
const MAX_INSTANCE: u32 = 1023;

/// Makes the memory of each process that exceeds the GPU's total, or any GPU's, absent.
fn reject_too_large(list: &mut Reading<Vec<ListedProcess>>, total: Option<u64>) {
    let max = total.unwrap_or(MAX_PROCESS_BYTES);
    for process in list.iter_mut().flatten() {
        if process.memory_bytes.is_ok_and(|bytes| bytes > max) {
            process.memory_bytes = Err(Absence::Error);
        }
    }
}

/// Makes what cannot be in a MIG instance of a GPU with so much memory absent.
fn reject_implausible_instance(instance: &mut MigSample, gpu_total: Option<u64>) {
    let max = gpu_total.unwrap_or(MAX_PROCESS_BYTES);
    instance.memory = match instance.memory {
        Ok(memory) if memory.total_bytes > max => Err(Absence::Error),
        memory => memory.map(Memory::with_plausible_parts),
    };
    let total = instance.memory.map(|memory| memory.total_bytes).ok().or(gpu_total);
    reject_too_large(&mut instance.compute, total);
    for id in [&mut instance.gpu_instance, &mut instance.compute_instance] {
        if id.is_ok_and(|id| id > MAX_INSTANCE) {
            *id = Err(Absence::Error);
        }
    }
}
