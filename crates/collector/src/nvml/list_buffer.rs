//! Buffer for process lists, whose entries have had three layouts under two names.
//!
//! | entry | fields | where |
//! |---|---|---|
//! | 16 bytes | PID, memory | v1; and v3 of some drivers in containers |
//! | 24 bytes | and GPU and compute instance | v2, and v3 as the header has it |
//! | 32 bytes | and protected memory | v3 of early R535 |
//!
//! So the buffer has room for the widest layout, is filled with a byte that no field ends in, and the width is derived
//! from the number of bytes written.

use telemetry::{Absence, capture::List, sample::ListedProcess};

use crate::nvml::Code;

/// Bytes of the widest entry.
const WIDEST: usize = 32;
/// Known widths, the narrowest first.
const WIDTHS: [usize; 3] = [16, 24, WIDEST];
/// Fill pattern. It is not credible as the top byte of a memory size or of an instance.
const SENTINEL: u64 = 0xA5A5_A5A5_A5A5_A5A5;
/// Value of `usedGpuMemory` for "not available".
const NOT_AVAILABLE: u64 = u64::MAX;
/// Value of the instance fields for "none".
const NO_INSTANCE: u32 = u32::MAX;
/// Retries for a list that grows while it is read.
const TRIES: u32 = 5;
/// Largest PID that Linux can be configured to use (`PID_MAX_LIMIT`).
const PID_MAX_LIMIT: u32 = 4 * 1024 * 1024;

/// Call of one symbol: with the number of entries that fit, which becomes the number of entries, and the buffer.
pub(super) type Ask<'a> = dyn Fn(&mut u32, *mut u64) -> Result<(), Code> + 'a;

/// Failure to read a list.
pub(super) enum Failed {
    Code(Code),
    /// The bytes written fit none of [`WIDTHS`].
    Layout,
}

/// Buffer after the library has written it.
#[derive(Default)]
pub(super) struct Filled {
    bytes: Vec<u8>,
    count: usize,
    /// Bytes of an entry; none if no known width fits.
    width: Option<usize>,
    written: usize,
}

/// Reads until the list fits, with at most [`TRIES`] retries.
pub(super) fn read(ask: &Ask<'_>, usual_width: usize, expected: usize) -> Result<Filled, Failed> {
    let mut room = 2 * expected + 8;
    for _ in 0..=TRIES {
        let mut buffer = vec![SENTINEL; room * WIDEST / size_of::<u64>()];
        let mut count = u32::try_from(room).unwrap_or(u32::MAX);
        match ask(&mut count, buffer.as_mut_ptr()) {
            Ok(()) => return Ok(Filled::of(&buffer, count as usize, usual_width)),
            // The count is the length of the list, which may have grown by the next call.
            Err(Code::INSUFFICIENT_SIZE) => room = (2 * room).max(2 * (count as usize).min(1 << 20) + 8),
            Err(code) => return Err(Failed::Code(code)),
        }
    }
    Err(Failed::Code(Code::INSUFFICIENT_SIZE))
}

impl Filled {
    fn of(words: &[u64], count: usize, usual_width: usize) -> Self {
        if count == 0 {
            // An empty list needs no width.
            return Self { width: Some(usual_width), ..Self::default() };
        }
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let written = words.iter().rposition(|&word| word != SENTINEL).map_or(0, |last| (last + 1) * size_of::<u64>());
        let width = width(written, count, usual_width, &bytes);
        Self { bytes, count, width, written }
    }

    /// Returns the entries; none if no known width fits.
    pub(super) fn entries(&self) -> Option<Vec<ListedProcess>> {
        self.bytes.chunks_exact(self.width?).take(self.count).map(entry).collect()
    }

    /// Returns the list for a capture.
    pub(super) fn as_written(&self) -> List {
        let Some(width) = self.width else {
            return List::Unknown { count: u32::try_from(self.count).unwrap_or(u32::MAX), written: self.written };
        };
        let entries = self.bytes.chunks_exact(width).take(self.count).map(words_of).collect();
        List::Entries { width, entries }
    }
}

/// Returns PID, memory, instances and protected memory, as far as an entry has them.
fn words_of(entry: &[u8]) -> Vec<u64> {
    let narrow = |offset: usize| entry.get(offset..offset + 4)?.try_into().ok().map(u32::from_ne_bytes).map(u64::from);
    let wide = |offset: usize| entry.get(offset..offset + 8)?.try_into().ok().map(u64::from_ne_bytes);
    [narrow(0), wide(8), narrow(16), narrow(20), wide(24)].into_iter().flatten().collect()
}

/// Returns the bytes of an entry: by the number of bytes written, else (a library may clear the whole buffer first) the
/// width in the header if the PIDs are credible then.
fn width(written: usize, count: usize, usual: usize, bytes: &[u8]) -> Option<usize> {
    let measured = WIDTHS.into_iter().find(|width| count.checked_mul(*width) == Some(written));
    measured.or_else(|| {
        let whole = written.checked_div(count).is_some_and(|each| each > usual);
        let credible = whole
            && bytes.chunks_exact(usual).take(count).filter_map(entry).filter(|entry| credible(entry.pid)).count()
                == count;
        credible.then_some(usual)
    })
}

fn credible(pid: u32) -> bool {
    (1..=PID_MAX_LIMIT).contains(&pid)
}

fn entry(bytes: &[u8]) -> Option<ListedProcess> {
    let word = |offset: usize| Some(u32::from_ne_bytes(bytes.get(offset..offset + 4)?.try_into().ok()?));
    let instance = |offset: usize| word(offset).filter(|&instance| instance != NO_INSTANCE);
    let memory = u64::from_ne_bytes(bytes.get(8..16)?.try_into().ok()?);
    Some(ListedProcess {
        pid: word(0)?,
        memory_bytes: if memory == NOT_AVAILABLE { Err(Absence::NotSupported) } else { Ok(memory) },
        gpu_instance: instance(16),
        compute_instance: instance(20),
    })
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;
    use proptest::prelude::*;

    /// Writes entries of a width as a library does, with the padding after the PID untouched or cleared.
    fn write(buffer: *mut u64, width: usize, pids: &[u32], clear_padding: bool) {
        for (position, pid) in pids.iter().enumerate() {
            let mut bytes = [0_u8; WIDEST];
            bytes[..4].copy_from_slice(&pid.to_ne_bytes());
            if !clear_padding {
                bytes[4..8].copy_from_slice(&SENTINEL.to_ne_bytes()[..4]);
            }
            bytes[8..16].copy_from_slice(&(u64::from(*pid) << 20).to_ne_bytes());
            bytes[16..24].copy_from_slice(&[0xFF; 8]);
            // SAFETY: the reader made room for as many of the widest as it said.
            unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), buffer.cast::<u8>().add(position * width), width) };
        }
    }

    fn ask_with(width: usize, pids: Vec<u32>, clear_padding: bool) -> impl Fn(&mut u32, *mut u64) -> Result<(), Code> {
        move |count, buffer| {
            let room = *count as usize;
            *count = u32::try_from(pids.len()).unwrap();
            if room < pids.len() {
                return Err(Code::INSUFFICIENT_SIZE);
            }
            write(buffer, width, &pids, clear_padding);
            Ok(())
        }
    }

    fn pids(result: Result<Filled, Failed>) -> Option<Vec<u32>> {
        Some(result.ok()?.entries()?.iter().map(|listed| listed.pid).collect())
    }

    #[test]
    fn process_list_widths_read_through_every_symbol() {
        for width in WIDTHS {
            for usual in [16, 24] {
                for clear in [true, false] {
                    for number in [0, 1, 2, 14, 15, 16, 17, 500] {
                        let given: Vec<u32> = (1..=number).map(|pid| pid * 7).collect();
                        let ask = ask_with(width, given.clone(), clear);
                        assert_eq!(pids(read(&ask, usual, 0)), Some(given), "{width} {usual} {number}");
                    }
                }
            }
        }
    }

    #[test]
    fn process_list_growing_forever_is_abandoned() {
        let tries = std::cell::Cell::new(0);
        let ask = |count: &mut u32, _: *mut u64| {
            tries.set(tries.get() + 1);
            *count += 1;
            Err(Code::INSUFFICIENT_SIZE)
        };
        assert!(matches!(read(&ask, 24, 0), Err(Failed::Code(Code::INSUFFICIENT_SIZE))));
        assert_eq!(tries.get(), 6);
    }

    #[test]
    fn process_list_of_unknown_width_rejected() {
        let ask = |count: &mut u32, buffer: *mut u64| {
            *count = 2;
            // SAFETY: room for eight entries at least.
            unsafe { ptr::write_bytes(buffer.cast::<u8>(), 0x11, 80) };
            Ok(())
        };
        let filled = read(&ask, 24, 0).ok().unwrap();
        assert_eq!((filled.entries(), filled.as_written()), (None, List::Unknown { count: 2, written: 80 }));
    }

    #[test]
    fn process_list_read_by_header_after_cleared_buffer() {
        let ask = |count: &mut u32, buffer: *mut u64| {
            let room = *count as usize;
            *count = 3;
            // SAFETY: as much as there is room for.
            unsafe { ptr::write_bytes(buffer.cast::<u8>(), 0, room * WIDEST) };
            write(buffer, 24, &[5, 6, 7], true);
            Ok(())
        };
        assert_eq!(pids(read(&ask, 24, 0)), Some(vec![5, 6, 7]));
    }

    #[test]
    fn process_memory_unavailable_is_absent() {
        let ask = |count: &mut u32, buffer: *mut u64| {
            *count = 1;
            // SAFETY: room for eight entries at least.
            unsafe { buffer.copy_from_nonoverlapping([4242, u64::MAX, u64::MAX].as_ptr(), 3) };
            Ok(())
        };
        let filled = read(&ask, 24, 0).ok().unwrap();
        assert_eq!(
            filled.as_written(),
            List::Entries { width: 24, entries: vec![vec![4242, u64::MAX, u64::from(u32::MAX), u64::from(u32::MAX)]] }
        );
        let listed = filled.entries().unwrap()[0];
        assert_eq!(listed.memory_bytes, Err(Absence::NotSupported));
        assert_eq!((listed.gpu_instance, listed.compute_instance), (None, None));
    }

    #[test]
    fn pid_impossible_in_known_width_kept() {
        let ask = ask_with(24, vec![u32::MAX, 0], true);
        assert_eq!(pids(read(&ask, 24, 0)), Some(vec![u32::MAX, 0]));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_and_count_tolerated(bytes in proptest::collection::vec(any::<u64>(), 32), count in any::<u32>()) {
            let filled = Filled::of(&bytes, count as usize, 24);
            let _ = (filled.entries(), filled.as_written());
        }
    }
}
