//! The assembler: one frame per tick of whatever is finished, and a heartbeat in between.

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
    board::lane_slot,
    derive::stale_after,
    frame::{self, FrameError, Message},
    sample::{Driver, DriverFacts, GpuSample, ProcessFacts, Sample},
};

use crate::{
    allocations::Allocations,
    board::Board,
    callers::Callers,
    census::{Census, Stage},
    lane::Lane,
    lanes::Lanes,
    meter,
    nvml::Library,
    process::{Book, Containers, Host, Jobs, Notes, Owners},
    pulse::{Finished, Pulse, Slot},
    socket::Sockets,
    xids::Xids,
};

/// A heartbeat is written after this long without a frame, so that one or the other comes at least once a second.
const HEARTBEAT: Duration = Duration::from_millis(700);
/// Lanes are waited for at most this long after a tick, or a quarter of the interval if that is shorter.
const LONGEST_WAIT: Duration = Duration::from_millis(250);
/// The first frame waits at most this long for the names of owners and containers, and for the kubelet.
const NAMES_WAIT: Duration = Duration::from_millis(100);
/// Process facts get at least this long, even when a late lane has used up the wait.
const FACTS_WAIT: Duration = Duration::from_millis(10);

/// Why the assembler ended.
pub(crate) enum End {
    /// The driver cannot be read, or is no longer the one that was loaded; the parent has been told.
    Told,
    /// The parent is gone, or the frame could not be made.
    Unwritten(FrameError),
}

/// What the assembler puts together.
pub(crate) struct Assembler<W> {
    pub(crate) out: W,
    pub(crate) interval: Duration,
    pub(crate) pulse: Arc<Pulse>,
    pub(crate) census: Arc<Census>,
    pub(crate) board: Board,
    pub(crate) proc_root: PathBuf,
    /// None where the driver's PIDs do not mean anything in our `/proc`.
    pub(crate) book: Option<Book>,
    pub(crate) owners: Owners,
    pub(crate) sockets: Sockets,
    pub(crate) containers: Containers,
    pub(crate) allocations: Allocations,
    pub(crate) host: Host,
    pub(crate) jobs: Option<Jobs>,
    /// When this collector began.
    pub(crate) began: BootTime,
    pub(crate) notes: Notes,
    pub(crate) callers: Callers,
    pub(crate) lanes: Lanes,
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
            match self.census.stage() {
                (Stage::Ready(facts), Some(library)) => break (facts, library),
                (Stage::Failed(_) | Stage::Replaced(_) | Stage::Resting(_), _) => return self.tell_the_end(),
                _ => {
                    self.write_starting()?;
                    self.census.wait_until(Instant::now() + self.interval.min(HEARTBEAT));
                }
            }
        };
        // Not before: while there is no driver, a fresh collector every other second would say what is wrong with them.
        self.containers = Containers::start(self.sockets.engine.take());
        self.allocations = Allocations::start(self.sockets.kubelet.take(), self.sockets.period);
        self.first(&facts, library)?;
        let mut tick = Instant::now();
        loop {
            tick = (tick + self.interval).max(Instant::now());
            self.sleep_until(tick)?;
            if !matches!(self.census.stage().0, Stage::Ready(_)) {
                return self.tell_the_end();
            }
            self.tick(&facts, library)?;
        }
    }

    /// Tells the parent why the census ended.
    fn tell_the_end(&mut self) -> Result<End, FrameError> {
        match self.census.stage().0 {
            Stage::Failed(failure) => self.write(Driver::Failed(failure))?,
            Stage::Replaced(what) => self.write(Driver::Replaced { detail: what.into() })?,
            Stage::Resting(buses) => self.write(Driver::Resting { buses })?,
            Stage::Starting | Stage::Ready(_) => {}
        }
        Ok(End::Told)
    }

    /// The first frame with GPUs comes when every lane has reported once, or has had the time after which a GPU is
    /// stale; until then the collector is starting.
    fn first(&mut self, facts: &DriverFacts, library: Library) -> Result<(), FrameError> {
        let begun = Instant::now();
        let latest = begun + stale_after(self.interval);
        let beat = self.beat(library);
        let slots = loop {
            let slots = self.pulse.collect(beat, Instant::now() + LONGEST_WAIT);
            let done = |(lane, slot): (usize, &Slot)| slot.finished.is_some() || self.lanes.waits(number(lane));
            if slots.iter().enumerate().all(done) || Instant::now() >= latest {
                break slots;
            }
            self.write_starting()?;
        };
        let took = begun.elapsed();
        let processes = self.processes(&slots, Instant::now() + LONGEST_WAIT);
        let names = Instant::now() + NAMES_WAIT;
        self.owners.settle(names);
        self.containers.settle(names);
        self.allocations.settle(names);
        self.write_ready(facts, beat, &slots, processes, took)
    }

    fn tick(&mut self, facts: &DriverFacts, library: Library) -> Result<(), FrameError> {
        let begun = Instant::now();
        let deadline = begun + LONGEST_WAIT.min(self.interval / 4);
        let beat = self.beat(library);
        let slots = self.pulse.collect(beat, deadline);
        let took = begun.elapsed();
        let processes = self.processes(&slots, deadline.max(Instant::now() + FACTS_WAIT));
        self.write_ready(facts, beat, &slots, processes, took)
    }

    /// Calls the lanes, and starts those of GPUs that were not counted before.
    fn beat(&mut self, library: Library) -> u64 {
        let beat = self.pulse.beat();
        for index in self.lanes.due(self.pulse.counted(), Instant::now()) {
            let work = Lane {
                index,
                library,
                pulse: Arc::clone(&self.pulse),
                desk: self.board.desk(lane_slot(index), Some(index)),
                proc_root: self.proc_root.clone(),
                xids: Arc::clone(&self.xids),
            };
            Xids::start(&self.xids, index, library, &self.pulse, &self.board, self.callers.join());
            let presence = self.callers.join();
            let started = thread::Builder::new().name(format!("gpu {index}")).spawn(move || {
                work.run();
                drop(presence);
            });
            if let Err(error) = started {
                tracing::error!(gpu = index, %error, "cannot start a thread to read this GPU");
            }
        }
        beat
    }

    /// The facts of every process that a GPU lists. In another PID namespace none may be looked up.
    fn processes(&self, slots: &[Slot], deadline: Instant) -> Vec<ProcessFacts> {
        let pids: BTreeSet<u32> = slots
            .iter()
            .filter_map(|slot| slot.finished.as_ref())
            .flat_map(Finished::lists)
            .flatten()
            .map(|listed| listed.pid)
            .collect();
        let Some(book) = &self.book else {
            return pids.into_iter().map(|pid| ProcessFacts::unread(pid, Absence::Denied)).collect();
        };
        let pids: Vec<u32> = pids.into_iter().collect();
        let facts = book.facts(&pids, deadline);
        for uid in facts.iter().filter_map(|facts| facts.uid.ok()) {
            self.owners.name(uid);
        }
        self.containers.wish(&facts);
        facts
    }

    fn write_ready(
        &mut self,
        facts: &DriverFacts,
        beat: u64,
        slots: &[Slot],
        mut processes: Vec<ProcessFacts>,
        took: Duration,
    ) -> Result<(), FrameError> {
        for process in &mut processes {
            process.user = process.uid.ok().and_then(|uid| self.owners.name(uid));
        }
        self.containers.name(&mut processes);
        self.notes.look(&processes);
        let gpus = slots.iter().enumerate().map(|(lane, slot)| self.gpu(lane, slot, beat)).collect();
        let sample = Sample {
            gpus,
            processes,
            allocations: self.allocations.newest(),
            xids: self.xids.take(),
            duration_us: u32::try_from(took.as_micros()).unwrap_or(u32::MAX),
            ..self.blank(Driver::Ready(facts.clone()))
        };
        match self.send(&Message::Sample(Box::new(sample.clone()))) {
            Err(FrameError::TooLong { length }) => {
                tracing::error!(length, "the frame is too long; it goes without the processes' facts");
                self.send(&Message::Sample(Box::new(Sample { processes: Vec::new(), ..sample })))
            }
            result => result,
        }
    }

    fn gpu(&self, lane: usize, slot: &Slot, beat: u64) -> GpuSample {
        let index = number(lane);
        let late = slot.beat < beat;
        let stuck = if late { lane_slot(index).and_then(|slot| self.board.in_flight(slot)) } else { None };
        let unread = || Finished { read_at: Stamp::default(), ..Finished::absent(Absence::Timeout) };
        let finished = slot.finished.clone().unwrap_or_else(unread);
        GpuSample {
            index,
            handle: finished.handle,
            refusal: finished.refusal,
            read_at: slot.finished.as_ref().map(|finished| finished.read_at),
            stuck,
            identity: finished.identity,
            fast: finished.fast,
            slow: finished.slow,
            activity: finished.extra.activity,
            traffic: finished.extra.traffic,
            mig: finished.extra.mig,
            xid_since: self.xids.since(index),
        }
    }

    fn write_starting(&mut self) -> Result<(), FrameError> {
        let call = self.board.all_in_flight().into_iter().next();
        self.write(Driver::Starting { call })
    }

    /// Writes a frame without GPUs.
    pub(crate) fn write(&mut self, driver: Driver) -> Result<(), FrameError> {
        let sample = self.blank(driver);
        self.send(&Message::Sample(Box::new(sample)))
    }

    /// What every frame says, whatever the driver does.
    fn blank(&self, driver: Driver) -> Sample {
        let jobs = self.jobs.as_ref();
        let others = [self.containers.note(), self.allocations.note(), jobs.and_then(Jobs::note)];
        let notes = self.notes.list().into_iter().chain(others.into_iter().flatten()).collect();
        Sample {
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

/// A lane's number as NVML has it.
fn number(lane: usize) -> u32 {
    u32::try_from(lane).unwrap_or(u32::MAX)
}
