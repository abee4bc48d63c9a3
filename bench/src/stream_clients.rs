//! Stream clients: many connections that read `/api/v1/stream` and measure the age of each snapshot.

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

/// JSON key of the time at which a snapshot was derived.
const SAMPLED_AT: &[u8] = b"\"sampled_at\":";

/// Connections that read until this is dropped.
pub(crate) struct StreamClients {
    runtime: Runtime,
    shared: Arc<Shared>,
    ages: mpsc::UnboundedReceiver<f64>,
    closed: Arc<AtomicU64>,
}

#[derive(Default)]
struct Shared {
    bytes: AtomicU64,
    measuring: AtomicBool,
}

/// Received bytes and age of snapshots over a time.
pub(crate) struct Received {
    pub(crate) bytes: u64,
    /// Age of snapshots on arrival, in ms; none for a compressed stream.
    pub(crate) median_ms: Option<f64>,
    pub(crate) worst_ms: Option<f64>,
}

impl StreamClients {
    /// Opens `count` connections.
    pub(crate) fn open(address: SocketAddr, count: usize, encoding: &'static str) -> Outcome<Self> {
        Self::open_path(address, "/api/v1/stream", count, encoding)
    }

    /// Opens `count` connections to a stream.
    pub(crate) fn open_path(address: SocketAddr, path: &str, count: usize, encoding: &'static str) -> Outcome<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (sender, ages) = mpsc::unbounded_channel();
        let (shared, closed) = (Arc::new(Shared::default()), Arc::new(AtomicU64::new(0)));
        runtime.block_on(async {
            for client in 0..count {
                let socket = TcpSocket::new_v4()?;
                socket.bind(source(client))?;
                let mut stream = socket.connect(address).await?;
                let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: {encoding}\r\n\r\n");
                stream.write_all(request.as_bytes()).await?;
                let (shared, sender, closed) = (Arc::clone(&shared), sender.clone(), Arc::clone(&closed));
                tokio::spawn(async move {
                    follow(stream, &shared, &sender).await;
                    closed.fetch_add(1, Ordering::Relaxed);
                });
            }
            Outcome::Ok(())
        })?;
        Ok(Self { runtime, shared, ages, closed })
    }

    /// Reads for a time.
    pub(crate) fn read(&mut self, time: Duration) -> Outcome<Received> {
        while self.ages.try_recv().is_ok() {}
        self.shared.bytes.store(0, Ordering::Relaxed);
        self.shared.measuring.store(true, Ordering::Relaxed);
        self.runtime.block_on(async { tokio::time::sleep(time).await });
        self.shared.measuring.store(false, Ordering::Relaxed);
        let closed = self.closed.load(Ordering::Relaxed);
        if closed > 0 {
            return Err(format!("{closed} streams ended early").into());
        }
        let mut ages = Vec::new();
        while let Ok(age) = self.ages.try_recv() {
            ages.push(age);
        }
        let worst_ms = ages.iter().copied().reduce(f64::max);
        let median_ms = worst_ms.map(|_| median(ages));
        Ok(Received { bytes: self.shared.bytes.load(Ordering::Relaxed), median_ms, worst_ms })
    }
}

/// Source address of a client. The agent limits streams per address.
fn source(client: usize) -> SocketAddr {
    const ADDRESSES: [u8; 4] = [1, 2, 3, 4];
    (Ipv4Addr::new(127, 0, 0, ADDRESSES[client % ADDRESSES.len()]), 0).into()
}

async fn follow(mut stream: TcpStream, shared: &Shared, sender: &mpsc::UnboundedSender<f64>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length) = stream.read(&mut buffer).await {
        if length == 0 {
            return;
        }
        if !shared.measuring.load(Ordering::Relaxed) {
            continue;
        }
        shared.bytes.fetch_add(length as u64, Ordering::Relaxed);
        if let Some(sampled_at) = sampled_at(&buffer[..length]) {
            // Nothing receives after the end.
            let _ = sender.send(now_ms() - sampled_at);
        }
    }
}

/// Time in `SAMPLED_AT`, if the bytes contain the start of a snapshot.
fn sampled_at(bytes: &[u8]) -> Option<f64> {
    // The key is within the first hundred bytes of a message.
    let head = &bytes[..bytes.len().min(400)];
    let start = head.windows(SAMPLED_AT.len()).position(|window| window == SAMPLED_AT)? + SAMPLED_AT.len();
    let digits = head[start..].split(|byte| !byte.is_ascii_digit()).next()?;
    str::from_utf8(digits).ok()?.parse().ok()
}

fn now_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1000.0
}
