//! The supervisor: one thread that keeps one collector running and publishes a snapshot on every tick of its clock.
//!
//! A tick ends with a sample, or without one when its time is up; so a snapshot is never older than it must be, and
//! one comes whatever the collector does.

mod backoff;
mod blame;
pub(crate) mod child;
mod environment;
mod hold;
mod life;
mod orders;
mod plan;
pub(crate) mod program;
mod room;
mod words;

use std::{
    io,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use collector::Settings;
use server::Publisher;
use telemetry::{
    Stamp,
    derive::{Child, Deriver, Input},
    frame::Message,
    sample::{Driver, Sample},
};

use child::Report;
use life::Life;
use orders::Order;
pub(crate) use orders::{NotReleased, Orders};
use room::Place;

/// The longest time between two snapshots: ages are told to the second even if the GPUs are read once a minute.
const LONGEST_TICK: Duration = Duration::from_secs(1);
/// How much later than its tick a sample may come before a snapshot is published without it: the collector waits up
/// to a quarter of the interval for its lanes, and a little for the facts.
const LATE: Duration = Duration::from_millis(100);

/// How long the thread may take to let the collector go.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// What the supervisor's thread is told.
enum Event {
    /// By the reader of the collector of this number, which has so much room.
    Report(u64, Report, Place),
    /// By an administrator.
    Order(Order),
    Stop,
}

/// The running supervisor, as the parent holds it.
pub(crate) struct Supervisor {
    events: mpsc::Sender<Event>,
    /// Nothing comes here; it closes when the thread ends.
    ended: mpsc::Receiver<()>,
}

impl Supervisor {
    /// Starts the thread, which starts the first collector. What is derived goes on from what the deriver knows.
    pub(crate) fn start(
        settings: Settings,
        idle_after: Duration,
        publisher: Publisher,
        deriver: Deriver,
    ) -> io::Result<Self> {
        let (events, inbox) = mpsc::channel();
        let state = State {
            tick: settings.interval.min(LONGEST_TICK) + settings.interval.min(LONGEST_TICK) / 4 + LATE,
            interval: settings.interval,
            idle_after,
            life: Life::new(settings, events.clone()),
            publisher,
            deriver,
            sample: None,
        };
        let (lives, ended) = mpsc::channel();
        thread::Builder::new().name("supervisor".into()).spawn(move || {
            let _lives: mpsc::Sender<()> = lives;
            state.run(&inbox);
        })?;
        Ok(Self { events, ended })
    }

    /// Where an administrator's orders go.
    pub(crate) fn orders(&self) -> Orders {
        Orders::new(self.events.clone())
    }

    /// Lets the collector go, without waiting for it to end. A thread that is stuck is not waited for either: the
    /// collector leaves when this process ends.
    pub(crate) fn stop(self) {
        // The thread ends by nothing else; if it has all the same, there is nothing to stop.
        let _ = self.events.send(Event::Stop);
        if self.ended.recv_timeout(STOP_WITHIN) == Err(mpsc::RecvTimeoutError::Timeout) {
            tracing::error!("the supervisor is stuck and is left behind");
        }
    }
}

struct State {
    tick: Duration,
    interval: Duration,
    idle_after: Duration,
    life: Life,
    publisher: Publisher,
    deriver: Deriver,
    /// The newest sample of the collector that runs now.
    sample: Option<Arc<Sample>>,
}

impl State {
    fn run(mut self, inbox: &mpsc::Receiver<Event>) {
        let mut next = Instant::now();
        loop {
            let changed = self.life.attend(Instant::now());
            if changed.started {
                self.sample = None;
            }
            if changed.any() || Instant::now() >= next {
                self.publish();
                next = Instant::now() + self.tick;
            }
            // After publishing, so that who hears it can see it.
            self.life.answer();
            let wake = self.life.wake().map_or(next, |wake| wake.min(next));
            let asleep = Instant::now();
            match inbox.recv_timeout(wake.saturating_duration_since(asleep)) {
                Ok(Event::Stop) | Err(mpsc::RecvTimeoutError::Disconnected) => return self.life.let_go(),
                Ok(Event::Report(number, report, _place)) => {
                    if self.take(number, report) {
                        self.publish();
                        next = Instant::now() + self.tick;
                    }
                }
                Ok(Event::Order(order)) => {
                    self.life.obey(order);
                    next = Instant::now();
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
            self.life.forgive(wake.max(asleep));
        }
    }

    /// Takes a report in; `true` if there is something new to publish.
    fn take(&mut self, number: u64, report: Report) -> bool {
        if !self.life.hears(number, &report) {
            return false;
        }
        let Report::Message(Message::Sample(sample)) = report else { return false };
        match &sample.driver {
            Driver::Failed(failure) => self.life.failed(failure),
            Driver::Replaced { detail } => self.life.replaced(detail),
            Driver::Suspending { buses } => self.life.resting(buses),
            Driver::SuspendFailed => self.life.sleepless(),
            _ => {}
        }
        self.sample = Some(Arc::from(sample));
        true
    }

    fn publish(&mut self) {
        let child = self.life.child();
        let alive = matches!(child, Child::Alive | Child::Silent { .. });
        let snapshot = self.deriver.derive(&Input {
            now: Stamp::now(),
            interval: self.interval,
            child: &child,
            sample: self.sample.as_ref().filter(|_| alive),
            restarts: self.life.restarts(),
            left_out: self.life.left_out(),
            idle_after: self.idle_after,
        });
        self.publisher.publish(snapshot);
    }
}
