//! Connection limits, from this process's limit of file descriptors.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use server::Limits;

/// Descriptors reserved for the agent itself and for the start of a collector. Without them a client with enough idle
/// connections could keep a dead collector from being restarted.
const RESERVED: u64 = 40;

/// Descriptors without which the agent cannot serve and start a collector.
const NEEDED: u64 = 24;

/// Checks the limit of file descriptors, after raising it as far as possible.
///
/// # Errors
/// It is too low for the agent to work.
pub(crate) fn check() -> Result<(), TooFewDescriptors> {
    match descriptors(Limits::default().connections as u64 + RESERVED) {
        Ok(descriptors) if descriptors < NEEDED => Err(TooFewDescriptors(descriptors)),
        // An unknown limit is none that could be judged.
        _ => Ok(()),
    }
}

/// The limit of file descriptors is too low.
#[derive(Debug, thiserror::Error)]
#[error(
    "expected a limit of at least {NEEDED} file descriptors, got {0}; raise it (ulimit -n, or LimitNOFILE= of the unit)"
)]
pub(crate) struct TooFewDescriptors(u64);

/// Default limits, with no more connections than there are descriptors for.
pub(crate) fn limits() -> Limits {
    let defaults = Limits::default();
    match descriptors(defaults.connections as u64 + RESERVED) {
        Ok(descriptors) => {
            let connections = connections(descriptors, defaults.connections);
            tracing::debug!(connections, descriptors, "connection limit");
            Limits { connections, connections_each: connections - connections / 4, ..defaults }
        }
        Err(error) => {
            tracing::warn!(%error, "cannot read the limit of file descriptors");
            defaults
        }
    }
}

/// Number of streams within this many connections: a quarter is reserved for other requests.
pub(crate) const fn streams(connections: usize, wanted: usize) -> usize {
    let max = connections - connections / 4;
    if wanted < max { wanted } else { max }
}

/// Limit of descriptors, raised to `wanted` as far as the hard limit allows: the usual soft limit of 1024 exists for
/// programs that use `select`.
fn descriptors(wanted: u64) -> nix::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let raised = wanted.min(hard);
    if raised > soft && setrlimit(Resource::RLIMIT_NOFILE, raised, hard).is_ok() {
        return Ok(raised);
    }
    Ok(soft)
}

/// Connections for this many descriptors; at least one.
fn connections(descriptors: u64, max: usize) -> usize {
    usize::try_from(descriptors.saturating_sub(RESERVED)).unwrap_or(usize::MAX).clamp(1, max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_reserved_for_agent() {
        assert_eq!(connections(1024, 1024), 984);
        assert_eq!(connections(524_288, 1024), 1024);
        assert_eq!(connections(u64::MAX, 1024), 1024);
        assert_eq!([streams(2048, 1000), streams(984, 1000), streams(1, 1000), streams(2048, 3)], [1000, 738, 1, 3]);
        assert_eq!([connections(41, 1024), connections(40, 1024), connections(0, 1024)], [1, 1, 1]);
    }
}
