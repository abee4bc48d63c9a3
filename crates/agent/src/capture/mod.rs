//! `capture`: records the driver's answers for a bug report, as a scenario that the simulated driver plays back.
//!
//! A child process calls the driver and sends a record of each call. The records that arrive before the timeout are
//! written, with the calls that have not returned. The parent never loads the driver.

mod anonymize;
mod scenario;
mod value;

use std::{
    collections::BTreeSet,
    fmt,
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
    process::{Child, ExitCode, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use telemetry::{
    BootTime,
    capture::{About, Outcome, Record},
    frame::{self, Message},
    sample::Call,
};

use crate::{
    child_process::{self, CallTable, ChildCommand, describe_exit},
    cli::{CaptureArgs, Cli},
    config::collector_settings,
    say,
};

/// Exit status if the capture is partial.
const EXIT_PARTIAL: u8 = 1;
/// Timeout of the child's end, after its last record or once asked to leave.
const EXIT_TIMEOUT: Duration = Duration::from_secs(3);

/// End of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CaptureEnd {
    /// Every call returned.
    Complete,
    /// The timeout passed during these calls.
    TimedOut { timeout: Duration, calls: Vec<PendingCall> },
    /// The child crashed, in this call if that is known.
    Crashed { exit: String, signal: Option<i32>, call: Option<Call> },
}

/// A call that has not returned, and its duration so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PendingCall {
    pub(crate) call: Call,
    pub(crate) elapsed: Duration,
}

/// Duration from which a pending call counts as hanging: one that has only begun at the timeout does not hang.
const HANG_AFTER: Duration = Duration::from_secs(2);

impl PendingCall {
    pub(crate) fn hangs(&self) -> bool {
        self.elapsed >= HANG_AFTER
    }
}

/// Captures, and writes the scenario.
pub(crate) fn run(cli: &Cli, arguments: &CaptureArgs) -> io::Result<ExitCode> {
    // First, so that the driver is not called if the file cannot be written.
    let file = arguments.output.as_deref().map(create).transpose()?;
    let (mut records, end) = record(cli, arguments.timeout)?;
    // Threads write in any order. Sorted by GPU, with events last, two captures can be compared.
    records.sort_by_key(|record| (record.about, record.function.contains("Event")));
    anonymize::anonymize(&mut records);
    let text = scenario::write(&records, &end);
    match file {
        Some(mut file) => io::Write::write_all(&mut file, text.as_bytes())?,
        None => say::out(&text)?,
    }
    say::error(&summary(&records, &end));
    Ok(if end == CaptureEnd::Complete { ExitCode::SUCCESS } else { ExitCode::from(EXIT_PARTIAL) })
}

fn create(path: &Path) -> io::Result<File> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display()));
    if fs::symlink_metadata(path).is_ok_and(|found| found.len() > 0 || !found.is_file()) {
        return Err(named(io::Error::other("it exists; choose another file, or remove it")));
    }
    File::create(path).map_err(named)
}

/// Summary of a capture, for standard error.
fn summary(records: &[Record], end: &CaptureEnd) -> String {
    let gpus = records.iter().map(|record| record.about).filter(|about| matches!(about, About::Gpu(_)));
    let gpus: BTreeSet<About> = gpus.collect();
    let first = records.iter().find(|record| matches!(record.function.as_str(), "dlopen" | "nvmlInit_v2"));
    let no_driver = first.and_then(|record| match record.outcome {
        Outcome::Code(code) => Some(format!(" (the driver cannot be read: {} returned {code})", record.function)),
        _ => None,
    });
    let partial = if *end == CaptureEnd::Complete { String::new() } else { format!("; it is PARTIAL: {end}") };
    format!(
        "captured; calls: {}, GPUs: {}{}{partial}; review it before you attach it anywhere",
        records.len(),
        gpus.len(),
        no_driver.unwrap_or_default(),
    )
}

impl fmt::Display for CaptureEnd {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete => to.write_str("every call returned"),
            Self::TimedOut { timeout, calls } => {
                let timeout = humantime::format_duration(*timeout);
                write!(to, "the driver had not finished after {timeout}")?;
                for PendingCall { call, elapsed } in calls {
                    write!(to, ", {} had not returned for {:.1} s", describe(call), elapsed.as_secs_f64())?;
                }
                Ok(())
            }
            Self::Crashed { exit, call: Some(call), .. } => write!(to, "its process was {exit} in {}", describe(call)),
            Self::Crashed { exit, call: None, .. } => write!(to, "its process was {exit} in an unknown call"),
        }
    }
}

fn describe(call: &Call) -> String {
    match call.gpu {
        Some(gpu) => format!("{} of GPU {gpu}", call.function),
        None => call.function.clone(),
    }
}

/// Starts the child, and collects its records until it ends or the timeout passes.
fn record(cli: &Cli, timeout: Duration) -> io::Result<(Vec<Record>, CaptureEnd)> {
    let table = CallTable::create()?;
    let mut child =
        child_process::start(ChildCommand::Record, &table, collector_settings(&cli.options), Stdio::inherit())?;
    let input = child.stdin.take();
    let (sender, inbox) = mpsc::channel();
    if let Some(mut output) = child.stdout.take() {
        thread::Builder::new().name("records".into()).spawn(move || {
            while let Ok(Some(message)) = frame::read(&mut output) {
                if sender.send(message).is_err() {
                    return;
                }
            }
            // Drains the pipe, so that a child that continues after an invalid frame is not blocked.
            let _ = output.read_to_end(&mut Vec::new());
        })?;
    }
    let deadline = Instant::now() + timeout;
    let mut records = Vec::new();
    loop {
        match inbox.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(Message::Record(record)) => records.push(*record),
            Ok(Message::Sample(_) | Message::Heartbeat) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let end = timed_out(&table, timeout);
                drop(input);
                // A child that is stuck in the kernel outlives this process, and cannot be ended.
                let _ = wait(&mut child);
                return Ok((records, end));
            }
        }
    }
    let end = match wait(&mut child)? {
        Some(status) if status.success() => CaptureEnd::Complete,
        Some(status) => CaptureEnd::Crashed {
            exit: describe_exit(status),
            signal: std::os::unix::process::ExitStatusExt::signal(&status),
            call: table.died_in(),
        },
        None => timed_out(&table, timeout),
    };
    Ok((records, end))
}

/// The child's calls at the timeout.
fn timed_out(table: &CallTable, timeout: Duration) -> CaptureEnd {
    let now = BootTime::now();
    let pending = |call: Call| PendingCall { elapsed: Duration::from_millis(now.0.saturating_sub(call.since.0)), call };
    CaptureEnd::TimedOut { timeout, calls: table.in_flight().into_iter().map(pending).collect() }
}

/// Waits for the child's end; none if it does not end in time.
fn wait(child: &mut Child) -> io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + EXIT_TIMEOUT;
    loop {
        match child.try_wait()? {
            None if Instant::now() < deadline => thread::sleep(Duration::from_millis(10)),
            status => return Ok(status),
        }
    }
}
