//! Frames: how a [`Sample`] crosses the pipe from the collector to its parent.
//!
//! A frame is a header of 16 bytes (magic, version, kind, length of the body, check sum of the body, all little
//! endian) and a body in postcard. Both ends are the same binary but for a moment during an upgrade, so another
//! version is an error and nothing is converted. A reader trusts nothing: not the length, not the bytes.

use std::io::{self, Read, Write};

use postcard::ser_flavors::Flavor;
use serde::{Serialize, de::DeserializeOwned};

use crate::{capture::Record, sample::Sample};

const MAGIC: [u8; 4] = *b"NSWF";
const VERSION: u16 = 2;
const KIND_SAMPLE: u16 = 1;
const KIND_HEARTBEAT: u16 = 2;
const KIND_RECORD: u16 = 3;
const KIND_SETTINGS: u16 = 4;
const HEADER_BYTES: usize = 16;

/// The longest body. 10,000 processes with 4 MiB of commands take a third of it.
pub const MAX_BODY_BYTES: usize = 32 * 1024 * 1024;

/// Content of a frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// A sample.
    Sample(Box<Sample>),
    /// "I am alive": written when no sample was for a second.
    Heartbeat,
    /// One call of a capture.
    Record(Box<Record>),
}

/// Why bytes are not a frame, or a message cannot be one.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The stream does not begin with a frame's magic.
    #[error("a frame begins with {found:02x?} instead of {MAGIC:02x?}")]
    Magic {
        /// Magic number.
        found: [u8; 4],
    },
    /// Written by another version of the program.
    #[error("a frame of version {found}; this program reads version {VERSION}")]
    Version {
        /// The version found.
        found: u16,
    },
    /// A kind that this version does not know.
    #[error("a frame of the unknown kind {found}")]
    Kind {
        /// The kind found.
        found: u16,
    },
    /// Longer than [`MAX_BODY_BYTES`].
    #[error("a frame of {length} bytes; the limit is {MAX_BODY_BYTES}")]
    TooLong {
        /// The length claimed or made.
        length: usize,
    },
    /// The stream ended inside a frame.
    #[error("the stream ended inside a frame")]
    Truncated,
    /// The body is not what its check sum says.
    #[error("a frame's check sum does not match its bytes")]
    Checksum,
    /// The body does not decode, or the message does not encode.
    #[error("a frame's body is not what its kind says: {0}")]
    Body(#[from] postcard::Error),
    /// The pipe failed.
    #[error("the pipe failed: {0}")]
    Io(#[from] io::Error),
}

/// Writes one message as one `write_all`.
///
/// # Errors
/// [`FrameError::TooLong`] and [`FrameError::Body`] before anything is written, [`FrameError::Io`] after.
pub fn write(to: &mut impl Write, message: &Message) -> Result<(), FrameError> {
    to.write_all(&encode(message)?)?;
    to.flush()?;
    Ok(())
}

/// A message as a frame's bytes.
///
/// # Errors
/// [`FrameError::TooLong`] or [`FrameError::Body`].
pub fn encode(message: &Message) -> Result<Vec<u8>, FrameError> {
    match message {
        Message::Sample(sample) => encode_body(KIND_SAMPLE, sample),
        Message::Heartbeat => encode_body(KIND_HEARTBEAT, &()),
        Message::Record(record) => encode_body(KIND_RECORD, record),
    }
}

/// Writes the settings of a child process as one frame; the child reads it with [`read_settings`].
///
/// # Errors
/// As [`write`].
pub fn write_settings(to: &mut impl Write, settings: &impl Serialize) -> Result<(), FrameError> {
    to.write_all(&encode_body(KIND_SETTINGS, settings)?)?;
    to.flush()?;
    Ok(())
}

/// Reads the settings of this process; none when the stream ends before them.
///
/// # Errors
/// Any of [`FrameError`]; [`FrameError::Kind`] for any other frame.
pub fn read_settings<T: DeserializeOwned>(from: &mut impl Read) -> Result<Option<T>, FrameError> {
    match read_body(from)? {
        Some((KIND_SETTINGS, body)) => Ok(Some(postcard::from_bytes(&body)?)),
        Some((found, _)) => Err(FrameError::Kind { found }),
        None => Ok(None),
    }
}

fn encode_body(kind: u16, body: &impl Serialize) -> Result<Vec<u8>, FrameError> {
    let mut frame = postcard::serialize_with_flavor(body, Bytes(vec![0; HEADER_BYTES]))?;
    let (header, body) = frame.split_at_mut(HEADER_BYTES);
    let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= MAX_BODY_BYTES);
    let Some(length) = length else { return Err(FrameError::TooLong { length: body.len() }) };
    header[..4].copy_from_slice(&MAGIC);
    header[4..6].copy_from_slice(&VERSION.to_le_bytes());
    header[6..8].copy_from_slice(&kind.to_le_bytes());
    header[8..12].copy_from_slice(&length.to_le_bytes());
    header[12..16].copy_from_slice(&crc32fast::hash(body).to_le_bytes());
    Ok(frame)
}

/// Buffer of a frame. Those of postcard append byte by byte.
struct Bytes(Vec<u8>);

impl Flavor for Bytes {
    type Output = Vec<u8>;

    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(data);
        Ok(())
    }

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.0)
    }
}

/// Reads the next message; none when the stream ended between two frames.
///
/// # Errors
/// Any of [`FrameError`]. The stream is of no more use after one.
pub fn read(from: &mut impl Read) -> Result<Option<Message>, FrameError> {
    let Some((kind, body)) = read_body(from)? else { return Ok(None) };
    match kind {
        KIND_SAMPLE => Ok(Some(Message::Sample(Box::new(postcard::from_bytes(&body)?)))),
        KIND_HEARTBEAT => Ok(Some(Message::Heartbeat)),
        KIND_RECORD => Ok(Some(Message::Record(Box::new(postcard::from_bytes(&body)?)))),
        found => Err(FrameError::Kind { found }),
    }
}

/// Reads one frame: its kind and its checked body.
fn read_body(from: &mut impl Read) -> Result<Option<(u16, Vec<u8>)>, FrameError> {
    let Some(header) = read_header(from)? else { return Ok(None) };
    let mut body = Vec::new();
    // Grows with what arrives, so that a false length costs nothing.
    from.by_ref().take(u64::from(header.length)).read_to_end(&mut body)?;
    if body.len() as u64 != u64::from(header.length) {
        return Err(FrameError::Truncated);
    }
    if crc32fast::hash(&body) != header.checksum {
        return Err(FrameError::Checksum);
    }
    Ok(Some((header.kind, body)))
}

struct Header {
    kind: u16,
    length: u32,
    checksum: u32,
}

fn read_header(from: &mut impl Read) -> Result<Option<Header>, FrameError> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES);
    from.by_ref().take(HEADER_BYTES as u64).read_to_end(&mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let Ok([m0, m1, m2, m3, v0, v1, k0, k1, l0, l1, l2, l3, c0, c1, c2, c3]) =
        <[u8; HEADER_BYTES]>::try_from(bytes.as_slice())
    else {
        return Err(FrameError::Truncated);
    };
    let magic = [m0, m1, m2, m3];
    if magic != MAGIC {
        return Err(FrameError::Magic { found: magic });
    }
    let version = u16::from_le_bytes([v0, v1]);
    if version != VERSION {
        return Err(FrameError::Version { found: version });
    }
    let length = u32::from_le_bytes([l0, l1, l2, l3]);
    if length as usize > MAX_BODY_BYTES {
        return Err(FrameError::TooLong { length: length as usize });
    }
    Ok(Some(Header { kind: u16::from_le_bytes([k0, k1]), length, checksum: u32::from_le_bytes([c0, c1, c2, c3]) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Stamp,
        capture::{About, Item, Outcome},
        sample::{Driver, Failure},
    };
    use proptest::prelude::*;

    fn sample() -> Message {
        let failure = Failure { function: "nvmlInit_v2".into(), code: 9, text: "Driver Not Loaded".into(), hint: None };
        Message::Sample(Box::new(Sample::of(Driver::Failed(failure), Stamp::default())))
    }

    fn record() -> Message {
        Message::Record(Box::new(Record {
            function: "nvmlDeviceGetName".into(),
            about: About::Instance { gpu: 1, place: 2 },
            with: vec![],
            outcome: Outcome::Told(vec![Item::Text(vec![255]), Item::Word(u64::MAX)]),
            at_us: 1,
            took_us: 12,
        }))
    }

    #[test]
    fn written_frame_is_read() {
        let mut stream = encode(&sample()).unwrap();
        stream.extend(encode(&Message::Heartbeat).unwrap());
        stream.extend(encode(&record()).unwrap());
        let mut stream = stream.as_slice();
        assert_eq!(read(&mut stream).unwrap(), Some(sample()));
        assert_eq!(read(&mut stream).unwrap(), Some(Message::Heartbeat));
        assert_eq!(read(&mut stream).unwrap(), Some(record()));
        assert_eq!(read(&mut stream).unwrap(), None);
    }

    #[test]
    fn settings_frame_is_no_message_and_the_other_way_round() {
        let mut settings = Vec::new();
        write_settings(&mut settings, &(7_u32, "a")).unwrap();
        assert_eq!(read_settings(&mut settings.as_slice()).unwrap(), Some((7_u32, String::from("a"))));
        assert!(matches!(read(&mut settings.as_slice()), Err(FrameError::Kind { found: KIND_SETTINGS })));
        let beat = encode(&Message::Heartbeat).unwrap();
        assert!(matches!(read_settings::<u32>(&mut beat.as_slice()), Err(FrameError::Kind { .. })));
        assert_eq!(read_settings::<u32>(&mut [].as_slice()).unwrap(), None);
    }

    #[test]
    fn error_names_problem() {
        let good = encode(&sample()).unwrap();
        let broken = |change: fn(&mut Vec<u8>)| {
            let mut bytes = good.clone();
            change(&mut bytes);
            read(&mut bytes.as_slice()).unwrap_err()
        };
        assert!(matches!(broken(|bytes| bytes[0] = 0), FrameError::Magic { .. }));
        assert!(matches!(broken(|bytes| bytes[4] = 9), FrameError::Version { found: 9 }));
        assert!(matches!(broken(|bytes| bytes[6] = 9), FrameError::Kind { found: 9 }));
        assert!(matches!(broken(|bytes| bytes[20] ^= 1), FrameError::Checksum));
        assert!(matches!(broken(|bytes| bytes.truncate(5)), FrameError::Truncated));
        assert!(matches!(broken(|bytes| bytes.truncate(20)), FrameError::Truncated));
        let gibibyte = broken(|bytes| bytes[8..12].copy_from_slice(&(1_u32 << 30).to_le_bytes()));
        assert!(matches!(gibibyte, FrameError::TooLong { length: 0x4000_0000 }));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_tolerated(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&mut bytes.as_slice());
        }

        #[test]
        fn arbitrary_body_tolerated(body in proptest::collection::vec(any::<u8>(), 0..300), kind in 0..5_u8) {
            let mut frame = encode(&Message::Heartbeat).unwrap();
            frame[6] = kind;
            frame[8..12].copy_from_slice(&u32::try_from(body.len()).unwrap().to_le_bytes());
            frame[12..16].copy_from_slice(&crc32fast::hash(&body).to_le_bytes());
            frame.extend(body);
            let _ = read(&mut frame.as_slice());
        }
    }
}
