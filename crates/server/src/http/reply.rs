//! An answer that is there at once, as all are but the refusals that wait.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::response::Response;
use tokio::time::{Sleep, sleep};

use crate::auth::{Place, WAIT};

/// The answer, and until when it waits. A wait costs an allocation, and no wait costs none.
pub struct Reply {
    response: Option<Response>,
    wait: Option<(Pin<Box<Sleep>>, Place)>,
}

impl Reply {
    pub(crate) const fn now(response: Response) -> Self {
        Self { response: Some(response), wait: None }
    }

    /// After [`WAIT`], until which the place is taken.
    pub(crate) fn after(place: Place, response: Response) -> Self {
        Self { response: Some(response), wait: Some((Box::pin(sleep(WAIT)), place)) }
    }
}

impl Future for Reply {
    type Output = Response;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Response> {
        if let Some((wait, _)) = &mut self.wait {
            ready!(wait.as_mut().poll(cx));
            self.wait = None;
        }
        // As every future, it may panic if it is asked again after its end; it waits for ever instead.
        self.response.take().map_or(Poll::Pending, Poll::Ready)
    }
}
