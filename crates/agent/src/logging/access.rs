//! Writer of the access log. Answers never wait for it: lines go to a thread, and lines that it cannot write in time are
//! dropped and counted.

use std::{
    io::{self, Write},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use tracing_subscriber::fmt::MakeWriter;

/// Lines that may queue.
const QUEUE: usize = 4096;
/// Timeout for the queued lines at the end of the program.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(500);

/// Sender to the thread, to flush it at the end of the program.
static THREAD: OnceLock<SyncSender<Message>> = OnceLock::new();

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

/// Starts the thread, which ends with the process.
pub(super) fn start() -> io::Result<Lines> {
    let (sender, inbox) = sync_channel(QUEUE);
    let lost = Arc::<AtomicU64>::default();
    let lines = Lines { thread: sender.clone(), lost: Arc::clone(&lost) };
    thread::Builder::new().name("access-log".into()).spawn(move || write(&inbox, &lost, &mut io::stderr()))?;
    // There is one access log, so it is not set yet.
    let _ = THREAD.set(sender);
    Ok(lines)
}

/// Waits until the queued lines are written, if there is an access log.
pub(crate) fn finish() {
    if let Some(thread) = THREAD.get() {
        let (flushed, wait) = sync_channel(1);
        if thread.try_send(Message::Flush(flushed)).is_ok() {
            // Lines that take longer are lost.
            let _ = wait.recv_timeout(FLUSH_TIMEOUT);
        }
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
            tracing::warn!(lines, "dropped lines of the access log: they came faster than they could be written");
        }
    }
}

impl Write for Lines {
    /// Accepts a whole line at a time.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.thread.try_send(Message::Line(line.to_vec())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
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
    fn access_log_never_blocks() {
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
