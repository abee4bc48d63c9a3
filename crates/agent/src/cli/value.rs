//! Parsers of option values.

use std::{path::PathBuf, time::Duration};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use server::{Commands, MetricsSet, MetricsSetError, Names, NamesError};
use telemetry::snapshot::ContainerCount;

/// Permitted lengths of a release.
pub(crate) const RELEASE_LENGTHS: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(24 * 60 * 60);

/// Longest name of a GPU in a request, in bytes.
pub(crate) const MAX_GPU_NAME: usize = 96;

/// True for a name of a GPU that fits into a request.
pub(crate) fn is_gpu_name(name: &str) -> bool {
    (1..=MAX_GPU_NAME).contains(&name.len()) && name.trim() == name && !name.contains(char::is_control)
}

/// Longest name of a user in a request, in bytes.
pub(crate) const MAX_USER_NAME: usize = 256;

/// True for a name of a user that fits into a request. It may contain anything, because others chose it.
pub(crate) fn is_user_name(name: &str) -> bool {
    (1..=MAX_USER_NAME).contains(&name.len())
}

/// Parses the name of a user, as it is.
pub(super) fn user_name(value: &str) -> Result<String, String> {
    is_user_name(value).then(|| value.into()).ok_or_else(|| format!("expected a name of 1 to {MAX_USER_NAME} bytes"))
}

/// Parses a date or a date with a time, in this host's zone if it names none, as Unix time in milliseconds.
pub(super) fn moment(value: &str) -> Result<u64, String> {
    let value = value.trim();
    let here = |civil: jiff::civil::DateTime| jiff::tz::TimeZone::system().to_timestamp(civil).ok();
    let timestamp = value.parse().ok().or_else(|| value.parse().ok().and_then(here));
    let timestamp: Option<jiff::Timestamp> = timestamp;
    let ms = timestamp.and_then(|timestamp| u64::try_from(timestamp.as_millisecond()).ok());
    ms.ok_or_else(|| "expected a date or a date with a time, such as 2026-11-30 or 2026-11-30T18:00".into())
}

/// Parses the time for which usage is kept.
pub(super) fn retention(value: &str) -> Result<Duration, String> {
    const DAY: u64 = 86_400;
    let range = Duration::from_secs(DAY)..=Duration::from_secs(20 * 366 * DAY);
    humantime::parse_duration(value)
        .ok()
        .filter(|retention| range.contains(retention))
        .ok_or_else(|| "expected a time from 1d to 20y, such as 400d".into())
}

/// Parses a port. An empty value is the default, because a container's environment often has one.
pub(super) fn port(value: &str) -> Result<u16, String> {
    if value.is_empty() {
        return Ok(8000);
    }
    value.trim().parse().ok().filter(|&port| port > 0).ok_or_else(|| "expected a port from 1 to 65535".into())
}

pub(super) fn interval(value: &str) -> Result<Duration, String> {
    const RANGE: std::ops::RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(60);
    humantime::parse_duration(value)
        .ok()
        .filter(|interval| RANGE.contains(interval))
        .ok_or_else(|| "expected a time from 100ms to 60s, such as 500ms or 2s".into())
}

/// Parses how much is shown of command lines.
pub(super) fn commands() -> impl TypedValueParser<Value = Commands> {
    PossibleValuesParser::new(["full", "masked", "name", "hidden"]).map(|value| match value.as_str() {
        "full" => Commands::Full,
        "masked" => Commands::Masked,
        "name" => Commands::Name,
        _ => Commands::Hidden,
    })
}

/// Parses the rule by which processes count for containers.
pub(super) fn container_count() -> impl TypedValueParser<Value = ContainerCount> {
    PossibleValuesParser::new(["account", "container"]).map(|value| match value.as_str() {
        "container" => ContainerCount::Container,
        _ => ContainerCount::Account,
    })
}

pub(super) fn release_length(value: &str) -> Result<Duration, String> {
    humantime::parse_duration(value)
        .ok()
        .filter(|length| RELEASE_LENGTHS.contains(length))
        .ok_or_else(|| "expected a time from 1s to 24h, such as 10m or 1h".into())
}

/// Parses the longest time of a claim.
pub(super) fn claim_max(value: &str) -> Result<Duration, String> {
    let range = Duration::from_secs(1)..=Duration::from_secs(30 * 86_400);
    humantime::parse_duration(value)
        .ok()
        .filter(|length| range.contains(length))
        .ok_or_else(|| "expected a time from 1s to 30d, such as 24h".into())
}

/// Parses the name of a GPU.
pub(super) fn gpu_name(value: &str) -> Result<String, String> {
    let name = value.trim();
    is_gpu_name(name).then(|| name.into()).ok_or_else(|| "expected the UUID, PCI bus id or index of a GPU".into())
}

/// Longest name of a host in DNS, in bytes.
const MAX_HOSTNAME: usize = 253;

/// Parses a host's name. An empty value counts as none.
pub(super) fn hostname(value: &str) -> Result<String, String> {
    let name = value.trim();
    let is_valid = name.len() <= MAX_HOSTNAME
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
        && !name.starts_with(['.', '-'])
        && !name.ends_with(['.', '-']);
    is_valid.then(|| name.into()).ok_or_else(|| {
        format!("expected a name of up to {MAX_HOSTNAME} letters, digits, dots, hyphens and underscores, such as gpu01")
    })
}

/// Parses a path that may be empty, which clap's own parser refuses.
#[allow(clippy::unnecessary_wraps, reason = "the signature of a value parser")]
pub(super) fn path(value: &str) -> Result<PathBuf, String> {
    Ok(value.into())
}

/// Parses kinds of metric names; an empty value is the default.
pub(super) fn names(value: &str) -> Result<Names, NamesError> {
    if value.is_empty() { Ok(Names::default()) } else { value.parse() }
}

/// Parses a set of series; an empty value is the default.
pub(super) fn metrics_set(value: &str) -> Result<MetricsSet, MetricsSetError> {
    if value.is_empty() { Ok(MetricsSet::default()) } else { value.parse() }
}

/// Parses a Prometheus label that no metric has; an empty value is the default.
pub(super) fn label(value: &str) -> Result<String, String> {
    const RESERVED: [&str; 16] = [
        "gpu",
        "UUID",
        "pci_bus_id",
        "device",
        "modelName",
        "GPU_I_PROFILE",
        "GPU_I_ID",
        "container",
        "namespace",
        "pod",
        "hpc_job",
        "instance",
        "err_code",
        "err_msg",
        "xid",
        "clock_event",
    ];
    if value.is_empty() {
        return Ok(String::new());
    }
    let is_valid = value.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_valid {
        return Err("expected a label of letters, digits and underscores, such as hostname".into());
    }
    // A file of counters can make a label of any of DCGM's names, and Prometheus keeps two underscores for itself.
    if RESERVED.contains(&value) || value.starts_with("DCGM_") || value.starts_with("__") {
        return Err("another label has this name; choose another".into());
    }
    Ok(value.into())
}

/// Parses a path, also in the form of `DOCKER_HOST`. An empty value counts as none.
pub(super) fn socket(value: &str) -> Result<PathBuf, String> {
    let path = value.strip_prefix("unix://").unwrap_or(value);
    if path.contains("://") {
        return Err("expected the path of a Unix socket, such as /run/docker.sock".into());
    }
    Ok(path.into())
}

pub(super) fn fine(value: &str) -> Result<Duration, String> {
    history_length(value, Duration::from_secs(2 * 3600))
        .ok_or_else(|| "expected a time from 1m to 2h, such as 15m".into())
}

pub(super) fn coarse(value: &str) -> Result<Duration, String> {
    history_length(value, Duration::from_secs(7 * 86_400))
        .ok_or_else(|| "expected a time from 1m to 7d, such as 24h".into())
}

pub(super) fn long(value: &str) -> Result<Duration, String> {
    let length = humantime::parse_duration(value).ok();
    let range = Duration::from_secs(3600)..=Duration::from_secs(90 * 86_400);
    length
        .filter(|length| length.is_zero() || range.contains(length))
        .ok_or_else(|| "expected a time from 1h to 90d, such as 30d, or 0 for none".into())
}

fn history_length(value: &str, max: Duration) -> Option<Duration> {
    let range = Duration::from_secs(60)..=max;
    humantime::parse_duration(value).ok().filter(|length| range.contains(length))
}
