//! The queries of `docs/usage.md`, on a real file.

use std::process::Command;

use rusqlite::{Connection, types::Value};

use super::*;

/// Blocks of SQL in the document.
fn queries() -> Vec<String> {
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/usage.md");
    let text = std::fs::read_to_string(document).unwrap();
    text.split("```sql\n").skip(1).map(|rest| rest.split_once("```").unwrap().0.to_owned()).collect()
}

fn rows(connection: &Connection, sql: &str) -> Vec<Vec<Value>> {
    let mut statement = connection.prepare(sql).unwrap();
    let columns = statement.column_count();
    let row = |row: &rusqlite::Row<'_>| (0..columns).map(|at| row.get(at)).collect();
    statement.query_map([], row).unwrap().map(Result::unwrap).collect()
}

fn text(value: &str) -> Value {
    Value::Text(value.into())
}

#[test]
fn documented_queries_give_what_they_promise() {
    let folder = tempfile::tempdir().unwrap();
    let (usage, script) = store(Some(folder.path()));
    for minute in 0..120 {
        // Until the next day of UTC, an hour each.
        let begins = NOON + 11 * HOUR + minute * MINUTE;
        script.minute("GPU-A", begins, vec![by("alice", 45), row(Occupant::Free, 15)]);
        let mut idle = by("bob", 60);
        idle.sums.busy_us = Some(0);
        script.minute("GPU-B", begins, vec![idle]);
    }
    script.add(|flush| {
        for (user, busy) in [("alice", 3_600_000_000), ("bob", 0)] {
            let mut one = session("GPU-B", user, NOON, NOON + 2 * HOUR);
            one.sums.busy_us = Some(busy);
            one.sums.idle_us = Some(one.sums.gpu_us - busy);
            flush.sessions.push(one);
        }
    });
    usage.flush();
    // While the agent has it open.
    let file = folder.path().join("usage.sqlite");
    let opened = Connection::open(&file).unwrap();
    let all = queries();
    let [users, days, idle] = all.as_slice() else { panic!("expected three queries, got {}", all.len()) };
    let real = Value::Real;
    assert_eq!(
        rows(&opened, users),
        [vec![text("bob"), real(2.0), real(0.0)], vec![text("alice"), real(1.5), real(50.0)]]
    );
    let day = |day: &str, gpu: &str, occupied, free| vec![text(day), text(gpu), real(occupied), free, real(1.0)];
    assert_eq!(
        rows(&opened, days),
        [
            day("2026-11-30", "GPU-A", 0.75, real(0.25)),
            day("2026-11-30", "GPU-B", 1.0, Value::Null),
            day("2026-12-01", "GPU-A", 0.75, real(0.25)),
            day("2026-12-01", "GPU-B", 1.0, Value::Null),
        ]
    );
    let began = text("2026-11-30 12:00:00");
    let command = text("python train.py");
    assert_eq!(rows(&opened, idle), [vec![text("bob"), Value::Null, began, real(2.0), real(2.0), real(2.0), command]]);
    // The program itself, if this machine has it.
    if let Ok(output) = Command::new("sqlite3").arg("-readonly").arg(&file).arg(users).output() {
        let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(out.trim(), "bob|2.0|0.0\nalice|1.5|50.0", "{error}");
    }
}
