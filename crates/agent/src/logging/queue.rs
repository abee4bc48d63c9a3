//! Queues of log lines. No thread of the agent waits for standard error: lines go to a thread, and lines that it cannot
//! write in time are dropped and counted. The access log has a queue of its own, so that requests cannot displace other
//! lines.

use std::{
    borrow::Cow,
    fs::File,
    io::{self, Write},
    os::fd::AsFd as _,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use telemetry::terminal::printable;
use tracing_subscriber::fmt::MakeWriter;

use super::recent::Recent;

/// Lines that may queue.
const QUEUE: usize = 4096;
/// Timeout for the queued lines at the end of the program.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(500);

/// Senders to the threads, to flush them at the end of the program.
static THREADS: Mutex<Vec<SyncSender<Message>>> = Mutex::new(Vec::new());

/// Lines that were dropped, for `host.notes`.
pub(super) static DROPPED: Recent = Recent::new();

enum Message {
    Line(Vec<u8>),
    /// Answered once every earlier line is written.
    Flush(SyncSender<()>),
}

/// Sends lines to the thread.
#[derive(Clone)]
pub(super) struct Lines {
    thread: SyncSender<Message>,
    lost: Arc<AtomicU64>,
}

/// Starts a thread that writes to standard error and ends with the process.
pub(super) fn start(name: &str) -> io::Result<Lines> {
    let (sender, inbox) = sync_channel(QUEUE);
    let lost = Arc::<AtomicU64>::default();
    let lines = Lines { thread: sender.clone(), lost: Arc::clone(&lost) };
    // A descriptor of its own, since the thread may wait in a write, and the standard library's has a lock.
    let mut to = File::from(io::stderr().as_fd().try_clone_to_owned()?);
    thread::Builder::new().name(name.into()).spawn(move || write(&inbox, &lost, &mut to))?;
    THREADS.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
    Ok(lines)
}

/// Waits until the queued lines are written, as far as there is time.
pub(crate) fn finish() {
    let deadline = Instant::now() + FLUSH_TIMEOUT;
    let threads = THREADS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let flushed = threads.iter().filter_map(|thread| {
        let (flushed, wait) = sync_channel(1);
        thread.try_send(Message::Flush(flushed)).ok().map(|()| wait)
    });
    for wait in flushed.collect::<Vec<_>>() {
        // Lines that take longer are lost.
        let _ = wait.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    }
}

fn write(inbox: &Receiver<Message>, lost: &AtomicU64, to: &mut impl Write) {
    for message in inbox {
        match message {
            // A line that cannot be written is lost: there is nowhere left to report it.
            Message::Line(line) => drop(to.write_all(&line)),
            Message::Flush(flushed) => drop(flushed.send(())),
        }
        let lines = lost.swap(0, Ordering::Relaxed);
        if lines > 0 {
            tracing::warn!(lines, "dropped log lines: they came faster than standard error accepted them");
        }
    }
}

impl Lines {
    /// Queues a line with its end, or drops and counts it. Control characters in it are escaped.
    pub(super) fn send(&self, line: Vec<u8>) {
        self.queue(one_line(line, &[]));
    }

    fn queue(&self, line: Vec<u8>) {
        if self.thread.try_send(Message::Line(line)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
            DROPPED.add(1);
        }
    }
}

/// Escapes control characters but `kept` and the end of the line: names and texts of others must not add lines to the
/// log or control the terminal of its reader.
fn one_line(line: Vec<u8>, kept: &[char]) -> Vec<u8> {
    let text = String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(&line));
    if text.contains(kept) || matches!(text, Cow::Owned(_)) || matches!(printable(&text), Cow::Owned(_)) {
        let parts = text.split_inclusive(kept).flat_map(|part| {
            let (body, end) = part.split_at(part.strip_suffix(kept).unwrap_or(part).len());
            [printable(body), Cow::Borrowed(end)]
        });
        let escaped: String = parts.chain([Cow::Borrowed("\n")]).collect();
        return escaped.into_bytes();
    }
    line
}

impl Write for Lines {
    /// Accepts a whole line at a time. Escapes in it are colours, because the formatter has escaped those of values.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.queue(one_line(line.to_vec(), &['\x1b']));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_line_stays_one_line() {
        let (thread, inbox) = sync_channel(9);
        let lost = Arc::<AtomicU64>::default();
        let mut lines = Lines { thread: thread.clone(), lost: Arc::clone(&lost) };
        lines.send(b"plain \xc3\xa9\n".to_vec());
        lines.send(b"\x1b[2Jlibrary\r\tprints\nmore\xe2\x80\xae\xff\n".to_vec());
        // A colour of the formatter, and a value that adds a line.
        lines.write_all(b"\x1b[31mERROR\x1b[0m name=A\nERROR forged\x07\n").unwrap();
        drop((thread, lines));
        let mut written = Vec::new();
        write(&inbox, &lost, &mut written);
        assert_eq!(
            String::from_utf8(written).unwrap(),
            "plain \u{e9}\n\\x1b[2Jlibrary\\r\\tprints\\nmore\\u{202e}\u{fffd}\n\
             \u{1b}[31mERROR\u{1b}[0m name=A\\nERROR forged\\x07\n"
        );
    }

    #[test]
    fn log_never_blocks() {
        let (thread, inbox) = sync_channel(2);
        let lost = Arc::<AtomicU64>::default();
        let mut lines = Lines { thread: thread.clone(), lost: Arc::clone(&lost) };
        for line in ["a\n", "b\n", "c\n", "d\n"] {
            lines.write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(lost.load(Ordering::Relaxed), 2);
        drop((thread, lines));
        let mut written = Vec::new();
        write(&inbox, &lost, &mut written);
        assert_eq!((written, lost.load(Ordering::Relaxed)), (b"a\nb\n".to_vec(), 0));
    }
}
