//! Calls per function, in a file that tests can read at any time. A call of `nvmlDeviceGetFieldValues` counts once,
//! whatever its number of fields.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::function::Function;
use crate::log::warn;

const NAME_WIDTH: usize = 60;
const COUNT_WIDTH: usize = 19;
const LINE_WIDTH: usize = NAME_WIDTH + COUNT_WIDTH + 1;

/// Counts of all functions, each on a line of fixed width, so that an update is one write at a known offset.
pub(crate) struct Counters {
    file: Option<File>,
    /// One lock per function, held while its line is written, so that a count in the file never decreases.
    counts: Vec<Mutex<u64>>,
}

impl Counters {
    /// Opens the file, if a path is given, and continues from the counts in it, so that they add up over restarts of
    /// the caller's process.
    pub(crate) fn open(path: Option<&Path>) -> Self {
        let file = path.and_then(|path| {
            let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
            if let Err(error) = &opened {
                warn(&format!("{}: {error}", path.display()));
            }
            opened.ok()
        });
        let counters = Self {
            counts: Function::NAMES
                .iter()
                .zip(0..)
                .map(|(name, place)| Mutex::new(earlier(file.as_ref(), name, place)))
                .collect(),
            file,
        };
        for (place, count) in counters.counts.iter().enumerate() {
            counters.write(place, *count.lock().unwrap_or_else(PoisonError::into_inner));
        }
        counters
    }

    /// Counts one call.
    pub(crate) fn count(&self, function: Function) {
        if self.file.is_none() {
            return;
        }
        let place = function as usize;
        let mut count = self.counts[place].lock().unwrap_or_else(PoisonError::into_inner);
        *count += 1;
        self.write(place, *count);
    }

    fn write(&self, place: usize, count: u64) {
        if let Some(file) = &self.file {
            let line = format!("{:<NAME_WIDTH$}{count:>COUNT_WIDTH$}\n", Function::NAMES[place]);
            // A full disk must not change the results of calls.
            let _ = file.write_all_at(line.as_bytes(), (place * LINE_WIDTH) as u64);
        }
    }
}

/// Count in the line at `place`, or 0 if the line belongs to another function.
fn earlier(file: Option<&File>, name: &str, place: u64) -> u64 {
    let mut line = [0; LINE_WIDTH];
    let read = file.is_some_and(|file| file.read_exact_at(&mut line, place * LINE_WIDTH as u64).is_ok());
    let text = if read { std::str::from_utf8(&line).unwrap_or_default() } else { "" };
    let mut words = text.split_whitespace();
    if words.next() == Some(name) { words.next().and_then(|count| count.parse().ok()).unwrap_or(0) } else { 0 }
}
