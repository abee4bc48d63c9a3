//! What happened.

use telemetry::snapshot::Event;

use crate::v1::{
    view::view,
    word::{EventKindWord, SeverityWord, Word},
};

view! {
    /// Something that happened.
    struct EventView of (_eye, event: &Event) {
        /// When, Unix time in milliseconds.
        /// Source: the wall clock. Lane: derived. Absent: never.
        value at: u64 = event.at.unix_ms;
        /// What kind of thing.
        /// Source: derived. Lane: derived. Absent: never.
        value kind: EventKindWord = Word::of(event.kind);
        /// The GPU that it is about; null if it is about none.
        /// Source: `nvmlDeviceGetUUID`. Lane: derived. Absent: null where it is about the collector or the driver.
        null gpu_uuid: Option<String> = event.gpu_uuid.clone();
        /// How bad it is.
        /// Source: derived. Lane: derived. Absent: never.
        value severity: SeverityWord = Word::of(event.severity);
        /// A stable word for programs, such as `xid_79`, `lost` or `stalled`.
        /// Source: derived. Lane: derived. Absent: never.
        value code: String = event.code.clone();
        /// What it is, in plain words.
        /// Source: derived. Lane: derived. Absent: never.
        value text: String = event.text.clone();
        /// What to do about it; empty if nothing.
        /// Source: derived. Lane: derived. Absent: never.
        value action: String = event.action.clone();
    }
}
