//! `/api/v1/stream` of the running agent.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpStream},
};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::support::{Driver, PATIENCE, Start, eventually};

/// A reader of a stream.
pub(crate) struct Stream(BufReader<TcpStream>);

/// An event of the stream: its name and its data.
pub(crate) type Said = (String, Value);

impl Stream {
    /// Opens it, and reads past the head of the answer, which it gives.
    pub(crate) fn open(address: SocketAddr, path: &str, headers: &str) -> (Self, String) {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n{headers}\r\n").as_bytes()).unwrap();
        let mut stream = Self(BufReader::new(stream));
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(stream.0.read_line(&mut head).unwrap(), 0, "the head ends early: {head}");
        }
        (stream, head)
    }

    /// The next message; none at the end. Comments and the like are passed over.
    pub(crate) fn next(&mut self) -> Option<Said> {
        let (mut name, mut line) = (String::new(), String::new());
        loop {
            line.clear();
            if self.0.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            if let Some(event) = line.strip_prefix("event: ") {
                name = event.trim_end().into();
            }
            if let Some(data) = line.strip_prefix("data: ") {
                return Some((name, serde_json::from_str(data).unwrap()));
            }
        }
    }

    /// Reads until that is said.
    pub(crate) fn until(&mut self, what: &str, wish: impl Fn(&Said) -> bool) -> Said {
        loop {
            let said = self.next().unwrap_or_else(|| panic!("the stream ended before {what}"));
            if wish(&said) {
                return said;
            }
        }
    }
}

const HOT: &str = "[[gpu]]\nname = 'NVIDIA H200'\ntemperature_c = 61\n";
const HOTTER: &str = "[[gpu]]\nname = 'NVIDIA H200'\ntemperature_c = 88\n";

fn celsius(said: &Said) -> Option<u64> {
    said.1["gpus"][0]["temperature"]["gpu_celsius"].as_u64()
}

#[test]
fn stream_follows_driver_and_ends_with_agent() {
    let driver = Driver::new(HOT);
    let mut agent = Start::on(&driver).serve().ready();
    let (mut stream, head) = Stream::open(agent.address(), "/api/v1/stream", "");
    assert!(head.to_lowercase().contains("content-type: text/event-stream"), "{head}");
    let (_, first) = stream.until("61 degrees", |said| celsius(said) == Some(61));
    driver.play(HOTTER);
    let (_, second) = stream.until("88 degrees", |said| celsius(said) == Some(88));
    assert!(second["sequence"].as_u64() > first["sequence"].as_u64());
    driver.play("[[gpu]]\nname = 'NVIDIA H200'\nerrors = { '*' = 15 }\n");
    let (_, event) = stream.until("the loss", |said| said.0 == "event" && said.1["code"] == "lost");
    assert_eq!(event["kind"], "gpu_state");
    agent.signal(Signal::SIGTERM);
    while stream.next().is_some() {}
    assert_eq!(agent.ended().code(), Some(0));
    assert!(!agent.log().contains("cut off"), "{}", agent.log());
}

#[test]
fn stream_continues_while_driver_hung() {
    let driver = Driver::new(HOT);
    let agent = Start::on(&driver).serve().ready();
    let (mut stream, _) = Stream::open(agent.address(), "/api/v1/stream", "");
    driver.play(&format!("{HOT}[[fault]]\nfunction = 'nvmlDeviceGetTemperatureV'\nhang = true\n"));
    let (_, stale) = stream.until("a stale GPU", |said| said.1["gpus"][0]["state"] == "stale");
    let (_, later) = stream
        .until("its age to grow", |said| said.1["gpus"][0]["age_ms"].as_u64() > stale["gpus"][0]["age_ms"].as_u64());
    assert_eq!(later["gpus"][0]["state"], "stale");
}

#[test]
fn stream_places_are_as_configured() {
    let driver = Driver::new(HOT);
    let agent = Start::on(&driver).argument("--stream-clients=2").serve().ready();
    let open = || Stream::open(agent.address(), "/api/v1/stream", "");
    let (first, _) = open();
    let (_second, _) = open();
    let (_, head) = open();
    assert!(head.starts_with("HTTP/1.0 503") && head.to_lowercase().contains("retry-after"), "{head}");
    drop(first);
    eventually("the place to be free", || open().1.starts_with("HTTP/1.0 200").then_some(()));
}

#[test]
fn stream_of_summaries_has_news_only() {
    let idle = "[[gpu]]\nname = 'NVIDIA H200'\nmemory_total_bytes = 150754820096\nmemory_used_bytes = 0\n";
    let driver = Driver::new(&format!("{idle}utilization_percent = 0\n"));
    let agent = Start::seldom(&driver).argument("--interval=200ms").serve().ready();
    let (mut stream, head) = Stream::open(agent.address(), "/api/v1/stream?view=summary", "NVSMI-Scope: summary\r\n");
    assert!(head.to_lowercase().contains("nvsmi-scope: summary"), "{head}");
    let free = |said: &Said| said.0 == "summary" && said.1["gpus"][0]["use"] == "free";
    let (_, first) = stream.until("a free GPU", free);
    assert_eq!((&first["interval_ms"], &first["absent"]["gpus.0.users"]), (&200.into(), &"hidden".into()));
    let (_, alive) = stream.until("nothing new", |said| said.0 == "alive");
    assert!(alive.as_object().unwrap().len() == 3 && alive["sampled_at"].is_u64(), "{alive}");
    let (_, later) = stream.until("a later reading", |said| said.1["read_at"].as_u64() > alive["read_at"].as_u64());
    assert!(later["age_ms"].as_u64().unwrap() < 60_000, "{later}");
    driver.play(&format!("{idle}utilization_percent = 90\n"));
    stream.until("a busy GPU", |said| said.1["gpus"][0]["use"] == "busy");
    driver.play("[[gpu]]\nname = 'NVIDIA H200'\nerrors = { '*' = 15 }\n");
    let (_, lost) = stream.until("the loss", |said| said.1["gpus"][0]["state"] == "lost");
    assert!(lost["problems"][0].as_str().unwrap().contains("lost"), "{lost}");
}
