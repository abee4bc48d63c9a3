//! Shutdown: the parent closes our standard input, and within two seconds the process ends.
//!
//! `nvmlShutdown` frees memory that a call in flight still uses, so it is called only after every thread that calls the
//! driver has ended. If a thread hangs the process ends without it.

use std::{
    io::Read as _,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use nix::libc;

use crate::{call_table::CallTable, driver_monitor::DriverMonitor, in_flight::InFlight, ticker::Ticker};

/// Longest time from the end of standard input to the end of the process.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);
/// Interval of checks for the end of the last thread.
const POLL: Duration = Duration::from_millis(5);

/// Everything that shutdown needs.
#[derive(Clone)]
pub(crate) struct Exit {
    pub(crate) ticker: Arc<Ticker>,
    pub(crate) monitor: Arc<DriverMonitor>,
    pub(crate) calls: CallTable,
    pub(crate) in_flight: InFlight,
}

impl Exit {
    /// Starts a thread that calls [`Exit::leave`] at the end of standard input. Its content is ignored.
    pub(crate) fn when_input_ends(self) -> std::io::Result<()> {
        let watch = move || {
            let mut input = std::io::stdin().lock();
            let mut ignored = [0; 64];
            while input.read(&mut ignored).is_ok_and(|length| length > 0) {}
            self.leave("the parent closed our input")
        };
        thread::Builder::new().name("leave".into()).spawn(watch).map(drop)
    }

    /// Ends the process, within [`SHUTDOWN_TIMEOUT`].
    pub(crate) fn leave(&self, reason: &str) -> ! {
        let deadline = Instant::now() + SHUTDOWN_TIMEOUT;
        tracing::debug!(reason, "leaving");
        if !self.ticker.leave() {
            // Another thread is shutting down, and the library must not be shut down twice. That thread ends the
            // process.
            loop {
                thread::sleep(SHUTDOWN_TIMEOUT);
            }
        }
        while self.in_flight.any() && Instant::now() < deadline {
            thread::sleep(POLL);
        }
        if self.in_flight.any() {
            let calls = self.calls.all_in_flight();
            tracing::warn!(?calls, "leaving without nvmlShutdown: a call has not returned");
        } else {
            self.shut_down(deadline);
        }
        exit_at_once(0)
    }

    /// Calls `nvmlShutdown` in a thread that is not waited for past the deadline.
    fn shut_down(&self, deadline: Instant) {
        let (_, Some(library)) = self.monitor.stage() else { return };
        let slot = self.calls.slot(Some(0), None);
        let (done, wait) = mpsc::channel();
        let started = thread::Builder::new().name("shutdown".into()).spawn(move || {
            let result = library.shutdown(&slot);
            // The receiver is gone if the deadline has passed.
            let _ = done.send(result);
        });
        if started.is_ok() && wait.recv_timeout(deadline.saturating_duration_since(Instant::now())).is_err() {
            tracing::warn!("leaving during nvmlShutdown: it has not returned");
        }
    }
}

/// Ends the process without exit handlers and destructors: the vendor's would run while its threads still do.
pub(crate) fn exit_at_once(status: i32) -> ! {
    // SAFETY: `_exit` does not return, and nothing of ours is to be written or freed.
    unsafe { libc::_exit(status) }
}
