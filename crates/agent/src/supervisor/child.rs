//! One collector process: how it is started, heard, and ended.

use std::{
    fs::File,
    io,
    os::unix::process::ExitStatusExt as _,
    process::{ChildStdin, ChildStdout, ExitStatus},
    sync::mpsc,
    thread,
};

use collector::Settings;
use nix::sys::signal::Signal;
use telemetry::{
    call_table,
    frame::{self, FrameError, Message},
    sample::Call,
};

use crate::{
    collect::ChildCommand,
    supervisor::{Event, program, room::Room},
};

/// What the reader of a collector's pipe has to say.
#[derive(Debug)]
pub(super) enum Report {
    Message(Message),
    /// The stream ended, or cannot be understood from here on.
    Ended(Option<FrameError>),
}

/// A collector process. Its standard input closes when this is dropped, and then it leaves.
#[derive(Debug)]
pub(super) struct Process {
    process: std::process::Child,
    /// Never written to: that it is open says that we are here.
    input: Option<ChildStdin>,
    board: File,
}

impl Process {
    /// Starts a collector, and a thread that reads its frames.
    pub(super) fn start(settings: Settings, number: u64, events: mpsc::Sender<Event>) -> io::Result<Self> {
        let board = program::board()?;
        let mut process = program::start(ChildCommand::Collector, &board, settings)?;
        let input = process.stdin.take();
        if let Some(output) = process.stdout.take() {
            let reader = thread::Builder::new().name("frames".into());
            if let Err(error) = reader.spawn(move || read(output, number, &events)) {
                // Nobody would hear it.
                process.kill()?;
                process.wait()?;
                return Err(error);
            }
        }
        Ok(Self { process, input, board })
    }

    /// Closes its input, by which it knows that it is to leave.
    pub(super) fn ask_to_leave(&mut self) {
        self.input = None;
    }

    /// SIGKILL. For one that is stopped or silent only: it has frozen GPUs in the field.
    pub(super) fn kill(&mut self) {
        if let Err(error) = self.process.kill() {
            tracing::error!(pid = self.process.id(), %error, "cannot kill the collector");
        }
    }

    /// How it ended; none while it has not.
    pub(super) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.process.try_wait()
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The calls into the driver that it is in, the oldest first.
    pub(super) fn calls(&self) -> Vec<Call> {
        call_table::in_flight(&program::bytes(&self.board))
    }

    /// The call that it died in, as far as that is known.
    pub(super) fn died_in(&self) -> Option<Call> {
        call_table::died_in(&program::bytes(&self.board))
    }
}

/// How a process ended, in words.
pub(crate) fn ending(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(number), _) => match Signal::try_from(number) {
            Ok(signal) => format!("killed by {signal}"),
            Err(_) => format!("killed by signal {number}"),
        },
        (None, Some(code)) => format!("ended with status {code}"),
        (None, None) => "ended".into(),
    }
}

fn read(mut output: ChildStdout, number: u64, events: &mpsc::Sender<Event>) {
    let room = Room::new();
    loop {
        let (report, last) = match frame::read(&mut output) {
            Ok(Some(message)) => (Report::Message(message), false),
            Ok(None) => (Report::Ended(None), true),
            Err(error) => (Report::Ended(Some(error)), true),
        };
        // The supervisor may have gone: then nobody wants to know.
        if events.send(Event::Report(number, report, room.place())).is_err() || last {
            return;
        }
    }
}
