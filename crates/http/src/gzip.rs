//! gzip at the fast level: a body is compressed once per snapshot and discarded with it. Documents, which stay, are
//! compressed better.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// Header of a gzip stream: no name, no time. Blocks follow it.
pub const STREAM_HEADER: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Bytes of the trailer: a checksum and the length.
const TRAILER_LEN: usize = 8;

/// Compresses bytes. `None` on an encoder error, which does not occur when writing to memory.
pub fn compress(plain: &[u8]) -> Option<Bytes> {
    whole(plain, deflate)
}

/// Compresses a document that is sent again and again.
pub fn compress_document(plain: &[u8]) -> Option<Bytes> {
    whole(plain, |plain, packed, flush| {
        deflate_with(&mut Compress::new(Compression::default(), false), plain, packed, flush)
    })
}

fn whole(plain: &[u8], deflate: fn(&[u8], &mut Vec<u8>, FlushCompress) -> Option<()>) -> Option<Bytes> {
    let mut packed = Vec::with_capacity(STREAM_HEADER.len() + plain.len() / 8 + TRAILER_LEN);
    packed.extend_from_slice(STREAM_HEADER);
    deflate(plain, &mut packed, FlushCompress::Finish)?;
    packed.extend_from_slice(&trailer(plain));
    Some(packed.into())
}

/// Compresses bytes to a block that refers to no other block and ends on a byte boundary, so that all clients of a
/// stream can share it. `None` on an encoder error, which does not occur when writing to memory.
pub fn block(plain: &[u8]) -> Option<Bytes> {
    let mut packed = Vec::with_capacity(plain.len() / 8 + 64);
    deflate(plain, &mut packed, FlushCompress::Sync)?;
    Some(packed.into())
}

/// A whole file of bytes and their block.
#[must_use]
pub fn file(plain: &[u8], block: &[u8]) -> Bytes {
    // An empty block that is the last one.
    const LAST: [u8; 2] = [0x03, 0x00];
    [STREAM_HEADER, block, &LAST, &trailer(plain)].concat().into()
}

fn trailer(plain: &[u8]) -> [u8; TRAILER_LEN] {
    let mut checksum = Crc::new();
    checksum.update(plain);
    let [a, b, c, d] = checksum.sum().to_le_bytes();
    let [e, f, g, h] = checksum.amount().to_le_bytes();
    [a, b, c, d, e, f, g, h]
}

/// A compressor between two uses: its tables take a quarter of a megabyte, and longer to allocate than to clear.
static IDLE: Mutex<Option<Compress>> = Mutex::new(None);

fn deflate(plain: &[u8], packed: &mut Vec<u8>, flush: FlushCompress) -> Option<()> {
    let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).take();
    let mut compressor = idle.unwrap_or_else(|| Compress::new(Compression::fast(), false));
    compressor.reset();
    deflate_with(&mut compressor, plain, packed, flush)?;
    *IDLE.lock().unwrap_or_else(PoisonError::into_inner) = Some(compressor);
    Some(())
}

fn deflate_with(compressor: &mut Compress, plain: &[u8], packed: &mut Vec<u8>, flush: FlushCompress) -> Option<()> {
    loop {
        let read = usize::try_from(compressor.total_in()).ok()?;
        let status = compressor.compress_vec(&plain[read..], packed, flush).ok()?;
        // Spare capacity means that everything, including the sync marker, has been written.
        let is_done =
            if flush == FlushCompress::Finish { status == Status::StreamEnd } else { packed.len() < packed.capacity() };
        if is_done {
            return Some(());
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

        #[test]
        fn bodies_round_trip(plain in proptest::collection::vec(any::<u8>(), 0..5000)) {
            let mut read = Vec::new();
            flate2::read::GzDecoder::new(&compress(&plain).unwrap()[..]).read_to_end(&mut read).unwrap();
            prop_assert_eq!(&read, &plain);
            read.clear();
            let file = file(&plain, &block(&plain).unwrap());
            flate2::read::GzDecoder::new(&file[..]).read_to_end(&mut read).unwrap();
            prop_assert_eq!(read, plain);
        }
    }
}
