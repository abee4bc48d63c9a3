//! Readers of the stream: many connections that take what comes, and see how old it is.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    runtime::Runtime,
    sync::mpsc,
};

use crate::{Outcome, table::median};

/// What stands before the moment at which a snapshot was made.
const MADE_AT: &[u8] = b"\"sampled_at\":";

/// Connections that read until this is dropped.
pub(crate) struct Readers {
    runtime: Runtime,
    seen: Arc<Seen>,
    late: mpsc::UnboundedReceiver<f64>,
    gone: Arc<AtomicU64>,
}

#[derive(Default)]
struct Seen {
    bytes: AtomicU64,
    counts: AtomicBool,
}

/// What was read over some time.
pub(crate) struct Told {
    pub(crate) bytes: u64,
    /// How long after it was made a snapshot was there, in ms; none where it is compressed.
    pub(crate) median_ms: Option<f64>,
    pub(crate) worst_ms: Option<f64>,
}

impl Readers {
    /// Opens so many.
    pub(crate) fn open(address: SocketAddr, count: usize, encoding: &'static str) -> Outcome<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (tell, late) = mpsc::unbounded_channel();
        let (seen, gone) = (Arc::new(Seen::default()), Arc::new(AtomicU64::new(0)));
        runtime.block_on(async {
            for reader in 0..count {
                let socket = TcpSocket::new_v4()?;
                socket.bind(from(reader))?;
                let mut stream = socket.connect(address).await?;
                let request =
                    format!("GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: {encoding}\r\n\r\n");
                stream.write_all(request.as_bytes()).await?;
                let (seen, tell, gone) = (Arc::clone(&seen), tell.clone(), Arc::clone(&gone));
                tokio::spawn(async move {
                    follow(stream, &seen, &tell).await;
                    gone.fetch_add(1, Ordering::Relaxed);
                });
            }
            Outcome::Ok(())
        })?;
        Ok(Self { runtime, seen, late, gone })
    }

    /// Reads for so long.
    pub(crate) fn read(&mut self, time: Duration) -> Outcome<Told> {
        while self.late.try_recv().is_ok() {}
        self.seen.bytes.store(0, Ordering::Relaxed);
        self.seen.counts.store(true, Ordering::Relaxed);
        self.runtime.block_on(async { tokio::time::sleep(time).await });
        self.seen.counts.store(false, Ordering::Relaxed);
        let gone = self.gone.load(Ordering::Relaxed);
        if gone > 0 {
            return Err(format!("{gone} streams ended").into());
        }
        let mut late = Vec::new();
        while let Ok(one) = self.late.try_recv() {
            late.push(one);
        }
        let worst_ms = late.iter().copied().reduce(f64::max);
        let median_ms = worst_ms.map(|_| median(late));
        Ok(Told { bytes: self.seen.bytes.load(Ordering::Relaxed), median_ms, worst_ms })
    }
}

/// The address that a reader comes from: no single one may have all places.
fn from(reader: usize) -> SocketAddr {
    const ADDRESSES: [u8; 4] = [1, 2, 3, 4];
    (Ipv4Addr::new(127, 0, 0, ADDRESSES[reader % ADDRESSES.len()]), 0).into()
}

async fn follow(mut stream: TcpStream, seen: &Seen, tell: &mpsc::UnboundedSender<f64>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length) = stream.read(&mut buffer).await {
        if length == 0 {
            return;
        }
        if !seen.counts.load(Ordering::Relaxed) {
            continue;
        }
        seen.bytes.fetch_add(length as u64, Ordering::Relaxed);
        if let Some(made_at) = made_at(&buffer[..length]) {
            // Nobody listens after the end.
            let _ = tell.send(now_ms() - made_at);
        }
    }
}

/// The moment, where the bytes hold a snapshot's beginning.
fn made_at(bytes: &[u8]) -> Option<f64> {
    // It stands in the first hundred bytes of a message.
    let head = &bytes[..bytes.len().min(400)];
    let start = head.windows(MADE_AT.len()).position(|window| window == MADE_AT)? + MADE_AT.len();
    let digits = head[start..].split(|byte| !byte.is_ascii_digit()).next()?;
    str::from_utf8(digits).ok()?.parse().ok()
}

fn now_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1000.0
}
