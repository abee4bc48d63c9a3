//! A busy host over days: a day in each test run, and a year with `USAGE_DAYS=366` to measure (`make bench`). `USAGE_FOLDER`
//! keeps the file.

use std::time::Instant;

use super::*;

const GPUS: u64 = 8;
const USERS: u64 = 40;
const SESSIONS_A_DAY: u64 = 2000;

/// Job with its user, of 250 a day on each GPU, each for a sixth of an hour or less.
fn job(gpu: u64, number: u64) -> Arc<Holder> {
    let user = (number * 7 + gpu * 13) % USERS;
    Arc::new(Holder {
        user: Some(format!("user{user:02}").into()),
        job: Some(format!("{}", 100_000 + number * GPUS + gpu).into()),
        ..Holder::default()
    })
}

/// Rows of a stretch of a GPU's time with the jobs of an hour.
fn rows(gpu: u64, hour: u64, seconds: u64) -> Vec<Row> {
    let jobs = SESSIONS_A_DAY / GPUS / 24;
    let mut rows: Vec<Row> =
        (0..=jobs).map(|number| row(Occupant::Holder(job(gpu, hour * jobs + number)), seconds / (jobs + 2))).collect();
    for row in &mut rows {
        row.sums.memory_byte_seconds = 3.3e13;
        row.sums.peak_memory_bytes = 70 << 30;
    }
    rows.push(row(Occupant::Free, seconds / (jobs + 2)));
    rows
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn timed<T>(what: &str, mut work: impl FnMut() -> T) -> T {
    let mut times = Vec::new();
    let mut result = None;
    for _ in 0..5 {
        let begun = Instant::now();
        result = Some(work());
        times.push(begun.elapsed());
    }
    println!("{what}: first {:?}, best {:?}; {} KiB resident", times[0], times.iter().min().unwrap(), resident_kib());
    result.unwrap()
}

#[test]
fn busy_host_has_all_its_users_and_time() {
    let kept = std::env::var_os("USAGE_FOLDER").map(std::path::PathBuf::from);
    let temporary = tempfile::tempdir().unwrap();
    let folder = kept.as_deref().unwrap_or(temporary.path());
    let (usage, script) = store(Some(folder));
    let days: u64 = std::env::var("USAGE_DAYS").map_or(1, |days| days.parse().unwrap());
    let hours = days * 24;
    let end = NOON + hours * HOUR;
    if report(&usage, query(0, u64::MAX, &[])).devices == 0 {
        // Minutes are removed after two days.
        write(&usage, &script, hours, if days > 2 { 50 } else { 2 });
    }
    drop((usage, script));
    let (usage, script) = store(Some(folder));
    println!("file: {} MiB", std::fs::metadata(folder.join("usage.sqlite")).unwrap().len() >> 20);
    println!("{} KiB resident", resident_kib());
    script.add(|flush| flush.sequence = u64::MAX - 10);
    let by = |by: &[Dimension], days: u64| query(end - days * DAY - 1_234_567, end - 1_234_567, by);
    let found = timed("30 days by user", || report(&usage, by(&[Dimension::User], 30)));
    assert_eq!(found.rows.len(), usize::try_from(USERS).unwrap());
    assert_eq!(found.devices, GPUS);
    assert_conserved(&found);
    timed("30 days by user and day", || report(&usage, by(&[Dimension::User, Dimension::Day], 30)));
    timed("7 days by hour of day", || report(&usage, by(&[Dimension::Day, Dimension::HourOfDay], 7)));
    timed("1 day by user", || report(&usage, by(&[Dimension::User], 1)));
    timed("30 days by job", || report(&usage, by(&[Dimension::Job], 30)));
    timed("400 days by user", || report(&usage, by(&[Dimension::User], 400)));
    timed("sessions of a day", || page(&usage, sessions_query(end - DAY, end, 1000)).unwrap());
    timed("sessions of a day 80 days ago", || {
        page(&usage, sessions_query(end - 80 * DAY, end - 79 * DAY, 1000)).unwrap()
    });
    let begun = Instant::now();
    usage.forget_user("user07", None).unwrap();
    println!("forgetting a user: {:?}; {} KiB resident", begun.elapsed(), resident_kib());
}

fn write(usage: &Arc<Usage>, script: &Script, hours: u64, in_minutes: u64) {
    lock(&usage.database).connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -20000").unwrap();
    for hour in 0..hours {
        let begins = NOON + hour * HOUR;
        script.add(|flush| {
            flush.at_ms = begins + HOUR;
            for gpu in 0..GPUS {
                let key = format!("GPU-{gpu:08x}-0000-0000-0000-000000000000");
                let pieces = if hour + in_minutes > hours { 60 } else { 1 };
                for piece in 0..pieces {
                    let length = HOUR / pieces;
                    let mut one = slot(&key, begins + piece * length, rows(gpu, hour, length / 1000));
                    one.last_ms = one.begins_ms + length;
                    if pieces > 1 {
                        // In a minute there are three.
                        one.rows.truncate(3);
                    }
                    flush.slots.push(one);
                }
                for number in 0..SESSIONS_A_DAY / GPUS / 24 {
                    let first = begins + number * 300_000;
                    let mut one = session(&key, "", first, first + 900_000);
                    one.key.holder = job(gpu, hour * 10 + number);
                    one.command =
                        Some("python -m train --config /home/user/experiments/resnet/config.yaml --epochs 90".into());
                    flush.sessions.push(one);
                }
            }
            flush.totals.extend((0..USERS).map(|user| total(&format!("user{user:02}"), 100)));
        });
        usage.flush();
    }
}
