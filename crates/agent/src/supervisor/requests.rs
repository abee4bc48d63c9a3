//! Requests of other threads to the supervisor: release the driver, resume, forget a GPU, and publish new claims.

use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use telemetry::derive::NotForgotten;

/// Time after which a release is answered even if the collector has not ended: it may take three seconds to leave, and
/// then it is killed.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Additional wait for the answer: the supervisor may be deriving a snapshot.
const GRACE: Duration = Duration::from_secs(5);

/// A request, with the channel for its answer.
pub(super) enum DriverRequest {
    /// Stop the collector and start none for this long.
    Release { length: Duration, answer: Sender<ReleaseOutcome> },
    /// Try the driver at once, if collectors wait for one.
    Retry,
    /// Start a collector again. The answer is whether a release was in force.
    Resume { answer: Sender<bool> },
}

/// A request to the supervisor.
pub(super) enum Request {
    /// About the driver.
    Driver(DriverRequest),
    /// Forget the GPU with this UUID, PCI bus id or index.
    Forget { gpu: String, answer: Sender<ForgetOutcome> },
    /// Publish a snapshot now, since the claims have changed.
    Publish { done: Sender<()> },
}

/// Name of the GPU that was forgotten.
pub(crate) type ForgetOutcome = Result<String, NotForgotten>;

pub(super) type ReleaseOutcome = Result<Released, NotReleased>;

/// No collector runs: nothing of the agent holds the driver or a device.
#[derive(Debug)]
pub(crate) struct Released {
    /// End of the release, as RFC 3339.
    pub(crate) until: String,
}

/// Reason why a release is not complete.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotReleased {
    /// The collector does not end.
    #[error(
        "{collector} has not ended within {} s and may still hold the devices; it ends when the call returns, and no \
         other is started until {until}", ANSWER_TIMEOUT.as_secs()
    )]
    Stuck {
        /// PID and calls in flight.
        collector: String,
        /// End of the release, as RFC 3339.
        until: String,
    },
    /// The supervisor's thread is stuck or gone.
    #[error("{0}")]
    Unanswered(#[from] Unanswered),
}

/// The supervisor's thread is stuck or gone.
#[derive(Debug, thiserror::Error)]
#[error("the agent's supervisor does not answer; restart the service")]
pub(crate) struct Unanswered;

/// Handle by which any thread releases and resumes the driver, forgets GPUs, and has claims published.
#[derive(Clone)]
pub(crate) struct SupervisorControl(Sender<Request>);

impl SupervisorControl {
    pub(super) fn new(requests: Sender<Request>) -> Self {
        Self(requests)
    }

    /// Stops the collector, waits for its end, and keeps the next from starting for this long.
    ///
    /// # Errors
    /// [`NotReleased::Stuck`] while the collector's process remains, [`NotReleased::Unanswered`].
    pub(crate) fn release(&self, length: Duration) -> ReleaseOutcome {
        let (answer, answered) = bounded(1);
        self.send(Request::Driver(DriverRequest::Release { length, answer }), &answered)?
    }

    /// Tries the driver at once, if collectors wait for one. Nothing is answered.
    pub(crate) fn retry(&self) {
        // Fails if the supervisor has ended, and then nothing is read any more.
        let _ = self.0.send(Request::Driver(DriverRequest::Retry));
    }

    /// Ends a release; `false` if none was in force.
    pub(crate) fn resume(&self) -> Result<bool, Unanswered> {
        let (answer, answered) = bounded(1);
        self.send(Request::Driver(DriverRequest::Resume { answer }), &answered)
    }

    /// Forgets a GPU that the driver does not list.
    pub(crate) fn forget(&self, gpu: String) -> Result<ForgetOutcome, Unanswered> {
        let (answer, answered) = bounded(1);
        self.send(Request::Forget { gpu, answer }, &answered)
    }

    /// Publishes a snapshot with the present claims; `false` if that takes longer.
    pub(crate) fn publish(&self, timeout: Duration) -> bool {
        let (done, is_done) = bounded(1);
        self.0.send(Request::Publish { done }).is_ok() && is_done.recv_timeout(timeout).is_ok()
    }

    fn send<T>(&self, request: Request, answered: &Receiver<T>) -> Result<T, Unanswered> {
        self.0.send(request).map_err(|_| Unanswered)?;
        answered.recv_timeout(ANSWER_TIMEOUT + GRACE).map_err(|_| Unanswered)
    }
}
