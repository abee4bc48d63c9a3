//! The Slurm node: its name, and its state as `scontrol -o show node` prints it.

use std::env;

use nix::unistd;

/// Variable in which slurmd passes the name of its node. It passes no other.
const NODE: &str = "SLURMD_NODENAME";
/// Flags of a node that runs nothing new. Slurm joins them with `+`, as in `MIXED+DRAIN` and `DOWN*+DRAIN`.
const DRAINED: [&str; 3] = ["DRAIN", "DRAINED", "DRAINING"];
const BROKEN: [&str; 5] = ["DOWN", "FAIL", "FAILED", "FAILING", "ERROR"];

/// Name of one node.
#[derive(Debug)]
pub(super) struct NodeName {
    name: String,
    origin: &'static str,
}

impl NodeName {
    /// The name given, else slurmd's, else the host's.
    ///
    /// # Errors
    /// It is not the name of one node: Slurm would take `ALL`, `a,b` and `a[1-9]` for several.
    pub(super) fn find(given: Option<&str>) -> Result<Self, String> {
        let of_slurmd = env::var(NODE).ok().filter(|name| !name.is_empty());
        let (name, origin) = match (given, of_slurmd) {
            (Some(name), _) => (name.to_owned(), ""),
            (None, Some(name)) => (name, ""),
            (None, None) => (short_hostname()?, " (the host's name, because SLURMD_NODENAME is not set)"),
        };
        if !is_one_node(&name) {
            return Err(format!("expected the name of one Slurm node, got {name:?}; set --node"));
        }
        Ok(Self { name, origin })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.name
    }

    /// Source of a name that nobody gave, in parentheses.
    pub(super) const fn origin(&self) -> &'static str {
        self.origin
    }
}

fn short_hostname() -> Result<String, String> {
    let name = unistd::gethostname().map_err(|error| format!("cannot read the hostname: {error}; set --node"))?;
    Ok(name.to_string_lossy().split('.').next().unwrap_or_default().into())
}

fn is_one_node(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    begins && name.len() <= 64 && name.bytes().all(is_allowed) && !name.eq_ignore_ascii_case("all")
}

/// State of a node.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// As Slurm writes it.
    pub(super) state: String,
    /// Without the account and the time that Slurm adds; empty if there is none.
    pub(super) reason: String,
}

impl Node {
    /// Parses the line of `scontrol -o show node`. Features and comments are texts of administrators, so nothing but
    /// the first `State=` counts, and a line with two `Reason=` has a reason of somebody else.
    pub(super) fn parse(output: &str, name: &NodeName) -> Result<Self, String> {
        let wanted = format!("NodeName={} ", name.as_str());
        let line = output.lines().find(|line| line.starts_with(&wanted));
        let unexpected = || format!("expected the state of node {} from scontrol, got something else", name.as_str());
        let line = line.ok_or_else(unexpected)?;
        let (_, after) = line.split_once(" State=").ok_or_else(unexpected)?;
        let state = after.split(' ').next().unwrap_or_default().to_owned();
        let reason = line.split_once(" Reason=").map_or("", |(_, reason)| reason);
        let reason = if reason.contains(" Reason=") { reason } else { without_author(reason) };
        Ok(Self { state, reason: reason.trim_end().into() })
    }

    /// True if it runs nothing new.
    pub(super) fn is_out(&self) -> bool {
        self.has(&DRAINED) || self.has(&BROKEN)
    }

    /// True if it would run jobs but for the drain.
    pub(super) fn is_only_drained(&self) -> bool {
        self.has(&DRAINED) && !self.has(&BROKEN)
    }

    fn has(&self, flags: &[&str]) -> bool {
        // A sign behind a flag has another meaning, as in `DOWN*`: it does not respond.
        let mut own = self.state.split('+').map(|flag| flag.trim_end_matches(|sign: char| !sign.is_ascii_alphabetic()));
        own.any(|flag| flags.contains(&flag))
    }
}

/// The reason before ` [root@2026-01-31T12:00:00]`.
fn without_author(reason: &str) -> &str {
    let is_author = |at: usize| {
        let mark = reason[at + 2..].split(']').next().unwrap_or_default();
        mark.split_once('@').is_some_and(|(account, time)| {
            !account.is_empty() && !account.contains(' ') && time.len() == 19 && time.as_bytes()[10] == b'T'
        })
    };
    let at = reason.match_indices(" [").map(|(at, _)| at).find(|at| is_author(*at));
    at.map_or(reason, |at| &reason[..at])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name() -> NodeName {
        NodeName::find(Some("n1")).unwrap()
    }

    fn parsed(rest: &str) -> Node {
        let line = format!("NodeName=n1 Arch=x86_64 OS=Linux 6.1 #1 SMP  Port=1 {rest}\n");
        Node::parse(&line, &name()).unwrap()
    }

    #[test]
    fn name_is_of_one_node() {
        for good in ["n1", "gpu-01.cluster", "GPU_7"] {
            assert!(is_one_node(good), "{good}");
        }
        for bad in ["", "-h", ".", "..", "ALL", "all", "n1,n2", "n[1-2]", "n 1", "n1\n", "n=1", &"n".repeat(65)] {
            assert!(!is_one_node(bad), "{bad}");
        }
    }

    #[test]
    fn state_and_reason_read() {
        for (text, out, only_drained, reason) in [
            ("State=IDLE ThreadsPerCore=1", false, false, ""),
            ("State=MIXED+PLANNED ThreadsPerCore=1", false, false, ""),
            ("State=IDLE+DRAIN A=1  Reason=GPU 1: lost (x) [root@2026-11-30T10:38:35]", true, true, "GPU 1: lost (x)"),
            ("State=DOWN* A=1 Reason=Not responding [slurm@2026-11-30T10:38:35]", true, false, "Not responding"),
            (
                "State=IDLE*+DRAIN+NOT_RESPONDING A=1 Reason=a [b] [c@d] [root@2026-11-30T10:38:35] Comment=x",
                true,
                true,
                "a [b] [c@d]",
            ),
            ("State=DOWN+DRAIN Reason=two [root@2026-11-30T10:38:35]        lines", true, false, "two"),
            ("State=FAILING", true, false, ""),
            ("State=IDLE Comment=State=DOWN Reason=", false, false, ""),
            ("State=IDLE+DRAIN Comment=a Reason=b Reason=c", true, true, "b Reason=c"),
        ] {
            let node = parsed(text);
            assert_eq!((node.is_out(), node.is_only_drained(), &*node.reason), (out, only_drained, reason), "{text}");
        }
        for other in ["", "Node n1 not found", "NodeName=n10 State=IDLE", "NodeName=n1 Arch=x"] {
            assert!(Node::parse(other, &name()).unwrap_err().contains("n1"), "{other}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_output_tolerated(text in "(NodeName=n1 | State=|DRAIN|\\+| Reason=| \\[|@|\\]|é|\\PC|\\n){0,30}") {
            let _ = Node::parse(&text, &name());
            let _ = Node::parse(&format!("NodeName=n1 State={text}"), &name());
        }
    }
}
