//! Compressed once per snapshot, and still with a beginning of its own for each answer.
//!
//! What is of the moment comes first, as it is, in a block that is stored; what was compressed once follows, and then the
//! check sum of both, which is put together from the sums of the two. So it is one gzip member, which every reader
//! understands. (A member of its own would be shorter to write, and Prometheus reads it, but curl stops after the first.)
//! Compressing what is of the moment would cost more than all else of an answer.

use std::io::Write as _;

use bytes::Bytes;
use crc32fast::Hasher;
use flate2::{Compression, write::DeflateEncoder};

/// Gzip's head: the method is deflate, there is no name and no time.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
/// A stored block holds at most so many bytes.
const MOST_STORED: usize = u16::MAX as usize;

/// What was compressed once.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    /// From the first of its blocks to the last, which says that it is the last.
    pub(super) bytes: Vec<u8>,
    /// The check sum of what it stands for.
    sum: Hasher,
    length: usize,
}

impl Packed {
    /// Compresses; none if it cannot be, which writing to memory never comes to.
    pub(super) fn new(plain: &[u8]) -> Option<Self> {
        let mut encoder = DeflateEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::fast());
        encoder.write_all(plain).ok()?;
        let mut sum = Hasher::new();
        sum.update(plain);
        Some(Self { bytes: encoder.finish().ok()?, sum, length: plain.len() })
    }

    /// The whole in gzip's form, after that beginning, which stands in it as it is.
    pub(super) fn after(&self, first: &[u8]) -> Bytes {
        let mut bytes = Vec::with_capacity(HEAD.len() + first.len() + self.bytes.len() + 32);
        bytes.extend_from_slice(&HEAD);
        for block in first.chunks(MOST_STORED) {
            // No block is longer than its length's two bytes tell.
            let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
            // Stored, and not the last.
            bytes.push(0);
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(&(!length).to_le_bytes());
            bytes.extend_from_slice(block);
        }
        bytes.extend_from_slice(&self.bytes);
        let mut sum = Hasher::new();
        sum.update(first);
        sum.combine(&self.sum);
        bytes.extend_from_slice(&sum.finalize().to_le_bytes());
        // Of the length the low 32 bits are told.
        bytes.extend_from_slice(&(self.length + first.len()).to_le_bytes()[..4]);
        bytes.into()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use proptest::prelude::*;

    fn unpacked(first: &[u8], plain: &[u8]) -> Vec<u8> {
        let packed = Packed::new(plain).unwrap();
        let all = packed.after(first);
        let mut read = Vec::new();
        // It knows one member, and tells if bytes are left after it.
        let mut decoder = flate2::bufread::GzDecoder::new(&all[..]);
        decoder.read_to_end(&mut read).unwrap();
        assert!(decoder.into_inner().is_empty(), "nothing follows the one member");
        read
    }

    #[test]
    fn stored_blocks_split_at_limit() {
        let plain = b"nvsmi_gpu_power_watts 1\n".repeat(5000);
        for length in [0, 1, MOST_STORED, MOST_STORED + 1, 200_000] {
            let first = vec![b'x'; length];
            assert!(unpacked(&first, &plain) == [first.clone(), plain.clone()].concat(), "{length}");
        }
        assert!(Packed::new(&plain).unwrap().bytes.len() < plain.len() / 20);
    }

    proptest! {
        #[test]
        fn stored_blocks_round_trip(first in any::<Vec<u8>>(), plain in any::<Vec<u8>>()) {
            prop_assert_eq!(unpacked(&first, &plain), [first, plain].concat());
        }
    }
}
