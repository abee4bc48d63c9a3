//! The writer of the access log. An answer never waits for a log: lines go to a thread, and where that does not get
//! them written fast enough they are lost and counted.

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

/// How many lines may wait to be written.
const LINES: usize = 4096;
/// How long the end of the program waits for them.
const FAREWELL: Duration = Duration::from_millis(500);

/// To be asked for what is left when the program ends.
static THREAD: OnceLock<SyncSender<Message>> = OnceLock::new();

enum Message {
    Line(Vec<u8>),
    /// Everything before it is written when this is answered.
    Written(SyncSender<()>),
}

/// Passes lines to the thread.
#[derive(Clone)]
pub(super) struct Lines {
    thread: SyncSender<Message>,
    lost: Arc<AtomicU64>,
}

/// Starts the thread. It ends with the process.
pub(super) fn start() -> io::Result<Lines> {
    let (sender, inbox) = sync_channel(LINES);
    let lost = Arc::<AtomicU64>::default();
    let lines = Lines { thread: sender.clone(), lost: Arc::clone(&lost) };
    thread::Builder::new().name("access-log".into()).spawn(move || write(&inbox, &lost, &mut io::stderr()))?;
    // There is one access log, so nobody was here before.
    let _ = THREAD.set(sender);
    Ok(lines)
}

/// Has what is left written, if there is an access log.
pub(crate) fn finish() {
    if let Some(thread) = THREAD.get() {
        let (written, wait) = sync_channel(1);
        if thread.try_send(Message::Written(written)).is_ok() {
            // If it takes longer, it is lost.
            let _ = wait.recv_timeout(FAREWELL);
        }
    }
}

fn write(inbox: &Receiver<Message>, lost: &AtomicU64, to: &mut impl Write) {
    for message in inbox {
        match message {
            // What cannot be written is lost, and there is nobody left to tell.
            Message::Line(line) => drop(to.write_all(&line)),
            Message::Written(told) => drop(told.send(())),
        }
        let lines = lost.swap(0, Ordering::Relaxed);
        if lines > 0 {
            tracing::warn!(lines, "lines of the access log are lost: they came faster than they could be written");
        }
    }
}

impl Write for Lines {
    /// Takes a whole line at once.
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
