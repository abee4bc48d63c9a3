//! The supervisor: a thread that keeps one collector running and publishes a snapshot on every tick.
//!
//! A tick ends with a sample, or without one at its timeout, so snapshots keep coming whatever the collector does.

mod backoff;
mod event_log;
mod handle;
mod lock;
mod orphans;
mod plan;
mod process;
mod release;
mod requests;
mod shared_claims;

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use collector::Settings;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, select, unbounded};
use server::Publisher;
use telemetry::{
    Stamp,
    derive::{Child, Deriver, Input},
    frame::Message,
    sample::{Driver, Sample},
    snapshot::ContainerCount,
    usage::Ledger,
};

use crate::{
    logging::{self, CollectorOutput},
    notes,
    state::NewestState,
};
use event_log::EventLog;
use handle::CollectorHandle;
use process::Report;
use requests::{ForgetOutcome, Request};
pub(crate) use requests::{NotReleased, SupervisorControl};
pub(crate) use shared_claims::SharedClaims;

/// Longest time between two snapshots: ages are accurate to the second even if the GPUs are read once a minute.
const MAX_TICK: Duration = Duration::from_secs(1);
/// Time after its tick at which a snapshot is published without a sample: the collector waits up to a quarter of the
/// interval for its GPU readers, and a little for the process facts.
const TICK_GRACE: Duration = Duration::from_millis(100);
/// Timeout of the supervisor's thread to detach the collector.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);
/// Reports that may queue. What a collector writes beyond that waits in its pipe, so that a flood of frames does not
/// become the parent's memory. Requests have a queue of their own and never wait for reports.
const REPORT_QUEUE: usize = 16;

/// The running supervisor, as the parent holds it.
pub(crate) struct Supervisor {
    requests: Sender<Request>,
    /// Carries nothing; dropping it stops the thread.
    stop: Sender<()>,
    /// Carries nothing; it disconnects when the thread ends.
    ended: Receiver<()>,
}

/// Rules by which snapshots are derived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// A GPU with allocated memory is no longer busy after this long without work.
    pub(crate) idle_after: Duration,
    /// Rule by which processes count for their container or their account.
    pub(crate) container_count: ContainerCount,
}

impl Supervisor {
    /// Starts the thread, which starts the first collector. Derivation continues from the saved state, and updates it.
    pub(crate) fn start(
        settings: Settings,
        rules: Rules,
        publisher: Publisher,
        saved: NewestState,
        ledger: Option<Arc<Mutex<Ledger>>>,
        claims: SharedClaims,
    ) -> io::Result<Self> {
        let (reports, incoming) = bounded(REPORT_QUEUE);
        let (requests, requested) = unbounded();
        let (stop, stopped) = bounded(0);
        let (running, ended) = bounded(0);
        let tick = settings.interval.min(MAX_TICK);
        let worker = Worker {
            tick: tick + tick / 4 + TICK_GRACE,
            interval: settings.interval,
            rules,
            collector: CollectorHandle::new(settings, reports, CollectorOutput::start()?),
            publisher,
            deriver: Deriver::restoring(saved.get()),
            event_log: EventLog::new(Instant::now()),
            saved,
            ledger,
            claims,
            sample: None,
        };
        let inbox = Inbox { reports: incoming, requests: requested, stop: stopped };
        thread::Builder::new().name("supervisor".into()).spawn(move || {
            let _running: Sender<()> = running;
            worker.run(&inbox);
        })?;
        Ok(Self { requests, stop, ended })
    }

    /// Handle by which other threads release and resume the driver, and forget GPUs.
    pub(crate) fn control(&self) -> SupervisorControl {
        SupervisorControl::new(self.requests.clone())
    }

    /// Detaches the collector without waiting for its end: it leaves when this process ends, at the latest. A stuck
    /// supervisor thread is not waited for either.
    pub(crate) fn stop(self) {
        drop(self.stop);
        if self.ended.recv_timeout(STOP_TIMEOUT) == Err(RecvTimeoutError::Timeout) {
            tracing::error!("the supervisor is stuck; exiting without it");
        }
    }
}

/// Inputs of the supervisor's thread.
struct Inbox {
    /// Reports, each with the number of the collector that sent it.
    reports: Receiver<(u64, Report)>,
    requests: Receiver<Request>,
    stop: Receiver<()>,
}

/// State of the supervisor's thread.
struct Worker {
    tick: Duration,
    interval: Duration,
    rules: Rules,
    collector: CollectorHandle,
    publisher: Publisher,
    deriver: Deriver,
    event_log: EventLog,
    saved: NewestState,
    /// Counts usage.
    ledger: Option<Arc<Mutex<Ledger>>>,
    claims: SharedClaims,
    /// Newest sample of the present collector.
    sample: Option<Arc<Sample>>,
}

impl Worker {
    fn run(mut self, inbox: &Inbox) {
        let mut next = Instant::now();
        loop {
            let changes = self.collector.poll(Instant::now());
            if changes.started {
                self.sample = None;
            }
            if changes.any() || Instant::now() >= next {
                self.publish();
                next = Instant::now() + self.tick;
            }
            // After publishing, so that the answer is true of the newest snapshot.
            self.collector.answer();
            let wake = self.collector.wake().map_or(next, |wake| wake.min(next));
            let asleep = Instant::now();
            select! {
                recv(inbox.reports) -> report => {
                    // The collector's handle keeps a sender, so the channel does not disconnect.
                    if let Ok((number, report)) = report && self.accept(number, report) {
                        self.publish();
                        next = Instant::now() + self.tick;
                    }
                }
                recv(inbox.requests) -> request => match request {
                    Ok(Request::Forget { gpu, answer }) => {
                        self.forget(&gpu, &answer);
                        next = Instant::now() + self.tick;
                    }
                    Ok(Request::Publish { done }) => {
                        self.publish();
                        next = Instant::now() + self.tick;
                        // Fails if nobody waits any more, which changes nothing.
                        let _ = done.send(());
                    }
                    Ok(Request::Driver(request)) => {
                        self.collector.handle(request);
                        next = Instant::now();
                    }
                    Err(_) => return self.collector.detach(),
                },
                recv(inbox.stop) -> _ => return self.collector.detach(),
                default(wake.saturating_duration_since(asleep)) => {}
            }
            self.collector.discount_stall(wake.max(asleep));
        }
    }

    /// Takes in a report; `true` if there is something new to publish.
    fn accept(&mut self, number: u64, report: Report) -> bool {
        if !self.collector.heard(number, &report) {
            return false;
        }
        let Report::Message(Message::Sample(sample)) = report else { return false };
        match &sample.driver {
            Driver::Failed(failure) => {
                self.collector.failed(failure, sample.library.as_ref().and_then(|library| library.file.as_ref()));
            }
            Driver::Ready(_) => self.collector.reads(),
            Driver::Replaced { detail } => self.collector.replaced(detail),
            Driver::Suspending { buses } => self.collector.suspending(buses),
            Driver::SuspendFailed => self.collector.suspend_failed(),
            _ => {}
        }
        self.sample = Some(Arc::from(sample));
        true
    }

    /// Forgets a GPU. The answer comes after publishing, so that it is true of the newest snapshot.
    fn forget(&mut self, gpu: &str, answer: &Sender<ForgetOutcome>) {
        let outcome = self.deriver.forget(gpu, Stamp::now());
        if let Ok(key) = &outcome {
            self.account(|ledger| ledger.forget_gpu(key));
        }
        self.publish();
        // Fails if the client has given up, which changes nothing.
        let _ = answer.send(outcome);
    }

    /// Does something to the ledger, if there is one.
    fn account(&self, change: impl FnOnce(&mut Ledger)) {
        if let Some(ledger) = &self.ledger {
            change(&mut ledger.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    fn publish(&mut self) {
        let child = self.collector.state();
        let alive = matches!(child, Child::Alive | Child::Silent { .. });
        self.collector.check_lock();
        orphans::reap(self.collector.pid());
        let mut snapshot = self.deriver.derive(&Input {
            now: Stamp::now(),
            interval: self.interval,
            child: &child,
            sample: self.sample.as_ref().filter(|_| alive),
            restarts: self.collector.restarts(),
            left_out: self.collector.left_out(),
            idle_after: self.rules.idle_after,
            container_count: self.rules.container_count,
            claims: Some(&self.claims.get()),
        });
        snapshot.host.notes.extend(notes::all().into_iter().chain(logging::notes()));
        self.event_log.write(&snapshot, Instant::now());
        self.saved.set(|| self.deriver.saved());
        self.account(|ledger| ledger.add(&snapshot));
        self.publisher.publish(snapshot);
        collector::trim_after_tick(self.sample.as_ref().map_or(0, |sample| sample.processes.len()));
    }
}
