//! What an administrator may ask of the supervisor.

use std::{sync::mpsc, time::Duration};

use crate::supervisor::{Event, hold::ANSWER_WITHIN};

/// How much longer than it may take the supervisor is waited for: it may be deriving a snapshot.
const GRACE: Duration = Duration::from_secs(5);

/// What the supervisor's thread is asked, and where it answers.
pub(super) enum Order {
    /// Let the collector go, and start none for so long.
    Release { length: Duration, answer: mpsc::Sender<Result<Released, NotReleased>> },
    /// Start one again. The answer is whether none was to be started.
    Resume { answer: mpsc::Sender<bool> },
}

/// No collector runs: nothing of ours holds the driver or a device.
#[derive(Debug)]
pub(crate) struct Released {
    /// Until when, as people write it.
    pub(crate) until: String,
}

/// Why it cannot be said that nothing holds the driver.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotReleased {
    /// The collector cannot be ended.
    #[error(
        "{collector} has not ended within {} s and may still hold the devices; it goes when the call returns, and no \
         other is started until {until}", ANSWER_WITHIN.as_secs()
    )]
    Stuck {
        /// Its PID, and the calls that it is in.
        collector: String,
        /// Until when no other is started.
        until: String,
    },
    /// The supervisor's thread is stuck or gone.
    #[error("{0}")]
    Unanswered(#[from] Unanswered),
}

/// The supervisor's thread is stuck or gone.
#[derive(Debug, thiserror::Error)]
#[error("the agent's supervisor has not answered; restart the service")]
pub(crate) struct Unanswered;

/// Gives orders. Any thread may.
#[derive(Clone)]
pub(crate) struct Orders(mpsc::Sender<Event>);

impl Orders {
    pub(super) fn new(events: mpsc::Sender<Event>) -> Self {
        Self(events)
    }

    /// Lets the collector go, waits until it has ended, and has none started for so long.
    pub(crate) fn release(&self, length: Duration) -> Result<Released, NotReleased> {
        let (answer, answered) = mpsc::channel();
        self.give(Order::Release { length, answer }, &answered)?
    }

    /// Has a collector started again; `false` if that was so already.
    pub(crate) fn resume(&self) -> Result<bool, Unanswered> {
        let (answer, answered) = mpsc::channel();
        self.give(Order::Resume { answer }, &answered)
    }

    fn give<T>(&self, order: Order, answered: &mpsc::Receiver<T>) -> Result<T, Unanswered> {
        self.0.send(Event::Order(order)).map_err(|_| Unanswered)?;
        answered.recv_timeout(ANSWER_WITHIN + GRACE).map_err(|_| Unanswered)
    }
}
