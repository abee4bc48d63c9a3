//! Tests of the store, with a ledger that plays what a test gives it.

mod busy_host;
mod conservation;
mod document;
mod files;
mod people;
mod queries;
mod repair;

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use server::{Dimension, SessionsPage, SessionsQuery, UsageError, UsageQuery, UsageReport, UsageStore as _};
use telemetry::usage::{
    Device, Flush, Frontier, Holder, LedgerConfig, Occupant, Row, Session, SessionKey, Slot, Sums, UserTotals,
};

use super::{OpenedUsage, Source, Usage, UsageQueries, UsageSettings, lock};

/// A minute, Unix time in milliseconds: 2026-11-30 12:00 UTC.
const NOON: u64 = 1_796_040_000_000;
const MINUTE: u64 = 60_000;
const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

/// A ledger that hands out what it is given.
#[derive(Default)]
struct Script(Mutex<Flush>);

impl Script {
    fn add(&self, change: impl FnOnce(&mut Flush)) {
        change(&mut lock(&self.0));
    }

    /// Adds a row to a minute of a GPU, which existed all of it.
    fn minute(&self, gpu: &str, begins_ms: u64, rows: Vec<Row>) {
        self.add(|flush| {
            flush.at_ms = begins_ms + MINUTE;
            flush.slots.push(slot(gpu, begins_ms, rows));
        });
    }
}

impl Source for Script {
    fn flush(&self) -> Flush {
        let mut flush = lock(&self.0);
        flush.sequence += 1;
        let Flush { ledger, sequence, at_ms, .. } = *flush;
        let next = Flush { ledger, sequence, at_ms, gpus: flush.gpus.clone(), ..Flush::default() };
        std::mem::replace(&mut flush, next)
    }

    fn pending(&self) -> Flush {
        let mut flush = lock(&self.0).clone();
        flush.sequence += 1;
        flush
    }

    fn forget_user(&self, user: &str, _before_ms: u64) {
        self.add(|flush| {
            let removed = Arc::new(Holder { user: Some("(removed)".into()), ..Holder::default() });
            let is_user = |holder: &Holder| holder.user.as_deref() == Some(user);
            let rows = flush.slots.iter_mut().flat_map(|slot| &mut slot.rows);
            for row in rows {
                if matches!(&row.occupant, Occupant::Holder(holder) if is_user(holder)) {
                    row.occupant = Occupant::Holder(Arc::clone(&removed));
                }
            }
            for session in flush.sessions.iter_mut().filter(|session| is_user(&session.key.holder)) {
                session.key.holder = Arc::clone(&removed);
                session.command = None;
            }
            flush.totals.iter_mut().filter(|totals| &*totals.user == user).for_each(|totals| {
                totals.user = "(removed)".into();
            });
        });
    }

    fn users(&self) -> Vec<Arc<str>> {
        lock(&self.0).totals.iter().map(|totals| Arc::clone(&totals.user)).collect()
    }
}

fn settings() -> UsageSettings {
    UsageSettings {
        people: true,
        retention: Duration::from_secs(400 * 86_400),
        // Tests flush themselves, also those that take minutes on a busy machine.
        interval: Duration::from_secs(86_400),
        ledger: LedgerConfig::default(),
    }
}

/// A store in a folder, or in memory, with its ledger.
fn store(folder: Option<&Path>) -> (Arc<Usage>, Arc<Script>) {
    store_of(folder, settings())
}

fn store_of(folder: Option<&Path>, settings: UsageSettings) -> (Arc<Usage>, Arc<Script>) {
    let opened = OpenedUsage::open(folder, settings).unwrap();
    let script = Arc::new(Script::default());
    script.add(|flush| flush.sequence = opened.resumed().sequence);
    (opened.start(Arc::clone(&script) as Arc<dyn Source>), script)
}

fn slot(gpu: &str, begins_ms: u64, rows: Vec<Row>) -> Slot {
    Slot {
        run: 1,
        gpu: gpu.into(),
        index: 0,
        model: Some("NVIDIA H100".into()),
        begins_ms,
        first_ms: begins_ms,
        last_ms: begins_ms + MINUTE,
        rows,
    }
}

fn holder(user: &str) -> Arc<Holder> {
    Arc::new(Holder { user: Some(user.into()), ..Holder::default() })
}

fn row(occupant: Occupant, seconds: u64) -> Row {
    let gpu_us = seconds * 1_000_000;
    let sums =
        Sums { gpu_us, present_us: gpu_us, busy_us: Some(gpu_us / 2), energy_mj: seconds * 300_000, ..Sums::default() };
    Row { mig: None, occupant, sums }
}

fn by(user: &str, seconds: u64) -> Row {
    row(Occupant::Holder(holder(user)), seconds)
}

fn session(gpu: &str, user: &str, first_ms: u64, last_ms: u64) -> Session {
    Session {
        key: SessionKey { first_ms, device: Device { gpu: gpu.into(), mig: None }, holder: holder(user) },
        index: 0,
        mig_name: None,
        last_ms,
        open: false,
        command: Some("python train.py".into()),
        program: Some("python".into()),
        processes: 1,
        sums: Sums { gpu_us: (last_ms - first_ms) * 1000, ..Sums::default() },
    }
}

fn total(user: &str, seconds: u64) -> UserTotals {
    UserTotals { user: user.into(), gpu_us: seconds * 1_000_000, busy_us: 0, idle_us: 0, energy_mj: 0 }
}

fn frontier(gpu: &str, until_ms: u64) -> Frontier {
    Frontier { run: 1, gpu: gpu.into(), index: 0, model: None, until_ms }
}

fn query(since_ms: u64, until_ms: u64, by: &[Dimension]) -> UsageQuery {
    let zone = jiff::tz::TimeZone::UTC;
    UsageQuery { since_ms, until_ms, by: by.to_vec(), zone, users: None, gpus: None }
}

fn sessions_query(since_ms: u64, until_ms: u64, limit: usize) -> SessionsQuery {
    SessionsQuery { since_ms, until_ms, users: None, gpus: None, limit, cursor: None }
}

fn wait<T>(answer: server::Pending<T>) -> Result<T, UsageError> {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(answer)
}

fn report(usage: &Arc<Usage>, query: UsageQuery) -> UsageReport {
    wait(UsageQueries(Arc::clone(usage)).usage(query)).unwrap()
}

fn page(usage: &Arc<Usage>, query: SessionsQuery) -> Result<SessionsPage, UsageError> {
    wait(UsageQueries(Arc::clone(usage)).sessions(query))
}

/// GPU time by keys, in seconds.
fn shares(report: &UsageReport) -> Vec<(Vec<Option<&str>>, f64)> {
    report.rows.iter().map(|row| (row.keys.iter().map(|key| key.as_deref()).collect(), row.sums.gpu_seconds)).collect()
}

/// Holders, free, unknown, unassigned and unobserved time together.
fn sum(report: &UsageReport) -> f64 {
    let holders: f64 = report.rows.iter().map(|row| row.sums.gpu_seconds).sum();
    holders + report.free_seconds + report.unknown_seconds + report.unassigned_seconds + report.unobserved_seconds
}

fn assert_conserved(report: &UsageReport) {
    assert!((sum(report) - report.device_seconds).abs() < 1e-4, "{} in {report:?}", sum(report));
}
