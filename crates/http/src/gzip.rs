//! gzip at the fast level: a body is compressed once per snapshot and discarded with it.

use std::io::Write as _;

use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress, write::GzEncoder};

/// Compresses bytes. `None` on an encoder error, which does not occur when writing to memory.
pub fn compress(plain: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::fast());
    encoder.write_all(plain).ok()?;
    Some(encoder.finish().ok()?.into())
}

/// Header of a gzip stream without an end: no name, no time. Blocks follow it.
pub const STREAM_HEADER: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Compresses bytes to a block that refers to no other block and ends on a byte boundary, so that all clients of a
/// stream can share it. `None` on an encoder error, which does not occur when writing to memory.
pub fn block(plain: &[u8]) -> Option<Bytes> {
    let mut deflate = Compress::new(Compression::fast(), false);
    let mut packed = Vec::with_capacity(plain.len() / 4 + 64);
    loop {
        let read = usize::try_from(deflate.total_in()).ok()?;
        deflate.compress_vec(&plain[read..], &mut packed, FlushCompress::Sync).ok()?;
        // Spare capacity means that everything, including the sync marker, has been written.
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
            // The stream has no trailer, so the decoder reports an unexpected end after all data.
            let ended = flate2::read::GzDecoder::new(&stream[..]).read_to_end(&mut read);
            prop_assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
            prop_assert_eq!(read, parts.concat());
        }
    }
}
