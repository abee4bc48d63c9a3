//! Usage from an engine that plays a part.

use super::*;
use crate::engine::EngineConfig;

/// An engine on a real socket with this answer to each query.
async fn engine(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Past {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = Arc::clone(&answer);
            tokio::spawn(async move {
                let mut read = Vec::new();
                // The form ends with the time, in milliseconds.
                let is_whole = |read: &[u8]| {
                    let text = String::from_utf8_lossy(read);
                    text.split_once("&time=").is_some_and(|(_, time)| time.len() == "1700000000.000".len())
                };
                while !is_whole(&read) {
                    if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                let body = answer(&String::from_utf8_lossy(&read));
                let _ = stream.write_all(&with_status(200, "", &body)).await;
            });
        }
    });
    Past::new(&client(), EngineConfig::at(&format!("http://127.0.0.1:{port}")).unwrap())
}

/// The counters of alice on a host: 600 s in the period.
fn counters(host: &Host) -> impl Fn(&str) -> String + Send + Sync + 'static {
    let instance = format!("127.0.0.1:{}", host.endpoint.port);
    move |asked| {
        let value = if asked.contains("&time=1700003600") { "1600" } else { "1000" };
        let series = json!({"metric": {"instance": instance, "user": "alice"}, "value": [1, value]});
        json!({"status": "success", "data": {"resultType": "vector", "result": [series]}}).to_string()
    }
}

const HOUR: &str = "?since=1700000000000&until=1700003600000";

#[tokio::test]
async fn engine_answers_what_it_knows() {
    let (one, two) = (Host::with("gpu01", |_| {}).await, Host::with("gpu02", |_| {}).await);
    let hub = Hub::with_engine(&[&one, &two], Some(engine(counters(&one)).await));
    let ask = async |query: &str, token| {
        let (status, text) = hub.text(&format!("{HOUR}{query}"), token).await;
        (status, serde_json::from_str::<Value>(&text).unwrap())
    };
    let (_, usage) = ask("&by=user,host", READ).await;
    assert_eq!((&usage["source"], &usage["hosts"]), (&json!("engine"), &json!(1)));
    assert_eq!(usage["device_seconds"], Value::Null);
    let row = &usage["rows"][0];
    assert_eq!((&row["user"], &row["host"], &row["gpu_seconds"]), (&json!("alice"), &json!("gpu01"), &json!(600.0)));
    assert_eq!((&row["sessions"], &row["present_gpu_seconds"]), (&Value::Null, &Value::Null));
    assert_eq!(missing(&usage)[0].0, "gpu02");
    assert!(one.heads().is_empty() && two.heads().is_empty(), "agents are not asked");
    let (_, totals) = ask("", SUMMARY).await;
    assert!(totals["rows"][0]["gpu_seconds"] == 600.0 && !totals.to_string().contains("alice"), "{totals}");
    let (_, nobody) = ask("&user=bob", READ).await;
    assert_eq!((&nobody["rows"], &nobody["source"]), (&json!([]), &json!("engine")));
    for (query, source) in [("&by=gpu", "agents"), ("&by=user,day&tz=UTC", "agents"), ("&source=agents", "agents")] {
        assert_eq!(ask(query, READ).await.1["source"], source, "{query}");
    }
    assert_eq!(ask("&by=gpu&source=engine", READ).await.0, 400);
    let without = Hub::new(&[&one]);
    assert_eq!(without.text("?source=engine", READ).await.0, 400);
}

#[tokio::test]
async fn agents_asked_where_the_engine_has_no_users() {
    let host = Host::with("gpu01", |_| {}).await;
    let empty = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
    let hub = Hub::with_engine(&[&host], Some(engine(move |_| empty.into()).await));
    assert_eq!(hub.usage("").await["source"], "agents");
    let usage = hub.usage("&source=engine").await;
    assert_eq!((&usage["hosts"], missing(&usage).len()), (&json!(0), 1));
}

#[tokio::test]
async fn engine_that_fails_is_502() {
    let host = Host::with("gpu01", |_| {}).await;
    let failed = r#"{"status":"error","errorType":"execution","error":"too many samples"}"#;
    let hub = Hub::with_engine(&[&host], Some(engine(move |_| failed.into()).await));
    let (status, text) = hub.text(HOUR, READ).await;
    assert!(status == 502 && text.contains("too many samples") && text.contains("source=agents"), "{text}");
}
