//! Answers that no agent gives: each affects its own host only.

use super::*;

/// Asks two hosts of which the first gives this answer; returns why it is missing.
async fn refused(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> String {
    let bad = Host::new("gpu01", answer).await;
    let good = Host::with("gpu02", |_| {}).await;
    let usage = Hub::new(&[&bad, &good]).usage("").await;
    assert_eq!((&usage["hosts"], &usage["device_seconds"]), (&json!(1), &json!(3600.0)));
    assert_eq!(usage["rows"][0]["gpu_seconds"], json!(2700.0));
    let [(host, why)] = &missing(&usage)[..] else { panic!("{usage}") };
    assert_eq!(host, "gpu01");
    why.clone()
}

#[tokio::test]
async fn impossible_values_make_the_host_missing() {
    let rows = |count: usize| Value::Array(vec![json!({}); count]);
    for (pointer, value, part) in [
        ("/schema", json!(2), "schema 1"),
        ("/since", json!(0), "another period"),
        ("/until", json!(1), "another period"),
        ("/by", json!(["model"]), "other keys"),
        ("/by", json!([]), "other keys"),
        ("/devices", json!(-1), "other JSON"),
        ("/devices", json!(1_000_000_000), "impossible"),
        ("/device_seconds", json!(null), "other JSON"),
        ("/device_seconds", json!(-3600.0), "impossible"),
        ("/device_seconds", json!(1e300), "impossible"),
        ("/device_seconds", json!("NaN"), "other JSON"),
        ("/device_seconds", json!(7200.0), "add up"),
        ("/edge_seconds", json!(-1.0), "impossible"),
        ("/free_gpu_seconds", json!(801.0), "add up"),
        ("/free_gpu_seconds", json!(-800.0), "impossible"),
        ("/unobserved_gpu_seconds", json!(1e18), "impossible"),
        ("/energy_joules", json!(1e300), "impossible"),
        ("/energy_joules", json!(1.0), "add up"),
        ("/rows", json!({}), "other JSON"),
        ("/rows", rows(100), "other JSON"),
        ("/rows/0/gpu_seconds", json!(-2700.0), "impossible"),
        ("/rows/0/gpu_seconds", json!(1e300), "impossible"),
        ("/rows/0/gpu_seconds", json!(2600.0), "add up"),
        ("/rows/0/present_gpu_seconds", json!(1e300), "impossible"),
        ("/rows/0/busy_gpu_seconds", json!(3100.0), "impossible"),
        ("/rows/0/idle_gpu_seconds", json!(2800.0), "impossible"),
        ("/rows/0/memory_byte_seconds", json!(1e300), "impossible"),
        ("/rows/0/peak_memory_bytes", json!(u64::MAX), "impossible"),
        ("/rows/0/peak_memory_bytes", json!(1.5), "other JSON"),
        ("/rows/0/energy_joules", json!(-1.0), "impossible"),
        ("/rows/0/sessions", json!(u64::MAX), "impossible"),
        ("/rows/0/user", json!(["alice"]), "other JSON"),
    ] {
        let changed = value.clone();
        let why = refused(move |head| {
            let mut usage = usage_of(head);
            *usage.pointer_mut(pointer).unwrap() = changed.clone();
            json_answer(head, &usage.to_string())
        });
        let why = why.await;
        assert!(why.contains(part), "{pointer} = {value}: {why}");
    }
}

#[tokio::test]
async fn foreign_answers_make_the_host_missing() {
    let endless = |head: &str| {
        let mut bytes = b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\n\r\n".to_vec();
        let row = usage_of(head)["rows"][0].to_string();
        bytes.extend(br#"{"schema":1,"rows":["#);
        while bytes.len() < 6 << 20 {
            bytes.extend(row.as_bytes());
            bytes.push(b',');
        }
        bytes
    };
    assert!(refused(endless).await.contains("longer than 4 MiB"));
    for (body, part) in [
        ("", "other JSON"),
        ("<!doctype html>", "other JSON"),
        ("null", "other JSON"),
        ("[]", "other JSON"),
        (r#"{"schema":1}"#, "other JSON"),
        (r#"{"schema":1,"schema":1}"#, "other JSON"),
        (r#"{"schema":1,"device_seconds":1e999}"#, "other JSON"),
    ] {
        let why = refused(move |head| json_answer(head, body)).await;
        assert!(why.contains(part), "{body}: {why}");
    }
    let deep = "[".repeat(100_000);
    assert!(refused(move |head| json_answer(head, &deep)).await.contains("other JSON"));
    let packed = refused(|head| with_status(200, "content-encoding: gzip\r\n", &usage_of(head).to_string())).await;
    assert!(packed.contains("without compression"), "{packed}");
    let cut = refused(|_| b"HTTP/1.1 200 X\r\ncontent-length: 500\r\n\r\n{".to_vec()).await;
    assert!(cut.contains("no answer within") || cut.contains("expected an HTTP answer"), "{cut}");
    assert!(refused(|_| b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec()).await.contains("expected an HTTP answer"));
    assert!(refused(|_| with_status(500, "", "{}")).await.contains("status 500"));
}

#[tokio::test]
async fn names_of_a_host_are_only_text() {
    let host =
        Host::with("gpu01", |usage| usage["rows"][0]["user"] = json!(format!("<b>\u{202e}\u{0}{}", "x".repeat(999))));
    let (host, other) = (host.await, Host::with("gpu02", |usage| usage["rows"][0]["user"] = json!(null)).await);
    let usage = Hub::new(&[&host, &other]).usage("").await;
    let names: Vec<&Value> = usage["rows"].as_array().unwrap().iter().map(|row| &row["user"]).collect();
    let long = names.iter().find_map(|name| name.as_str()).unwrap();
    assert!(long.starts_with("<b>") && long.chars().count() < 300 && !long.contains(['\u{0}', '\u{202e}']), "{long:?}");
    assert!(names.contains(&&Value::Null), "an unknown user is not a name");
}
