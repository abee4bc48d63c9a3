//! Output of the collector: its log lines, and whatever the driver library prints. A thread reads it from a pipe that
//! is never full, and forwards it to the log at a limited rate, so that neither a log that nobody reads nor a library
//! that prints megabytes stops a reading.

use std::{
    io::{self, PipeReader, PipeWriter, Read as _},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use super::{queue::Lines, recent::Recent};

/// Bytes that are forwarded in a second; the collector's own lines are far fewer.
const BYTES_PER_SECOND: usize = 64 * 1024;
/// Lines that are forwarded in a second, a fraction of the queue that they share with the agent's own.
const LINES_PER_SECOND: usize = 500;
/// Longest line, in bytes; a longer one is cut into several.
const MAX_LINE: usize = 4096;

/// Bytes that were not forwarded, for `host.notes`.
pub(super) static TRUNCATED: Recent = Recent::new();

/// Writing end of the pipe, shared by all collectors: a process that the library leaves behind keeps nothing else open.
#[derive(Debug)]
pub(crate) struct CollectorOutput(Option<PipeWriter>);

impl CollectorOutput {
    /// Starts the thread, which ends with the process. Without a log the output goes where the agent's does.
    pub(crate) fn start() -> io::Result<Self> {
        let Some(lines) = super::lines() else { return Ok(Self(None)) };
        let (reader, writer) = io::pipe()?;
        thread::Builder::new().name("output".into()).spawn(move || forward(reader, &lines))?;
        Ok(Self(Some(writer)))
    }

    /// Standard error of a collector.
    pub(crate) fn standard_error(&self) -> io::Result<Stdio> {
        match &self.0 {
            Some(writer) => Ok(writer.try_clone()?.into()),
            None => Ok(Stdio::inherit()),
        }
    }
}

fn forward(mut from: PipeReader, lines: &Lines) {
    let mut lines_of = Splitter::default();
    let mut rate = Rate::new(Instant::now());
    let mut buffer = vec![0; MAX_LINE];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => lines_of.add(&buffer[..length], |line| {
                if rate.allows(line.len(), Instant::now()) {
                    lines.send(line);
                } else if TRUNCATED.add(line.len() as u64) {
                    tracing::warn!(
                        "the driver library or its collector prints more than {LINES_PER_SECOND} lines or \
                         {BYTES_PER_SECOND} bytes in a second: the rest is not logged"
                    );
                }
            }),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                tracing::error!(%error, "cannot read the collector's output");
                return;
            }
        }
    }
}

/// Joins pieces into lines.
#[derive(Default)]
struct Splitter(Vec<u8>);

impl Splitter {
    fn add(&mut self, piece: &[u8], mut each: impl FnMut(Vec<u8>)) {
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            self.0.extend_from_slice(part);
            let ends = self.0.ends_with(b"\n");
            if ends || self.0.len() >= MAX_LINE {
                let mut line = std::mem::take(&mut self.0);
                if !ends {
                    line.push(b'\n');
                }
                each(line);
            }
        }
    }
}

/// Rate limit by whole seconds.
struct Rate {
    second: Instant,
    bytes: usize,
    lines: usize,
}

impl Rate {
    const fn new(now: Instant) -> Self {
        Self { second: now, bytes: 0, lines: 0 }
    }

    fn allows(&mut self, bytes: usize, now: Instant) -> bool {
        if now.duration_since(self.second) >= Duration::from_secs(1) {
            *self = Self::new(now);
        }
        self.bytes = self.bytes.saturating_add(bytes);
        self.lines += 1;
        self.bytes <= BYTES_PER_SECOND && self.lines <= LINES_PER_SECOND
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_split_into_lines() {
        let mut splitter = Splitter::default();
        let mut lines = Vec::new();
        for piece in ["one\ntw", "o\n\nthr", "ee"] {
            splitter.add(piece.as_bytes(), |line| lines.push(String::from_utf8(line).unwrap()));
        }
        assert_eq!(lines, ["one\n", "two\n", "\n"]);
        splitter.add(&[b'x'; 2 * MAX_LINE], |line| lines.push(String::from_utf8(line).unwrap()));
        assert!(lines[3].len() > MAX_LINE && lines[3].ends_with("x\n"), "a line without an end is cut");
    }

    #[test]
    fn output_rate_is_limited_by_second() {
        let begun = Instant::now();
        let mut rate = Rate::new(begun);
        assert!(rate.allows(BYTES_PER_SECOND, begun));
        assert!(!rate.allows(1, begun + Duration::from_millis(999)));
        let next = begun + Duration::from_secs(1);
        assert_eq!((0..=LINES_PER_SECOND).filter(|_| rate.allows(1, next)).count(), LINES_PER_SECOND);
    }
}
