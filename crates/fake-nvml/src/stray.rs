//! Writing where a library has no business to: to standard output, or to a descriptor that is somebody else's.

use std::fs;
use std::os::fd::RawFd;

use crate::scenario::{Place, Write};

/// The highest of the standard descriptors.
const STANDARD: RawFd = libc::STDERR_FILENO;

/// Writes until all is written or the other end is gone.
pub(crate) fn write(what: &Write) {
    // In pieces that a pipe takes whole, so that what is written to it at the same time stands before or after.
    let piece = what.bytes.repeat((libc::PIPE_BUF / what.bytes.len().max(1)).max(1));
    let all = (what.bytes.len() as u64).saturating_mul(what.repeat);
    for descriptor in descriptors(what.to) {
        let mut left = all;
        while left > 0 {
            let length = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            // SAFETY: the piece is ours, and at least that long. Whose the descriptor is does not matter to memory.
            let written = unsafe { libc::write(descriptor, piece.as_ptr().cast(), length) };
            match u64::try_from(written) {
                Ok(written) if written > 0 => left -= written,
                _ => break,
            }
        }
    }
}

fn descriptors(place: Place) -> Vec<RawFd> {
    match place {
        Place::Stdout => vec![libc::STDOUT_FILENO],
        Place::Pipes => pipes(),
    }
}

/// The pipes that are open for writing, but the standard ones.
fn pipes() -> Vec<RawFd> {
    let Ok(entries) = fs::read_dir("/proc/self/fd") else { return Vec::new() };
    let descriptors = entries.flatten().filter_map(|entry| {
        let descriptor: RawFd = entry.file_name().to_str()?.parse().ok()?;
        let is_pipe = fs::read_link(entry.path()).ok()?.as_os_str().to_str()?.starts_with("pipe:");
        (descriptor > STANDARD && is_pipe && is_for_writing(descriptor)).then_some(descriptor)
    });
    descriptors.collect()
}

fn is_for_writing(descriptor: RawFd) -> bool {
    // SAFETY: it takes and gives integers; a descriptor that is closed by now gives -1, whose access mode is neither.
    let flags = unsafe { libc::fcntl(descriptor, libc::F_GETFL) };
    matches!(flags & libc::O_ACCMODE, libc::O_WRONLY | libc::O_RDWR)
}
