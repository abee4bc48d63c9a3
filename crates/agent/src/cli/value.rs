//! What an option's value may be, and what is said when it is not.

use std::{path::PathBuf, time::Duration};

use server::{Names, NamesError};

use crate::control::LENGTHS;

/// An empty value counts as none, since a container's environment often has one.
pub(super) fn port(value: &str) -> Result<u16, String> {
    if value.is_empty() {
        return Ok(8000);
    }
    value.trim().parse().ok().filter(|&port| port > 0).ok_or_else(|| "a port is a number from 1 to 65535".into())
}

pub(super) fn interval(value: &str) -> Result<Duration, String> {
    const RANGE: std::ops::RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(60);
    humantime::parse_duration(value)
        .ok()
        .filter(|interval| RANGE.contains(interval))
        .ok_or_else(|| "a time from 100ms to 60s is wanted, such as 500ms or 2s".into())
}

pub(super) fn length(value: &str) -> Result<Duration, String> {
    humantime::parse_duration(value)
        .ok()
        .filter(|length| LENGTHS.contains(length))
        .ok_or_else(|| "a time from 1s to 24h is wanted, such as 10m or 1h".into())
}

/// A path, for an option of which an empty value counts as none.
#[allow(clippy::unnecessary_wraps, reason = "what reads an option may refuse it")]
pub(super) fn path(value: &str) -> Result<PathBuf, String> {
    Ok(value.into())
}

/// An empty value counts as none.
pub(super) fn names(value: &str) -> Result<Names, NamesError> {
    if value.is_empty() { Ok(Names::default()) } else { value.parse() }
}

/// A label that Prometheus knows as one and that no metric has; an empty value counts as none.
pub(super) fn label(value: &str) -> Result<String, String> {
    const TAKEN: [&str; 14] = [
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
    ];
    if value.is_empty() {
        return Ok("Hostname".into());
    }
    let is_one = value.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_one {
        return Err("a label is made of letters, digits and underscores, such as hostname".into());
    }
    // A file of counters may make a label of any of DCGM's names.
    if TAKEN.contains(&value) || value.starts_with("DCGM_") {
        return Err("there is another label of that name".into());
    }
    Ok(value.into())
}

/// A path, or `DOCKER_HOST`'s way to write one. An empty value counts as none.
pub(super) fn socket(value: &str) -> Result<PathBuf, String> {
    let path = value.strip_prefix("unix://").unwrap_or(value);
    if path.contains("://") {
        return Err("the path of a Unix socket is wanted, such as /run/docker.sock".into());
    }
    Ok(path.into())
}

pub(super) fn fine(value: &str) -> Result<Duration, String> {
    kept(value, Duration::from_secs(2 * 3600)).ok_or_else(|| "a time from 1m to 2h is wanted, such as 15m".into())
}

pub(super) fn coarse(value: &str) -> Result<Duration, String> {
    kept(value, Duration::from_secs(7 * 86_400)).ok_or_else(|| "a time from 1m to 7d is wanted, such as 24h".into())
}

fn kept(value: &str, most: Duration) -> Option<Duration> {
    let range = Duration::from_secs(60)..=most;
    humantime::parse_duration(value).ok().filter(|length| range.contains(length))
}
