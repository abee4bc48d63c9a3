//! The life of collectors, one after the other and never two: started, heard, missed, ended, waited for.

mod release;

use std::{
    sync::mpsc,
    time::{Duration, Instant},
};

use collector::Settings;
use telemetry::{
    derive::{Child, LeftOut},
    sample::Failure,
};

use crate::supervisor::{
    Event,
    backoff::Backoff,
    child::{Process, Report, ending},
    hold::Hold,
    plan::Plan,
    words::calls,
};

/// A collector that cannot read the driver leaves; the next tries again after this long, so that the agent comes
/// alive by itself within five seconds of the driver.
const DRIVER_RETRY: Duration = Duration::from_secs(2);
/// How long a collector may take to leave once it was told to, or has said that it will: the two seconds that it has
/// itself, and one.
const LEAVE_WITHIN: Duration = Duration::from_secs(3);
/// A silent collector is killed after this long at the earliest.
const KILL_AFTER: Duration = Duration::from_secs(3);
/// How often it is looked whether a collector that is to end has.
const LOOK: Duration = Duration::from_millis(20);
/// If this thread itself slept this much too long, the host was busy or suspended: nobody else is to blame.
const OWN_DELAY: Duration = Duration::from_millis(500);

/// What changed while attending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Changed {
    pub(super) started: bool,
    pub(super) ended: bool,
    pub(super) silent: bool,
}

impl Changed {
    pub(super) const fn any(self) -> bool {
        self.started || self.ended || self.silent
    }
}

#[derive(Debug)]
enum Phase {
    /// None runs; the next is started at this time, or when an administrator's release is over.
    Down { until: Instant },
    /// It runs and is heard.
    Running,
    /// It is leaving: killed if it has not by then.
    Leaving { by: Instant },
    /// It was killed, and a call in the kernel keeps it from ending.
    Killed,
}

/// The life of collectors.
pub(super) struct Life {
    settings: Settings,
    events: mpsc::Sender<Event>,
    phase: Phase,
    process: Option<Process>,
    /// The number of the newest collector, from 1.
    number: u64,
    restarts: u64,
    started: Instant,
    heard: Instant,
    silent: bool,
    /// Why the present one is being ended, or how the last one did.
    why: String,
    /// We have killed the present one: whatever it was in when it ended, it did not die of it.
    killed: bool,
    /// The present one has said that it cannot read the driver.
    no_driver: bool,
    /// The present one has said that it leaves for a good reason: the next is started at once.
    told: bool,
    /// The driver's text that was last logged: the retries of a host without a driver are not news.
    logged: Option<String>,
    backoff: Backoff,
    plan: Plan,
    hold: Hold,
    /// The present one was let go by a release, so that its end is no failure.
    dismissed: bool,
}

impl Life {
    pub(super) fn new(settings: Settings, events: mpsc::Sender<Event>) -> Self {
        let now = Instant::now();
        Self {
            settings,
            events,
            phase: Phase::Down { until: now },
            process: None,
            number: 0,
            restarts: 0,
            started: now,
            heard: now,
            silent: false,
            why: String::new(),
            killed: false,
            no_driver: false,
            told: false,
            logged: None,
            backoff: Backoff::default(),
            plan: Plan::default(),
            hold: Hold::default(),
            dismissed: false,
        }
    }

    /// Does what is due.
    pub(super) fn attend(&mut self, now: Instant) -> Changed {
        let mut changed = Changed { ended: self.bury(now), ..Changed::default() };
        self.hold.expire();
        match self.phase {
            Phase::Down { .. } if self.hold.is_on() => {}
            Phase::Down { until } if now >= until => changed.started = self.start(now),
            Phase::Running => {
                let silent = now.duration_since(self.heard) >= self.silent_after();
                changed.silent = silent != self.silent;
                self.silent = silent;
                if now.duration_since(self.heard) >= self.silent_after().max(KILL_AFTER) {
                    self.kill(&format!("not heard of for {} s", now.duration_since(self.heard).as_secs()));
                }
            }
            Phase::Leaving { by } if now >= by => self.kill("did not leave in time"),
            _ => {}
        }
        changed
    }

    /// When there is something to attend to, if nothing happens before.
    pub(super) fn wake(&self) -> Option<Instant> {
        match self.phase {
            Phase::Down { until } => Some(self.hold.wake().unwrap_or(until)),
            Phase::Running if self.silent => Some(self.heard + self.silent_after().max(KILL_AFTER)),
            Phase::Running => Some(self.heard + self.silent_after()),
            Phase::Leaving { .. } | Phase::Killed => Some(Instant::now() + LOOK),
        }
    }

    /// Takes note of a report; `false` if it is an earlier collector's.
    pub(super) fn hears(&mut self, number: u64, report: &Report) -> bool {
        if number != self.number {
            return false;
        }
        self.heard = Instant::now();
        self.silent = false;
        if let Report::Ended(error) = report
            && matches!(self.phase, Phase::Running)
        {
            if let Some(error) = error {
                tracing::error!(%error, "the collector's frames cannot be read");
                self.why = format!("its frames cannot be read: {error}");
            }
            self.leave();
        }
        true
    }

    /// Takes note that the collector cannot read the driver. It leaves by itself.
    pub(super) fn failed(&mut self, failure: &Failure) {
        self.no_driver = true;
        if self.logged.as_ref() != Some(&failure.text) {
            let hint = failure.hint.as_deref().unwrap_or("-");
            tracing::warn!(function = failure.function, code = failure.code, hint, "no driver: {}", failure.text);
            self.logged = Some(failure.text.clone());
        }
        self.why.clone_from(&failure.text);
        self.leave();
    }

    /// Takes note that the collector leaves because another driver was installed.
    pub(super) fn replaced(&mut self, detail: &str) {
        tracing::warn!("{detail}: a fresh collector loads it");
        self.plan.new_driver();
        self.told = true;
        detail.clone_into(&mut self.why);
        self.leave();
    }

    /// Takes note that the collector leaves so that these GPUs can be suspended.
    pub(super) fn resting(&mut self, buses: &[String]) {
        self.plan.rest(buses);
        self.told = true;
        self.leave();
    }

    /// Takes note that the GPUs were let go in vain.
    pub(super) fn sleepless(&mut self) {
        self.plan.rested_in_vain();
    }

    /// Forgives the collector a silence in which this thread was itself asleep for longer than it meant to.
    pub(super) fn forgive(&mut self, meant_to_wake: Instant) {
        let now = Instant::now();
        if now.saturating_duration_since(meant_to_wake) > OWN_DELAY {
            self.heard = now;
        }
    }

    /// How the collector is, for a snapshot.
    pub(super) fn child(&self) -> Child {
        if let (Phase::Down { .. }, Some(detail)) = (&self.phase, self.hold.detail()) {
            return Child::Released { detail };
        }
        let running = |silent: bool| if silent { Child::Silent { detail: self.silence() } } else { Child::Alive };
        match self.phase {
            // Before the first there is nothing to say.
            Phase::Down { .. } if self.number == 0 => Child::Alive,
            Phase::Running => running(self.silent),
            Phase::Leaving { .. } if self.no_driver || self.dismissed => Child::Alive,
            Phase::Killed => running(true),
            Phase::Down { .. } | Phase::Leaving { .. } if self.why.is_empty() => {
                Child::Down { detail: "the collector has ended".into() }
            }
            Phase::Down { .. } | Phase::Leaving { .. } => Child::Down { detail: self.why.clone() },
        }
    }

    /// How often a collector was started because the one before had ended when it should not have.
    pub(super) fn restarts(&self) -> u64 {
        self.restarts
    }

    /// The GPUs that the present collector does not read.
    pub(super) fn left_out(&self) -> &[LeftOut] {
        self.plan.left_out()
    }

    /// Closes the collector's input and lets it be.
    pub(super) fn let_go(mut self) {
        if let Some(process) = &mut self.process {
            process.ask_to_leave();
        }
    }

    fn start(&mut self, now: Instant) -> bool {
        self.number += 1;
        let settings = self.plan.settings(&self.settings, now);
        match Process::start(settings, self.number, self.events.clone()) {
            Ok(process) => {
                tracing::debug!(pid = process.pid(), "the collector is started");
                self.process = Some(process);
                self.phase = Phase::Running;
                (self.started, self.heard) = (now, now);
                (self.silent, self.no_driver, self.killed) = (false, false, false);
                (self.told, self.dismissed) = (false, false);
                self.why.clear();
                true
            }
            Err(error) => {
                tracing::error!(%error, "cannot start the collector");
                self.why = format!("cannot be started: {error}");
                self.phase = Phase::Down { until: now + self.backoff.after(Duration::ZERO) };
                false
            }
        }
    }

    fn leave(&mut self) {
        if let Some(process) = &mut self.process {
            process.ask_to_leave();
            self.phase = Phase::Leaving { by: Instant::now() + LEAVE_WITHIN };
        }
    }

    fn kill(&mut self, why: &str) {
        let Some(process) = &mut self.process else { return };
        tracing::error!(pid = process.pid(), calls = calls(&process.calls()), "the collector is killed: {why}");
        why.clone_into(&mut self.why);
        self.no_driver = false;
        process.ask_to_leave();
        process.kill();
        self.killed = true;
        self.phase = Phase::Killed;
    }

    /// Takes leave of a collector that has ended, and sets the time of the next; `true` if one has.
    fn bury(&mut self, now: Instant) -> bool {
        let Some(process) = &mut self.process else { return false };
        if matches!(self.phase, Phase::Running) {
            // Its pipe closes when it ends, and its reader says so.
            return false;
        }
        let status = match process.ended() {
            Ok(Some(status)) => status,
            Ok(None) => return false,
            Err(error) => {
                tracing::error!(%error, "cannot wait for the collector");
                return false;
            }
        };
        let wait = if self.dismissed {
            tracing::info!(pid = process.pid(), "the collector has ended: nothing holds the driver");
            self.why.clear();
            Duration::ZERO
        } else if self.no_driver {
            DRIVER_RETRY
        } else if self.told && !self.killed {
            Duration::ZERO
        } else {
            let died_in = process.died_in();
            let during =
                died_in.as_ref().map_or_else(|| calls(&process.calls()), |call| calls(std::slice::from_ref(call)));
            let by_itself = !self.killed && self.why.is_empty() && !status.success();
            if let Some(call) = died_in.filter(|_| by_itself) {
                self.plan.died_in(&call, now);
            }
            let ended = ending(status);
            let ended = if self.why.is_empty() { ended } else { format!("{}, {ended}", self.why) };
            self.why = if during.is_empty() { ended } else { format!("{ended}, in {during}") };
            self.restarts += 1;
            let wait = self.backoff.after(now.duration_since(self.started));
            tracing::error!(wait_ms = wait.as_millis(), "the collector ended: {}", self.why);
            wait
        };
        self.process = None;
        self.phase = Phase::Down { until: now + wait };
        true
    }

    fn silence(&self) -> String {
        let during = self.process.as_ref().map(|process| calls(&process.calls())).unwrap_or_default();
        let during = if during.is_empty() { String::new() } else { format!(", in {during}") };
        format!("the collector was last heard of {} s ago{during}", self.heard.elapsed().as_secs())
    }

    /// Three readings without a word, at least a second.
    fn silent_after(&self) -> Duration {
        (self.settings.interval.min(Duration::from_secs(1)) * 3).max(Duration::from_secs(1))
    }
}
