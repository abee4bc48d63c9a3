//! Questions of viewers about the past, which an engine answers. Viewers send no PromQL, and nothing of theirs enters a query.

use std::sync::Arc;

use http_server::elsewhere;
use tokio::{runtime::Handle, sync::Semaphore};

use super::{
    api::{Engine, EngineError},
    config::EngineConfig,
    usage::{self, Totals},
};
use crate::{client::Client, target::TargetList};

/// Questions that an engine is asked at once.
const MAX_QUESTIONS: usize = 4;

/// An engine that is asked about the past.
#[derive(Clone)]
pub struct Past {
    engine: Engine,
    permits: Arc<Semaphore>,
}

impl Past {
    /// Past of this engine.
    #[must_use]
    pub fn new(client: &Client, config: EngineConfig) -> Self {
        Self { engine: Engine::new(client, config), permits: Arc::new(Semaphore::new(MAX_QUESTIONS)) }
    }

    /// Totals of users between two Unix times in milliseconds. Long answers are read on another thread, which ends with the
    /// question even if nobody waits any more.
    ///
    /// # Errors
    /// The engine does not answer, or in part.
    pub(crate) async fn totals(&self, list: TargetList, since_ms: u64, until_ms: u64) -> Result<Totals, EngineError> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().map_err(|_| EngineError::Busy)?;
        let engine = self.engine.clone();
        elsewhere(move || {
            let _permit = permit;
            Handle::current().block_on(usage::read(&engine, &list, since_ms, until_ms))
        })
        .await
    }
}
