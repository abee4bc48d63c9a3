//! Malformed and oversized requests: each has its documented answer, and the agent goes on.

use serde_json::{Value, json};

use crate::support::{Agent, Driver, Start, raw};

const TWO_GPUS: &str = "[[gpu]]\nname = 'A'\n[[gpu]]\nname = 'B'\n";

fn bad_index() -> Value {
    json!({ "code": 1, "data": null, "error": "Invalid GPU index" })
}

fn still_serves(agent: &Agent) {
    assert_eq!(agent.status()["count"], json!(2));
}

#[test]
fn query_malformed_has_documented_answer() {
    let driver = Driver::new(TWO_GPUS);
    let agent = Start::on(&driver).serve().ready();
    let commas = ",".repeat(10_000);
    let zeros = vec!["0"; 257].join(",");
    let digits = "9".repeat(60_000);
    for odd in ["%00", "0%00", "%FF", "%C3%28", &commas, &zeros, &digits, "0x1", "1e0", "%D9%A1", "--1", "+-1", "1__0"]
    {
        let response = agent.get(&format!("/status?idx={odd}"));
        assert_eq!((response.status, response.json()), (400, bad_index()), "{odd:.40}");
        still_serves(&agent);
    }
    let most = vec!["1"; 256].join(",");
    assert_eq!(agent.get(&format!("/status?idx={most}")).json()["data"]["devices"].as_array().unwrap().len(), 256);
    for (fine, indices) in [("-0", json!([0])), ("%091%0A", json!([1])), ("0_1,%2B0", json!([1, 0]))] {
        let data = &agent.get(&format!("/status?idx={fine}")).json()["data"];
        let found: Vec<&Value> = data["devices"].as_array().unwrap().iter().map(|row| &row["idx"]).collect();
        assert_eq!(json!(found), indices, "{fine}");
    }
}

#[test]
fn request_over_limit_has_documented_status() {
    let driver = Driver::new(TWO_GPUS);
    let agent = Start::on(&driver).serve().ready();
    let long_line = format!("GET /status?idx={} HTTP/1.1\r\nHost: localhost\r\n\r\n", "1".repeat(64 * 1024));
    assert_eq!(raw(agent.address(), long_line.as_bytes()).unwrap().status, 414);
    let long_header = format!("GET /status HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "1".repeat(1 << 20));
    assert_eq!(raw(agent.address(), long_header.as_bytes()).unwrap().status, 431);
    let many_headers = format!("GET /status HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X: 1\r\n".repeat(500));
    assert_eq!(raw(agent.address(), many_headers.as_bytes()).unwrap().status, 431);
    for not_http in [&b"GET /status\0 HTTP/1.1\r\nHost: localhost\r\n\r\n"[..], b"\x16\x03\x01\x00\xff\r\n\r\n"] {
        assert_eq!(raw(agent.address(), not_http).unwrap().status, 400);
    }
    // Bytes that are not UTF-8, as they are: refused as HTTP or as an index, and never more than that.
    let bytes = [&b"GET /status?idx="[..], b"\xff\xfe", b" HTTP/1.1\r\nHost: localhost\r\n\r\n"].concat();
    assert_eq!(raw(agent.address(), &bytes).unwrap().status, 400);
    still_serves(&agent);
}
