//! Claims.

use telemetry::snapshot::Claimed;

use crate::v1::view::{ViewContext, view};

view! {
    /// Claim of a device. The scope `summary` sees that there is one, and nothing of it.
    struct ClaimView of (context, claimed: &Claimed) {
        /// `claim`: for a time. `run`: as long as a process runs.
        /// Source: `claim` and `run`. Read: derived. Absent: `hidden`.
        private kind: Option<&'static str> = Ok(claimed.claim.kind.as_str());
        /// Account's name, or the uid in digits if it has none.
        /// Source: `getpwuid_r`. Read: derived. Absent: `hidden`.
        private user: Option<String> = Ok(claimed.claim.user.as_ref().into());
        /// User ID on this host.
        /// Source: `SO_PEERCRED`. Read: derived. Absent: `hidden`.
        private uid: Option<u32> = Ok(claimed.claim.uid);
        /// PID of the process of `run`.
        /// Source: `SO_PEERCRED`. Read: derived. Absent: `hidden`; null for a claim for a time.
        private_opt pid: Option<u32> = Ok(claimed.claim.process.map(|process| process.pid));
        /// Begin, Unix time in milliseconds.
        /// Source: the wall clock. Read: derived. Absent: `hidden`.
        private since: Option<u64> = Ok(claimed.claim.since.unix_ms);
        /// End, Unix time in milliseconds.
        /// Source: the wall clock. Read: derived. Absent: `hidden`; null for `run`, which ends with its process.
        private_opt until: Option<u64> = Ok(claimed.claim.until.map(|until| until.unix_ms));
        /// Reason by the user, at most 200 characters; may be empty.
        /// Source: `--why`. Read: derived. Absent: `hidden`.
        private why: Option<String> = Ok(claimed.claim.why.as_ref().into());
    }
}

impl ClaimView {
    /// The claim as this context shows it; absent values have paths such as `claim.user`.
    pub(crate) fn seen(context: &mut ViewContext, claimed: Option<&Claimed>) -> Option<Self> {
        claimed.map(|claimed| context.part("claim", |context| Self::of(context, claimed)))
    }
}

/// Users who compute on a device although another has claimed it.
pub(crate) fn conflicts(claimed: Option<&Claimed>) -> Vec<String> {
    claimed.map(|claimed| claimed.conflicts.clone()).unwrap_or_default()
}
