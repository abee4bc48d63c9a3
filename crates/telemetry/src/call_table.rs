//! Call table: shared memory in which each thread of the collector that calls the driver records its call before it
//! makes it.
//!
//! The collector writes it; its parent maps the same memory file and can still read it when the collector hangs or is
//! dead. A slot is written field by field without a lock, so a reader may see a torn one. The time is written last and
//! cleared first, which makes that rare, and the worst result is a wrong name in a log.

use crate::{BootTime, sample::Call};

/// Bytes of one slot.
pub const SLOT_BYTES: usize = 64;
/// Number of slots: the first is the driver monitor's (load, initialise, count), then one per GPU reader.
pub const SLOTS: usize = 256;
/// Offset, after the slots, of the slot number plus one of the thread that received a fatal signal (`u64`, little
/// endian); [`DIED_ELSEWHERE`] for a thread without a slot, 0 before any signal.
pub const DIED_OFFSET: usize = SLOT_BYTES * SLOTS;
/// Value for a fatal signal in a thread that does not call the driver.
pub const DIED_ELSEWHERE: u64 = u64::MAX;
/// Bytes of the table.
pub const BYTES: usize = DIED_OFFSET + SLOT_BYTES;
/// Offset in a slot of the GPU's index (`u32`, little endian; `u32::MAX` for none).
pub const GPU_OFFSET: usize = 8;
/// Offset in a slot of the length of the function's name (`u32`, little endian).
pub const NAME_LENGTH_OFFSET: usize = 12;
/// Offset in a slot of the function's name.
pub const NAME_OFFSET: usize = 16;
/// Longest name that fits; NVML's longest has 60 bytes and is cut.
pub const NAME_BYTES: usize = SLOT_BYTES - NAME_OFFSET;

/// Returns the slot of a GPU's reader; none for GPUs past the end of the table.
#[must_use]
pub fn gpu_slot(gpu: u32) -> Option<usize> {
    let slot = usize::try_from(gpu).ok()?.checked_add(1)?;
    (slot < SLOTS).then_some(slot)
}

/// Reads a slot of a table's bytes: none if no call is in flight there, or the bytes end before it.
#[must_use]
pub fn call(table: &[u8], slot: usize) -> Option<Call> {
    let bytes = table.get(slot.checked_mul(SLOT_BYTES)?..)?.get(..SLOT_BYTES)?;
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

/// Returns all calls in flight, the oldest first.
#[must_use]
pub fn in_flight(table: &[u8]) -> Vec<Call> {
    let mut calls: Vec<Call> = (0..SLOTS).filter_map(|slot| call(table, slot)).collect();
    calls.sort_by_key(|call| call.since);
    calls
}

/// Returns the call in which a collector died: that of the thread that received the signal. If no signal handler ran
/// (the library ended the process in another way), the only one in flight.
#[must_use]
pub fn died_in(table: &[u8]) -> Option<Call> {
    let word = table.get(DIED_OFFSET..DIED_OFFSET + size_of::<u64>())?;
    match u64::from_le_bytes(word.try_into().ok()?) {
        0 => match <[Call; 1]>::try_from(in_flight(table)) {
            Ok([only]) => Some(only),
            Err(_) => None,
        },
        DIED_ELSEWHERE => None,
        slot => call(table, usize::try_from(slot - 1).ok()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn write(table: &mut [u8], number: usize, gpu: u32) {
        let slot = &mut table[number * SLOT_BYTES..][..SLOT_BYTES];
        slot[..8].copy_from_slice(&77_u64.to_le_bytes());
        slot[GPU_OFFSET..][..4].copy_from_slice(&gpu.to_le_bytes());
        slot[NAME_LENGTH_OFFSET..][..4].copy_from_slice(&3_u32.to_le_bytes());
        slot[NAME_OFFSET..][..3].copy_from_slice(b"abc");
    }

    #[test]
    fn died_in_returns_call_of_thread_that_received_signal() {
        let mut table = vec![0; BYTES];
        let blamed = |table: &[u8]| died_in(table).and_then(|call| call.gpu);
        assert_eq!(blamed(&table), None);
        write(&mut table, 1, 0);
        assert_eq!(blamed(&table), Some(0), "the only call in flight");
        write(&mut table, 3, 2);
        assert_eq!(blamed(&table), None, "one of two");
        table[DIED_OFFSET] = 4;
        assert_eq!(blamed(&table), Some(2), "the one that says so");
        table[DIED_OFFSET..].fill(0xFF);
        assert_eq!(blamed(&table), None, "none of them");
    }

    #[test]
    fn slot_read_as_written() {
        let mut table = vec![0; BYTES];
        write(&mut table, 2, 1);
        let call = Call { function: "abc".into(), gpu: Some(1), since: BootTime(77) };
        assert_eq!(in_flight(&table), [call]);
        assert_eq!(gpu_slot(1), Some(2));
        assert_eq!(gpu_slot(255), None);
    }

    proptest! {
        #[test]
        fn any_bytes_accepted(table in proptest::collection::vec(any::<u8>(), 0..BYTES + 9)) {
            let _ = in_flight(&table);
            let _ = died_in(&table);
        }
    }
}
