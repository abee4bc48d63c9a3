//! Parts that nobody asked for lately, and which are therefore not rendered ahead.

use std::sync::Arc;

use http_server::elsewhere;
use tokio::sync::Semaphore;

use crate::fleet::Published;

/// Renders on another thread, one part at a time: all streams wait for the thread of HTTP. Copies are one.
#[derive(Clone, Debug)]
pub(crate) struct Preparer(Arc<Semaphore>);

impl Default for Preparer {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl Preparer {
    /// Renders a part of a large fleet, unless it is there. Afterwards it only has to be picked.
    pub(crate) async fn prepare(
        &self,
        published: &Arc<Published>,
        is_ready: impl Fn(&Published) -> bool,
        render: impl FnOnce(&Published) + Send + 'static,
    ) {
        if published.is_small() || is_ready(published) {
            return;
        }
        // It is never closed.
        let Ok(permit) = Arc::clone(&self.0).acquire_owned().await else { return };
        // Another request for the same part may have been before.
        if is_ready(published) {
            return;
        }
        let published = Arc::clone(published);
        elsewhere(move || {
            render(&published);
            drop(permit);
        })
        .await;
    }
}
