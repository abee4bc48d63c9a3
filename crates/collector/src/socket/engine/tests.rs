use proptest::prelude::*;
use telemetry::Absence;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::*;

const ID: &str = "1f0e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";

/// Asks on a connection on which these bytes come back, and then its end. What was asked comes with it.
fn asked<T, F: Future<Output = T>>(question: impl FnOnce(DuplexStream) -> F, answer: &[u8]) -> (T, String) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (near, mut far) = tokio::io::duplex(64 * 1024);
    let answer = answer.to_vec();
    runtime.block_on(async {
        let serves = tokio::spawn(async move {
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") && far.read_buf(&mut asked).await.unwrap() > 0 {}
            // Who has heard enough hangs up.
            let _ = far.write_all(&answer).await;
            String::from_utf8(asked).unwrap()
        });
        let outcome = question(near).await;
        (outcome, serves.await.unwrap())
    })
}

fn answered(answer: &[u8]) -> Result<Option<String>, Fault> {
    asked(|stream| name(stream, ID), answer).0
}

fn json(name: &str) -> String {
    format!(
        r#"{{"Id":"{ID}","Created":"2026-01-02T03:04:05Z","Path":"python","Args":["train.py"],"State":{{"Status":"running",
        "Pid":4242,"Health":null}},"Name":"/{name}","RestartCount":0,"Mounts":[],"Config":{{"Env":["A=1"],"Labels":{{}}}}}}"#
    )
}

fn with_length(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn chunked(body: &str, sizes: impl Iterator<Item = usize>) -> Vec<u8> {
    let mut answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let mut rest = body.as_bytes();
    for size in sizes.chain(std::iter::repeat(usize::MAX)) {
        let (chunk, after) = rest.split_at(size.clamp(1, rest.len()));
        answer.extend(format!("{:x}\r\n", chunk.len()).bytes().chain(chunk.iter().copied()).chain(*b"\r\n"));
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    answer.extend(b"0\r\n\r\n");
    answer
}

#[test]
fn engine_request_is_one_get() {
    let (outcome, asked) = asked(|stream| name(stream, ID), with_length(&json("trainer")).as_bytes());
    assert_eq!(outcome, Ok(Some("trainer".into())));
    let (line, headers) = asked.split_once("\r\n").unwrap();
    assert_eq!(line, format!("GET /containers/{ID}/json HTTP/1.1"));
    assert_eq!(headers, "host: localhost\r\nconnection: close\r\n\r\n");
}

#[test]
fn answer_ends_by_length_chunks_or_close() {
    let body = json("my_trainer.1-x");
    let unsized_body = format!("HTTP/1.0 200 OK\r\n\r\n{body}").into_bytes();
    for answer in [with_length(&body).into_bytes(), chunked(&body, [1, 2, 30].into_iter()), unsized_body] {
        assert_eq!(answered(&answer), Ok(Some("my_trainer.1-x".into())));
    }
}

#[test]
fn container_unknown_has_no_name() {
    assert_eq!(answered(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}"), Ok(None));
}

#[test]
fn answer_invalid_is_named_fault() {
    let of = |name: &str| with_length(&json(name)).into_bytes();
    let other = json("x").replace(ID, &ID.replace('1', "2"));
    let endless = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(MAX_BYTES + 1)).into_bytes();
    let deep = with_length(&format!(r#"{{"Name":"/x","A":{}}}"#, "[".repeat(100_000))).into_bytes();
    let half = with_length(&json("x"));
    for (what, answer, why, part) in [
        ("nothing", vec![], Absence::Error, "no HTTP answer"),
        ("no HTTP", b"\x00\x01\x02\xff\r\n\r\n".to_vec(), Absence::Error, "no HTTP answer"),
        ("HTTP/2", b"\0\0\x06\x04\0\0\0\0\0\0\x05\0\0\x40\0".to_vec(), Absence::Error, "no HTTP answer"),
        ("half", half.as_bytes()[..half.len() - 9].to_vec(), Absence::Error, "no HTTP answer"),
        ("no JSON", with_length("hello").into_bytes(), Absence::Error, "invalid"),
        ("no name", with_length(r#"{"Id":null}"#).into_bytes(), Absence::Error, "invalid"),
        ("deep", deep, Absence::Error, "invalid"),
        ("endless", endless, Absence::Error, "limit"),
        ("another", with_length(&other).into_bytes(), Absence::Error, "another container"),
        ("an empty name", of(""), Absence::Error, "container name"),
        ("an escape", of(r"\u001b[2J"), Absence::Error, "container name"),
        ("a path", of("../x"), Absence::Error, "container name"),
        ("a long one", of(&"x".repeat(513)), Absence::Error, "container name"),
        ("an error", b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n".to_vec(), Absence::Error, "status 500"),
        ("a refusal", b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n".to_vec(), Absence::Denied, "status 403"),
    ] {
        let fault = answered(&answer).unwrap_err();
        assert!(fault.why == why && fault.text.contains(part), "{what}: {fault:?}");
    }
    let long_head = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(2 * HEAD_BYTES));
    assert!(answered(long_head.as_bytes()).is_err());
}

#[test]
fn engine_without_ping_is_present() {
    let pinged = |answer: &[u8]| asked(ping, answer).0;
    assert_eq!(pinged(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"), Ok(()));
    assert_eq!(pinged(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), Ok(()));
    assert!(pinged(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n").is_err());
}

proptest! {
    #[test]
    fn arbitrary_bytes_tolerated(bytes in any::<Vec<u8>>()) {
        prop_assert!(answered(&bytes).is_err());
    }

    #[test]
    fn arbitrary_body_tolerated(body in ".*") {
        prop_assert!(answered(with_length(&body).as_bytes()).is_err());
    }

    #[test]
    fn mutated_answer_gives_valid_name_or_none(
        place in any::<prop::sample::Index>(),
        with in any::<Vec<u8>>(),
        in_chunks in any::<bool>(),
    ) {
        let body = json("trainer");
        let mut answer = if in_chunks { chunked(&body, [7, 50].into_iter()) } else { with_length(&body).into_bytes() };
        let place = place.index(answer.len());
        answer.splice(place..(place + with.len() / 2).min(answer.len()), with);
        if let Ok(Some(name)) = answered(&answer) {
            prop_assert!(name.len() <= NAME_BYTES && !name.is_empty());
            prop_assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte)));
        }
    }

    #[test]
    fn chunk_sizes_do_not_matter(sizes in prop::collection::vec(1..400_usize, 0..20)) {
        prop_assert_eq!(answered(&chunked(&json("trainer"), sizes.into_iter())), Ok(Some("trainer".into())));
    }
}
