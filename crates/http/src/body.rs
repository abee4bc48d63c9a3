//! Response bodies: bytes, several parts, or a stream without an end.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use hyper::body::{Frame, SizeHint};

/// Parts of this size or more are shared, not copied: a request can ask for the same large part 256 times.
const SHARE_FROM: usize = 4096;

/// The body of a response.
pub enum Body {
    /// Bytes in one piece; none for an empty body.
    Bytes(Bytes),
    /// Bytes in several parts, sent one after the other.
    Parts(BodyParts),
    /// A stream without a known length.
    Stream(Pin<Box<dyn Stream<Item = Bytes> + Send>>),
    /// The body of somebody else's answer, which can end too early.
    Relayed(Relayed),
}

/// End of a body before all of it was sent. The connection is closed, so that its reader sees that something is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body is not complete")]
pub struct Aborted;

/// A stream that can fail.
pub struct Relayed {
    stream: Pin<Box<dyn Stream<Item = Result<Bytes, Aborted>> + Send>>,
    left: Option<u64>,
}

impl Body {
    /// A body without bytes.
    #[must_use]
    pub const fn empty() -> Self {
        Self::Bytes(Bytes::new())
    }

    /// A body that sends what the stream yields.
    pub fn stream(stream: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        Self::Stream(Box::pin(stream))
    }

    /// A body of this length, if it is known, that sends what the stream yields.
    pub fn relayed(stream: impl Stream<Item = Result<Bytes, Aborted>> + Send + 'static, length: Option<u64>) -> Self {
        Self::Relayed(Relayed { stream: Box::pin(stream), left: length })
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Self::Bytes(Bytes::from_static(text.as_bytes()))
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        let part = match &mut *self {
            Self::Bytes(bytes) => Poll::Ready(Some(std::mem::take(bytes)).filter(|bytes| !bytes.is_empty()).map(Ok)),
            Self::Parts(parts) => Poll::Ready(parts.next().map(Ok)),
            Self::Stream(stream) => stream.as_mut().poll_next(cx).map(|part| part.map(Ok)),
            Self::Relayed(relayed) => relayed.poll_next(cx),
        };
        part.map(|part| part.map(|bytes| bytes.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::Parts(parts) => parts.left == 0,
            Self::Stream(_) | Self::Relayed(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Bytes(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Parts(parts) => SizeHint::with_exact(parts.left),
            Self::Stream(_) => SizeHint::default(),
            Self::Relayed(relayed) => relayed.left.map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}

impl Relayed {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Aborted>>> {
        let part = ready!(self.stream.as_mut().poll_next(cx));
        if let (Some(Ok(part)), Some(left)) = (&part, &mut self.left) {
            *left = left.saturating_sub(part.len() as u64);
        }
        Poll::Ready(part)
    }
}

/// A body assembled from bytes that exist already.
#[derive(Debug, Default)]
pub struct BodyParts {
    closed: VecDeque<Bytes>,
    open: BytesMut,
    left: u64,
}

impl BodyParts {
    /// Appends a part: a copy if it is small, otherwise a reference to the same bytes.
    pub fn push(&mut self, part: &Bytes) {
        self.left += part.len() as u64;
        if part.len() < SHARE_FROM {
            self.open.extend_from_slice(part);
        } else {
            self.close();
            self.closed.push_back(part.clone());
        }
    }

    /// Converts the parts to a body.
    #[must_use]
    pub fn into_body(mut self) -> Body {
        self.close();
        if self.closed.len() > 1 {
            return Body::Parts(self);
        }
        self.closed.pop_front().map_or_else(Body::empty, Body::from)
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.closed.push_back(self.open.split().freeze());
        }
    }

    fn next(&mut self) -> Option<Bytes> {
        let part = self.closed.pop_front()?;
        self.left -= part.len() as u64;
        Some(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use hyper::body::Body as _;
    use proptest::prelude::*;

    fn sent(body: Body) -> Bytes {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(body.collect()).unwrap().to_bytes()
    }

    #[test]
    fn large_pieces_are_not_copied() {
        let large = Bytes::from(vec![b'x'; SHARE_FROM]);
        let mut pieces = BodyParts::default();
        pieces.push(&Bytes::from_static(b"["));
        pieces.push(&large);
        pieces.push(&Bytes::from_static(b"]"));
        pieces.close();
        assert_eq!(pieces.closed.len(), 3);
        assert_eq!(pieces.closed[1].as_ptr(), large.as_ptr());
    }

    #[test]
    fn relayed_body_fails_with_its_stream() {
        use futures_util::{FutureExt as _, stream};
        let mut body = Body::relayed(stream::iter([Ok(Bytes::from_static(b"half")), Err(Aborted)]), Some(8));
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(8), false));
        assert!(body.frame().now_or_never().unwrap().unwrap().is_ok());
        assert_eq!(body.size_hint().exact(), Some(4));
        assert_eq!(body.frame().now_or_never().unwrap().unwrap().unwrap_err(), Aborted);
        assert_eq!(sent(Body::relayed(stream::iter([Ok(Bytes::from_static(b"whole"))]), None)), "whole");
    }

    proptest! {
        #[test]
        fn sends_what_was_put_in(sizes in proptest::collection::vec(0..6000_usize, 0..9)) {
            let parts: Vec<Bytes> = (0_u8..).zip(&sizes).map(|(byte, size)| vec![byte; *size].into()).collect();
            let mut pieces = BodyParts::default();
            parts.iter().for_each(|part| pieces.push(part));
            let body = pieces.into_body();
            prop_assert_eq!(body.size_hint().exact(), Some(parts.concat().len() as u64));
            prop_assert_eq!(sent(body), parts.concat());
        }
    }
}
