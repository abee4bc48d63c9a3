//! The writing side of the call board ([`telemetry::board`]).

use std::{
    num::NonZeroUsize,
    os::fd::BorrowedFd,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use nix::{
    errno::Errno,
    sys::mman::{MapFlags, ProtFlags, mmap, mmap_anonymous},
};
use telemetry::{
    BootTime,
    board::{BYTES, DIED_OFFSET, NAME_BYTES, NAME_OFFSET, SLOT_BYTES, note},
    capture::{List, Outcome},
    sample::Call,
};

use crate::record::{Arguments, Recorder};

const WORD: usize = size_of::<u64>();
const SLOT_WORDS: usize = SLOT_BYTES / WORD;
const NAME_WORD: usize = NAME_OFFSET / WORD;

/// The board, mapped for as long as the process lives.
#[derive(Clone, Copy)]
pub(crate) struct Board(&'static [AtomicU64]);

impl Board {
    /// Maps the memory file that the parent holds too, or memory of our own where there is none.
    pub(crate) fn map(shared: Option<BorrowedFd<'_>>) -> Result<Self, Errno> {
        let length = NonZeroUsize::new(BYTES).ok_or(Errno::EINVAL)?;
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let address = match shared {
            // SAFETY: the kernel chooses the address, so nothing that exists is mapped over. The parent makes the
            // file with BYTES bytes and never shortens it, so no access past its end can fault.
            Some(file) => unsafe { mmap(None, length, access, MapFlags::MAP_SHARED, file, 0)? },
            // SAFETY: as above; there is no file.
            None => unsafe { mmap_anonymous(None, length, access, MapFlags::MAP_PRIVATE)? },
        };
        // SAFETY: a mapping is page-aligned, BYTES long, zeroed or the parent's, and never unmapped; atomics allow
        // that threads and the parent look at it while it changes.
        let words = unsafe { std::slice::from_raw_parts(address.as_ptr().cast::<AtomicU64>(), BYTES / WORD) };
        Ok(Self(words))
    }

    /// The word in which a dying process says who brought it down.
    pub(crate) fn died(self) -> Option<&'static AtomicU64> {
        self.0.get(DIED_OFFSET / WORD)
    }

    /// The desk at which one thread notes its calls. A slot past the end notes nothing.
    pub(crate) fn desk(self, slot: Option<usize>, gpu: Option<u32>) -> Desk {
        let words = slot.and_then(|slot| self.0.get(slot * SLOT_WORDS..(slot + 1) * SLOT_WORDS));
        Desk { words: words.unwrap_or_default(), slot: words.and(slot), gpu: gpu.unwrap_or(u32::MAX), recorder: None }
    }

    /// The call in flight in a slot.
    pub(crate) fn in_flight(self, slot: usize) -> Option<Call> {
        let words = self.0.get(slot * SLOT_WORDS..(slot + 1) * SLOT_WORDS)?;
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes()).collect();
        note(&bytes, 0)
    }

    /// All calls in flight, the oldest first.
    pub(crate) fn all_in_flight(self) -> Vec<Call> {
        let mut calls: Vec<Call> = (0..telemetry::board::SLOTS).filter_map(|slot| self.in_flight(slot)).collect();
        calls.sort_by_key(|call| call.since);
        calls
    }
}

/// Where one thread notes the call it is in.
pub(crate) struct Desk {
    words: &'static [AtomicU64],
    slot: Option<usize>,
    gpu: u32,
    /// Keeps each call, in a capture.
    recorder: Option<Recorder>,
}

impl Desk {
    /// The same desk, at which each call is kept.
    pub(crate) fn recording(self, recorder: Recorder) -> Self {
        Self { recorder: Some(recorder), ..self }
    }

    /// Makes a call of the library, noted while it lasts and, in a capture, kept.
    pub(crate) fn call<A: Arguments>(&self, function: &str, arguments: A, call: impl FnOnce(A) -> u32) -> u32 {
        let Some(recorder) = &self.recorder else { return self.note(function, || call(arguments)) };
        // What is known so far is told before a call that may not return.
        recorder.flush();
        let begun = Instant::now();
        let code = self.note(function, || call(arguments));
        recorder.keep_call(function, &arguments, code, begun.elapsed());
        code
    }

    /// Keeps, in a capture, that the library lacks a function.
    pub(crate) fn lacks(&self, function: &str) {
        if let Some(recorder) = &self.recorder {
            recorder.keep(function, Outcome::Missing);
        }
    }

    /// Keeps, in a capture, the list that the last call wrote.
    pub(crate) fn listed(&self, list: impl FnOnce() -> List) {
        if let Some(recorder) = &self.recorder {
            recorder.amend(list());
        }
    }

    /// The slot on the board, if it has one.
    pub(crate) fn slot(&self) -> Option<usize> {
        self.slot
    }

    /// Makes a call with a note of it on the board while it lasts.
    pub(crate) fn note<T>(&self, function: &str, call: impl FnOnce() -> T) -> T {
        self.write(function);
        let result = call();
        if let Some(since) = self.words.first() {
            since.store(0, Ordering::Release);
        }
        result
    }

    fn write(&self, function: &str) {
        let [since, head, name @ ..] = self.words else { return };
        debug_assert_eq!(NAME_WORD, 2, "the name follows time, GPU and length");
        let bytes = &function.as_bytes()[..function.len().min(NAME_BYTES)];
        head.store(u64::from(self.gpu) | (bytes.len() as u64) << 32, Ordering::Relaxed);
        for (word, chunk) in name.iter().zip(bytes.chunks(WORD)) {
            let mut padded = [0; WORD];
            padded[..chunk.len()].copy_from_slice(chunk);
            word.store(u64::from_le_bytes(padded), Ordering::Relaxed);
        }
        since.store(BootTime::now().0.max(1), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_stands_on_the_board_while_it_lasts() {
        let board = Board::map(None).unwrap();
        let slot = telemetry::board::lane_slot(3);
        let desk = board.desk(slot, Some(3));
        let long = "nvmlDeviceGetAVeryLongNameThatDoesNotFitIntoTheNote";
        desk.note(long, || {
            let calls = board.all_in_flight();
            assert_eq!(calls.len(), 1);
            assert_eq!(calls[0].function, &long[..NAME_BYTES]);
            assert_eq!(calls[0].gpu, Some(3));
        });
        assert!(board.all_in_flight().is_empty());
        assert_eq!(board.desk(None, None).note("x", || 7), 7);
    }
}
