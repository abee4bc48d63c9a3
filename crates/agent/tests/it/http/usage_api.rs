//! `/api/v1/usage`, `/api/v1/sessions` and the metrics of users, from the stored file.

use std::{
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::support::{Agent, Driver, StandIn, Start, eventually};

const GPU: &str =
    "[[gpu]]\nname = 'NVIDIA H200'\nmemory_total_bytes = 150754820096\nutilization_percent = 50\npower_mw = 300000\n";

fn start(driver: &Driver, folder: &Path) -> Start {
    let folder = format!("--state-dir={}", folder.display());
    Start::on(driver).argument(&folder).argument("--usage-flush=1s")
}

fn stop(agent: Agent) {
    agent.signal(Signal::SIGTERM);
    assert!(agent.stop().success());
}

/// Value of a metric of the only user.
fn of_user(agent: &Agent, name: &str) -> Option<f64> {
    let text = agent.get("/metrics").text().to_owned();
    let line = text.lines().find(|line| line.starts_with(&format!("{name}{{user=")))?;
    line.rsplit_once(' ')?.1.parse().ok()
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
    let seconds = |agent: &Agent| of_user(agent, "nvsmi_user_gpu_seconds_total");
    let stored = eventually("seconds on disk", || seconds(&agent).filter(|seconds| *seconds > 1.0));
    assert_eq!(of_user(&agent, "nvsmi_user_gpu_memory_bytes"), Some(21_474_836_480.0));
    let usage = agent.get("/api/v1/usage?since=-1h&by=user,gpu,model&tz=UTC").json();
    assert_adds_up(&usage);
    assert_eq!((&usage["persistent"], &usage["note"]), (&Value::Bool(true), &Value::Null));
    assert_eq!(usage["price_gpu_hour"].to_string(), r#"{"amount":1.2,"currency":"EUR"}"#);
    let [row] = &usage["rows"].as_array().unwrap()[..] else { panic!("{usage}") };
    assert_eq!((&row["user"], &row["gpu"]), (&agent.get("/api/v1/users").json()[0]["user"], &Value::from(0)));
    assert!(number(&row["gpu_seconds"]) >= stored, "the metric is what is on disk, never more: {stored} and {row}");
    let sessions = agent.get("/api/v1/sessions?since=-1h").json();
    let [session] = &sessions["sessions"].as_array().unwrap()[..] else { panic!("{sessions}") };
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

/// Adds hours of 400 days of four GPUs, each of four users, to a file that an agent made.
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
    let (waiting, meanwhile) = (AtomicUsize::new(2), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let usage = agent.get("/api/v1/usage?since=-400d&by=user,gpu,day&tz=Asia/Tokyo");
                waiting.fetch_sub(1, Ordering::SeqCst);
                let rows = usage.json()["rows"].as_array().map_or(0, Vec::len);
                assert!(usage.status == 503 || rows > 5000, "{} with {rows} rows", usage.status);
            });
        }
        while waiting.load(Ordering::SeqCst) > 0 {
            assert_eq!(agent.get("/status").status, 200);
            meanwhile.fetch_add(1, Ordering::SeqCst);
        }
    });
    let meanwhile = meanwhile.load(Ordering::SeqCst);
    assert!(meanwhile >= 3, "only {meanwhile} answers came before those about usage");
}
