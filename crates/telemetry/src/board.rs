//! The call board: a memory page in which each lane notes the call it is in, before it makes it.
//!
//! The collector writes it; its parent holds the same page and can still read it when the collector is silent or
//! dead. A note is written field by field without a lock, so a reader may see a torn one; the time is written last
//! and cleared first, which makes that rare, and a wrong name in a log is all that can come of it.

use crate::{BootTime, sample::Call};

/// Bytes of one note.
pub const SLOT_BYTES: usize = 64;
/// Notes on the board: the first is the census's (loading, initialising, counting), then one per lane.
pub const SLOTS: usize = 256;
/// Where, after the notes, a dying collector says who brought it down: the slot of the thread that the fatal signal
/// struck plus one (`u64`, little endian), [`DIED_ELSEWHERE`] for a thread without one, 0 while nothing has happened.
pub const DIED_OFFSET: usize = SLOT_BYTES * SLOTS;
/// The fatal signal struck a thread that calls no driver.
pub const DIED_ELSEWHERE: u64 = u64::MAX;
/// Bytes of the board.
pub const BYTES: usize = DIED_OFFSET + SLOT_BYTES;
/// Where in a note the GPU's index stands (`u32`, little endian; `u32::MAX` for none).
pub const GPU_OFFSET: usize = 8;
/// Where the length of the function's name stands (`u32`, little endian).
pub const NAME_LENGTH_OFFSET: usize = 12;
/// Where the function's name stands.
pub const NAME_OFFSET: usize = 16;
/// The longest name that fits; NVML's longest is 60 bytes and is cut.
pub const NAME_BYTES: usize = SLOT_BYTES - NAME_OFFSET;

/// The slot of a GPU's lane; GPUs past the end of the board share none.
#[must_use]
pub fn lane_slot(gpu: u32) -> Option<usize> {
    let slot = usize::try_from(gpu).ok()?.checked_add(1)?;
    (slot < SLOTS).then_some(slot)
}

/// Reads the note in a slot of a board's bytes: none if no call is in flight there, or the bytes end before it.
#[must_use]
pub fn note(board: &[u8], slot: usize) -> Option<Call> {
    let bytes = board.get(slot.checked_mul(SLOT_BYTES)?..)?.get(..SLOT_BYTES)?;
    let since = u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?);
    if since == 0 {
        return None;
    }
    let word = |offset: usize| Some(u32::from_le_bytes(bytes.get(offset..offset + 4)?.try_into().ok()?));
    let gpu = word(GPU_OFFSET)?;
    let length = usize::try_from(word(NAME_LENGTH_OFFSET)?).ok()?.min(NAME_BYTES);
    let function = String::from_utf8_lossy(bytes.get(NAME_OFFSET..NAME_OFFSET + length)?).into_owned();
    Some(Call { function, gpu: (gpu != u32::MAX).then_some(gpu), since: BootTime(since) })
}

/// All calls in flight, the oldest first.
#[must_use]
pub fn in_flight(board: &[u8]) -> Vec<Call> {
    let mut calls: Vec<Call> = (0..SLOTS).filter_map(|slot| note(board, slot)).collect();
    calls.sort_by_key(|call| call.since);
    calls
}

/// The call that a collector died in: that of the thread which the signal struck or, if no signal handler ran (the
/// library ended the process in another way), the only one in flight.
#[must_use]
pub fn died_in(board: &[u8]) -> Option<Call> {
    let word = board.get(DIED_OFFSET..DIED_OFFSET + size_of::<u64>())?;
    match u64::from_le_bytes(word.try_into().ok()?) {
        0 => match <[Call; 1]>::try_from(in_flight(board)) {
            Ok([only]) => Some(only),
            Err(_) => None,
        },
        DIED_ELSEWHERE => None,
        slot => note(board, usize::try_from(slot - 1).ok()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn write(board: &mut [u8], number: usize, gpu: u32) {
        let slot = &mut board[number * SLOT_BYTES..][..SLOT_BYTES];
        slot[..8].copy_from_slice(&77_u64.to_le_bytes());
        slot[GPU_OFFSET..][..4].copy_from_slice(&gpu.to_le_bytes());
        slot[NAME_LENGTH_OFFSET..][..4].copy_from_slice(&3_u32.to_le_bytes());
        slot[NAME_OFFSET..][..3].copy_from_slice(b"abc");
    }

    #[test]
    fn the_one_to_blame_is_the_thread_that_was_struck() {
        let mut board = vec![0; BYTES];
        let blamed = |board: &[u8]| died_in(board).and_then(|call| call.gpu);
        assert_eq!(blamed(&board), None);
        write(&mut board, 1, 0);
        assert_eq!(blamed(&board), Some(0), "the only call in flight");
        write(&mut board, 3, 2);
        assert_eq!(blamed(&board), None, "one of two");
        board[DIED_OFFSET] = 4;
        assert_eq!(blamed(&board), Some(2), "the one that says so");
        board[DIED_OFFSET..].fill(0xFF);
        assert_eq!(blamed(&board), None, "none of them");
    }

    #[test]
    fn reads_what_is_noted() {
        let mut board = vec![0; BYTES];
        write(&mut board, 2, 1);
        let call = Call { function: "abc".into(), gpu: Some(1), since: BootTime(77) };
        assert_eq!(in_flight(&board), [call]);
        assert_eq!(lane_slot(1), Some(2));
        assert_eq!(lane_slot(255), None);
    }

    proptest! {
        #[test]
        fn bears_any_bytes(board in proptest::collection::vec(any::<u8>(), 0..BYTES + 9)) {
            let _ = in_flight(&board);
            let _ = died_in(&board);
        }
    }
}
