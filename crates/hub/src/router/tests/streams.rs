//! Streams of the fleet: what a reader gets, and when.

use super::*;

#[tokio::test]
async fn stream_sends_everything_then_changes() {
    for packed in [false, true] {
        let mut hub = Hub::new(false, &["a", "b"]);
        hub.reports("a", 70.0);
        let mut stream = Stream::open(&hub, "", packed);
        let first = stream.events();
        assert_eq!(names(&first), ["fleet"]);
        let whole: Value = serde_json::from_str(&hub.text("/api/v1/fleet")).unwrap();
        assert_eq!(first[0].1, whole);
        hub.reports("a", 71.0);
        let second = stream.events();
        assert_eq!(names(&second), ["hosts"]);
        assert_eq!(second[0].1["hosts"][0]["gpus"], serde_json::json!([{"index": 0, "power_watts": 71.0}]));
        assert!(second[0].1["totals"]["power_watts"] == 71.0);
    }
}

#[tokio::test]
async fn slow_reader_gets_the_newest_state() {
    for (query, expected) in [("", vec!["fleet"]), ("?rows=a", vec!["fleet", "hosts"])] {
        let mut hub = Hub::new(false, &["a", "b"]);
        hub.reports("a", 70.0);
        let mut stream = Stream::open(&hub, query, false);
        stream.events();
        hub.reports("a", 71.0);
        hub.reports("b", 50.0);
        let events = stream.events();
        assert_eq!(names(&events), expected, "it missed the change of a");
        let last = &events.last().unwrap().1["hosts"][0];
        assert_eq!((&last["name"], &last["gpus"][0]["power_watts"]), (&"a".into(), &71.0.into()));
    }
}

#[tokio::test]
async fn range_follows_the_list() {
    let mut hub = Hub::new(false, &["b", "c"]);
    hub.reports("b", 70.0);
    hub.reports("c", 71.0);
    let mut stream = Stream::open(&hub, "?rows=0-0", true);
    let first = stream.events();
    assert_eq!(names(&first), ["fleet", "hosts"]);
    assert_eq!((&first[1].1["hosts"][0]["name"], first[0].1["hosts"][0].get("gpus")), (&"b".into(), None));
    // A new host is first now.
    hub.fleet.list(&list(&["a", "b", "c"]), hub.now);
    hub.reports("a", 72.0);
    let moved = stream.events();
    assert_eq!(names(&moved), ["fleet", "hosts"]);
    assert_eq!((&moved[1].1["hosts"][0]["name"], moved[1].1["hosts"].as_array().unwrap().len()), (&"a".into(), 1));
    hub.reports("b", 75.0);
    assert!(
        stream.events().iter().all(|(_, data)| data["hosts"]
            .as_array()
            .unwrap()
            .iter()
            .all(|host| host.get("gpus").is_none()))
    );
}

#[tokio::test]
async fn quiet_stream_says_that_the_hub_lives() {
    let mut hub = Hub::new(false, &["a"]);
    hub.publish();
    let mut stream = Stream::open(&hub, "", false);
    stream.events();
    let begin = hub.now;
    let mut sent = Vec::new();
    for second in 1..=21_u64 {
        hub.now = Stamp { boot: BootTime(begin.boot.0 + second * 1000), unix_ms: begin.unix_ms + second * 1000 };
        hub.publish();
        for (name, data) in stream.events() {
            assert_eq!(
                (name.as_str(), &data["hosts"], &data["removed"]),
                ("hosts", &serde_json::json!([]), &serde_json::json!([]))
            );
            sent.push(second);
        }
    }
    assert_eq!(sent, [10, 20]);
}

#[tokio::test]
async fn streams_counted_and_closed() {
    let mut hub = Hub::new(false, &["a"]);
    hub.publish();
    let mut stream = Stream::open(&hub, "", false);
    stream.events();
    assert_eq!(hub.viewers.streams(), 1);
    assert!(hub.text("/metrics").contains("nvsmi_hub_fleet_stream_clients 1\n"));
    hub.streams.close();
    assert!(stream.body.frame().now_or_never().unwrap().is_none());
    drop(stream);
    assert_eq!(hub.viewers.streams(), 0);
    let full: Vec<Response> = (0..8).map(|_| hub.ask("/api/v1/fleet/stream", None, &[])).collect();
    let refused = hub.ask("/api/v1/fleet/stream", None, &[]);
    assert!(refused.status() == 503 && refused.headers()["retry-after"] == "30");
    drop(full);
}
