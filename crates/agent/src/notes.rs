//! Notes of the parent for `host.notes`: limits and mistakes that last until they are corrected, one per topic.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

static NOTES: Mutex<BTreeMap<&'static str, String>> = Mutex::new(BTreeMap::new());

/// Sets the note of a topic.
pub(crate) fn set(topic: &'static str, text: String) {
    NOTES.lock().unwrap_or_else(PoisonError::into_inner).insert(topic, text);
}

/// Removes the note of a topic.
pub(crate) fn clear(topic: &'static str) {
    NOTES.lock().unwrap_or_else(PoisonError::into_inner).remove(topic);
}

/// All notes.
pub(crate) fn all() -> Vec<String> {
    NOTES.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
}
