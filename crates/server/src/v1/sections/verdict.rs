//! Whether a GPU is well: its Xid errors, and the verdict over all.

use telemetry::snapshot::{Health, Reason, Xid};

use crate::v1::{
    view::view,
    word::{SeverityWord, Word},
};

view! {
    /// A GPU's Xid errors since somebody listened.
    struct XidView of (eye, xid: &Xid) {
        /// Since when they are listened for without a break, Unix time in milliseconds; nothing before that was heard.
        /// Source: `nvmlDeviceRegisterEvents`. Lane: events. Absent: `not_supported` where events are not; while nobody listens, as where the GPU is lost or the collector is not heard, the reason why.
        read since: Option<u64> = xid.since.map(|since| since.unix_ms);
        /// NVIDIA's number of the newest since the agent began; null if there was none.
        /// Source: `nvmlEventSetWait_v2`. Lane: events. Absent: null if there was none.
        null last: Option<u64> = xid.last.map(|(code, _)| code);
        /// When the newest came, Unix time in milliseconds; null if there was none.
        /// Source: `nvmlEventSetWait_v2`. Lane: events. Absent: null if there was none.
        null last_at: Option<u64> = xid.last.map(|(_, at)| at.unix_ms);
        /// How many there were since `since` or, while nobody listens, in the time in which somebody did last.
        /// Source: `nvmlEventSetWait_v2`. Lane: events. Absent: as `since`, if there was none.
        read count: Option<u64> = xid.count;
    }
}

view! {
    /// Whether a GPU is well.
    struct HealthView of (eye, health: &Health) {
        /// How bad it is: `warning` is that somebody should look, `critical` that it must not be used.
        /// Source: derived. Lane: derived. Absent: never.
        value verdict: SeverityWord = Word::of(health.verdict);
        /// Why, the worst first; empty if it is well.
        value reasons: Vec<ReasonView> = health.reasons.iter().map(|reason| ReasonView::of(eye, reason)).collect();
    }
}

view! {
    /// One thing that is wrong with a GPU.
    struct ReasonView of (_eye, reason: &Reason) {
        /// A stable word for programs, such as `xid_79` or `row_remap_pending`.
        /// Source: derived. Lane: derived. Absent: never.
        value code: String = reason.code.clone();
        /// What it is, in plain words.
        /// Source: derived. Lane: derived. Absent: never.
        value text: String = reason.text.clone();
        /// What to do about it.
        /// Source: derived. Lane: derived. Absent: never.
        value action: String = reason.action.clone();
    }
}
