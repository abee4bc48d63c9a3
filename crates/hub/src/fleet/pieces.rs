//! Rendered parts of a publication: each is rendered at most once, those in demand before anybody asks.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use http_server::{auth::Scope, gzip};
use telemetry::BootTime;

use super::json::Cells;

/// Audience of a rendered part: clients that see users, or those that do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// The scope `read`.
    Read,
    /// Every other scope.
    Summary,
}

/// Encoding of a rendered part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// JSON.
    Plain,
    /// A block of a gzip stream, which can follow any other.
    Packed,
}

impl Audience {
    pub(super) const ALL: [Self; 2] = [Self::Read, Self::Summary];

    /// Audience of a scope.
    #[must_use]
    pub const fn of(scope: Scope) -> Self {
        if scope.sees_people() { Self::Read } else { Self::Summary }
    }

    pub(super) const fn cells(self) -> Cells {
        match self {
            Self::Read => Cells::Named,
            Self::Summary => Cells::Nameless,
        }
    }
}

impl Form {
    /// Form of a stream for a client that accepts gzip.
    #[must_use]
    pub const fn of(accepts_gzip: bool) -> Self {
        if accepts_gzip { Self::Packed } else { Self::Plain }
    }

    /// Bytes in this form.
    #[must_use]
    pub fn encode(self, plain: &[u8]) -> Bytes {
        match self {
            Self::Plain => Bytes::copy_from_slice(plain),
            // Compression into memory does not fail.
            Self::Packed => gzip::block(plain).unwrap_or_default(),
        }
    }
}

/// The one of both for this audience.
pub(super) fn of<T>(both: &[T; 2], audience: Audience) -> &T {
    let [read, summary] = both;
    match audience {
        Audience::Read => read,
        Audience::Summary => summary,
    }
}

/// A text in both forms, the compressed one made when it is first requested.
#[derive(Debug, Default)]
pub(super) struct Piece {
    plain: OnceLock<Bytes>,
    packed: OnceLock<Bytes>,
}

impl Piece {
    /// True if it need not be rendered any more.
    pub(super) fn has(&self, form: Form) -> bool {
        match form {
            Form::Plain => self.plain.get().is_some(),
            // Of nothing there is no compressed form.
            Form::Packed => self.packed.get().is_some() || self.plain.get().is_some_and(Bytes::is_empty),
        }
    }

    pub(super) fn get(&self, form: Form, render: impl FnOnce() -> Vec<u8>) -> &Bytes {
        let plain = self.plain.get_or_init(|| exact(render()));
        match form {
            Form::Plain => plain,
            Form::Packed => self.packed.get_or_init(|| form.encode(plain)),
        }
    }
}

/// A whole answer, rendered when it is first requested, and its gzip file.
#[derive(Debug, Default)]
pub(crate) struct Whole {
    plain: OnceLock<Bytes>,
    gzip: OnceLock<Option<Bytes>>,
}

impl Whole {
    /// True if it need not be rendered any more.
    pub(crate) fn has(&self, gzip: bool) -> bool {
        self.plain.get().is_some() && (!gzip || self.gzip.get().is_some())
    }

    /// The answer, and true if it is compressed.
    pub(crate) fn get(&self, gzip: bool, render: impl FnOnce() -> Vec<u8>) -> (Bytes, bool) {
        let plain = self.plain.get_or_init(|| exact(render()));
        let packed = if gzip { self.gzip.get_or_init(|| gzip::compress(plain)).as_ref() } else { None };
        packed.map_or_else(|| (plain.clone(), false), |packed| (packed.clone(), true))
    }
}

/// Bytes of a text that is kept, without the spare room in which it was written.
pub(super) fn exact(mut text: Vec<u8>) -> Bytes {
    text.shrink_to_fit();
    text.into()
}

/// Times of the last requests of `COUNT` parts, by the boot clock in milliseconds; 0 for none.
#[derive(Debug)]
pub(super) struct Demand<const COUNT: usize>([AtomicU64; COUNT]);

impl<const COUNT: usize> Default for Demand<COUNT> {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; COUNT])
    }
}

impl<const COUNT: usize> Demand<COUNT> {
    pub(super) fn note(&self, part: usize, now: BootTime) {
        if let Some(last) = self.0.get(part) {
            last.store(now.0.max(1), Ordering::Relaxed);
        }
    }

    /// True if a part was requested at most this long ago.
    pub(super) fn is_recent(&self, part: usize, now: BootTime, keep_ms: u64) -> bool {
        let last = self.0.get(part).map_or(0, |last| last.load(Ordering::Relaxed));
        last != 0 && now.0.saturating_sub(last) <= keep_ms
    }
}
