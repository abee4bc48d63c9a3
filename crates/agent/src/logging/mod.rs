//! Logs to standard error, one line per event, by threads that drop lines rather than wait ([`queue`]). Lines have the
//! time unless the journal reads them, which adds it.

mod output;
mod queue;
mod recent;

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, IsTerminal as _},
    os::{fd::AsFd as _, unix::fs::MetadataExt as _},
    sync::OnceLock,
};

use clap::ValueEnum;
use hub::proxy::AUDIT_LOG;
use tracing::{Level, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer as _, filter::filter_fn, fmt::MakeWriter, fmt::layer, layer::SubscriberExt as _, registry::LookupSpan,
    util::SubscriberInitExt as _,
};

pub(crate) use output::CollectorOutput;
use queue::Lines;
pub(crate) use queue::finish;

/// Format of the access log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AccessLog {
    Off,
    Text,
    Json,
}

/// Queue of every line but the access log's, once there is one.
static LINES: OnceLock<Lines> = OnceLock::new();

/// Variable with device and inode of the journal's stream (systemd.exec(5)).
const JOURNAL_STREAM: &str = "JOURNAL_STREAM";

/// Checks whether lines have the time: not if standard error is the journal's stream. The variable alone proves nothing,
/// because a shell within a service inherits it.
pub(crate) fn has_time() -> bool {
    let error = io::stderr().as_fd().try_clone_to_owned().map(File::from);
    let stream = error.and_then(|file| file.metadata()).map(|file| (file.dev(), file.ino()));
    !stream.is_ok_and(|stream| is_journal(std::env::var_os(JOURNAL_STREAM).as_deref(), stream))
}

fn is_journal(variable: Option<&OsStr>, (device, inode): (u64, u64)) -> bool {
    let stream = variable.and_then(OsStr::to_str).and_then(|text| text.split_once(':'));
    stream.is_some_and(|(of, at)| of.parse() == Ok(device) && at.parse() == Ok(inode))
}

/// Starts logging. Lines that cannot be written are lost.
pub(crate) fn start(level: Level, access: AccessLog) -> io::Result<()> {
    let lines = queue::start("log")?;
    // It is started once, so it is not set yet.
    let _ = LINES.set(lines.clone());
    let own = own(level, io::stderr().is_terminal(), has_time(), lines.clone());
    tracing_subscriber::registry().with(own).with(audited(access, lines)).with(requests(access)?).init();
    // The default hook would wait for standard error.
    std::panic::set_hook(Box::new(|panic| {
        let panic = panic.to_string().replace('\n', " ");
        tracing::error!("this is a bug of the agent, please report it: {panic}");
    }));
    Ok(())
}

/// Starts logging of a child process, without a thread: it may end at any moment, and its parent reads its standard
/// error at all times.
pub(crate) fn start_of_child(level: Level, has_time: bool) {
    tracing_subscriber::registry().with(own(level, false, has_time, io::stderr)).init();
}

/// Queue for lines of other sources; none before the start.
fn lines() -> Option<Lines> {
    LINES.get().cloned()
}

/// Writes a line that is not an event; `false` if there is no log yet.
pub(crate) fn line(text: &str) -> bool {
    let Some(lines) = LINES.get() else { return false };
    lines.send(format!("{text}\n").into_bytes());
    true
}

/// Notes about lines that are missing in the log, for `host.notes`.
pub(crate) fn notes() -> Vec<String> {
    let dropped = queue::DROPPED.count().map(|lines| {
        format!(
            "{lines} log lines were dropped, because standard error does not accept them in time: check the program or \
             service that reads the agent's log"
        )
    });
    let truncated = output::TRUNCATED.count().map(|bytes| {
        format!(
            "the driver library prints more than the log takes: {bytes} bytes of its output were dropped; see the log for \
             what it prints"
        )
    });
    dropped.into_iter().chain(truncated).collect()
}

/// Layer of every event but requests.
fn own<S, W>(level: Level, ansi: bool, has_time: bool, writer: W) -> Box<dyn tracing_subscriber::Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let is_ours = |target: &str| ![server::ACCESS_LOG, AUDIT_LOG].contains(&target);
    let ours = filter_fn(move |event| is_ours(event.target()) && *event.level() <= level);
    let filter = ours.with_max_level_hint(LevelFilter::from_level(level));
    // It would report a full standard error on standard error, and panic when that fails.
    let lines = layer().with_writer(writer).with_ansi(ansi).with_target(false).log_internal_errors(false);
    if has_time { lines.with_filter(filter).boxed() } else { lines.without_time().with_filter(filter).boxed() }
}

/// Layer of the access log, if it is enabled.
fn requests<S: Subscriber + for<'a> LookupSpan<'a>>(
    access: AccessLog,
) -> io::Result<Option<Box<dyn tracing_subscriber::Layer<S> + Send + Sync>>> {
    if access == AccessLog::Off {
        return Ok(None);
    }
    Ok(Some(of_target(server::ACCESS_LOG, access, queue::start("access-log")?)))
}

/// Layer of the audit log of a hub's proxy, which is always enabled and has the format of the access log.
fn audited<S: Subscriber + for<'a> LookupSpan<'a>>(
    access: AccessLog,
    lines: Lines,
) -> Box<dyn tracing_subscriber::Layer<S> + Send + Sync> {
    of_target(AUDIT_LOG, access, lines)
}

/// Layer of one target.
fn of_target<S: Subscriber + for<'a> LookupSpan<'a>>(
    target: &'static str,
    format: AccessLog,
    lines: Lines,
) -> Box<dyn tracing_subscriber::Layer<S> + Send + Sync> {
    let base = layer().with_writer(lines).with_ansi(false).log_internal_errors(false);
    let filter = filter_fn(move |event| event.target() == target).with_max_level_hint(LevelFilter::INFO);
    if format == AccessLog::Json {
        let json = base.json().flatten_event(true).with_current_span(false).with_span_list(false).with_level(false);
        json.with_filter(filter).boxed()
    } else if has_time() {
        base.with_level(false).with_filter(filter).boxed()
    } else {
        base.with_level(false).without_time().with_filter(filter).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn journal_recognized_by_device_and_inode() {
        for (variable, is_it) in [
            (Some("8:17"), true),
            (Some("8:18"), false),
            (Some("9:17"), false),
            (Some("8"), false),
            (Some(""), false),
            (Some(" 8:17"), false),
            (None, false),
        ] {
            assert_eq!(is_journal(variable.map(OsStr::new), (8, 17)), is_it, "{variable:?}");
        }
    }
}
