//! Server of all simulated hosts: each has a prefix of its own on a few listeners, on one thread.

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{sleep, timeout},
};

use super::{
    hostile::Hostile,
    models::Models,
    template::{Reading, Template},
    world::{Host, INTERVAL_MS, Kind, World},
};

/// Hosts whose readings are at the same time.
const PHASES: usize = 20;
/// Longest head of a request.
const MAX_HEAD: usize = 16 << 10;
/// A client that does not accept more is disconnected after this.
const STUCK: Duration = Duration::from_secs(20);
/// Error of a clock that is wrong.
const HOUR_MS: i64 = 3_600_000;
/// Time that a slow agent needs for an answer, and for a piece of one.
const SLOW: Duration = Duration::from_secs(3);
const PIECE: Duration = Duration::from_millis(400);

/// A fault of a host that came after the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Fault {
    None,
    /// Connections end at once.
    Dead,
    /// Connections stay, and nothing is sent.
    Silent,
    Slow,
    /// Each answer ends in its middle.
    Partial,
    /// Answers are not those of an agent.
    Garbage,
    /// Its clock is an hour ahead.
    Ahead,
    /// Its clock is an hour behind.
    Behind,
    /// Its GPUs have other names, as after an update of the driver.
    Renamed,
}

impl Fault {
    const ALL: [(Self, &'static str); 9] = [
        (Self::None, "none"),
        (Self::Dead, "dead"),
        (Self::Silent, "silent"),
        (Self::Slow, "slow"),
        (Self::Partial, "partial"),
        (Self::Garbage, "garbage"),
        (Self::Ahead, "ahead"),
        (Self::Behind, "behind"),
        (Self::Renamed, "renamed"),
    ];
}

/// The simulated hosts.
pub(crate) struct Sim {
    pub(crate) world: World,
    pub(crate) hosts: Vec<Host>,
    pub(crate) models: Models,
    /// Token that each agent of ours expects.
    pub(crate) token: Option<String>,
    by_name: HashMap<String, usize>,
    faults: Vec<AtomicU8>,
    phases: Vec<watch::Sender<()>>,
    /// Bytes sent, for `/counts`.
    sent: AtomicU64,
    requests: AtomicU64,
}

/// A request.
#[derive(Debug, Default)]
struct Request {
    path: String,
    query: String,
    authorization: Option<String>,
    /// True if the client asks for the scope `summary`.
    is_summary: bool,
    /// True if the client wants no other answer over this connection.
    is_last: bool,
}

/// Time now, Unix time in milliseconds.
pub(crate) fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()).unwrap_or_default()
}

impl Sim {
    pub(crate) fn new(world: World, hosts: Vec<Host>, models: Models, token: Option<String>) -> Self {
        Self {
            by_name: hosts.iter().map(|host| (host.name.clone(), host.number)).collect(),
            faults: hosts.iter().map(|_| AtomicU8::new(0)).collect(),
            phases: (0..PHASES).map(|_| watch::Sender::default()).collect(),
            sent: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            world,
            hosts,
            models,
            token,
        }
    }

    /// Wakes the streams of the hosts that have read something, forever.
    pub(crate) async fn tick(self: Arc<Self>) {
        let step = INTERVAL_MS / PHASES as u64;
        let mut next = now_ms() / step + 1;
        loop {
            sleep(Duration::from_millis((next * step).saturating_sub(now_ms()))).await;
            if let Some(phase) = self.phases.get(usize::try_from(next).unwrap_or_default() % PHASES) {
                phase.send_replace(());
            }
            next += 1;
        }
    }

    /// Accepts connections forever.
    pub(crate) async fn accept(self: Arc<Self>, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let sim = Arc::clone(&self);
                    // The other end went, which is its right.
                    tokio::spawn(async move { drop(sim.connection(stream).await) });
                }
                Err(error) => {
                    eprintln!("cannot accept a connection: {error}");
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    fn fault(&self, host: &Host) -> Fault {
        let set = self.faults.get(host.number).map_or(0, |fault| fault.load(Ordering::Relaxed));
        let fault = Fault::ALL.iter().find(|(fault, _)| *fault as u8 == set).map_or(Fault::None, |(fault, _)| *fault);
        match (fault, host.kind) {
            (Fault::None, Kind::Slow) => Fault::Slow,
            (Fault::None, Kind::Silent) => Fault::Silent,
            (Fault::None, Kind::Dead) => Fault::Dead,
            _ => fault,
        }
    }

    async fn connection(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut buffer = Vec::new();
        while let Some(request) = read_request(&mut stream, &mut buffer).await? {
            self.requests.fetch_add(1, Ordering::Relaxed);
            let (name, path) = match request.path.get(1..).and_then(|rest| rest.split_once('/')) {
                Some((name, _)) => (name, &request.path[name.len() + 1..]),
                None => ("", &*request.path),
            };
            let Some(host) = self.by_name.get(name).and_then(|number| self.hosts.get(*number)) else {
                self.control(&mut stream, &request.path).await?;
                if request.is_last {
                    return Ok(());
                }
                continue;
            };
            match self.fault(host) {
                Fault::Dead => return Ok(()),
                Fault::Silent => {
                    while self.fault(host) == Fault::Silent {
                        sleep(Duration::from_secs(1)).await;
                    }
                    return Ok(());
                }
                // Another kind of garbage each time.
                Fault::Garbage => return self.hostile(&mut stream, Hostile::of(now_ms() as usize / 100)).await,
                Fault::Slow => sleep(SLOW).await,
                _ => {}
            }
            self.answer(&mut stream, host, path, &request).await?;
            if request.is_last {
                break;
            }
        }
        Ok(())
    }

    async fn answer(&self, stream: &mut TcpStream, host: &Host, path: &str, request: &Request) -> io::Result<()> {
        if host.kind == Kind::Hostile {
            return self.hostile(stream, Hostile::of(host.number)).await;
        }
        let is_original = host.kind == Kind::Original;
        if !is_original && self.token.is_some() && self.token != request.authorization {
            return self.problem(stream, "401 Unauthorized", "expected a token").await;
        }
        let model = self.models.of(host.kind);
        let mut reading = Reading::new(&self.world, host, now_ms());
        reading.names_users = !request.is_summary;
        match self.fault(host) {
            Fault::Ahead => reading.clock_ms = HOUR_MS,
            Fault::Behind => reading.clock_ms = -HOUR_MS,
            Fault::Renamed => reading.is_renamed = true,
            _ => {}
        }
        let set = |name: &str| request.query.split('&').any(|part| part == name);
        let (template, kind): (&Template, _) = match path {
            "/status" => (&model.status, "application/json"),
            "/count" => (&model.count, "application/json"),
            _ if is_original => {
                return self.send(stream, "404 Not Found", "application/json", r#"{"detail":"Not Found"}"#, "").await;
            }
            "/api/v1/stream" if host.kind == Kind::Older => {
                return self.problem(stream, "400 Bad Request", "unknown parameter view").await;
            }
            "/api/v1/stream" => return self.stream(stream, host, request.is_summary).await,
            "/api/v1/summary" => (&model.summary, "application/json"),
            "/api/v1/snapshot" => (&model.snapshot, "application/json"),
            "/metrics" if set("set=fleet") => (&model.metrics_fleet, METRICS),
            "/metrics" if set("set=full") => (&model.metrics_full, METRICS),
            "/metrics" => (&model.metrics, METRICS),
            _ => return self.problem(stream, "404 Not Found", "no such path").await,
        };
        let mut body = String::new();
        reading.render(template, &mut body);
        // An agent of an earlier release does not know the header.
        let scope = request.is_summary && host.kind != Kind::Older && !is_original;
        let headers = if scope { "nvsmi-scope: summary\r\nvary: nvsmi-scope\r\n" } else { "" };
        if self.fault(host) == Fault::Partial {
            let head = head("200 OK", kind, headers, body.len());
            self.write(stream, head.as_bytes()).await?;
            self.write(stream, &body.as_bytes()[..body.len() / 2]).await?;
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        self.send(stream, "200 OK", kind, &body, headers).await
    }

    /// Sends a summary with each reading that changed something, else a sign of life.
    async fn stream(&self, stream: &mut TcpStream, host: &Host, is_summary: bool) -> io::Result<()> {
        let Some(phase) = self.phases.get(host.number % PHASES) else { return Ok(()) };
        let mut ticks = phase.subscribe();
        self.write(stream, STREAM.as_bytes()).await?;
        let summary = &self.models.of(host.kind).summary;
        let mut sent = None;
        loop {
            let now = now_ms();
            let changed = host.changed_ms(&self.world, now);
            let mut text = String::new();
            let mut reading = Reading::new(&self.world, host, now);
            reading.names_users = !is_summary;
            event(&reading, (sent != Some(changed)).then_some(summary), sent.is_none(), &mut text);
            sent = Some(changed);
            let fault = self.fault(host);
            if fault == Fault::Slow {
                for piece in text.as_bytes().chunks(text.len().div_ceil(4).max(1)) {
                    self.chunk(stream, piece).await?;
                    sleep(PIECE).await;
                }
            } else if fault == Fault::Partial {
                self.chunk(stream, &text.as_bytes()[..text.len() / 2]).await?;
                return Err(io::ErrorKind::ConnectionAborted.into());
            } else if fault == Fault::Garbage {
                self.chunk(stream, garbage(&text, now).as_bytes()).await?;
            } else {
                self.chunk(stream, text.as_bytes()).await?;
            }
            if ticks.changed().await.is_err() || self.fault(host) == Fault::Dead {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            while self.fault(host) == Fault::Silent {
                sleep(Duration::from_secs(1)).await;
            }
        }
    }

    async fn hostile(&self, stream: &mut TcpStream, hostile: Hostile) -> io::Result<()> {
        let answer = hostile.answer();
        if answer.is_endless {
            let head = format!("HTTP/1.1 {}\r\n{}\r\n", answer.status, answer.headers);
            self.write(stream, head.as_bytes()).await?;
            loop {
                self.write(stream, answer.body.as_bytes()).await?;
            }
        }
        let length = answer.body.len();
        let head = format!("HTTP/1.1 {}\r\n{}content-length: {length}\r\n\r\n", answer.status, answer.headers);
        self.write(stream, head.as_bytes()).await?;
        self.write(stream, answer.body.as_bytes()).await
    }

    /// Paths for tests: `/control/HOST/FAULT`, `/truth` and `/counts`.
    async fn control(&self, stream: &mut TcpStream, path: &str) -> io::Result<()> {
        let mut body = String::new();
        if let Some((host, fault)) = path.strip_prefix("/control/").and_then(|rest| rest.split_once('/')) {
            let number = self.by_name.get(host).and_then(|number| self.faults.get(*number));
            let fault = Fault::ALL.iter().find(|(_, name)| *name == fault);
            let Some((place, (fault, _))) = number.zip(fault) else {
                return self.problem(stream, "404 Not Found", "expected /control/HOST/FAULT").await;
            };
            place.store(*fault as u8, Ordering::Relaxed);
        } else if path == "/truth" {
            for host in &self.hosts {
                body.push_str(if body.is_empty() { "{" } else { "," });
                body.push_str(&format!("\"{}\":", host.name));
                Reading::new(&self.world, host, now_ms()).uses(&mut body);
            }
            body.push('}');
        } else if path == "/counts" {
            let (requests, sent) = (self.requests.load(Ordering::Relaxed), self.sent.load(Ordering::Relaxed));
            body = format!("{{\"requests\":{requests},\"bytes\":{sent}}}");
        } else {
            return self.problem(stream, "404 Not Found", "no such host").await;
        }
        self.send(stream, "200 OK", "application/json", &body, "").await
    }

    async fn problem(&self, stream: &mut TcpStream, status: &str, detail: &str) -> io::Result<()> {
        let code = status.get(..3).unwrap_or_default();
        let body = format!("{{\"type\":\"about:blank\",\"status\":{code},\"detail\":\"{detail}\"}}");
        self.send(stream, status, "application/problem+json", &body, "").await
    }

    async fn send(&self, to: &mut TcpStream, status: &str, kind: &str, body: &str, more: &str) -> io::Result<()> {
        let mut text = head(status, kind, more, body.len());
        text.push_str(body);
        self.write(to, text.as_bytes()).await
    }

    async fn chunk(&self, stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
        let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
        chunk.extend_from_slice(bytes);
        chunk.extend_from_slice(b"\r\n");
        self.write(stream, &chunk).await
    }

    async fn write(&self, stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
        timeout(STUCK, stream.write_all(bytes)).await.map_err(|_| io::ErrorKind::TimedOut)??;
        self.sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\n\
                      transfer-encoding: chunked\r\n\r\n";

fn head(status: &str, kind: &str, more: &str, length: usize) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncache-control: no-store\r\n{more}content-length: {length}\r\n\r\n"
    )
}

/// Writes an event of the stream of summaries.
fn event(reading: &Reading, summary: Option<&Template>, is_first: bool, to: &mut String) {
    if is_first {
        to.push_str("retry: 2000\n");
    }
    match summary {
        Some(summary) => {
            to.push_str("event: summary\ndata: ");
            reading.render(summary, to);
        }
        None => {
            let age = reading.now_ms.saturating_sub(reading.read_ms);
            to.push_str(&format!("event: alive\ndata: {{\"age_ms\":{age}}}"));
        }
    }
    to.push_str("\n\n");
}

/// An event without its sense: cut, or with values and signs that no agent sends.
fn garbage(event: &str, now_ms: u64) -> String {
    match now_ms / INTERVAL_MS % 4 {
        0 => event.replacen("\"gpus\":[", "\"gpus\":7,\"cut\":[", 1),
        1 => format!("{}\n\n", event.get(..event.len() / 2).unwrap_or_default()),
        2 => event.replace("\"index\":", "\"index\":-"),
        _ => event.replace(':', "::"),
    }
}

/// Reads the head of a request; none at the end of the connection.
async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<Request>> {
    loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&buffer[..end]).into_owned();
            buffer.drain(..end + 4);
            return Ok(Some(parse(&text)));
        }
        if buffer.len() > MAX_HEAD || stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

fn parse(head: &str) -> Request {
    let mut lines = head.split("\r\n");
    let target = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or("/");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Request { path: path.into(), query: query.into(), ..Request::default() };
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        match name.to_ascii_lowercase().as_str() {
            "authorization" => {
                let value = value.trim();
                request.authorization = Some(value.strip_prefix("Bearer ").unwrap_or(value).to_owned());
            }
            "connection" => request.is_last = value.trim().eq_ignore_ascii_case("close"),
            "nvsmi-scope" => request.is_summary = value.trim() == "summary",
            _ => {}
        }
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_parsed() {
        let request = parse(
            "GET /gpu0001/api/v1/stream?view=summary HTTP/1.1\r\nHost: a\r\nauthorization: Bearer t:1\r\nNVSMI-Scope: summary",
        );
        assert_eq!((&*request.path, &*request.query), ("/gpu0001/api/v1/stream", "view=summary"));
        assert_eq!((request.authorization.as_deref(), request.is_summary), (Some("t:1"), true));
        assert_eq!(parse("").path, "/");
    }
}
