//! Compression: at the fast level, since a body is compressed once per snapshot and thrown away with it.

use std::io::Write as _;

use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress, write::GzEncoder};
use hyper::header::{ACCEPT_ENCODING, HeaderMap};

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

/// Whether a reader takes gzip: it is named, or `*` is and gzip is not refused.
pub(crate) fn is_taken(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut any = None;
    for entry in lists.flat_map(|list| list.split(',')) {
        let (coding, parameters) = entry.split_once(';').unwrap_or((entry, ""));
        let refused = parameters
            .split(';')
            .filter_map(|parameter| parameter.trim().strip_prefix("q="))
            .any(|weight| weight.trim().parse::<f32>().is_ok_and(|weight| weight <= 0.0));
        match coding.trim() {
            name if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => return !refused,
            "*" => any = Some(!refused),
            _ => {}
        }
    }
    any.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use hyper::header::HeaderValue;
    use proptest::prelude::*;

    #[test]
    fn what_is_compressed_can_be_read_again() {
        let plain = b"abc".repeat(1000);
        let packed = compress(&plain).unwrap();
        let mut read = Vec::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut read).unwrap();
        assert!(read == plain && packed.len() < 100);
    }

    proptest! {
        #[test]
        fn blocks_can_be_joined_in_any_order(parts in proptest::collection::vec(proptest::collection::vec(0..4_u8, 0..5000), 1..5)) {
            let mut stream = STREAM_HEADER.to_vec();
            parts.iter().for_each(|part| stream.extend_from_slice(&block(part).unwrap()));
            let mut read = Vec::new();
            // The stream has no end, so that its reader says that it was cut off, after all that there is.
            let ended = flate2::read::GzDecoder::new(&stream[..]).read_to_end(&mut read);
            prop_assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
            prop_assert_eq!(read, parts.concat());
        }
    }

    #[test]
    fn reads_what_a_reader_takes() {
        for (header, taken) in [
            ("gzip", true),
            ("deflate, GZip;q=0.5, br", true),
            ("*", true),
            ("gzip;q=0", false),
            ("gzip; q=0.0, *", false),
            ("*;q=0", false),
            ("br", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(header))]);
            assert_eq!(is_taken(&headers), taken, "{header}");
        }
        assert!(!is_taken(&HeaderMap::new()));
    }
}
