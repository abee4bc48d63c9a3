//! `/api/v1/usage`, `/api/v1/sessions` and the metrics of users, from the stored file.

use std::{
    io::{BufReader, Write as _},
    net::TcpStream,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use serde_json::Value;

use crate::support::{Agent, Driver, PATIENCE, StandIn, Start, answer, eventually};

const GPU: &str =
    "[[gpu]]\nname = 'NVIDIA H200'\nmemory_total_bytes = 150754820096\nutilization_percent = 50\npower_mw = 300000\n";

fn start(driver: &Driver, folder: &Path) -> Start {
    let folder = format!("--state-dir={}", folder.display());
    Start::on(driver).argument(&folder).argument("--usage-flush=1s")
}

fn stop(agent: Agent) {
    assert!(agent.stop().success());
}

/// Value of a metric of a user.
fn of_user(agent: &Agent, user: &str, name: &str) -> Option<f64> {
    let text = agent.get("/metrics").text().to_owned();
    let value = text.lines().find_map(|line| line.strip_prefix(&format!("{name}{{user=\"{user}\"}} ")))?;
    value.parse().ok()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// Asserts that all times of an answer add up to the device time, to the millisecond.
fn assert_adds_up(usage: &Value) {
    let rows: f64 = usage["rows"].as_array().unwrap().iter().map(|row| number(&row["gpu_seconds"])).sum();
    let others =
        ["free", "unknown", "unassigned", "unobserved"].map(|kind| number(&usage[format!("{kind}_gpu_seconds")]));
    let difference = rows + others.iter().sum::<f64>() - number(&usage["device_seconds"]);
    assert!(difference.abs() < 0.001, "{difference} s in {usage}");
}

#[test]
fn usage_answers_and_metrics_come_from_store() {
    let worker = StandIn::start(&["python", "train.py", "--token=planted"]);
    let process = format!(
        "{GPU}memory_used_bytes = 21474836480\n[[gpu.process]]\npid = {}\ntype = 'C'\nmemory_bytes = 21474836480\n",
        worker.pid()
    );
    let driver = Driver::new(&format!("{process}{GPU}memory_used_bytes = 0\n"));
    let folder = tempfile::tempdir().unwrap();
    let first = start(&driver, folder.path()).argument("--metrics-users").argument("--price-gpu-hour=1.20EUR");
    let agent = first.serve().ready();
    let first_user = |agent: &Agent| Some(agent.get("/api/v1/users").json()[0]["user"].as_str()?.to_owned());
    let (user, stored) = eventually("seconds on disk", || {
        let user = first_user(&agent)?;
        let stored = of_user(&agent, &user, "nvsmi_user_gpu_seconds_total").filter(|seconds| *seconds > 1.0)?;
        Some((user, stored))
    });
    let seconds = |agent: &Agent| of_user(agent, &user, "nvsmi_user_gpu_seconds_total");
    assert_eq!(of_user(&agent, &user, "nvsmi_user_gpu_memory_bytes"), Some(21_474_836_480.0));
    let usage = agent.get("/api/v1/usage?since=-1h&by=user,gpu,model&tz=UTC").json();
    assert_adds_up(&usage);
    assert_eq!((&usage["persistent"], &usage["note"]), (&Value::Bool(true), &Value::Null));
    assert_eq!(usage["price_gpu_hour"].to_string(), r#"{"amount":1.2,"currency":"EUR"}"#);
    let of_rows = |rows: &Value| rows.as_array().unwrap().iter().find(|row| row["user"] == user.as_str()).cloned();
    let row = of_rows(&usage["rows"]).unwrap_or_else(|| panic!("{usage}"));
    assert_eq!((&row["gpu"], &row["model"]), (&Value::from(0), &Value::from("NVIDIA H200")));
    assert!(number(&row["gpu_seconds"]) >= stored, "the metric is what is on disk, never more: {stored} and {row}");
    let sessions = agent.get("/api/v1/sessions?since=-1h").json();
    let session = of_rows(&sessions["sessions"]).unwrap_or_else(|| panic!("{sessions}"));
    assert_eq!(
        (&session["command"], &session["open"]),
        (&Value::from("python train.py --token=***"), &Value::Bool(true))
    );
    for (path, status) in [
        ("usage?by=day,hour_of_day&tz=Asia/Tokyo&format=csv", 200),
        ("usage?since=1970-01-01&until=9999-12-31", 200),
        ("usage?user=%3Dcmd%7C%22%0A", 200),
        ("usage?gpu=9", 404),
        ("usage?by=by", 400),
        ("sessions?cursor=of-another-file-1-2", 400),
        ("sessions?limit=1001", 400),
    ] {
        let answer = agent.get(&format!("/api/v1/{path}"));
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
    }
    assert_adds_up(&agent.get("/api/v1/usage?since=1970-01-01&until=9999-12-31").json());
    let before = seconds(&agent).unwrap();
    stop(agent);
    let agent = start(&driver, folder.path()).argument("--metrics-users").argument("--commands=hidden").serve().ready();
    let after = seconds(&agent).unwrap();
    assert!(after >= before, "{before} fell to {after}");
    let sessions = agent.get("/api/v1/sessions?since=-1h").json();
    assert!(!sessions["sessions"].as_array().unwrap().is_empty(), "{sessions}");
    assert!(!sessions.to_string().contains("train.py"), "{sessions}");
    stop(agent);
    let off = start(&driver, folder.path()).argument("--usage=off").serve().ready();
    let answer = off.get("/api/v1/usage");
    assert!(answer.status == 404 && answer.text().contains("--usage off"), "{}", answer.text());
}

/// Adds hours of 400 days of four GPUs, each of four users, to a file that an agent made, as if their minutes had been removed.
const FILL: &str = "
    BEGIN;
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 3)
      INSERT INTO user SELECT 100 + i, 'user' || i, 0, 0, 0, 0 FROM n;
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 3)
      INSERT INTO gpu SELECT 100 + i, 'GPU-' || i, 'NVIDIA H200', i FROM n;
    INSERT INTO device SELECT id, id, NULL, NULL FROM gpu WHERE id >= 100;
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9600)
      INSERT INTO hour_slot
        SELECT 1000000 + i * 4 + gpu.id - 100, at, 1, gpu.id, gpu.gpu_index, at, at + 3600000
        FROM (SELECT i, (strftime('%s', 'now') / 3600 - 1 - i) * 3600000 AS at FROM n), gpu WHERE gpu.id >= 100;
    INSERT INTO hour_row
      SELECT slot.id, slot.gpu, user.id, 0, 900000000, 900000000, 0, 0, NULL, 0, 0, 0
      FROM hour_slot AS slot, user WHERE slot.id > 1000000 AND user.id >= 100;
    UPDATE meta SET value = (strftime('%s', 'now') / 3600 - 1) * 3600000 WHERE name = 'minutes_from_ms';
    COMMIT;
";

#[test]
fn status_does_not_wait_for_400_days_of_usage() {
    let driver = Driver::new(GPU);
    let folder = tempfile::tempdir().unwrap();
    let agent = start(&driver, folder.path()).serve().ready();
    eventually("a stored second", || {
        let usage = agent.get("/api/v1/usage").json();
        (number(&usage["device_seconds"]) > 1.0).then_some(())
    });
    stop(agent);
    rusqlite::Connection::open(folder.path().join("usage.sqlite")).unwrap().execute_batch(FILL).unwrap();
    let agent = start(&driver, folder.path()).serve().ready();
    let mut asked: Vec<TcpStream> = (0..2).map(|_| TcpStream::connect(agent.address()).unwrap()).collect();
    for stream in &mut asked {
        let path = "/api/v1/usage?since=-400d&by=user,gpu,day&tz=Asia/Tokyo";
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
    }
    let (waiting, mut meanwhile) = (AtomicUsize::new(asked.len()), 0);
    thread::scope(|scope| {
        for stream in asked {
            scope.spawn(|| {
                let usage = answer(&mut BufReader::new(stream), true);
                waiting.fetch_sub(1, Ordering::SeqCst);
                let usage = usage.unwrap();
                let rows = usage.json()["rows"].as_array().map_or(0, Vec::len);
                assert!(usage.status == 503 || rows > 5000, "{} with {rows} rows", usage.status);
            });
        }
        while waiting.load(Ordering::SeqCst) > 0 {
            assert_eq!(agent.get("/status").status, 200);
            meanwhile += usize::from(waiting.load(Ordering::SeqCst) > 0);
        }
    });
    assert!(meanwhile >= 1, "no answer came before those about usage");
}
