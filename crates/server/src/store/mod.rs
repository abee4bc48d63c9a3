//! State that outlives a snapshot: the history, the demand for views, HTTP statistics, and the ids of snapshots.

pub(crate) mod archive;
pub(crate) mod cache;
pub(crate) mod http_stats;
pub(crate) mod snapshot_id;
