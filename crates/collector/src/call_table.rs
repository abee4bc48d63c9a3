//! Writing side of the call table ([`telemetry::call_table`]).

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
    call_table::{BYTES, DIED_OFFSET, NAME_BYTES, NAME_OFFSET, SLOT_BYTES, call},
    capture::{List, Outcome},
    sample::Call,
};

use crate::record::{Arguments, Recorder};

const WORD: usize = size_of::<u64>();
const SLOT_WORDS: usize = SLOT_BYTES / WORD;
const NAME_WORD: usize = NAME_OFFSET / WORD;

/// The call table, mapped for as long as the process lives.
#[derive(Clone, Copy)]
pub(crate) struct CallTable(&'static [AtomicU64]);

impl CallTable {
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

    /// Word in which a dying process stores the slot of the thread that crashed.
    pub(crate) fn died(self) -> Option<&'static AtomicU64> {
        self.0.get(DIED_OFFSET / WORD)
    }

    /// Returns the slot for one thread's calls. A slot past the end of the table records nothing.
    pub(crate) fn slot(self, slot: Option<usize>, gpu: Option<u32>) -> CallSlot {
        let words = slot.and_then(|slot| self.0.get(slot * SLOT_WORDS..(slot + 1) * SLOT_WORDS));
        CallSlot {
            words: words.unwrap_or_default(),
            index: words.and(slot),
            gpu: gpu.unwrap_or(u32::MAX),
            recorder: None,
        }
    }

    /// Returns the call in flight in a slot.
    pub(crate) fn in_flight(self, slot: usize) -> Option<Call> {
        let words = self.0.get(slot * SLOT_WORDS..(slot + 1) * SLOT_WORDS)?;
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes()).collect();
        call(&bytes, 0)
    }

    /// Returns all calls in flight, the oldest first.
    pub(crate) fn all_in_flight(self) -> Vec<Call> {
        let mut calls: Vec<Call> = (0..telemetry::call_table::SLOTS).filter_map(|slot| self.in_flight(slot)).collect();
        calls.sort_by_key(|call| call.since);
        calls
    }
}

/// Slot in which one thread records the call it is in.
pub(crate) struct CallSlot {
    words: &'static [AtomicU64],
    index: Option<usize>,
    gpu: u32,
    /// Records each call of a capture.
    recorder: Option<Recorder>,
}

impl CallSlot {
    /// Returns the same slot with a recorder for each call.
    pub(crate) fn recording(self, recorder: Recorder) -> Self {
        Self { recorder: Some(recorder), ..self }
    }

    /// Calls a function of the library. The slot holds its name meanwhile, and the recorder, if any, its outcome.
    pub(crate) fn call<A: Arguments>(&self, function: &str, arguments: A, call: impl FnOnce(A) -> u32) -> u32 {
        let Some(recorder) = &self.recorder else { return self.note(function, || call(arguments)) };
        // Before the call, since it may not return.
        recorder.flush();
        let begun = Instant::now();
        let code = self.note(function, || call(arguments));
        recorder.keep_call(function, &arguments, code, begun.elapsed());
        code
    }

    /// Records, in a capture, that the library lacks a function.
    pub(crate) fn lacks(&self, function: &str) {
        if let Some(recorder) = &self.recorder {
            recorder.keep(function, Outcome::Missing);
        }
    }

    /// Records, in a capture, the list that the last call wrote.
    pub(crate) fn listed(&self, list: impl FnOnce() -> List) {
        if let Some(recorder) = &self.recorder {
            recorder.amend(list());
        }
    }

    /// Index of the slot; none past the end of the table.
    pub(crate) fn index(&self) -> Option<usize> {
        self.index
    }

    /// Runs `call` with the function's name in the slot.
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
    fn call_is_in_table_while_it_lasts() {
        let calls = CallTable::map(None).unwrap();
        let slot = telemetry::call_table::gpu_slot(3);
        let slot = calls.slot(slot, Some(3));
        let long = "nvmlDeviceGetAVeryLongNameThatDoesNotFitIntoTheNote";
        slot.note(long, || {
            let calls = calls.all_in_flight();
            assert_eq!(calls.len(), 1);
            assert_eq!(calls[0].function, &long[..NAME_BYTES]);
            assert_eq!(calls[0].gpu, Some(3));
        });
        assert!(calls.all_in_flight().is_empty());
        assert_eq!(calls.slot(None, None).note("x", || 7), 7);
    }
}
