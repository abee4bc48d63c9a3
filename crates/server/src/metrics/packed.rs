//! Compressed once per snapshot, and still with a tail of its own for each answer.
//!
//! What is rendered once is compressed up to the end of a byte and left open; the tail follows as it is, in a block that
//! is stored, and closes the stream. So it is one gzip member, which every reader understands. (A second member for the
//! tail would be shorter to write, and Prometheus reads it, but curl stops after the first.) Compressing the tail would
//! cost more than all else of an answer.

use std::io::Write as _;

use bytes::Bytes;
use crc32fast::Hasher;
use flate2::{Compression, write::DeflateEncoder};

/// Gzip's head: the method is deflate, there is no name and no time.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
/// A stored block holds at most so many bytes.
const MOST_STORED: usize = u16::MAX as usize;

/// The compressed beginning of an answer.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    /// With gzip's head.
    pub(super) bytes: Bytes,
    /// The check sum of what it stands for.
    sum: Hasher,
    length: u64,
}

impl Packed {
    /// Compresses; none if it cannot be, which writing to memory never comes to.
    pub(super) fn new(plain: &[u8]) -> Option<Self> {
        let mut bytes = Vec::with_capacity(HEAD.len() + plain.len() / 4);
        bytes.extend_from_slice(&HEAD);
        let mut encoder = DeflateEncoder::new(bytes, Compression::fast());
        encoder.write_all(plain).ok()?;
        // Up to the end of a byte.
        encoder.flush().ok()?;
        let whole = encoder.get_ref().len();
        let mut bytes = encoder.finish().ok()?;
        // Without the end that finishing writes.
        bytes.truncate(whole);
        let mut sum = Hasher::new();
        sum.update(plain);
        Some(Self { bytes: bytes.into(), sum, length: plain.len() as u64 })
    }

    /// What follows the beginning: the tail as it is, and gzip's end.
    pub(super) fn tail(&self, tail: &[u8]) -> Bytes {
        let mut bytes = Vec::with_capacity(tail.len() + 64);
        let mut blocks = tail.chunks(MOST_STORED).peekable();
        if blocks.peek().is_none() {
            stored(&mut bytes, &[], true);
        }
        while let Some(block) = blocks.next() {
            stored(&mut bytes, block, blocks.peek().is_none());
        }
        let mut sum = self.sum.clone();
        sum.update(tail);
        bytes.extend_from_slice(&sum.finalize().to_le_bytes());
        // Of the length only the low 32 bits are told.
        let length = (self.length + tail.len() as u64) & u64::from(u32::MAX);
        bytes.extend_from_slice(&length.to_le_bytes()[..4]);
        bytes.into()
    }
}

/// A block of deflate's that is stored, which begins at the beginning of a byte.
fn stored(to: &mut Vec<u8>, block: &[u8], last: bool) {
    // No block is longer than its length's two bytes tell.
    let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
    to.push(u8::from(last));
    to.extend_from_slice(&length.to_le_bytes());
    to.extend_from_slice(&(!length).to_le_bytes());
    to.extend_from_slice(block);
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use proptest::prelude::*;

    fn unpacked(plain: &[u8], tail: &[u8]) -> Vec<u8> {
        let packed = Packed::new(plain).unwrap();
        let all = [packed.bytes.to_vec(), packed.tail(tail).to_vec()].concat();
        let mut read = Vec::new();
        // It knows one member, and tells if bytes are left after it.
        let mut decoder = flate2::bufread::GzDecoder::new(&all[..]);
        decoder.read_to_end(&mut read).unwrap();
        assert!(decoder.into_inner().is_empty(), "nothing follows the one member");
        read
    }

    #[test]
    fn a_long_tail_is_several_blocks() {
        let plain = b"nvsmi_gpu_power_watts 1\n".repeat(5000);
        for length in [0, 1, MOST_STORED, MOST_STORED + 1, 200_000] {
            let tail = vec![b'x'; length];
            assert!(unpacked(&plain, &tail) == [plain.clone(), tail].concat(), "{length}");
        }
        assert!(Packed::new(&plain).unwrap().bytes.len() < plain.len() / 20);
    }

    proptest! {
        #[test]
        fn what_was_put_in_comes_out(plain in any::<Vec<u8>>(), tail in any::<Vec<u8>>()) {
            prop_assert_eq!(unpacked(&plain, &tail), [plain, tail].concat());
        }
    }
}
