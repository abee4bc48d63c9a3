//! Counters of the stream: its open clients, and the bytes that they were sent.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::{
    engine::{Looking, Visible},
    viewers::Viewers,
};

/// Counters of the stream.
#[derive(Debug)]
pub(crate) struct Counted {
    viewers: Viewers,
    visible: Option<Visible>,
    bytes: AtomicU64,
}

/// An open stream, until it is dropped.
#[derive(Debug)]
pub(crate) struct Viewer(Arc<Counted>, Option<Looking>);

impl Counted {
    pub(crate) const fn new(viewers: Viewers, visible: Option<Visible>) -> Self {
        Self { viewers, visible, bytes: AtomicU64::new(0) }
    }

    /// Counts a client until the end of its stream.
    pub(crate) fn open(counted: &Arc<Self>) -> Viewer {
        counted.viewers.open();
        Viewer(Arc::clone(counted), counted.visible.as_ref().map(Visible::look))
    }

    /// Number of open streams.
    pub(crate) fn streams(&self) -> usize {
        self.viewers.streams()
    }

    /// Bytes that streams were sent.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl Viewer {
    /// Notes the hosts whose GPUs the stream shows, for an engine that is asked for these.
    pub(crate) fn shows<'a>(&mut self, names: impl Iterator<Item = &'a Arc<str>> + Clone) {
        if let Some(looking) = &mut self.1 {
            looking.at(names);
        }
    }

    /// Counts bytes.
    pub(crate) fn sent(&self, bytes: usize) {
        self.0.bytes.fetch_add(u64::try_from(bytes).unwrap_or(0), Ordering::Relaxed);
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.0.viewers.close();
    }
}
