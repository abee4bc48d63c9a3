//! Assembler: writes one frame per tick with whatever is finished, and heartbeats in between.

use std::{
    collections::BTreeSet,
    io::Write,
    path::PathBuf,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use telemetry::{
    Absence, BootTime, Stamp,
    call_table::gpu_slot,
    derive::stale_after,
    frame::{self, FrameError, Message},
    sample::{Driver, DriverFacts, GpuSample, ProcessFacts, Sample},
};

use crate::{
    allocations::Allocations,
    call_table::CallTable,
    driver_monitor::{DriverMonitor, Stage},
    gpu_reader::GpuReader,
    heap::trim_after_tick,
    in_flight::InFlight,
    meter,
    nvml::Library,
    process::{Containers, Host, Jobs, Notes, Owners, ProcessCache},
    readers::GpuReaders,
    socket::Sockets,
    ticker::{GpuReading, Slot, Ticker, unread},
    xids::Xids,
};

/// Time without a frame after which a heartbeat is written, so that one or the other comes at least once a second.
const HEARTBEAT: Duration = Duration::from_millis(700);
/// GpuReaders are waited for at most this long after a tick, or a quarter of the interval if that is shorter.
const MAX_WAIT: Duration = Duration::from_millis(250);
/// Longest wait of the first frame for the host's facts, the names of owners and containers, and the kubelet; and of a tick for the names
/// of new accounts and containers. It comes once for each, so that a busy host may take its time.
const NAMES_WAIT: Duration = Duration::from_millis(500);
/// Shortest wait for process facts, even if a late reader has used up [`MAX_WAIT`].
const FACTS_WAIT: Duration = Duration::from_millis(10);

/// Reason for the end of the assembler.
pub(crate) enum End {
    /// The driver cannot be read, or is no longer the loaded one. The parent has been informed.
    Reported,
    /// The parent is gone, or the frame could not be encoded.
    Unwritten(FrameError),
}

/// Sources of the frames.
pub(crate) struct Assembler<W> {
    pub(crate) out: W,
    pub(crate) interval: Duration,
    pub(crate) ticker: Arc<Ticker>,
    pub(crate) monitor: Arc<DriverMonitor>,
    pub(crate) calls: CallTable,
    pub(crate) proc_root: PathBuf,
    /// None if the driver's PIDs are not those of our `/proc`.
    pub(crate) process_cache: Option<ProcessCache>,
    pub(crate) owners: Owners,
    pub(crate) sockets: Sockets,
    pub(crate) containers: Containers,
    pub(crate) allocations: Allocations,
    pub(crate) host: Host,
    pub(crate) jobs: Option<Jobs>,
    /// Start of this collector.
    pub(crate) began: BootTime,
    pub(crate) notes: Notes,
    pub(crate) in_flight: InFlight,
    pub(crate) readers: GpuReaders,
    pub(crate) xids: Arc<Xids>,
    pub(crate) written: Instant,
}

impl<W: Write> Assembler<W> {
    /// Writes frames until the driver fails or the parent is gone.
    pub(crate) fn run(mut self) -> End {
        match self.frames() {
            Ok(end) => end,
            Err(error) => End::Unwritten(error),
        }
    }

    fn frames(&mut self) -> Result<End, FrameError> {
        let (facts, library) = loop {
            match self.monitor.stage() {
                (Stage::Ready(facts), Some(library)) => break (facts, library),
                (Stage::Failed(_) | Stage::Replaced(_) | Stage::Suspending(_), _) => return self.report_end(),
                _ => {
                    self.write_starting()?;
                    self.monitor.wait_until(Instant::now() + self.interval.min(HEARTBEAT));
                }
            }
        };
        // Not before: without a driver a new collector starts every 2 s, and each would log what is wrong with the
        // sockets.
        self.containers = Containers::start(self.sockets.engine.take());
        self.allocations = Allocations::start(self.sockets.kubelet.take(), self.sockets.period);
        self.first(&facts, library)?;
        let mut tick = Instant::now();
        loop {
            tick = (tick + self.interval).max(Instant::now());
            self.sleep_until(tick)?;
            if !matches!(self.monitor.stage().0, Stage::Ready(_)) {
                return self.report_end();
            }
            self.tick(&facts, library)?;
        }
    }

    /// Reports to the parent why the driver monitor ended.
    fn report_end(&mut self) -> Result<End, FrameError> {
        match self.monitor.stage().0 {
            Stage::Failed(failure) => self.write(Driver::Failed(failure))?,
            Stage::Replaced(what) => self.write(Driver::Replaced { detail: what.into() })?,
            Stage::Suspending(buses) => self.write(Driver::Suspending { buses })?,
            Stage::Starting | Stage::Ready(_) => {}
        }
        Ok(End::Reported)
    }

    /// Writes the first frame with GPUs once every reader has reported, or after the time after which a GPU is stale.
    /// Until then the collector is starting.
    fn first(&mut self, facts: &DriverFacts, library: Library) -> Result<(), FrameError> {
        let begun = Instant::now();
        let latest = begun + stale_after(self.interval);
        let tick = self.begin_tick(library);
        let slots = loop {
            let slots = self.ticker.wait_for_all(tick, Instant::now() + MAX_WAIT);
            let done = |(reader, slot): (usize, &Slot)| slot.reading.is_some() || self.readers.waits(number(reader));
            if slots.iter().enumerate().all(done) || Instant::now() >= latest {
                break slots;
            }
            self.write_starting()?;
        };
        let took = begun.elapsed();
        let processes = self.processes(&slots, Instant::now() + MAX_WAIT);
        // Nothing was written while processes were read, and the parent takes a longer silence for a hang.
        self.send(&Message::Heartbeat)?;
        let names = Instant::now() + NAMES_WAIT;
        self.host.settle(names);
        self.owners.settle(names);
        self.containers.settle(names);
        self.allocations.settle(names);
        self.write_ready(facts, tick, &slots, processes, took)
    }

    fn tick(&mut self, facts: &DriverFacts, library: Library) -> Result<(), FrameError> {
        let begun = Instant::now();
        let deadline = begun + MAX_WAIT.min(self.interval / 4);
        let tick = self.begin_tick(library);
        let slots = self.ticker.wait_for_all(tick, deadline);
        let took = begun.elapsed();
        let processes = self.processes(&slots, deadline.max(Instant::now() + FACTS_WAIT));
        // The first sample of a new account or container has its name already: usage would count for the number or ID.
        if self.owners.has_new() || self.containers.has_new() {
            self.send(&Message::Heartbeat)?;
            let names = Instant::now() + NAMES_WAIT;
            self.owners.settle(names);
            self.containers.settle_new(names);
        }
        self.write_ready(facts, tick, &slots, processes, took)
    }

    /// Begins a tick, and starts the readers of GPUs that were not counted before.
    fn begin_tick(&mut self, library: Library) -> u64 {
        let tick = self.ticker.begin_tick();
        for index in self.readers.due(self.ticker.counted(), Instant::now()) {
            let work = GpuReader {
                index,
                library,
                ticker: Arc::clone(&self.ticker),
                slot: self.calls.slot(gpu_slot(index), Some(index)),
                proc_root: self.proc_root.clone(),
                xids: Arc::clone(&self.xids),
            };
            Xids::start(&self.xids, index, library, &self.ticker, &self.calls, self.in_flight.enter());
            let guard = self.in_flight.enter();
            let started = thread::Builder::new().name(format!("gpu {index}")).spawn(move || {
                work.run();
                drop(guard);
            });
            if let Err(error) = started {
                tracing::error!(gpu = index, %error, "cannot start a thread to read this GPU");
            }
        }
        tick
    }

    /// Returns the facts of every process that a GPU lists. None are looked up in another PID namespace.
    fn processes(&self, slots: &[Slot], deadline: Instant) -> Vec<ProcessFacts> {
        let pids: BTreeSet<u32> = slots
            .iter()
            .filter_map(|slot| slot.reading.as_deref())
            .flat_map(GpuReading::lists)
            .flatten()
            .map(|listed| listed.pid)
            .collect();
        let Some(cache) = &self.process_cache else {
            return pids.into_iter().map(|pid| ProcessFacts::unread(pid, Absence::Denied)).collect();
        };
        let pids: Vec<u32> = pids.into_iter().collect();
        let facts = cache.facts(&pids, deadline);
        for uid in facts.iter().filter_map(|facts| facts.uid.ok()) {
            self.owners.name(uid);
        }
        self.containers.request(&facts);
        facts
    }

    fn write_ready(
        &mut self,
        facts: &DriverFacts,
        tick: u64,
        slots: &[Slot],
        mut processes: Vec<ProcessFacts>,
        took: Duration,
    ) -> Result<(), FrameError> {
        for process in &mut processes {
            process.user = process.uid.ok().and_then(|uid| self.owners.name(uid));
        }
        self.containers.name(&mut processes);
        self.notes.look(&processes);
        let gpus = slots.iter().enumerate().map(|(reader, slot)| self.gpu(reader, slot, tick)).collect();
        let listed = processes.len();
        let sample = Sample {
            gpus,
            processes,
            allocations: self.allocations.newest(),
            xids: self.xids.take(),
            duration_us: u32::try_from(took.as_micros()).unwrap_or(u32::MAX),
            ..self.blank(Driver::Ready(facts.clone()))
        };
        let mut message = Message::Sample(Box::new(sample));
        let result = self.send(&message);
        if let (Err(FrameError::TooLong { length }), Message::Sample(sample)) = (&result, &mut message) {
            tracing::error!(length, "the frame is too long; sending it without process facts");
            sample.processes.clear();
            return self.send(&message);
        }
        drop(message);
        trim_after_tick(listed);
        result
    }

    fn gpu(&self, reader: usize, slot: &Slot, tick: u64) -> GpuSample {
        let index = number(reader);
        let late = slot.tick < tick;
        let stuck = if late { gpu_slot(index).and_then(|slot| self.calls.in_flight(slot)) } else { None };
        let read = slot.reading.as_ref().map(|reading| reading.sample.clone());
        let sample = read.unwrap_or_else(|| unread(index, Absence::Timeout));
        GpuSample { stuck, xid_since: self.xids.since(index), ..sample }
    }

    fn write_starting(&mut self) -> Result<(), FrameError> {
        let call = self.calls.all_in_flight().into_iter().next();
        self.write(Driver::Starting { call })
    }

    /// Writes a frame without GPUs.
    pub(crate) fn write(&mut self, driver: Driver) -> Result<(), FrameError> {
        let sample = self.blank(driver);
        self.send(&Message::Sample(Box::new(sample)))
    }

    /// Creates a sample with everything that does not depend on the driver.
    fn blank(&self, driver: Driver) -> Sample {
        let jobs = self.jobs.as_ref();
        let others = [self.containers.note(), self.allocations.note(), jobs.and_then(Jobs::note)];
        let notes = self.notes.list().into_iter().chain(others.into_iter().flatten()).collect();
        let is_ready = matches!(driver, Driver::Ready(_));
        Sample {
            library: if is_ready { None } else { self.monitor.library_facts() },
            host: self.host.newest(),
            notes,
            began: self.began,
            calls: meter::all(),
            jobs: jobs.map(Jobs::newest),
            ..Sample::of(driver, Stamp::now())
        }
    }

    fn send(&mut self, message: &Message) -> Result<(), FrameError> {
        frame::write(&mut self.out, message)?;
        self.written = Instant::now();
        Ok(())
    }

    /// Sleeps, and writes heartbeats meanwhile.
    fn sleep_until(&mut self, tick: Instant) -> Result<(), FrameError> {
        loop {
            let now = Instant::now();
            if now >= tick {
                return Ok(());
            }
            let heartbeat = self.written + HEARTBEAT;
            if now >= heartbeat {
                self.send(&Message::Heartbeat)?;
                continue;
            }
            thread::sleep(tick.min(heartbeat) - now);
        }
    }
}

/// Converts a reader's number to NVML's index.
fn number(reader: usize) -> u32 {
    u32::try_from(reader).unwrap_or(u32::MAX)
}
