//! A response that is ready at once, after the delay for a wrong token, or when its handler has it.

use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    task::{Context, Poll, ready},
    thread,
};

use tokio::time::{Sleep, sleep};

use crate::{
    Response,
    auth::throttle::{DELAY, Slot},
};

/// A response that is awaited. Dropping it gives up.
pub type Later = Pin<Box<dyn Future<Output = Response> + Send>>;

/// A response, and the wait for it. Only one that is not ready allocates.
pub struct Reply {
    response: Option<Response>,
    wait: Option<Wait>,
}

enum Wait {
    Delay(Pin<Box<Sleep>>, #[expect(dead_code, reason = "held until the delay is over")] Slot),
    Later(Later),
}

impl Reply {
    pub(crate) const fn now(response: Response) -> Self {
        Self { response: Some(response), wait: None }
    }

    /// Responds after [`DELAY`] and holds the slot until then.
    pub(crate) fn delayed(slot: Slot, response: Response) -> Self {
        Self { response: Some(response), wait: Some(Wait::Delay(Box::pin(sleep(DELAY)), slot)) }
    }

    pub(crate) const fn later(response: Later) -> Self {
        Self { response: None, wait: Some(Wait::Later(response)) }
    }
}

impl Future for Reply {
    type Output = Response;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Response> {
        match &mut self.wait {
            Some(Wait::Delay(delay, _)) => ready!(delay.as_mut().poll(cx)),
            Some(Wait::Later(later)) => self.response = Some(ready!(later.as_mut().poll(cx))),
            None => {}
        }
        self.wait = None;
        // A future that is polled after its end may panic; this one stays pending.
        self.response.take().map_or(Poll::Pending, Poll::Ready)
    }
}

/// Computes something on a thread that no other request waits for.
pub async fn elsewhere<T: Send + 'static>(compute: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(compute).await {
        Ok(computed) => computed,
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime is shutting down, and nobody waits.
            Err(_) => std::future::pending().await,
        },
    }
}

/// Awaits a response, and catches a panic on the way.
pub(crate) async fn caught(mut response: Later) -> thread::Result<Response> {
    // A future that panicked is not polled again.
    poll_fn(move |cx| match catch_unwind(AssertUnwindSafe(|| response.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(response)) => Poll::Ready(Ok(response)),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}
