//! A response that is ready at once, or after the delay for a wrong token.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::time::{Sleep, sleep};

use crate::{
    Response,
    auth::throttle::{DELAY, Slot},
};

/// A response, and the delay before it. Only a delayed one allocates.
pub struct Reply {
    response: Option<Response>,
    delay: Option<(Pin<Box<Sleep>>, Slot)>,
}

impl Reply {
    pub(crate) const fn now(response: Response) -> Self {
        Self { response: Some(response), delay: None }
    }

    /// Responds after [`DELAY`] and holds the slot until then.
    pub(crate) fn delayed(slot: Slot, response: Response) -> Self {
        Self { response: Some(response), delay: Some((Box::pin(sleep(DELAY)), slot)) }
    }
}

impl Future for Reply {
    type Output = Response;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Response> {
        if let Some((delay, _)) = &mut self.delay {
            ready!(delay.as_mut().poll(cx));
            self.delay = None;
        }
        // A future that is polled after its end may panic; this one stays pending.
        self.response.take().map_or(Poll::Pending, Poll::Ready)
    }
}
