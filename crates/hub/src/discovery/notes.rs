//! Notes about lists, whose texts are those of others: few, and short.

use std::time::Duration;

use tokio::time::Instant;

/// Longest text of a list within a note, in characters.
const MAX_QUOTED: usize = 100;
/// Most characters of an error.
const MAX_ERROR: usize = 500;
/// Most notes of a source that are logged in this time; the others are counted.
const LOGGED: (usize, Duration) = (20, Duration::from_secs(60));

/// A text of a list in quotes, cut if it is long.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTED) {
        Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}

/// An error, cut if it is long.
pub(super) fn cut(mut error: String) -> String {
    if let Some((end, _)) = error.char_indices().nth(MAX_ERROR) {
        error.truncate(end);
        error.push('…');
    }
    error
}

/// The first notes of many.
#[derive(Debug)]
pub(super) struct Notes {
    first: Vec<String>,
    max: usize,
    more: usize,
}

impl Notes {
    /// At most this many, and the number of the others.
    pub(super) const fn new(max: usize) -> Self {
        Self { first: Vec::new(), max, more: 0 }
    }

    /// Adds a note, which is made only if it is kept.
    pub(super) fn add(&mut self, note: impl FnOnce() -> String) {
        if self.first.len() < self.max {
            self.first.push(note());
        } else {
            self.more += 1;
        }
    }

    /// The notes that are kept, and the number of the others.
    pub(super) fn finish(self) -> Vec<String> {
        let Self { mut first, max: _, more } = self;
        if more > 0 {
            first.push(format!("and {more} more"));
        }
        first
    }
}

/// Decides which notes of a source are logged.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    /// Begin of the current period; none before the first note.
    begin: Option<Instant>,
    logged: usize,
    left_out: usize,
}

impl Throttle {
    /// Lines to log for these new notes.
    pub(super) fn lines<'a>(&mut self, notes: impl Iterator<Item = &'a String>, now: Instant) -> Vec<String> {
        let (max, period) = LOGGED;
        let mut lines = Vec::new();
        for note in notes {
            if self.begin.is_none_or(|begin| now.duration_since(begin) >= period) {
                if self.left_out > 0 {
                    lines.push(format!("{} notes about the list of hosts were not logged", self.left_out));
                }
                *self = Self { begin: Some(now), ..Self::default() };
            }
            if self.logged < max {
                self.logged += 1;
                lines.push(note.clone());
            } else {
                self.left_out += 1;
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_cut() {
        assert_eq!(quoted("a\"b"), r#""a\"b""#);
        assert_eq!(quoted(&"é".repeat(200_000)), format!("\"{}\"…", "é".repeat(100)));
        assert_eq!(cut("é".repeat(1000)).chars().count(), 501);
        assert_eq!(cut("short".into()), "short");
    }

    #[test]
    fn log_lines_limited_per_minute_and_others_counted() {
        let (mut throttle, begin) = (Throttle::default(), Instant::now());
        let notes: Vec<String> = (0..15).map(|number| format!("note {number}")).collect();
        let mut lines = |seconds| throttle.lines(notes.iter(), begin + Duration::from_secs(seconds));
        assert_eq!([lines(0).len(), lines(4).len(), lines(8).len(), lines(59).len()], [15, 5, 0, 0]);
        let next = lines(60);
        assert_eq!((next.len(), next[0].as_str()), (16, "40 notes about the list of hosts were not logged"));
    }
}
