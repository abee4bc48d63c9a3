//! Notes of the parent for `host.notes`, and of a hub: limits and mistakes that last until they are corrected, one per topic.

use std::{collections::BTreeMap, sync::LazyLock};

use tokio::sync::watch;

/// Notes by topic.
pub(crate) type Notes = BTreeMap<&'static str, String>;

static NOTES: LazyLock<watch::Sender<Notes>> = LazyLock::new(watch::Sender::default);

/// Sets the note of a topic.
pub(crate) fn set(topic: &'static str, text: String) {
    NOTES.send_modify(|notes| drop(notes.insert(topic, text)));
}

/// Removes the note of a topic.
pub(crate) fn clear(topic: &'static str) {
    NOTES.send_if_modified(|notes| notes.remove(topic).is_some());
}

/// All notes.
pub(crate) fn all() -> Vec<String> {
    NOTES.borrow().values().cloned().collect()
}

/// The notes now and after each change.
pub(crate) fn subscribe() -> watch::Receiver<Notes> {
    NOTES.subscribe()
}
