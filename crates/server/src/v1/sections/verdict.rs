//! Health of a GPU, and its Xid errors.

use telemetry::snapshot::{Health, Reason, Xid};

use crate::v1::{
    view::view,
    word::{SeverityWord, Word},
};

view! {
    /// Xid errors of a GPU since the agent has listened for them.
    struct XidView of (context, xid: &Xid) {
        /// Time since which the agent has listened for them without a break, Unix time in milliseconds; earlier ones are unknown.
        /// Source: `nvmlDeviceRegisterEvents`. Read: event. Absent: `not_supported` where events are not supported; while nothing listens, as while the GPU is lost or the collector does not answer, the reason why.
        read since: Option<u64> = xid.since.map(|since| since.unix_ms);
        /// Number of the newest since the agent started; null if there was none.
        /// Source: `nvmlEventSetWait_v2`. Read: event. Absent: null if there was none.
        null last: Option<u64> = xid.last.map(|(code, _)| code);
        /// Time of the newest, Unix time in milliseconds; null if there was none.
        /// Source: `nvmlEventSetWait_v2`. Read: event. Absent: null if there was none.
        null last_at: Option<u64> = xid.last.map(|(_, at)| at.unix_ms);
        /// Number since `since` or, while nothing listens, in the last period in which the agent listened.
        /// Source: `nvmlEventSetWait_v2`. Read: event. Absent: as `since`, if there was none.
        read count: Option<u64> = xid.count;
    }
}

view! {
    /// Health of a GPU.
    struct HealthView of (context, health: &Health) {
        /// Verdict: `warning` needs attention, with `critical` the GPU must not be used.
        /// Source: derived. Read: derived. Absent: never.
        value verdict: SeverityWord = Word::of(health.verdict);
        /// Problems, the worst first; empty if there is none.
        value reasons: Vec<ReasonView> = health.reasons.iter().map(|reason| ReasonView::of(context, reason)).collect();
    }
}

view! {
    /// A problem of a GPU.
    struct ReasonView of (_eye, reason: &Reason) {
        /// Stable code for programs, such as `xid_79` or `row_remap_pending`.
        /// Source: derived. Read: derived. Absent: never.
        value code: String = reason.code.clone();
        /// Severity: `warning` or `critical`.
        /// Source: derived. Read: derived. Absent: never.
        value severity: SeverityWord = Word::of(reason.severity);
        /// Description in plain words.
        /// Source: derived. Read: derived. Absent: never.
        value text: String = reason.text.clone();
        /// Recommended action.
        /// Source: derived. Read: derived. Absent: never.
        value action: String = reason.action.clone();
    }
}
