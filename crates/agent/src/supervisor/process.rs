//! One collector process: start, reports, end.

use std::{
    io,
    process::{Child, ChildStdin, ChildStdout, ExitStatus},
    thread,
    time::Duration,
};

use collector::Settings;
use crossbeam_channel::{Sender, TrySendError};
use telemetry::{
    BootTime,
    frame::{self, FrameError, Message},
    sample::Call,
};

use crate::{
    child_process::{self, CallTable, ChildCommand},
    logging::CollectorOutput,
};

/// Pause before a full queue is tried again, less than the supervisor takes for the whole queue.
const QUEUE_RETRY: Duration = Duration::from_millis(1);

/// Report of a collector's pipe reader.
#[derive(Debug)]
pub(super) enum Report {
    Message(Message),
    /// The stream ended, or broke here.
    Ended(Option<FrameError>),
}

/// A collector process. Dropping it closes its standard input, and then it leaves.
#[derive(Debug)]
pub(super) struct CollectorProcess {
    child: Child,
    /// Open as long as the collector shall run.
    input: Option<ChildStdin>,
    calls: CallTable,
}

impl CollectorProcess {
    /// Starts a collector, and a thread that reads its frames.
    pub(super) fn start(
        settings: Settings,
        number: u64,
        reports: Sender<(u64, Report)>,
        output: &CollectorOutput,
    ) -> io::Result<Self> {
        let calls = CallTable::create()?;
        let mut child = child_process::start(ChildCommand::Collect, &calls, settings, output.standard_error()?)?;
        let input = child.stdin.take();
        if let Some(output) = child.stdout.take() {
            let reader = thread::Builder::new().name("frames".into());
            if let Err(error) = reader.spawn(move || read(output, number, &reports)) {
                // Without a reader nobody sees its frames.
                child.kill()?;
                child.wait()?;
                return Err(error);
            }
        }
        Ok(Self { child, input, calls })
    }

    /// Closes its standard input, which asks it to leave.
    pub(super) fn ask_to_leave(&mut self) {
        self.input = None;
    }

    /// Sends SIGKILL. Only for one that is stopped or silent: killing a process inside the driver has frozen GPUs.
    pub(super) fn kill(&mut self) {
        if let Err(error) = self.child.kill() {
            tracing::error!(pid = self.child.id(), %error, "cannot kill the collector");
        }
    }

    /// Exit status; none while it runs.
    pub(super) fn exit_status(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Describes the calls in flight; empty if there are none.
    pub(super) fn calls(&self) -> String {
        describe(&self.calls.in_flight())
    }

    /// Call that it crashed in, as far as that is known.
    pub(super) fn died_in(&self) -> Option<Call> {
        self.calls.died_in()
    }
}

/// Describes calls into the driver, the oldest first.
pub(super) fn describe(calls: &[Call]) -> String {
    let now = BootTime::now();
    let one = |call: &Call| {
        let seconds = now.since(call.since).as_secs();
        match call.gpu {
            Some(gpu) => format!("{} on GPU {gpu} for {seconds} s", call.function),
            None => format!("{} for {seconds} s", call.function),
        }
    };
    calls.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn read(mut output: ChildStdout, number: u64, reports: &Sender<(u64, Report)>) {
    loop {
        let (report, last) = match frame::read(&mut output) {
            Ok(Some(message)) => (Report::Message(message), false),
            Ok(None) => (Report::Ended(None), true),
            Err(error) => (Report::Ended(Some(error)), true),
        };
        if !send(reports, (number, report)) || last {
            return;
        }
    }
}

/// Queues a report, and waits while the queue is full; `false` once the supervisor has ended.
///
/// `Sender::send` yields the processor several times before it sleeps. On a busy host each yield costs a time slice, and
/// a flood of frames took about three times as long.
fn send(reports: &Sender<(u64, Report)>, mut report: (u64, Report)) -> bool {
    loop {
        report = match reports.try_send(report) {
            Ok(()) => return true,
            Err(TrySendError::Full(report)) => report,
            Err(TrySendError::Disconnected(_)) => return false,
        };
        thread::sleep(QUEUE_RETRY);
    }
}
