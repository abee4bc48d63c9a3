//! From the bytes of an agent to a [`Report`]: tolerant of other releases, and bounded.
//!
//! A field that is missing, of another type or out of range is unknown. A report in which GPUs cannot be distinguished is
//! refused as a whole. Nothing here makes a GPU `free` unless its agent says so and reads it.

mod claim;
mod finish;
mod leaf;
mod original;
mod snapshot;
mod summary;

#[cfg(test)]
mod tests;

pub(crate) use finish::{celsius, percent, time_ms, watts};
pub(crate) use leaf::clean;
pub(crate) use original::report as original;
pub(crate) use snapshot::report as snapshot;
pub(crate) use summary::{Times, alive, report as summary};

/// Most GPUs of a host. The driver's kernel module supports 32; a row has to be small, because each viewer gets it.
pub(crate) const MAX_GPUS: usize = 64;
/// Most MIG instances of a GPU. `nvmlDeviceGetMaxMigDeviceCount` returns 7 at most.
const MAX_MIG: usize = 8;
/// Most users of a GPU or an instance; further ones are left out, with a note.
const MAX_USERS: usize = 64;
/// Most problems of a host; further ones are counted.
const MAX_PROBLEMS: usize = 64;
/// Largest index of a GPU.
const MAX_INDEX: u64 = 4095;

/// Most characters of a hostname.
const HOSTNAME: usize = 255;
/// Most characters of a name, a label or a version.
const NAME: usize = 96;
/// Most characters of a user's name, which can be a pod's.
const USER: usize = 128;
/// Most characters of a sentence.
const SENTENCE: usize = 400;

/// Reason why bytes are no report.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    /// No JSON, or none of this form.
    #[error("expected {expected}, got other data: {}", clean(&.error.to_string(), 120))]
    Json {
        /// The form.
        expected: &'static str,
        /// Error of the parser, which can quote the data.
        error: serde_json::Error,
    },
    /// A part without which nothing is known.
    #[error("expected {0}")]
    Missing(&'static str),
    /// More GPUs or instances than any host has.
    #[error("expected at most {max} {what}, got {got}")]
    TooMany {
        /// The parts.
        what: &'static str,
        /// The limit.
        max: usize,
        /// Their number.
        got: usize,
    },
    /// Two GPUs with one index.
    #[error("expected one GPU of each index, got two with index {0}")]
    SameIndex(u32),
    /// The original agent reports an error.
    #[error("the agent reports: {0}")]
    Reported(String),
}
