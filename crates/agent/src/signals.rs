//! Signals: SIGTERM and SIGINT end the agent, SIGHUP reloads files, and others that would end it are ignored.

use std::io;

use nix::sys::signal::Signal::{self as Number, SIGALRM, SIGIO, SIGPROF, SIGPWR, SIGUSR1, SIGUSR2, SIGVTALRM, SIGXFSZ};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Signals whose default is to end the program without saving its state, although they are sent by mistake or for other
/// purposes. After XFSZ a write fails instead.
const IGNORED: [Number; 8] = [SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGXFSZ];

/// Signals that stop the agent.
pub(crate) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Receives them from now on. Until then they end the program at once.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next signal; returns its name and number.
    pub(crate) async fn next(&mut self) -> (&'static str, u8) {
        tokio::select! {
            _ = self.terminate.recv() => ("SIGTERM", 15),
            _ = self.interrupt.recv() => ("SIGINT", 2),
        }
    }
}

/// SIGHUP.
pub(crate) struct Hangup(Signal);

impl Hangup {
    /// Receives it from now on, and ignores the signals that would end the program for no reason. A handler of tokio
    /// stays until the process ends, and a child process starts without it.
    pub(crate) fn new() -> io::Result<Self> {
        for number in IGNORED {
            drop(signal(SignalKind::from_raw(number as i32))?);
        }
        Ok(Self(signal(SignalKind::hangup())?))
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        self.0.recv().await;
    }
}
