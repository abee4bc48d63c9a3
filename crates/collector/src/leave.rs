//! Leaving in order: the parent closes our standard input, and within two seconds we are gone.
//!
//! `nvmlShutdown` while a call is in flight frees what the call is reading, so it is called only when every thread
//! that calls the driver has ended; a thread that hangs means that we go without it.

use std::{
    io::Read as _,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use nix::libc;

use crate::{board::Board, callers::Callers, census::Census, pulse::Pulse};

/// How long leaving may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often it is looked whether the last thread has ended.
const LOOK: Duration = Duration::from_millis(5);

/// What leaving needs.
#[derive(Clone)]
pub(crate) struct Exit {
    pub(crate) pulse: Arc<Pulse>,
    pub(crate) census: Arc<Census>,
    pub(crate) board: Board,
    pub(crate) callers: Callers,
}

impl Exit {
    /// Leaves when standard input ends. Nothing is ever read from it but its end.
    pub(crate) fn when_input_ends(self) -> std::io::Result<()> {
        let watch = move || {
            let mut input = std::io::stdin().lock();
            let mut ignored = [0; 64];
            while input.read(&mut ignored).is_ok_and(|length| length > 0) {}
            self.leave("the parent closed our input")
        };
        thread::Builder::new().name("leave".into()).spawn(watch).map(drop)
    }

    /// Leaves now: at most [`PATIENCE`] from here the process is gone.
    pub(crate) fn leave(&self, reason: &str) -> ! {
        let deadline = Instant::now() + PATIENCE;
        tracing::debug!(reason, "leaving");
        if !self.pulse.leave() {
            // Another thread is at it, and the library must not be shut down twice; the process ends under this one.
            loop {
                thread::sleep(PATIENCE);
            }
        }
        while self.callers.any() && Instant::now() < deadline {
            thread::sleep(LOOK);
        }
        if self.callers.any() {
            let calls = self.board.all_in_flight();
            tracing::warn!(?calls, "leaving without nvmlShutdown: a call has not returned");
        } else {
            self.shut_down(deadline);
        }
        exit_at_once(0)
    }

    /// `nvmlShutdown`, in a thread that is not waited for past the deadline.
    fn shut_down(&self, deadline: Instant) {
        let (_, Some(library)) = self.census.stage() else { return };
        let desk = self.board.desk(Some(0), None);
        let (done, wait) = mpsc::channel();
        let started = thread::Builder::new().name("shutdown".into()).spawn(move || {
            let result = library.shutdown(&desk);
            // Nobody waits any more if it took too long.
            let _ = done.send(result);
        });
        if started.is_ok() && wait.recv_timeout(deadline.saturating_duration_since(Instant::now())).is_err() {
            tracing::warn!("leaving during nvmlShutdown: it has not returned");
        }
    }
}

/// Ends the process without its exit handlers and destructors, which would run the vendor's while its threads do.
pub(crate) fn exit_at_once(status: i32) -> ! {
    // SAFETY: `_exit` does not return, and nothing of ours is to be written or freed.
    unsafe { libc::_exit(status) }
}
