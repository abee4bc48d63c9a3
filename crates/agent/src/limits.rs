//! How many connections there may be, by the file descriptors that this process may have.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use server::Limits;

/// Descriptors that connections never get: what the agent itself holds, and what the start of a collector takes.
/// Else a stranger with enough idle connections could keep a collector that died from being replaced.
const RESERVED: u64 = 40;

/// The usual limits, with no more connections than there are descriptors for.
pub(crate) fn limits() -> Limits {
    let usual = Limits::default();
    match descriptors(usual.connections as u64 + RESERVED) {
        Ok(descriptors) => {
            let connections = connections(descriptors, usual.connections);
            tracing::debug!(connections, descriptors, "as many connections are taken at once");
            Limits { connections, connections_each: connections - connections / 4, ..usual }
        }
        Err(error) => {
            tracing::warn!(%error, "the limit of file descriptors cannot be read");
            usual
        }
    }
}

/// Of so many connections those that streams may hold: a quarter stays for everything else.
pub(crate) const fn streams(connections: usize, wanted: usize) -> usize {
    let most = connections - connections / 4;
    if wanted < most { wanted } else { most }
}

/// How many descriptors there may be, raised towards what is wanted as far as the administrator allows: the usual
/// limit of 1024 is for programs that use `select`.
fn descriptors(wanted: u64) -> nix::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let raised = wanted.min(hard);
    if raised > soft && setrlimit(Resource::RLIMIT_NOFILE, raised, hard).is_ok() {
        return Ok(raised);
    }
    Ok(soft)
}

/// At least one.
fn connections(descriptors: u64, usual: usize) -> usize {
    usize::try_from(descriptors.saturating_sub(RESERVED)).unwrap_or(usize::MAX).clamp(1, usual)
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
