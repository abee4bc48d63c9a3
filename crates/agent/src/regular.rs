//! Reading of files that administrators name. Opening a FIFO would wait for a writer, and a device has no end, so only
//! regular files are read, and `/dev/null` as an empty one.

use std::{
    fs::{self, File, FileType, Metadata, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

use nix::fcntl::OFlag;

/// Device number of `/dev/null`: major 1, minor 3.
const NULL_DEVICE: u64 = 0x103;

/// Opens a regular file for reading.
///
/// # Errors
/// It cannot be opened, or is another kind of file ([`io::ErrorKind::InvalidInput`]).
pub(crate) fn open(path: &Path) -> io::Result<File> {
    // Before it is opened, which has effects on some devices.
    expect_regular(&fs::metadata(path)?)?;
    // It may have been replaced since.
    let file = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    expect_regular(&file.metadata()?)?;
    Ok(file)
}

/// Creates or truncates a regular file that only this account can read.
///
/// # Errors
/// As [`open`].
pub(crate) fn create(path: &Path) -> io::Result<File> {
    match fs::metadata(path) {
        Ok(found) => expect_regular(&found)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)
}

/// Reads a regular file of at most `most` bytes.
///
/// # Errors
/// As [`open`], or it cannot be read, or is larger: a part of it could mean something else
/// ([`io::ErrorKind::FileTooLarge`]).
pub(crate) fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("expected at most {most} bytes, got more")));
    }
    Ok(bytes)
}

/// Reads a regular file with at most `most` bytes of UTF-8 text.
///
/// # Errors
/// As [`read`], or it is not UTF-8.
pub(crate) fn read_text(path: &Path, most: u64) -> io::Result<String> {
    String::from_utf8(read(path, most)?).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

fn expect_regular(found: &Metadata) -> io::Result<()> {
    let kind = found.file_type();
    if kind.is_file() || kind.is_char_device() && found.rdev() == NULL_DEVICE {
        return Ok(());
    }
    let text = format!("expected a regular file, got {}", name(kind));
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}

fn name(kind: FileType) -> &'static str {
    match kind {
        kind if kind.is_dir() => "a directory",
        kind if kind.is_fifo() => "a FIFO",
        kind if kind.is_socket() => "a socket",
        kind if kind.is_char_device() || kind.is_block_device() => "a device",
        _ => "another kind of file",
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use nix::{sys::stat::Mode, unistd::mkfifo};

    use super::*;

    #[test]
    fn only_regular_files_are_read_and_written() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        mkfifo(&at("fifo"), Mode::S_IRWXU).unwrap();
        let _socket = UnixListener::bind(at("socket")).unwrap();
        std::os::unix::fs::symlink(at("fifo"), at("link")).unwrap();
        for (path, kind) in [
            (at("fifo"), "a FIFO"),
            (at("link"), "a FIFO"),
            (at("socket"), "a socket"),
            (folder.path().into(), "a directory"),
            ("/dev/zero".into(), "a device"),
        ] {
            for error in [read(&path, 10).unwrap_err(), create(&path).unwrap_err()] {
                assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
                assert!(error.to_string().contains(kind), "{}: {error}", path.display());
            }
        }
        fs::write(at("file"), "text").unwrap();
        assert_eq!(read(&at("file"), 4).unwrap(), b"text");
        let error = read(&at("file"), 3).unwrap_err();
        assert!(
            error.kind() == io::ErrorKind::FileTooLarge && error.to_string().contains("at most 3 bytes"),
            "{error}"
        );
        assert_eq!(read(Path::new("/dev/null"), 10).unwrap(), b"");
        assert_eq!(read(&at("none"), 10).unwrap_err().kind(), io::ErrorKind::NotFound);
        drop(create(&at("file")).unwrap());
        assert_eq!(read(&at("file"), 10).unwrap(), b"");
    }
}
