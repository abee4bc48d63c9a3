//! Clients that hold connections, send slowly, too much or nonsense: nobody else waits for them.

use std::{
    io::{Read as _, Write as _},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{TWO, agent, answer, claim, claimed, connect, finish, socket, status};
use crate::support::Driver;

#[test]
fn nonsense_is_refused_in_one_line() {
    let driver = Driver::new(TWO);
    let _agent = agent(&driver);
    let socket = socket(&driver);
    let long = |length: usize| {
        let mut line = br#"{"version":1,"do":"list","more":""#.to_vec();
        line.resize(length - 3, b'x');
        [line, b"\"}\n".to_vec()].concat()
    };
    assert_eq!(status(&answer(&socket, &long(4096))), "done", "4 KiB with its end of line");
    for (bytes, part) in [
        (long(4097), "at most 4096 bytes"),
        (vec![b'x'; 1 << 20], "at most 4096 bytes"),
        (b"".to_vec(), "a part of it"),
        (br#"{"version":1,"do":"list"}"#.to_vec(), "a part of it"),
        (b"\n".to_vec(), "one line of JSON"),
        (b"\xff\0\n".to_vec(), "one line of JSON"),
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "one line of JSON"),
        (b"{\"version\":2,\"do\":\"list\"}\n".to_vec(), "got 2"),
        (b"{\"version\":1,\"do\":\"list\",\"uid\":}\n".to_vec(), "one line of JSON"),
    ] {
        let answer = answer(&socket, &bytes);
        assert_eq!(status(&answer), "invalid");
        assert!(answer["text"].as_str().unwrap().contains(part), "{answer}");
    }
    // Only the first line counts, and nothing in it makes the user another.
    let two = b"{\"version\":1,\"do\":\"claim\",\"devices\":[\"0\"],\"uid\":4242,\"user\":\"eve\"}\n{\"version\":1,\"do\":\"unclaim\"}\n";
    let answer = answer(&socket, two);
    assert_eq!(answer["claims"][0]["uid"], nix::unistd::getuid().as_raw());
    assert_eq!(claimed(&socket), ["GPU-A"]);
}

/// Connections of another user: silent ones, and one that sends a byte at a time.
const HOLD: &str = "
import os, socket, sys, time
os.setuid(10_000)
clients = []
for number in range(4):
    client = socket.socket(socket.AF_UNIX)
    client.connect(sys.argv[1])
    clients.append(client)
fifth = socket.socket(socket.AF_UNIX)
fifth.connect(sys.argv[1])
print(fifth.makefile().readline(), end='', flush=True)
begun = time.monotonic()
try:
    while True:
        clients[0].send(b'{')
        time.sleep(0.05)
except OSError:
    pass
for client in clients[1:]:
    client.makefile().read()
print(time.monotonic() - begun, flush=True)
";

#[test]
fn clients_that_hold_connections_block_nobody() {
    let driver = Driver::new(TWO);
    let _agent = agent(&driver);
    let socket = socket(&driver);
    let mut child = Command::new("python3").args(["-c", HOLD]).arg(&socket).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut line = Vec::new();
    while !line.ends_with(b"\n") {
        let mut byte = [0];
        out.read_exact(&mut byte).unwrap();
        line.push(byte[0]);
    }
    let fifth: serde_json::Value = serde_json::from_slice(&line).unwrap();
    assert_eq!(status(&fifth), "busy", "{fifth}");
    assert_eq!(status(&claim(&socket, &["0"])), "done", "meanwhile");
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert!(rest.trim().parse::<f64>().unwrap() < 10.0, "they are closed after a second: {rest}");
    child.wait().unwrap();
}

#[test]
fn silent_client_is_told_and_closed() {
    let driver = Driver::new(TWO);
    let _agent = agent(&driver);
    let socket = socket(&driver);
    let begun = Instant::now();
    let mut stream = connect(&socket);
    stream.write_all(b"{\"version\":1,").unwrap();
    let answer = finish(stream);
    assert_eq!(answer["text"], json!("expected a request within 1 s, got a part of it"));
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[test]
fn client_that_leaves_without_its_answer_claims_nothing_twice() {
    let driver = Driver::new(TWO);
    let agent = agent(&driver);
    let socket = socket(&driver);
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let socket = socket.clone();
            thread::spawn(move || {
                for _ in 0..20 {
                    let mut stream = connect(&socket);
                    let _ = stream.write_all(b"{\"version\":1,\"do\":\"claim\",\"devices\":[\"1\"]}\n");
                    drop(stream);
                }
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().unwrap());
    let answer = super::ask(&socket, json!({"do": "list"}));
    assert!(answer["claims"].as_array().unwrap().len() <= 1, "{answer}");
    agent.stop();
}
