//! Compression: at the fast level, since a body is compressed once per snapshot and thrown away with it.

use std::io::Write as _;

use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress, write::GzEncoder};

/// The bytes in gzip's form; none if they cannot be, which writing to memory never comes to.
pub(crate) fn compress(plain: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::fast());
    encoder.write_all(plain).ok()?;
    Some(encoder.finish().ok()?.into())
}

/// The header of a gzip stream without an end: no name, no time. Blocks follow it.
pub(crate) const STREAM_HEADER: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// The bytes as a part of a gzip stream that refers to no other part and ends on a byte, so that readers who began at
/// different times are sent the same ones. None if it cannot be made, which writing to memory never comes to.
pub(crate) fn block(plain: &[u8]) -> Option<Bytes> {
    let mut deflate = Compress::new(Compression::fast(), false);
    let mut packed = Vec::with_capacity(plain.len() / 4 + 64);
    loop {
        let read = usize::try_from(deflate.total_in()).ok()?;
        deflate.compress_vec(&plain[read..], &mut packed, FlushCompress::Sync).ok()?;
        // With room to spare all of it, and the mark at its end, has been written.
        if packed.len() < packed.capacity() {
            return Some(packed.into());
        }
        packed.reserve(packed.len().max(64));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn compressed_block_round_trips() {
        let plain = b"abc".repeat(1000);
        let packed = compress(&plain).unwrap();
        let mut read = Vec::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut read).unwrap();
        assert!(read == plain && packed.len() < 100);
    }

    proptest! {
        #[test]
        fn compressed_blocks_join_in_any_order(parts in proptest::collection::vec(proptest::collection::vec(0..4_u8, 0..5000), 1..5)) {
            let mut stream = STREAM_HEADER.to_vec();
            parts.iter().for_each(|part| stream.extend_from_slice(&block(part).unwrap()));
            let mut read = Vec::new();
            // The stream has no end, so that its reader says that it was cut off, after all that there is.
            let ended = flate2::read::GzDecoder::new(&stream[..]).read_to_end(&mut read);
            prop_assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
            prop_assert_eq!(read, parts.concat());
        }
    }
}
