//! Honest absence: a value is a value or the reason why there is none.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantNames};

/// A value as it was read, or why it was not. Never 0 for "could not read", never a guess.
pub type Reading<T> = Result<T, Absence>;

/// Why a value is absent. It travels from the driver's return code to the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Absence {
    /// The GPU, the driver or the library does not have it.
    NotSupported,
    /// The account the agent runs as may not read it.
    Denied,
    /// The GPU fell off the bus, or the driver no longer counts it.
    Lost,
    /// Not read, so that the GPU can sleep.
    Asleep,
    /// Not read in time: a call that hangs, or a reading too old to be shown as the present.
    Timeout,
    /// Any other failure.
    Error,
}

impl Absence {
    /// Word in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        self.into()
    }
}
