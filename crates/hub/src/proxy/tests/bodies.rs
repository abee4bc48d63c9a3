//! Bodies that end too early, too late, or never.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Head of an answer whose body ends with the connection or as chunks do.
const CHUNKED: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";

#[tokio::test]
async fn body_that_is_not_whole_does_not_look_whole() {
    for (bytes, body) in [
        (format!("HTTP/1.1 200 OK\r\n{JSON}content-length: 9\r\n\r\nhalf"), "half"),
        (format!("{CHUNKED}4\r\nhalf\r\n"), "half"),
        (format!("{CHUNKED}9\r\nhalf"), "half"),
        (format!("{CHUNKED}4\r\nhalf\r\nzz\r\nnot a chunk"), "half"),
    ] {
        let host = Host::answering(bytes.clone()).await;
        let hub = Hub::new(&[("gpu01", &host.endpoint)]).await;
        let answer = hub.get("gpu01/api/v1/usage", READ).await;
        assert_eq!((answer.status, answer.text(), answer.is_whole), (200, body, false), "{bytes}");
    }
}

#[tokio::test]
async fn bytes_after_the_end_and_trailers_are_left_out() {
    for (bytes, body) in [
        (format!("HTTP/1.1 200 OK\r\n{JSON}content-length: 5\r\n\r\nwholeHTTP/1.1 200 OK\r\n\r\nEVIL"), "whole"),
        (format!("{CHUNKED}5\r\nwhole\r\n0\r\nset-cookie: EVIL=1\r\nx: EVIL\r\n\r\n"), "whole"),
        (format!("{CHUNKED}5;EVIL=\"1\"\r\nwhole\r\n0\r\n\r\nEVIL"), "whole"),
        (format!("HTTP/1.1 200 OK\r\n{JSON}\r\nuntil the end"), "until the end"),
    ] {
        let host = Host::answering(bytes.clone()).await;
        let hub = Hub::new(&[("gpu01", &host.endpoint)]).await;
        let answer = hub.answer_to(&request("gpu01/api/v1/usage", READ, "te: trailers\r\n")).await;
        assert_eq!((answer.text(), answer.is_whole), (body, true), "{bytes}");
        assert!(!answer.head.contains("EVIL"), "{bytes}");
    }
}

#[tokio::test]
async fn large_body_passes_whole() {
    let body = vec![b'x'; 20 << 20];
    let mut bytes = format!("HTTP/1.1 200 OK\r\ncontent-type: text/csv\r\ncontent-length: {}\r\n\r\n", body.len());
    bytes.push_str(std::str::from_utf8(&body).unwrap());
    let host = Host::answering(bytes).await;
    let hub = Hub::new(&[("gpu01", &host.endpoint)]).await;
    let answer = hub.get("gpu01/api/v1/usage?format=csv", READ).await;
    assert!(answer.is_whole && answer.body == body, "{} bytes", answer.body.len());
}

/// Writes without an end, and counts.
async fn endless() -> (Host, Arc<AtomicUsize>) {
    let written = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&written);
    let host = Host::playing(move |mut stream, _| {
        let counted = Arc::clone(&counted);
        async move {
            stream.write_all(CHUNKED.as_bytes()).await.unwrap();
            let chunk = [b"10000\r\n".as_slice(), &[b'x'; 0x10000], b"\r\n"].concat();
            while stream.write_all(&chunk).await.is_ok() {
                counted.fetch_add(0x10000, Ordering::Relaxed);
            }
        }
    });
    (host.await, written)
}

#[tokio::test]
async fn slow_viewer_slows_the_agent() {
    let (host, written) = endless().await;
    let hub = Hub::new(&[("gpu01", &host.endpoint)]).await;
    let viewer = hub.send(&request("gpu01/api/v1/history", READ, "")).await;
    // It reads nothing: the agent soon waits, for what fits into the buffers of two connections.
    let mut before = usize::MAX;
    while before != written.load(Ordering::Relaxed) || before == 0 {
        before = written.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert!(before < 48 << 20, "{before}");
    drop(viewer);
}

#[tokio::test]
async fn endless_body_is_cut() {
    let (host, written) = endless().await;
    let hub = Hub::new(&[("gpu01", &host.endpoint)]).await;
    let mut viewer = hub.send(&request("gpu01/api/v1/history", READ, "")).await;
    let (mut buffer, mut read) = (vec![0; 1 << 20], 0);
    while let Ok(length @ 1..) = viewer.read(&mut buffer).await {
        read += length;
    }
    let max = usize::try_from(relay::MAX_BYTES).unwrap();
    assert!((max / 2..max + (max >> 4)).contains(&read), "{read}");
    // The agent's connection is closed too.
    let mut before = 0;
    while before != written.load(Ordering::Relaxed) {
        before = written.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn agent_that_trickles_or_stops_is_given_up() {
    for pause in [Duration::from_secs(20), Duration::from_secs(3600)] {
        let host = Host::playing(move |mut stream, _| async move {
            let _ = stream.write_all(CHUNKED.as_bytes()).await;
            while stream.write_all(b"1\r\nx\r\n").await.is_ok() {
                tokio::time::sleep(pause).await;
            }
        })
        .await;
        let hub = Hub::new(&[("gpu01", &host.endpoint)]).await;
        let begun = tokio::time::Instant::now();
        let mut stream = hub.send(&request("gpu01/api/v1/history", READ, "")).await;
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes).await;
        let answer = Answer::read(&bytes, false);
        assert!(!answer.is_whole && answer.text().starts_with('x'), "{answer:?}");
        assert!((55..70).contains(&begun.elapsed().as_secs()), "{pause:?}: {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn connection_to_the_agent_ends_with_its_viewer() {
    for has_head in [false, true] {
        let (ended, mut end) = mpsc::unbounded_channel();
        let mut host = Host::playing(move |mut stream, _| {
            let ended = ended.clone();
            async move {
                if has_head {
                    let _ = stream.write_all(format!("{CHUNKED}1\r\nx\r\n").as_bytes()).await;
                }
                let _ = ended.send(stream.read(&mut [0; 8]).await);
            }
        })
        .await;
        let hub = Hub::new(&[("gpu01", &host.endpoint)]).await;
        let mut viewer = hub.send(&request("gpu01/api/v1/history", READ, "")).await;
        host.next_head().await;
        if has_head {
            viewer.read_u8().await.unwrap();
        }
        drop(viewer);
        let read = timeout(SOON, end.recv()).await.unwrap().unwrap();
        assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    }
}
