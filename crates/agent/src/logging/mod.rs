//! Logs to standard error, one line per event. The access log is written there by a thread of its own.

mod access;

use std::io::{self, IsTerminal as _};

use tracing::{Level, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer as _, filter::filter_fn, fmt::layer, layer::SubscriberExt as _, registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use crate::cli::AccessLog;
pub(crate) use access::finish;

/// Starts logging. Lines that cannot be written are lost.
pub(crate) fn start(level: Level, access: AccessLog) -> io::Result<()> {
    let ours = filter_fn(move |event| event.target() != server::ACCESS_LOG && *event.level() <= level);
    let own = layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        // It would report a full standard error on standard error, and panic when that fails.
        .log_internal_errors(false)
        .with_filter(ours.with_max_level_hint(LevelFilter::from_level(level)));
    tracing_subscriber::registry().with(own).with(requests(access)?).init();
    Ok(())
}

/// Layer of the access log, if it is enabled.
fn requests<S: Subscriber + for<'a> LookupSpan<'a>>(
    access: AccessLog,
) -> io::Result<Option<Box<dyn tracing_subscriber::Layer<S> + Send + Sync>>> {
    if access == AccessLog::Off {
        return Ok(None);
    }
    let base = layer().with_writer(access::start()?).with_ansi(false).log_internal_errors(false);
    let theirs = filter_fn(|event| event.target() == server::ACCESS_LOG).with_max_level_hint(LevelFilter::INFO);
    Ok(Some(if access == AccessLog::Json {
        let json = base.json().flatten_event(true).with_current_span(false).with_span_list(false).with_level(false);
        json.with_filter(theirs).boxed()
    } else {
        base.with_level(false).with_filter(theirs).boxed()
    }))
}
