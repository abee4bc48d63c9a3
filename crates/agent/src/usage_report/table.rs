//! The table of `usage`.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};
use telemetry::terminal::printable;

use super::{
    answer::{Report, Row},
    cells::{self, ABSENT},
    layout::{self, Column},
};
use crate::client::{Screen, columns as screen_columns};

/// Dimensions that are in order of time; all others are in the order of the answer, the largest first.
const TIMES: [&str; 2] = ["day", "hour_of_day"];
/// Place of the cost among the columns of numbers.
const COST: usize = 5;

/// Cells of a row, without its keys.
type Cells = [String; 7];

/// The table, or a sentence if nobody used a GPU.
pub(super) fn text(report: &Report, only_some_users: bool, zone: &TimeZone, screen: Screen) -> String {
    let period = period(report, zone);
    if report.rows.is_empty() {
        return nobody(report, only_some_users, &period);
    }
    let devices =
        report.devices.map(|devices| format!(", {devices} {}", if devices == 1 { "device" } else { "devices" }));
    let title = format!("GPU usage {period}{}", devices.unwrap_or_default());
    let mut lines = layout::lines(columns(report, only_some_users), screen);
    let rows = report.rows.len();
    let widest = lines.iter().map(|line| screen_columns(line)).max().unwrap_or(0);
    let rule = screen.dim(&"-".repeat(widest));
    for (number, line) in lines.iter_mut().enumerate() {
        *line = match number {
            0 => screen.bold(line),
            number if number <= rows => line.clone(),
            _ => screen.dim(line),
        };
    }
    lines.insert(rows + 1, rule);
    let mut text = format!("{title}\n\n{}\n", lines.join("\n"));
    for note in notes(report) {
        text.push_str(&format!("{note}\n"));
    }
    text
}

/// `from 2026-11-01 00:00 to 2026-12-01 00:00 (Europe/Berlin)`.
fn period(report: &Report, zone: &TimeZone) -> String {
    let shown = |ms: i64| {
        let moment = Timestamp::from_millisecond(ms).ok().map(|moment| moment.to_zoned_datetime(zone.clone()));
        moment.map_or_else(|| ms.to_string(), |moment| moment.strftime("%Y-%m-%d %H:%M").to_string())
    };
    let name = match zone.iana_name() {
        Some(name) => name.to_owned(),
        None => Timestamp::from_millisecond(report.until).map_or_else(
            |_| "local".into(),
            |moment| moment.to_zoned_datetime(zone.clone()).strftime("%Z").to_string(),
        ),
    };
    format!("from {} to {} ({name})", shown(report.since), shown(report.until))
}

/// Sentence for a period without rows.
fn nobody(report: &Report, only_some_users: bool, period: &str) -> String {
    let who = if only_some_users { "None of these users used" } else { "Nobody used" };
    let text = match report.device_seconds {
        Some(seconds) if seconds > 0.0 => {
            let others = [
                ("free", report.free_gpu_seconds),
                ("with a holder that is not known", report.unknown_gpu_seconds),
                ("unassigned", report.unassigned_gpu_seconds),
                ("not observed", report.unobserved_gpu_seconds),
            ];
            let parts: Vec<String> = others
                .into_iter()
                .filter(|(_, seconds)| seconds.is_some_and(|seconds| seconds > 0.0))
                .map(|(what, seconds)| format!("{} {what}", cells::hours(seconds)))
                .collect();
            let of_all = format!("{} GPU-hours", cells::hours(Some(seconds)));
            if only_some_users {
                format!("{who} a GPU {period}.")
            } else {
                format!("{who} a GPU {period}: of {of_all}, {}.", parts.join(", "))
            }
        }
        _ => format!("{who} a GPU {period}: no GPU was known then."),
    };
    let mut text = format!("{text}\n");
    for note in notes(report) {
        text.push_str(&format!("{note}\n"));
    }
    text
}

/// Remarks below the table.
fn notes(report: &Report) -> Vec<String> {
    report.note.iter().map(|note| printable(note).into_owned()).collect()
}

fn columns(report: &Report, only_some_users: bool) -> Vec<Column> {
    let mut names: Vec<Column> = report.by.iter().map(|by| Column::name(by.to_uppercase().replace('_', " "))).collect();
    if names.is_empty() {
        names.push(Column::name(String::new()));
    }
    let mut numbers = vec![
        Column::number("GPU-HOURS", 0),
        Column::number("SHARE", 2),
        Column::number("BUSY", 1),
        Column::number("IDLE H", 4),
        Column::number("KWH", 5),
        Column::number(&currency(report), 3),
        Column::number("SESSIONS", 6),
    ];
    let gpus = gpus(report);
    for row in sorted(report) {
        // The only row of a report that names nobody is the sum below.
        if report.by.is_empty() {
            break;
        }
        for (column, by) in names.iter_mut().zip(&report.by) {
            column.push(if by == "gpu" { gpu(&row, &gpus) } else { cells::key(row.keys.get(by)) });
        }
        push(&mut numbers, &figures(&row, report));
    }
    for (label, cells) in totals(report, only_some_users) {
        for (position, column) in names.iter_mut().enumerate() {
            column.push(if position == 0 { label.into() } else { String::new() });
        }
        push(&mut numbers, &cells);
    }
    if report.price_gpu_hour.is_none() {
        numbers.remove(COST);
    }
    names.into_iter().chain(numbers).collect()
}

/// Title of the column with the cost.
fn currency(report: &Report) -> String {
    report.price_gpu_hour.as_ref().map(|price| printable(&price.currency).into_owned()).unwrap_or_default()
}

/// UUIDs that each index of a GPU has in the answer: several if a GPU was replaced.
fn gpus(report: &Report) -> BTreeMap<String, Vec<String>> {
    let mut gpus: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in &report.rows {
        let uuids = gpus.entry(cells::key(row.keys.get("gpu"))).or_default();
        let uuid = cells::key(row.keys.get("uuid"));
        if !uuids.contains(&uuid) {
            uuids.push(uuid);
        }
    }
    gpus
}

/// Name of a GPU: its index if that is its own, else with its UUID.
fn gpu(row: &Row, gpus: &BTreeMap<String, Vec<String>>) -> String {
    let (index, uuid) = (cells::key(row.keys.get("gpu")), cells::key(row.keys.get("uuid")));
    if index == ABSENT {
        return uuid;
    }
    let is_alone = gpus.get(&index).is_none_or(|uuids| uuids.len() < 2);
    if is_alone { index } else { format!("{index} {uuid}") }
}

fn push(columns: &mut [Column], cells: &[String]) {
    for (column, cell) in columns.iter_mut().zip(cells) {
        column.push(cell.clone());
    }
}

/// Rows as they are shown.
fn sorted(report: &Report) -> Vec<Row> {
    let mut rows = report.rows.clone();
    if let Some(time) = report.by.first().filter(|by| TIMES.contains(&by.as_str())) {
        // Stable: within a day, the largest stay first. Hours are numbers, or texts without leading zeros.
        rows.sort_by_key(|row| {
            let key = cells::key(row.keys.get(time));
            (key.len(), key)
        });
    }
    rows
}

/// Cells of a row, in the order of the columns.
fn figures(row: &Row, report: &Report) -> Cells {
    let whole = report.device_seconds;
    let price = report.price_gpu_hour.as_ref().map(|price| price.amount);
    let cost = row.gpu_seconds.zip(price).map(|(seconds, price)| seconds / 3600.0 * price);
    [
        cells::hours(row.gpu_seconds),
        cells::percent(row.gpu_seconds, whole, 1),
        cells::percent(row.busy_gpu_seconds, row.present_gpu_seconds, 0),
        cells::hours(row.idle_gpu_seconds),
        cells::kilowatt_hours(row.energy_joules),
        cells::number(cost),
        row.sessions.map_or_else(|| ABSENT.into(), |sessions| sessions.to_string()),
    ]
}

/// Lines below the rows: their sum, the rest of the time, and all of it.
fn totals(report: &Report, only_some_users: bool) -> Vec<(&'static str, Cells)> {
    let whole = report.device_seconds;
    let sum = |of: fn(&Row) -> Option<f64>| {
        // One that is not known makes the sum unknown.
        report.rows.iter().map(of).sum::<Option<f64>>()
    };
    let summed = Row {
        gpu_seconds: sum(|row| row.gpu_seconds),
        // Of all together, the time present is that of the GPUs.
        present_gpu_seconds: sum(|row| row.gpu_seconds),
        busy_gpu_seconds: sum(|row| row.busy_gpu_seconds),
        idle_gpu_seconds: sum(|row| row.idle_gpu_seconds),
        energy_joules: sum(|row| row.energy_joules),
        ..Row::default()
    };
    // A session counts in each group that it touches, so the groups' numbers have no sum.
    let mut cells = figures(&summed, report);
    cells[COST + 1] = String::new();
    let mut lines = vec![("sum", cells)];
    let rest = [
        ("free", report.free_gpu_seconds, true),
        ("unknown", report.unknown_gpu_seconds, false),
        ("unassigned", report.unassigned_gpu_seconds, false),
        ("unobserved", report.unobserved_gpu_seconds, true),
    ];
    let of_time = |seconds: Option<f64>, energy: String| {
        let none = String::new;
        [cells::hours(seconds), cells::percent(seconds, whole, 1), none(), none(), energy, none(), none()]
    };
    if !only_some_users {
        let shown =
            rest.into_iter().filter(|(_, seconds, always)| *always || seconds.is_some_and(|seconds| seconds > 0.0));
        lines.extend(shown.map(|(label, seconds, _)| (label, of_time(seconds, String::new()))));
    }
    lines.push(("total", of_time(whole, cells::kilowatt_hours(report.energy_joules))));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(json: serde_json::Value) -> Report {
        serde_json::from_value(json).unwrap()
    }

    fn of_two() -> Report {
        report(serde_json::json!({
            "schema": 1, "since": 1_795_910_400_000_i64, "until": 1_795_996_800_000_i64, "by": ["user"], "devices": 2,
            "device_seconds": 172_800.0, "edge_seconds": 0.0,
            "rows": [
                {"user": "alice", "gpu_seconds": 36_000.0, "present_gpu_seconds": 36_000.0, "busy_gpu_seconds": 27_000.0, "idle_gpu_seconds": 3600.0,
                 "energy_joules": 7_200_000.0, "sessions": 3},
                {"user": "b\u{1b}[31mob", "gpu_seconds": 180.0, "present_gpu_seconds": 180.0, "busy_gpu_seconds": 0.0, "idle_gpu_seconds": 180.0,
                 "energy_joules": 1.0, "sessions": 1}],
            "free_gpu_seconds": 130_020.0, "unknown_gpu_seconds": 0.0, "unassigned_gpu_seconds": 0.0,
            "unobserved_gpu_seconds": 6600.0, "energy_joules": 14_400_000.0}))
    }

    const UTC: TimeZone = TimeZone::UTC;

    #[test]
    fn table_has_rows_and_the_rest_of_the_time() {
        let text = text(&of_two(), false, &UTC, Screen::default());
        let expected = "\
GPU usage from 2026-11-29 00:00 to 2026-11-30 00:00 (UTC), 2 devices

USER         GPU-HOURS   SHARE  BUSY  IDLE H    KWH  SESSIONS
alice            10.00   20.8%   75%    1.00   2.00         3
b\\x1b[31mob       0.05    0.1%    0%    0.05  <0.01         1
-------------------------------------------------------------
sum              10.05   20.9%   75%    1.05   2.00
free             36.12   75.2%
unobserved        1.83    3.8%
total            48.00  100.0%                 4.00
";
        assert_eq!(text, expected);
    }

    #[test]
    fn table_fits_narrow_terminal() {
        for width in [20, 30, 40, 60, 80] {
            let text = text(&of_two(), false, &UTC, Screen { width: Some(width), coloured: false });
            for line in text.lines().skip(2) {
                assert!(line.chars().count() <= width, "{width}: {line:?}");
            }
            assert!(text.contains("10.00") && text.contains("alice"), "{text}");
        }
    }

    #[test]
    fn days_in_order_of_time() {
        let row = |key: serde_json::Value, user: &str| serde_json::json!({"hour_of_day": key, "user": user, "gpu_seconds": 3600.0});
        let mut json = serde_json::json!({"since": 0, "until": 1, "by": ["hour_of_day", "user"]});
        json["rows"] =
            vec![row("10".into(), "a"), row("9".into(), "b"), row("10".into(), "c"), row(serde_json::Value::Null, "d")]
                .into();
        let text = text(&report(json), false, &UTC, Screen::default());
        let users: Vec<&str> = text.lines().skip(3).take(4).filter_map(|line| line.split_whitespace().nth(1)).collect();
        assert_eq!(users, ["d", "b", "a", "c"], "{text}");
        assert!(text.contains("HOUR OF DAY  USER"), "{text}");
    }

    #[test]
    fn price_is_a_column_and_note_a_line() {
        let mut priced = of_two();
        priced.price_gpu_hour = Some(crate::usage_report::answer::Price { amount: 2.0, currency: "EUR".into() });
        priced.note = Some("Kept in memory\u{7}.".into());
        let text = text(&priced, false, &UTC, Screen::default());
        let cells = |begin: &str| {
            let line = text.lines().find(|line| line.starts_with(begin)).unwrap();
            line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(cells("USER")[7], "EUR", "after IDLE H");
        assert_eq!((cells("alice")[6].as_str(), cells("sum")[6].as_str()), ("20.00", "20.10"), "{text}");
        assert!(text.ends_with("Kept in memory\\x07.\n"), "{text}");
    }

    #[test]
    fn replaced_gpu_named_with_its_uuid() {
        let row =
            |gpu: serde_json::Value, uuid: &str| serde_json::json!({"gpu": gpu, "uuid": uuid, "gpu_seconds": 3600.0});
        let mut json = serde_json::json!({"since": 0, "until": 1, "by": ["gpu"]});
        json["rows"] = vec![
            row(0.into(), "GPU-a"),
            row(1.into(), "GPU-b"),
            row(0.into(), "GPU-c"),
            row(serde_json::Value::Null, "GPU-d"),
        ]
        .into();
        let text = text(&report(json), false, &UTC, Screen::default());
        let names: Vec<&str> = text.lines().skip(3).take(4).filter_map(|line| line.split("  ").next()).collect();
        assert_eq!(names, ["0 GPU-a", "1", "0 GPU-c", "GPU-d"], "{text}");
    }

    #[test]
    fn unknown_sums_are_not_zero() {
        let json = serde_json::json!({"since": 0, "until": 1, "by": ["user"], "rows": [
            {"user": "a", "gpu_seconds": 3600.0, "present_gpu_seconds": 3600.0, "busy_gpu_seconds": null}, {"user": "b", "gpu_seconds": 3600.0, "present_gpu_seconds": 3600.0, "busy_gpu_seconds": 3600.0}]});
        let text = text(&report(json), false, &UTC, Screen::default());
        let sum = text.lines().find(|line| line.starts_with("sum")).unwrap();
        assert_eq!(sum.split_whitespace().collect::<Vec<_>>(), ["sum", "2.00", "-", "-", "-", "-"], "{text}");
    }

    #[test]
    fn report_without_people_has_the_sum_alone() {
        let report = report(
            serde_json::json!({"schema": 1, "since": 0, "until": 3_600_000, "tz": "UTC", "by": [], "persistent": true,
            "people": true, "note": null, "price_gpu_hour": null, "devices": 1, "device_seconds": 3600.0, "edge_seconds": 0.0,
            "rows": [{"gpu_seconds": 1800.0, "present_gpu_seconds": 1800.0, "busy_gpu_seconds": 900.0, "idle_gpu_seconds": 0.0,
                "energy_joules": 0.0, "sessions": 2}],
            "free_gpu_seconds": 1800.0, "unknown_gpu_seconds": 0.0, "unassigned_gpu_seconds": 0.0, "unobserved_gpu_seconds": 0.0,
            "energy_joules": 0.0}),
        );
        let text = text(&report, false, &UTC, Screen::default());
        for (label, hours) in [("sum", "0.50"), ("free", "0.50"), ("total", "1.00")] {
            let line = text.lines().find(|line| line.starts_with(label)).unwrap_or_else(|| panic!("{label}: {text}"));
            assert!(line.split_whitespace().nth(1) == Some(hours), "{line}");
        }
    }

    #[test]
    fn period_without_use_is_a_sentence() {
        let mut empty = of_two();
        empty.rows.clear();
        assert_eq!(
            text(&empty, false, &UTC, Screen::default()),
            "Nobody used a GPU from 2026-11-29 00:00 to 2026-11-30 00:00 (UTC): of 48.00 GPU-hours, 36.12 free, 1.83 not observed.\n"
        );
        assert!(text(&empty, true, &UTC, Screen::default()).starts_with("None of these users used a GPU from"));
        empty.device_seconds = Some(0.0);
        assert!(text(&empty, false, &UTC, Screen::default()).contains("no GPU was known"));
    }
}
