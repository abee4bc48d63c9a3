//! File format: magic and version, then parts with length and checksum, then an empty part as the end mark. A part is one
//! value in postcard, so that the history of all GPUs is never in memory twice.

use std::io::{self, Read, Write};

use serde::{Serialize, de::DeserializeOwned};

const MAGIC: [u8; 4] = *b"NSWS";
const VERSION: u16 = 2;
/// Longest part, in bytes: the history of one GPU at the greatest depth is shorter.
const MAX_BYTES: u32 = 64 * 1024 * 1024;

/// Reason why a file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error("not a state file of the agent")]
    Magic,
    #[error("expected version {VERSION}, got {0}")]
    Version(u16),
    #[error("truncated or damaged")]
    Damaged,
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("cannot be encoded: {0}")]
    Encode(postcard::Error),
}

/// A part, encoded.
pub(super) struct Part(Vec<u8>);

impl Part {
    pub(super) fn new(part: &impl Serialize) -> Result<Self, FileError> {
        postcard::to_stdvec(part).map(Self).map_err(FileError::Encode)
    }
}

/// Writes parts.
pub(super) struct Writer<W: Write>(W);

impl<W: Write> Writer<W> {
    pub(super) fn begin(mut to: W) -> io::Result<Self> {
        to.write_all(&MAGIC)?;
        to.write_all(&VERSION.to_le_bytes())?;
        Ok(Self(to))
    }

    pub(super) fn part(&mut self, part: &impl Serialize) -> Result<(), FileError> {
        self.write(&Part::new(part)?)
    }

    pub(super) fn write(&mut self, Part(body): &Part) -> Result<(), FileError> {
        let length = u32::try_from(body.len()).ok().filter(|length| (1..=MAX_BYTES).contains(length));
        let length = length.ok_or(FileError::Encode(postcard::Error::SerializeBufferFull))?;
        self.0.write_all(&length.to_le_bytes())?;
        self.0.write_all(&crc32fast::hash(body).to_le_bytes())?;
        Ok(self.0.write_all(body)?)
    }

    /// Writes the end mark.
    pub(super) fn end(mut self) -> io::Result<W> {
        self.0.write_all(&0_u32.to_le_bytes())?;
        self.0.flush()?;
        Ok(self.0)
    }
}

/// Reads parts.
pub(super) struct Reader<R: Read>(R);

impl<R: Read> Reader<R> {
    pub(super) fn begin(mut from: R) -> Result<Self, FileError> {
        let magic: [u8; 4] = exactly(&mut from)?;
        if magic != MAGIC {
            return Err(FileError::Magic);
        }
        match u16::from_le_bytes(exactly(&mut from)?) {
            VERSION => Ok(Self(from)),
            other => Err(FileError::Version(other)),
        }
    }

    /// Reads the next part; none at the end mark.
    pub(super) fn part<T: DeserializeOwned>(&mut self) -> Result<Option<T>, FileError> {
        let Some(body) = self.body()? else { return Ok(None) };
        postcard::from_bytes(&body).map(Some).map_err(|_| FileError::Damaged)
    }

    /// Reads the next part, which earlier versions wrote without its second value.
    pub(super) fn extended_part<T, U>(&mut self) -> Result<Option<(T, U)>, FileError>
    where
        T: DeserializeOwned,
        U: DeserializeOwned + Default,
    {
        let Some(body) = self.body()? else { return Ok(None) };
        let (first, rest) = postcard::take_from_bytes(&body).map_err(|_| FileError::Damaged)?;
        let second = if rest.is_empty() { Ok(U::default()) } else { postcard::from_bytes(rest) };
        Ok(Some((first, second.map_err(|_| FileError::Damaged)?)))
    }

    fn body(&mut self) -> Result<Option<Vec<u8>>, FileError> {
        let length = u32::from_le_bytes(exactly(&mut self.0)?);
        if length == 0 {
            return Ok(None);
        }
        if length > MAX_BYTES {
            return Err(FileError::Damaged);
        }
        let sum = u32::from_le_bytes(exactly(&mut self.0)?);
        let mut body = Vec::new();
        // Reads what there is, without trusting the length for an allocation.
        (&mut self.0).take(length.into()).read_to_end(&mut body)?;
        if body.len() != length as usize || crc32fast::hash(&body) != sum {
            return Err(FileError::Damaged);
        }
        Ok(Some(body))
    }
}

fn exactly<const N: usize>(from: &mut impl Read) -> Result<[u8; N], FileError> {
    let mut bytes = [0; N];
    match from.read_exact(&mut bytes) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(FileError::Damaged),
        other => other.map(|()| bytes).map_err(FileError::Io),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(parts: &[String]) -> Vec<u8> {
        let mut writer = Writer::begin(Vec::new()).unwrap();
        parts.iter().for_each(|part| writer.part(part).unwrap());
        writer.end().unwrap()
    }

    fn read(bytes: &[u8]) -> Result<Vec<String>, FileError> {
        let mut reader = Reader::begin(bytes)?;
        let mut parts = Vec::new();
        while let Some(part) = reader.part()? {
            parts.push(part);
        }
        Ok(parts)
    }

    proptest! {
        #[test]
        fn written_value_round_trips(parts in proptest::collection::vec(".{0,40}", 0..6)) {
            prop_assert_eq!(read(&written(&parts)).unwrap(), parts);
        }

        #[test]
        fn file_truncated_or_changed_rejected(parts in proptest::collection::vec(".{0,40}", 1..6), at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
            let whole = written(&parts);
            let at = at.index(whole.len());
            prop_assert!(read(&whole[..at]).is_err());
            let mut changed = whole.clone();
            changed[at] ^= flip;
            // A changed length may end the file early, on nothing; but never with parts that were not written.
            if let Ok(found) = read(&changed) {
                prop_assert!(parts.starts_with(&found));
            }
        }

        #[test]
        fn arbitrary_bytes_are_value_or_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&[&b"NSWS\x01\0"[..], &bytes].concat());
        }
    }

    #[test]
    fn part_of_earlier_version_has_default() {
        let read = |writer: Writer<Vec<u8>>| {
            Reader::begin(&*writer.end().unwrap()).unwrap().extended_part::<String, Vec<u8>>().unwrap()
        };
        for (second, expected) in [(None, vec![]), (Some(vec![7_u8, 8]), vec![7, 8])] {
            let mut writer = Writer::begin(Vec::new()).unwrap();
            match second {
                None => writer.part(&"first"),
                Some(second) => writer.part(&("first", second)),
            }
            .unwrap();
            assert_eq!(read(writer), Some(("first".into(), expected)));
        }
        // An earlier version reads the first value alone.
        let mut writer = Writer::begin(Vec::new()).unwrap();
        writer.part(&("first", [7_u8, 8])).unwrap();
        let whole = writer.end().unwrap();
        assert_eq!(Reader::begin(&*whole).unwrap().part::<String>().unwrap(), Some("first".into()));
    }

    #[test]
    fn error_names_problem() {
        assert_eq!(read(b"hello world").unwrap_err().to_string(), "not a state file of the agent");
        assert!(read(b"NSWS\x09\0").unwrap_err().to_string().contains("got 9"));
        assert_eq!(read(b"").unwrap_err().to_string(), "truncated or damaged");
    }
}
