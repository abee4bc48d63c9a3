//! A client that means no good, in plain and over TLS: whatever it sends, the agent goes on serving others.

use std::{
    io::{Read as _, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use fastrand::Rng;

use crate::support::{Agent, Authority, Client, Driver, KeptAlive, Start, eventually};

/// Connections of each malicious client.
const CONNECTIONS: usize = 150;
/// Malicious clients at once.
const CLIENTS: u64 = 6;
/// Permitted growth of the agent's memory, in KiB.
const GROWTH_KIB: u64 = 48 * 1024;

/// Bytes of a malicious client on one connection, and the size of the pieces.
fn badness(rng: &mut Rng) -> (Vec<u8>, usize) {
    let noise = |rng: &mut Rng, most: usize| -> Vec<u8> { (0..rng.usize(0..most)).map(|_| rng.u8(..)).collect() };
    let request = |extra: &str| format!("GET /status HTTP/1.1\r\nHost: localhost\r\n{extra}\r\n").into_bytes();
    let bytes = match rng.u32(0..16) {
        0 => noise(rng, 4000),
        // Something that begins like TLS.
        1 => [b"\x16\x03\x01".to_vec(), noise(rng, 600)].concat(),
        2 => [b"\x16\x03\x03\xff\xff\x01\x00\xff\xfc\x03\x03".to_vec(), noise(rng, 70_000)].concat(),
        // A record of alert, of data, of a version that does not exist.
        3 => [vec![[0x15, 0x17, 0x18][rng.usize(0..3)], 3, rng.u8(..), 0, 2], noise(rng, 50)].concat(),
        // Bodies that are larger than they may be, or never come.
        4 => [request("Content-Length: 1000000000000\r\n"), noise(rng, 300_000)].concat(),
        5 => [request("Transfer-Encoding: chunked\r\n"), b"ffffffff\r\n".to_vec(), noise(rng, 100_000)].concat(),
        6 => request("Expect: 100-continue\r\nContent-Length: 10\r\n"),
        // Two lengths, and both headers for a length: the ingredients of request smuggling.
        7 => request("Content-Length: 5\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n"),
        8 => request("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c, websocket\r\nHTTP2-Settings: AAMAAABk\r\n"),
        9 => [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), noise(rng, 500)].concat(),
        // Many at once, of which the answers are not read.
        10 => request("").repeat(rng.usize(1..300)),
        11 => format!("GET /{} HTTP/1.1\r\n", "a".repeat(rng.usize(0..200_000))).into_bytes(),
        12 => request(&"X-Header: value\r\n".repeat(rng.usize(0..4000))),
        // Two hosts, one that is none, and a pipeline behind a request without one.
        13 => request(["Host: evil.example\r\n", "Host: a/b@c\r\n", " folded\r\n"][rng.usize(0..3)]),
        14 => format!("GET http://evil.example/ HTTP/1.1\n\n{}", "GET / HTTP/1.1\nHost: a\n\n".repeat(9)).into_bytes(),
        // A good one with some bytes changed.
        _ => {
            let mut good = request("Authorization: Bearer x\r\nRange: bytes=0-\r\n");
            for _ in 0..rng.usize(1..6) {
                let place = rng.usize(..good.len());
                good[place] = rng.u8(..);
            }
            good
        }
    };
    let piece = if rng.u32(0..4) == 0 { rng.usize(1..40) } else { bytes.len().max(1) };
    (bytes, piece)
}

/// Says it, as far as it is listened to, and perhaps reads a little of what comes back.
fn misbehave(rng: &mut Rng, mut stream: impl Write + std::io::Read) {
    let (bytes, piece) = badness(rng);
    for piece in bytes.chunks(piece).take(400) {
        if stream.write_all(piece).is_err() {
            return;
        }
    }
    if rng.bool() {
        let _ = stream.read(&mut [0; 1000]);
    }
}

fn bad_client(seed: u64, address: SocketAddr, tls: Option<&Client>) {
    let mut rng = Rng::with_seed(seed);
    for _ in 0..CONNECTIONS {
        let Ok(stream) = TcpStream::connect(address) else { continue };
        stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
        match tls.filter(|_| rng.bool()) {
            Some(client) => match client.over(stream) {
                Ok(stream) => misbehave(&mut rng, stream),
                Err(_) => continue,
            },
            None => misbehave(&mut rng, stream),
        }
    }
}

/// The memory that is the process's own, in KiB.
fn memory_kib(agent: &Agent) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", agent.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn descriptors(agent: &Agent) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", agent.pid())).unwrap().count()
}

/// Lets bad clients at it while a good one asks, and sees that nothing is left of them.
fn bears_bad_clients(agent: &Agent, tls: Option<&Client>, ask: &mut dyn FnMut() -> u16) {
    let (memory, open) = (memory_kib(agent), descriptors(agent));
    let collectors = agent.collectors();
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| scope.spawn(move || bad_client(client * 7919 + 1, agent.address(), tls)))
            .collect();
        while !clients.iter().all(thread::ScopedJoinHandle::is_finished) {
            assert_eq!(ask(), 200, "a good client is served meanwhile");
        }
    });
    eventually("their connections to be closed", || (descriptors(agent) <= open + 2).then_some(()));
    assert_eq!(ask(), 200);
    assert_eq!(agent.collectors(), collectors, "the collector does not notice");
    assert!(!agent.log().contains("panic"), "{}", agent.log());
    let grown = memory_kib(agent).saturating_sub(memory);
    assert!(grown < GROWTH_KIB, "{grown} KiB more");
}

#[test]
fn malicious_plain_clients_tolerated() {
    let driver = Driver::new("[[gpu]]\nname = 'A'\n");
    let agent = Start::on(&driver).serve().ready();
    let mut good = KeptAlive::open(agent.address());
    bears_bad_clients(&agent, None, &mut || good.get("/status").status);
}

#[test]
fn malicious_tls_clients_tolerated() {
    let (driver, authority) = (Driver::new("[[gpu]]\nname = 'A'\n"), Authority::new());
    let pair = authority.pair("host", "ec");
    let [certificate, key] = [&pair.certificate, &pair.key].map(|path| path.to_str().unwrap());
    let start = Start::on(&driver).argument("--tls-cert").argument(certificate).argument("--tls-key").argument(key);
    let agent = start.serve();
    let client = authority.client(None);
    let ask = || client.get(agent.address(), "/status").map_or(0, |answer| answer.status);
    eventually("the agent to be ready", || (ask() == 200).then_some(()));
    let mut ask = ask;
    bears_bad_clients(&agent, Some(&client), &mut ask);
}

#[test]
fn silent_tls_clients_block_no_handshake() {
    let (driver, authority) = (Driver::new("[[gpu]]\nname = 'A'\n"), Authority::new());
    let pair = authority.pair("host", "ec");
    let [certificate, key] = [&pair.certificate, &pair.key].map(|path| path.to_str().unwrap());
    let start = Start::on(&driver).argument("--tls-cert").argument(certificate).argument("--tls-key").argument(key);
    let agent = start.serve();
    let client = authority.client(None);
    // Some say nothing, some half of what begins a handshake.
    let idle: Vec<TcpStream> = (0..300)
        .map(|number| {
            let mut stream = TcpStream::connect(agent.address()).unwrap();
            if number % 2 == 0 {
                stream.write_all(b"\x16\x03\x01\x02\x00\x01\x00").unwrap();
            }
            stream
        })
        .collect();
    for _ in 0..10 {
        assert_eq!(client.get(agent.address(), "/healthz").unwrap().status, 200);
    }
    // Each of them is sent away in the end.
    for mut stream in idle {
        stream.set_read_timeout(Some(crate::support::PATIENCE)).unwrap();
        let mut told = Vec::new();
        let _ = stream.read_to_end(&mut told);
        assert!(told.len() < 100, "{told:?}");
    }
}
