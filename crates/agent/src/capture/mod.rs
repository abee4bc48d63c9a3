//! `capture`: what the driver answers, written down for a bug report as a scenario that the simulated driver plays.
//!
//! A child calls the driver and sends a record of each call; what it sent by the end of the time is written, and of
//! calls that did not come back, that they did not. The parent never loads the driver.

mod anonymous;
mod faults;
mod scenario;
mod toml;

use std::{
    collections::BTreeSet,
    fmt,
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
    process::{Child, ExitCode, ExitStatus},
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
    cli::{CaptureTo, Cli},
    config::collector_settings,
    say,
};

/// Status if the capture is partial.
const EXIT_PARTIAL: u8 = 1;
/// How long the child may take to end once it has said all, or was asked to leave.
const FAREWELL: Duration = Duration::from_secs(3);

/// How a capture ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Every call came back.
    Whole,
    /// The time was over while these calls were being made.
    Late { timeout: Duration, calls: Vec<Waiting> },
    /// The child ended early: how, and in which call, if that is known.
    Died { how: String, signal: Option<i32>, call: Option<Call> },
}

/// A call that has not come back, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) call: Call,
    pub(crate) since: Duration,
}

/// A call that takes so long hangs; one that has only begun does not, though the time is over.
const HANGS: Duration = Duration::from_secs(2);

impl Waiting {
    pub(crate) fn hangs(&self) -> bool {
        self.since >= HANGS
    }
}

/// Captures, and writes the scenario.
pub(crate) fn run(cli: &Cli, to: &CaptureTo) -> io::Result<ExitCode> {
    // Before anything is asked, so that nothing is asked in vain.
    let file = to.output.as_deref().map(create).transpose()?;
    let (mut records, end) = listen(cli, to.timeout)?;
    // Threads write as they come; in the order of the GPUs, events last, two captures can be compared.
    records.sort_by_key(|record| (record.about, record.function.contains("Event")));
    anonymous::make(&mut records);
    let text = scenario::write(&records, &end);
    match file {
        Some(mut file) => io::Write::write_all(&mut file, text.as_bytes())?,
        None => say::out(&text)?,
    }
    say::error(&summary(&records, &end));
    Ok(if end == End::Whole { ExitCode::SUCCESS } else { ExitCode::from(EXIT_PARTIAL) })
}

fn create(path: &Path) -> io::Result<File> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display()));
    if fs::symlink_metadata(path).is_ok_and(|found| found.len() > 0 || !found.is_file()) {
        return Err(named(io::Error::other("it exists; name another file, or remove it")));
    }
    File::create(path).map_err(named)
}

/// What is said of a capture that was written.
fn summary(records: &[Record], end: &End) -> String {
    let gpus = records.iter().map(|record| record.about).filter(|about| matches!(about, About::Gpu(_)));
    let gpus: BTreeSet<About> = gpus.collect();
    let first = records.iter().find(|record| matches!(record.function.as_str(), "dlopen" | "nvmlInit_v2"));
    let unread = first.and_then(|record| match record.outcome {
        Outcome::Code(code) => Some(format!(" (the driver cannot be read: {} gave {code})", record.function)),
        _ => None,
    });
    let partial = if *end == End::Whole { String::new() } else { format!("; it is PARTIAL: {end}") };
    format!(
        "captured; calls: {}, GPUs: {}{}{partial}; look through it before you attach it anywhere",
        records.len(),
        gpus.len(),
        unread.unwrap_or_default(),
    )
}

impl fmt::Display for End {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => to.write_str("every call came back"),
            Self::Late { timeout, calls } => {
                let timeout = humantime::format_duration(*timeout);
                write!(to, "after {timeout} the driver was not done")?;
                for Waiting { call, since } in calls {
                    write!(to, ", {} had been called for {:.1} s", named(call), since.as_secs_f64())?;
                }
                Ok(())
            }
            Self::Died { how, call: Some(call), .. } => write!(to, "its process was {how} in {}", named(call)),
            Self::Died { how, call: None, .. } => write!(to, "its process was {how}, it is not known in which call"),
        }
    }
}

fn named(call: &Call) -> String {
    match call.gpu {
        Some(gpu) => format!("{} of GPU {gpu}", call.function),
        None => call.function.clone(),
    }
}

/// Starts the child, and takes its records until it is done or the time is over.
fn listen(cli: &Cli, timeout: Duration) -> io::Result<(Vec<Record>, End)> {
    let table = CallTable::create()?;
    let mut child = child_process::start(ChildCommand::Record, &table, collector_settings(&cli.options))?;
    let input = child.stdin.take();
    let (sender, inbox) = mpsc::channel();
    if let Some(mut output) = child.stdout.take() {
        thread::Builder::new().name("records".into()).spawn(move || {
            while let Ok(Some(message)) = frame::read(&mut output) {
                if sender.send(message).is_err() {
                    return;
                }
            }
            // So that a child which goes on after a frame that cannot be read is not blocked by a full pipe.
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
                let end = late(&table, timeout);
                drop(input);
                // One that is stuck in the kernel outlives us; there is nothing to be done about it.
                let _ = ended(&mut child);
                return Ok((records, end));
            }
        }
    }
    let end = match ended(&mut child)? {
        Some(status) if status.success() => End::Whole,
        Some(status) => End::Died {
            how: describe_exit(status),
            signal: std::os::unix::process::ExitStatusExt::signal(&status),
            call: table.died_in(),
        },
        None => late(&table, timeout),
    };
    Ok((records, end))
}

/// What the child was at when the time was over.
fn late(table: &CallTable, timeout: Duration) -> End {
    let now = BootTime::now();
    let waiting = |call: Call| Waiting { since: Duration::from_millis(now.0.saturating_sub(call.since.0)), call };
    End::Late { timeout, calls: table.in_flight().into_iter().map(waiting).collect() }
}

/// How the child ended, if it does soon.
fn ended(child: &mut Child) -> io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + FAREWELL;
    loop {
        match child.try_wait()? {
            None if Instant::now() < deadline => thread::sleep(Duration::from_millis(10)),
            status => return Ok(status),
        }
    }
}
