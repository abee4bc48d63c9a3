//! The collector process in its phases: one at a time, started, heard, ended and reaped.

use std::{
    process::ExitStatus,
    time::{Duration, Instant},
};

use collector::Settings;
use crossbeam_channel::Sender;
use telemetry::{
    derive::{Child, LeftOut},
    sample::{Failure, LibraryFile},
};

use crate::{
    child_process::describe_exit,
    logging::CollectorOutput,
    supervisor::{
        backoff::Backoff,
        lock::LockFile,
        plan::StartPlan,
        process::{CollectorProcess, Report, describe},
        release::Release,
        requests::DriverRequest,
    },
};

/// Wait after a collector that could not read the driver, short enough that the agent reads within five seconds of a
/// driver being loaded.
const DRIVER_RETRY: Duration = Duration::from_secs(2);
/// Time in which a collector must leave once asked: its own timeout of two seconds, and one more.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(3);
/// Shortest silence after which a collector is killed.
const KILL_AFTER: Duration = Duration::from_secs(3);
/// Time between two checks whether a leaving collector has ended.
const EXIT_POLL: Duration = Duration::from_millis(20);
/// Oversleep of this thread that means that the host was busy or suspended, and the collector not silent.
const STALL: Duration = Duration::from_millis(500);

/// Changes seen by one [`CollectorHandle::poll`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) started: bool,
    pub(super) ended: bool,
    pub(super) silent: bool,
}

impl Changes {
    pub(super) const fn any(self) -> bool {
        self.started || self.ended || self.silent
    }
}

#[derive(Debug)]
enum Phase {
    /// None runs; the next starts at this time, or at the end of a release.
    Down { until: Instant },
    /// It runs.
    Running,
    /// It is leaving, and is killed at this time.
    Leaving { deadline: Instant },
    /// It was killed, and a system call keeps it from ending.
    Killed,
}

/// The present collector, and the state that outlives it.
pub(super) struct CollectorHandle {
    settings: Settings,
    reports: Sender<(u64, Report)>,
    output: CollectorOutput,
    lock: LockFile,
    phase: Phase,
    process: Option<CollectorProcess>,
    /// Number of the newest collector, from 1.
    number: u64,
    restarts: u64,
    started: Instant,
    last_report: Instant,
    silent: bool,
    /// Reason for which the present collector is being ended, or the last one ended.
    reason: String,
    /// We killed the present one: the call that it was in is not to blame.
    killed: bool,
    /// The present one reported that it cannot read the driver.
    no_driver: bool,
    /// The present one reported a reason to leave: the next starts at once.
    announced: bool,
    /// Driver failure that was logged last: a host without a driver retries every 2 s.
    logged: Option<String>,
    backoff: Backoff,
    plan: StartPlan,
    release: Release,
    /// The present one leaves for a release, so its end is no failure.
    released: bool,
}

impl CollectorHandle {
    pub(super) fn new(settings: Settings, reports: Sender<(u64, Report)>, output: CollectorOutput) -> Self {
        let now = Instant::now();
        Self {
            lock: LockFile::open(settings.runtime_directory.as_deref()),
            settings,
            reports,
            output,
            phase: Phase::Down { until: now },
            process: None,
            number: 0,
            restarts: 0,
            started: now,
            last_report: now,
            silent: false,
            reason: String::new(),
            killed: false,
            no_driver: false,
            announced: false,
            logged: None,
            backoff: Backoff::default(),
            plan: StartPlan::default(),
            release: Release::default(),
            released: false,
        }
    }

    /// Does what is due: starts, reaps, kills.
    pub(super) fn poll(&mut self, now: Instant) -> Changes {
        let mut changes = Changes { ended: self.reap(now), ..Changes::default() };
        self.release.expire();
        let silence = now.duration_since(self.last_report);
        match self.phase {
            Phase::Down { .. } if self.release.is_active() => {}
            Phase::Down { until } if now >= until => changes.started = self.start(now),
            Phase::Running => {
                let silent = silence >= self.silent_after();
                changes.silent = silent != self.silent;
                self.silent = silent;
                if silence >= self.silent_after().max(KILL_AFTER) {
                    self.kill(&format!("no report for {} s", silence.as_secs()));
                }
            }
            Phase::Leaving { deadline } if now >= deadline => self.kill("did not leave in time"),
            _ => {}
        }
        changes
    }

    /// Time of the next [`poll`](Self::poll), if nothing happens before.
    pub(super) fn wake(&self) -> Option<Instant> {
        match self.phase {
            Phase::Down { until } => Some(self.release.wake().unwrap_or(until)),
            Phase::Running if self.silent => Some(self.last_report + self.silent_after().max(KILL_AFTER)),
            Phase::Running => Some(self.last_report + self.silent_after()),
            Phase::Leaving { .. } | Phase::Killed => Some(Instant::now() + EXIT_POLL),
        }
    }

    /// Records a report; `false` if an earlier collector sent it.
    pub(super) fn heard(&mut self, number: u64, report: &Report) -> bool {
        if number != self.number {
            return false;
        }
        self.last_report = Instant::now();
        self.silent = false;
        if let Report::Ended(error) = report
            && matches!(self.phase, Phase::Running)
        {
            if let Some(error) = error {
                tracing::error!(%error, "the collector's frames cannot be read");
                self.reason = format!("its frames cannot be read: {error}");
            }
            self.ask_to_leave();
        }
        true
    }

    /// Records that the collector cannot read the driver and leaves.
    pub(super) fn failed(&mut self, failure: &Failure, library: Option<&LibraryFile>) {
        self.no_driver = true;
        self.plan.driver_failed(failure, library);
        if self.logged.as_ref() != Some(&failure.text) {
            let hint = failure.hint.as_deref().unwrap_or("-");
            // The event has the text and the hint.
            tracing::debug!(function = failure.function, code = failure.code, hint, "no driver: {}", failure.text);
            self.logged = Some(failure.text.clone());
        }
        self.reason.clone_from(&failure.text);
        self.ask_to_leave();
    }

    /// Records that the collector reads the driver.
    pub(super) fn reads(&mut self) {
        self.plan.try_driver();
    }

    /// Tries the driver at once, if collectors wait for a kernel module.
    fn try_driver(&mut self) {
        let waits = self.plan.try_driver();
        match &mut self.phase {
            Phase::Running if waits && !self.no_driver => {
                self.announced = true;
                self.ask_to_leave();
            }
            Phase::Down { until } => *until = Instant::now(),
            _ => {}
        }
    }

    /// Records that the collector leaves because another driver was installed.
    pub(super) fn replaced(&mut self, detail: &str) {
        tracing::warn!("{detail}: restarting the collector to load it");
        self.plan.driver_replaced();
        self.announced = true;
        detail.clone_into(&mut self.reason);
        self.ask_to_leave();
    }

    /// Records that the collector leaves so that these GPUs can be suspended.
    pub(super) fn suspending(&mut self, buses: &[String]) {
        self.plan.suspend(buses);
        self.announced = true;
        self.ask_to_leave();
    }

    /// Records that the GPUs were not suspended.
    pub(super) fn suspend_failed(&mut self) {
        self.plan.suspend_failed();
    }

    /// Restarts the silence timer if this thread itself overslept: nothing was read from the collector meanwhile.
    pub(super) fn discount_stall(&mut self, due: Instant) {
        let now = Instant::now();
        if now.saturating_duration_since(due) > STALL {
            self.last_report = now;
        }
    }

    /// Handles a request of another thread.
    pub(super) fn handle(&mut self, request: DriverRequest) {
        match request {
            DriverRequest::Release { length, answer } => {
                self.release.begin(length, answer);
                if matches!(self.phase, Phase::Running) {
                    self.released = true;
                    self.ask_to_leave();
                }
            }
            DriverRequest::Retry => self.try_driver(),
            DriverRequest::Resume { answer } => {
                let was_active = self.release.end();
                self.try_driver();
                // Fails if the client has given up, which changes nothing.
                let _ = answer.send(was_active);
            }
        }
    }

    /// Answers a release whose client waits for the collector's end.
    pub(super) fn answer(&mut self) {
        let process = self.process.as_ref();
        self.release.answer(|| {
            process.map(|process| format!("the collector (PID {}){}", process.pid(), during(&process.calls(), ",")))
        });
    }

    /// State of the collector, for a snapshot.
    pub(super) fn state(&self) -> Child {
        if let (Phase::Down { .. }, Some(detail)) = (&self.phase, self.release.detail()) {
            return Child::Released { detail };
        }
        let running = |silent: bool| if silent { Child::Silent { detail: self.silence() } } else { Child::Alive };
        match self.phase {
            // The first has not been started yet.
            Phase::Down { .. } if self.number == 0 => Child::Alive,
            Phase::Running => running(self.silent),
            Phase::Leaving { .. } if self.no_driver || self.released => Child::Alive,
            Phase::Killed => running(true),
            Phase::Down { .. } | Phase::Leaving { .. } if self.reason.is_empty() => {
                Child::Down { detail: "the collector has ended".into() }
            }
            Phase::Down { .. } | Phase::Leaving { .. } => Child::Down { detail: self.reason.clone() },
        }
    }

    /// PID of the present collector.
    pub(super) fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(CollectorProcess::pid)
    }

    /// Checks that the lock's file is where other agents look for it.
    pub(super) fn check_lock(&self) {
        self.lock.check();
    }

    /// Starts after an unexpected end.
    pub(super) fn restarts(&self) -> u64 {
        self.restarts
    }

    /// GPUs that the present collector does not read.
    pub(super) fn left_out(&self) -> &[LeftOut] {
        self.plan.left_out()
    }

    /// Closes the collector's standard input without waiting for its end.
    pub(super) fn detach(mut self) {
        if let Some(process) = &mut self.process {
            process.ask_to_leave();
        }
    }

    fn start(&mut self, now: Instant) -> bool {
        self.number += 1;
        let base =
            Settings { lock: self.lock.descriptor(), runtime_directory: self.lock.path(), ..self.settings.clone() };
        let settings = self.plan.settings(&base, now);
        match CollectorProcess::start(settings, self.number, self.reports.clone(), &self.output) {
            Ok(process) => {
                tracing::debug!(pid = process.pid(), "the collector is started");
                self.process = Some(process);
                self.phase = Phase::Running;
                (self.started, self.last_report) = (now, now);
                (self.silent, self.no_driver, self.killed) = (false, false, false);
                (self.announced, self.released) = (false, false);
                self.reason.clear();
                true
            }
            Err(error) => {
                tracing::error!(%error, "cannot start the collector");
                self.reason = format!("cannot be started: {error}");
                self.phase = Phase::Down { until: now + self.backoff.after(Duration::ZERO) };
                false
            }
        }
    }

    fn ask_to_leave(&mut self) {
        if let Some(process) = &mut self.process {
            process.ask_to_leave();
            self.phase = Phase::Leaving { deadline: Instant::now() + LEAVE_TIMEOUT };
        }
    }

    fn kill(&mut self, reason: &str) {
        let Some(process) = &mut self.process else { return };
        tracing::error!(pid = process.pid(), calls = process.calls(), "killing the collector: {reason}");
        reason.clone_into(&mut self.reason);
        self.no_driver = false;
        process.ask_to_leave();
        process.kill();
        self.killed = true;
        self.phase = Phase::Killed;
    }

    /// Reaps a collector that has ended, and schedules the next; `true` if one has.
    fn reap(&mut self, now: Instant) -> bool {
        let Some(process) = &mut self.process else { return false };
        if matches!(self.phase, Phase::Running) && !self.silent {
            // Its pipe closes when it ends, and its reader reports that; unless a helper of the library holds it open.
            return false;
        }
        let status = match process.exit_status() {
            Ok(Some(status)) => status,
            Ok(None) => return false,
            Err(error) => {
                tracing::error!(%error, "cannot wait for the collector");
                return false;
            }
        };
        let wait = if self.released {
            tracing::info!(pid = process.pid(), "the collector has ended: nothing holds the driver");
            self.reason.clear();
            Duration::ZERO
        } else if self.no_driver {
            DRIVER_RETRY
        } else if self.announced && !self.killed {
            Duration::ZERO
        } else {
            self.crashed(status, now)
        };
        self.process = None;
        self.phase = Phase::Down { until: now + wait };
        true
    }

    /// Records an unexpected end, and returns the wait before the next start.
    fn crashed(&mut self, status: ExitStatus, now: Instant) -> Duration {
        let died_in = self.process.as_ref().and_then(CollectorProcess::died_in);
        let calls = match &died_in {
            Some(call) => describe(std::slice::from_ref(call)),
            None => self.process.as_ref().map(CollectorProcess::calls).unwrap_or_default(),
        };
        let by_itself = !self.killed && self.reason.is_empty() && !status.success();
        if let Some(call) = died_in.filter(|_| by_itself) {
            self.plan.crashed_in(&call, now);
        }
        let exit = describe_exit(status);
        let exit = if self.reason.is_empty() { exit } else { format!("{}, {exit}", self.reason) };
        self.reason = format!("{exit}{}", during(&calls, ""));
        self.restarts += 1;
        let wait = self.backoff.after(now.duration_since(self.started));
        tracing::error!(wait_ms = wait.as_millis(), "the collector ended: {}", self.reason);
        wait
    }

    fn silence(&self) -> String {
        let calls = self.process.as_ref().map(CollectorProcess::calls).unwrap_or_default();
        let seconds = self.last_report.elapsed().as_secs();
        format!("the collector's last report was {seconds} s ago{}", during(&calls, ""))
    }

    /// Three intervals without a report, at least a second.
    fn silent_after(&self) -> Duration {
        (self.settings.interval.min(Duration::from_secs(1)) * 3).max(Duration::from_secs(1))
    }
}

/// Clause that names calls in flight; empty if there are none.
fn during(calls: &str, end: &str) -> String {
    if calls.is_empty() { String::new() } else { format!(", in {calls}{end}") }
}
