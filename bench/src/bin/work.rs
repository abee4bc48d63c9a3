//! Repeats a tick or a request for callgrind. The ticks process recorded frames of a real collector.
//!
//! `work FRAMES unseen|seen TIMES`: ticks without any recent request, or with recent requests for all views.
//! `work FRAMES PATH[+gzip] TIMES`: requests on one connection, after two ticks.

use std::{error::Error, fs, io, net::SocketAddr, sync::Arc, time::Duration};

use server::{App, Limits, Listener, Publisher, ServerConfig};
use telemetry::{
    Stamp,
    derive::{Child, Deriver, IDLE_AFTER, Input},
    frame::{self, Message},
    sample::Sample,
    snapshot::ContainerCount,
    usage::Ledger,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Views that a page and two monitoring systems request.
const VIEWS: [&str; 6] = [
    "/status",
    "/api/v1/snapshot+gzip",
    "/api/v1/summary",
    "/api/v1/stream",
    "/metrics+gzip",
    "/metrics?names=dcgm+gzip",
];

/// Supervisor's side of a tick.
struct Ticks {
    frames: io::Cursor<Vec<u8>>,
    deriver: Deriver,
    publisher: Publisher,
    ledger: Ledger,
}

impl Ticks {
    fn new(frames: &str) -> Outcome<Self> {
        let frames = io::Cursor::new(fs::read(frames)?);
        Ok(Self {
            frames,
            deriver: Deriver::default(),
            publisher: Publisher::new(Stamp::default()),
            ledger: Ledger::default(),
        })
    }

    /// Processes the next frame like the supervisor.
    fn tick(&mut self) -> Outcome {
        let sample: Arc<Sample> = loop {
            match frame::read(&mut self.frames)? {
                Some(Message::Sample(sample)) if !sample.gpus.is_empty() => break Arc::from(sample),
                Some(_) => {}
                None => return Err("expected another frame, got the end of the file".into()),
            }
        };
        let snapshot = self.deriver.derive(&Input {
            now: sample.assembled,
            interval: Duration::from_secs(1),
            child: &Child::Alive,
            sample: Some(&sample),
            restarts: 0,
            left_out: &[],
            idle_after: IDLE_AFTER,
            container_count: ContainerCount::default(),
            claims: None,
        });
        self.ledger.add(&snapshot);
        self.publisher.publish(snapshot);
        Ok(())
    }
}

/// A keep-alive connection.
struct Connection {
    stream: TcpStream,
    /// Buffer for the longest response.
    bytes: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> Outcome<Self> {
        Ok(Self { stream: TcpStream::connect(address).await?, bytes: vec![0; 256 * 1024] })
    }

    /// Sends a request and reads the response's head and, if it has a length, its body.
    async fn request(&mut self, view: &str) -> Outcome {
        let (path, encoding) = view.strip_suffix("+gzip").map_or((view, "identity"), |path| (path, "gzip"));
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: {encoding}\r\n\r\n");
        self.stream.write_all(request.as_bytes()).await?;
        let bytes = &mut self.bytes;
        let (mut received, mut expected) = (0, None);
        while expected.is_none_or(|expected| received < expected) {
            let read = self.stream.read(&mut bytes[received..]).await?;
            if read == 0 {
                return Err(format!("{view}: the connection ended").into());
            }
            received += read;
            if expected.is_none()
                && let Some(end) = bytes[..received].windows(4).position(|four| four == b"\r\n\r\n")
            {
                let head = str::from_utf8(&bytes[..end])?.to_ascii_lowercase();
                if !head.starts_with("http/1.1 200 ") {
                    return Err(format!("{view}: {head}").into());
                }
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                expected = Some(end + 4 + length.map_or(Ok(0), str::parse)?);
            }
        }
        Ok(())
    }
}

async fn run(frames: &str, what: &str, times: usize) -> Outcome {
    let mut ticks = Ticks::new(frames)?;
    ticks.tick()?;
    if what == "unseen" {
        return (0..times).try_for_each(|_| ticks.tick());
    }
    let app = App::new(ServerConfig::default(), ticks.publisher.subscribe());
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let answer = move |peer, request| app.reply(Some(peer), &request);
    let serving = server::serve(vec![Listener::Tcp(listener, None)], answer, Limits::default(), std::future::pending());
    let requests = async {
        if what == "seen" {
            for view in VIEWS {
                Connection::open(address).await?.request(view).await?;
            }
            return (0..times).try_for_each(|_| ticks.tick());
        }
        ticks.tick()?;
        let mut connection = Connection::open(address).await?;
        for _ in 0..times {
            connection.request(what).await?;
        }
        Ok(())
    };
    tokio::select! {
        () = serving => Err("the server ended".into()),
        outcome = requests => outcome,
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [frames, what, times] = arguments.as_slice() else {
        return Err("usage: work FRAMES unseen|seen|PATH[+gzip] TIMES".into());
    };
    run(frames, what, times.parse()?).await
}
