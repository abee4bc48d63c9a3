//! A reader of everything that a hub streams, which knows the age of each value on its arrival.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use super::{serve::now_ms, world::age_ms};
use crate::{Outcome, get::get};

/// JSON key of the value that has the time of its reading in it.
const KEY: &str = "\"memory_free_bytes\":";

/// Values that came over a time.
pub(super) struct Received {
    pub(super) bytes_per_second: f64,
    /// Ages of values on arrival in milliseconds, sorted.
    pub(super) ages_ms: Vec<f64>,
}

/// Value below which this share of sorted values is.
pub(super) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a position in the list")]
    let position = (last as f64 * share).round() as usize;
    sorted.get(position).copied().unwrap_or(f64::NAN)
}

/// Ages of the GPUs' values in events. The totals at the end of an event are sums, which have no age.
fn ages(text: &str, now: u64) -> impl Iterator<Item = f64> {
    let gpus = text.lines().filter_map(|line| line.split("\"totals\":").next());
    gpus.flat_map(|line| line.split(KEY).skip(1)).filter_map(move |rest| {
        let end = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
        let bytes: u64 = rest[..end].parse().ok()?;
        Some(age_ms(bytes, now) as f64)
    })
}

/// Reads the stream for a time, after the first event with everything.
pub(super) fn read_stream(hub: SocketAddr, time: Duration) -> Outcome<Received> {
    let mut stream = TcpStream::connect(hub)?;
    stream.set_read_timeout(Some(Duration::from_secs(15)))?;
    stream.write_all(b"GET /api/v1/fleet/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let (mut buffer, mut text) = (vec![0; 256 << 10], Vec::new());
    let (mut begun, mut bytes, mut all) = (None, 0_u64, Vec::new());
    loop {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Err("expected a stream without an end".into());
        }
        let now = now_ms();
        text.extend_from_slice(&buffer[..length]);
        if begun.is_some() {
            bytes += length as u64;
        }
        // Only whole events: a number may be in two pieces.
        let Some(end) = text.windows(2).rposition(|two| two == b"\n\n") else { continue };
        let events = String::from_utf8_lossy(&text[..end]).into_owned();
        text.drain(..end);
        match begun {
            None => begun = Some(Instant::now()),
            Some(_) => all.extend(ages(&events, now)),
        }
        if begun.is_some_and(|begun| begun.elapsed() >= time) {
            all.sort_by(f64::total_cmp);
            return Ok(Received { bytes_per_second: bytes as f64 / time.as_secs_f64(), ages_ms: all });
        }
    }
}

/// Ages of values in Prometheus, asked for at moments spread over a scrape interval.
pub(super) fn prometheus_ages(prometheus: SocketAddr, moments: u32) -> Outcome<Vec<f64>> {
    let mut all = Vec::new();
    for _ in 0..moments {
        let path = "/api/v1/query?query=nvsmi_gpu_memory_free_bytes%7Bgpu%3D%220%22%7D";
        let answer: serde_json::Value = serde_json::from_slice(&get(prometheus, path, "identity")?.body)?;
        let now = now_ms();
        let series = answer["data"]["result"].as_array().ok_or("expected series")?;
        let value = |row: &serde_json::Value| row["value"][1].as_str()?.parse::<u64>().ok();
        all.extend(series.iter().filter_map(value).map(|bytes| age_ms(bytes, now) as f64));
        std::thread::sleep(Duration::from_millis(15_000 / u64::from(moments.max(1)) + 37));
    }
    all.sort_by(f64::total_cmp);
    Ok(all)
}

/// Durations of requests to `/api/v1/find` over one connection, in milliseconds, sorted.
pub(super) fn find_times(hub: SocketAddr, requests: usize) -> Outcome<Vec<f64>> {
    const QUERIES: [&str; 6] = [
        "count=1",
        "count=2&memory=40GiB",
        "count=8",
        "model=h100&count=4",
        "memory=100GiB&labels=owner:vision",
        "mig=any&held=true",
    ];
    let mut stream = TcpStream::connect(hub)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(15)))?;
    let (mut buffer, mut times) = (vec![0; 256 << 10], Vec::new());
    for query in QUERIES.iter().cycle().take(requests) {
        let started = Instant::now();
        stream.write_all(format!("GET /api/v1/find?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())?;
        let mut answer = Vec::new();
        while !is_whole(&answer)? {
            let length = stream.read(&mut buffer)?;
            if length == 0 {
                return Err("expected an answer, got the end of the connection".into());
            }
            answer.extend_from_slice(&buffer[..length]);
        }
        times.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}

/// True if a response with a length is complete.
fn is_whole(answer: &[u8]) -> Outcome<bool> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(false) };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    if !head.starts_with("http/1.1 200") {
        return Err(format!("expected status 200, got {}", head.lines().next().unwrap_or_default()).into());
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).ok_or("expected a length")?;
    Ok(answer.len() >= end + 4 + length.trim().parse::<usize>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_found_in_an_event() {
        let now = 1_796_059_256_545;
        let stamp = now & 0xf_ffff;
        let text = format!(
            r#"{{"gpus":[{{"memory_free_bytes":{}}},{{"memory_free_bytes":null}}],"totals":{{"memory_free_bytes":7}}}}"#,
            stamp - 300
        );
        assert_eq!(ages(&text, now).collect::<Vec<_>>(), [300.0]);
    }

    #[test]
    fn quantile_of_sorted_values() {
        let values: Vec<f64> = (0..=100).map(f64::from).collect();
        assert_eq!([quantile(&values, 0.5), quantile(&values, 0.99)], [50.0, 99.0]);
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn response_whole_by_its_length() {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
        assert!(!is_whole(head).unwrap());
        assert!(is_whole(&[&head[..], b"ok"].concat()).unwrap());
        assert!(is_whole(b"HTTP/1.1 503 No\r\n\r\n").is_err());
    }
}
