//! Events.

use telemetry::snapshot::{Event, EventKind};

use crate::v1::{
    view::view,
    word::{EventKindWord, SeverityWord, Word},
};

view! {
    /// An event.
    struct EventView of (context, event: &Event) {
        /// Time, Unix time in milliseconds.
        /// Source: the wall clock. Read: derived. Absent: never.
        value at: u64 = event.at.unix_ms;
        /// Kind.
        /// Source: derived. Read: derived. Absent: never.
        value kind: EventKindWord = Word::of(event.kind);
        /// UUID of the GPU; null if the event is not about a GPU.
        /// Source: `nvmlDeviceGetUUID`. Read: derived. Absent: null where it is about the collector or the driver.
        null gpu_uuid: Option<String> = event.gpu_uuid.clone();
        /// Severity.
        /// Source: derived. Read: derived. Absent: never.
        value severity: SeverityWord = Word::of(event.severity);
        /// Stable code for programs, such as `xid_79`, `lost` or `stalled`.
        /// Source: derived. Read: derived. Absent: never.
        value code: String = event.code.clone();
        /// Description in plain words; of a claim that is ignored, without the users for the scope `summary`.
        /// Source: derived. Read: derived. Absent: never.
        value text: String = text(event, context.scope.sees_people());
        /// Recommended action; empty if there is none.
        /// Source: derived. Read: derived. Absent: never.
        value action: String = event.action.clone();
    }
}

/// Description without users for those who do not see people.
fn text(event: &Event, sees_people: bool) -> String {
    if event.kind == EventKind::Claim && !sees_people {
        return "somebody computes on a GPU that another user has claimed".into();
    }
    event.text.clone()
}
