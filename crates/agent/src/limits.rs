//! Connection limits, from this process's limit of file descriptors.

use hub::discovery::MAX_TARGETS;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use server::Limits;

/// Descriptors reserved for the agent itself and for the start of a collector. Without them a client with enough idle
/// connections could keep a dead collector from being restarted.
const RESERVED: u64 = 40;

/// Least and most descriptors that a hub reserves for itself: listeners, lists, and lookups of names.
const RESERVED_HUB: (u64, u64) = (RESERVED, 104);

/// Connections of a hub that are being opened, or asked for what another agent has.
const OPENING: usize = 128;

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

/// Limits of a hub: shares of its descriptors, so that neither hosts nor viewers take those of the other.
#[derive(Clone, Debug)]
pub(crate) struct HubLimits {
    /// Limits of connections of viewers.
    pub(crate) viewers: Limits,
    /// Connections to agents.
    pub(crate) agents: hub::Descriptors,
}

impl HubLimits {
    /// Shares of the limit of descriptors, which is raised to what the largest fleet needs, as far as possible.
    pub(crate) fn new() -> Self {
        let viewers = Limits::default();
        let wanted = (viewers.connections + viewers.connections / 2 + MAX_TARGETS + OPENING) as u64 + RESERVED_HUB.1;
        let descriptors = descriptors(wanted).unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot read the limit of file descriptors");
            wanted
        });
        Self::of(descriptors, viewers)
    }

    fn of(descriptors: u64, viewers: Limits) -> Self {
        let reserved = (descriptors / 8).clamp(RESERVED_HUB.0, RESERVED_HUB.1);
        let left = usize::try_from(descriptors.saturating_sub(reserved)).unwrap_or(usize::MAX);
        let connections = (left / 4).clamp(1, viewers.connections);
        let proxied = (connections / 2).max(1);
        let links = left.saturating_sub(connections + proxied).max(1);
        tracing::debug!(connections, proxied, links, descriptors, "connection limits");
        let viewers = Limits { connections, connections_each: connections - connections / 4, ..viewers };
        Self { viewers, agents: hub::Descriptors { links, proxied } }
    }

    /// The fix for so many hosts, if there are too few descriptors for them.
    pub(crate) fn problem(&self, hosts: usize) -> Option<String> {
        let max = self.agents.links;
        (hosts > max).then(|| {
            format!(
                "the limit of file descriptors is enough for connections to {max} hosts, and the list has {hosts}: the others \
                 are unreachable. Raise it (LimitNOFILE= of the unit, ulimit -n)"
            )
        })
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
    fn descriptors_of_a_hub_shared() {
        let of = |descriptors| {
            let HubLimits { viewers, agents } = HubLimits::of(descriptors, Limits::default());
            (viewers.connections, agents.proxied, agents.links)
        };
        assert_eq!(of(64), (6, 3, 15));
        assert_eq!(of(1024), (230, 115, 575));
        assert_eq!(of(20_000), (2048, 1024, 16_824));
        assert_eq!(of(524_288).0, 2048);
        assert_eq!(of(0), (1, 1, 1));
        for descriptors in 64..5000 {
            let (viewers, proxied, links) = of(descriptors);
            assert!((viewers + proxied + links) as u64 + RESERVED <= descriptors, "{descriptors}");
        }
        let limits = HubLimits::of(64, Limits::default());
        assert_eq!(limits.problem(15), None);
        let problem = limits.problem(80).unwrap();
        assert!(
            problem.contains("15 hosts") && problem.contains("80") && problem.contains("LimitNOFILE="),
            "{problem}"
        );
    }

    #[test]
    fn descriptors_reserved_for_agent() {
        assert_eq!(connections(1024, 1024), 984);
        assert_eq!(connections(524_288, 1024), 1024);
        assert_eq!(connections(u64::MAX, 1024), 1024);
        assert_eq!([streams(2048, 1000), streams(984, 1000), streams(1, 1000), streams(2048, 3)], [1000, 738, 1, 3]);
        assert_eq!([connections(41, 1024), connections(40, 1024), connections(0, 1024)], [1, 1, 1]);
    }
}
