//! Claims for the next snapshot.

use std::sync::{Arc, Mutex, PoisonError};

use telemetry::claims::ClaimList;

/// Claims that the supervisor takes into its next snapshot.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedClaims(Arc<Mutex<ClaimList>>);

impl SharedClaims {
    pub(crate) fn get(&self) -> ClaimList {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set(&self, list: ClaimList) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = list;
    }
}
