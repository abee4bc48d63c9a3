//! A body put together from bytes that are already there.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use hyper::body::{Frame, SizeHint};

/// Pieces from this size on are shared and not copied: a request may ask for the same large piece 256 times.
const SHARED_FROM: usize = 4096;

/// Bytes to be sent one after the other.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    closed: VecDeque<Bytes>,
    open: BytesMut,
    left: u64,
}

impl Pieces {
    /// Adds a piece at the end: a copy if it is small, else the very bytes.
    pub(crate) fn push(&mut self, piece: &Bytes) {
        self.left += piece.len() as u64;
        if piece.len() < SHARED_FROM {
            self.open.extend_from_slice(piece);
        } else {
            self.close();
            self.closed.push_back(piece.clone());
        }
    }

    /// As a body.
    pub(crate) fn into_body(mut self) -> Body {
        self.close();
        if self.closed.len() > 1 {
            return Body::new(self);
        }
        self.closed.pop_front().map_or_else(Body::empty, Body::from)
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.closed.push_back(self.open.split().freeze());
        }
    }
}

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(piece) = self.closed.pop_front() else { return Poll::Ready(None) };
        self.left -= piece.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
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
    fn large_pieces_not_copied() {
        let large = Bytes::from(vec![b'x'; SHARED_FROM]);
        let mut pieces = Pieces::default();
        pieces.push(&Bytes::from_static(b"["));
        pieces.push(&large);
        pieces.push(&Bytes::from_static(b"]"));
        pieces.close();
        assert_eq!(pieces.closed.len(), 3);
        assert_eq!(pieces.closed[1].as_ptr(), large.as_ptr());
    }

    proptest! {
        #[test]
        fn pieces_sent_in_order(sizes in proptest::collection::vec(0..6000_usize, 0..9)) {
            let parts: Vec<Bytes> = (0_u8..).zip(&sizes).map(|(byte, size)| vec![byte; *size].into()).collect();
            let mut pieces = Pieces::default();
            parts.iter().for_each(|part| pieces.push(part));
            let body = pieces.into_body();
            prop_assert_eq!(body.size_hint().exact(), Some(parts.concat().len() as u64));
            prop_assert_eq!(sent(body), parts.concat());
        }
    }
}
