//! Stray writes: to standard output, or to descriptors that belong to the program.

use std::fs;
use std::os::fd::RawFd;

use crate::scenario::{Destination, Write};

/// Highest of the standard descriptors.
const LAST_STANDARD: RawFd = libc::STDERR_FILENO;

/// Writes all bytes, or stops when the other end is closed.
pub(crate) fn write(what: &Write) {
    // Pieces of at most PIPE_BUF are atomic, so that they do not mix with concurrent writes to the same pipe.
    let piece = what.bytes.repeat((libc::PIPE_BUF / what.bytes.len().max(1)).max(1));
    let all = (what.bytes.len() as u64).saturating_mul(what.repeat);
    for descriptor in descriptors(what.to) {
        let mut left = all;
        while left > 0 {
            let length = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            // SAFETY: the piece is ours and at least that long. A foreign descriptor does not affect memory.
            let written = unsafe { libc::write(descriptor, piece.as_ptr().cast(), length) };
            match u64::try_from(written) {
                Ok(written) if written > 0 => left -= written,
                _ => break,
            }
        }
    }
}

fn descriptors(destination: Destination) -> Vec<RawFd> {
    match destination {
        Destination::Stdout => vec![libc::STDOUT_FILENO],
        Destination::Pipes => pipes(),
    }
}

/// Pipes open for writing, except the standard descriptors.
fn pipes() -> Vec<RawFd> {
    let Ok(entries) = fs::read_dir("/proc/self/fd") else { return Vec::new() };
    let descriptors = entries.flatten().filter_map(|entry| {
        let descriptor: RawFd = entry.file_name().to_str()?.parse().ok()?;
        let is_pipe = fs::read_link(entry.path()).ok()?.as_os_str().to_str()?.starts_with("pipe:");
        (descriptor > LAST_STANDARD && is_pipe && is_writable(descriptor)).then_some(descriptor)
    });
    descriptors.collect()
}

fn is_writable(descriptor: RawFd) -> bool {
    // SAFETY: it takes and returns integers; a descriptor closed meanwhile gives -1, whose access mode is neither of
    // the two.
    let flags = unsafe { libc::fcntl(descriptor, libc::F_GETFL) };
    matches!(flags & libc::O_ACCMODE, libc::O_WRONLY | libc::O_RDWR)
}
