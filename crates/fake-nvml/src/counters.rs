//! How often each function was called, in a file that a test can read at any time.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::abi::Function;

const NAME_WIDTH: usize = 60;
const COUNT_WIDTH: usize = 19;
const LINE_WIDTH: usize = NAME_WIDTH + COUNT_WIDTH + 1;

/// The counts of all functions, one line of fixed width for each, so that a count is one write at its own place.
pub(crate) struct Counters {
    file: Option<File>,
    /// One lock for each function, held only while its line is written, so that lines never go backwards.
    counts: Vec<Mutex<u64>>,
}

impl Counters {
    /// Opens the file, if there is to be one, and goes on from the counts in it: a process that is started again adds to
    /// what the one before it counted.
    pub(crate) fn open(path: Option<&Path>) -> Self {
        let file = path.and_then(|path| {
            let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
            if let Err(error) = &opened {
                crate::engine::complain(&format!("{}: {error}", path.display()));
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
            // A full disk must not change what the library answers.
            let _ = file.write_all_at(line.as_bytes(), (place * LINE_WIDTH) as u64);
        }
    }
}

/// The count in a function's line, if that line is about this function.
fn earlier(file: Option<&File>, name: &str, place: u64) -> u64 {
    let mut line = [0; LINE_WIDTH];
    let read = file.is_some_and(|file| file.read_exact_at(&mut line, place * LINE_WIDTH as u64).is_ok());
    let text = if read { std::str::from_utf8(&line).unwrap_or_default() } else { "" };
    let mut words = text.split_whitespace();
    if words.next() == Some(name) { words.next().and_then(|count| count.parse().ok()).unwrap_or(0) } else { 0 }
}
