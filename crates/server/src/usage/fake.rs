//! A store for tests, with answers that are known.

use std::{
    future::{pending, ready},
    sync::{Mutex, PoisonError},
};

use telemetry::usage::{Device, Holder, Session, SessionKey};

use super::{
    Arc, Dimension, Pending, RowSums, SessionsPage, SessionsQuery, Sums, UsageError, UsageQuery, UsageReport, UsageRow,
    UsageState, UsageStore, UserTotals,
};

/// Names that a user can choose to do harm with.
pub(crate) const HOSTILE: [&str; 4] = ["=cmd|' /C calc'!A0", "a\"b", "new\nline,", "@SUM(1)"];

#[derive(Default)]
pub(crate) struct FakeStore {
    /// Names of users in rows, sessions and totals.
    pub(crate) users: Vec<&'static str>,
    pub(crate) state: UsageState,
    /// Answers with this error instead.
    pub(crate) error: Option<UsageError>,
    /// Never answers.
    pub(crate) is_stuck: bool,
    /// Number of rows per user.
    pub(crate) repeated: usize,
    /// The newest question.
    pub(crate) asked: Mutex<Option<UsageQuery>>,
    pub(crate) asked_sessions: Mutex<Option<SessionsQuery>>,
}

impl FakeStore {
    pub(crate) fn of(users: &[&'static str]) -> Self {
        let state = UsageState { people: true, persistent: true, problem: None };
        Self { users: users.to_vec(), state, repeated: 1, ..Self::default() }
    }

    fn answer<T: Send + 'static>(&self, answer: T) -> Pending<T> {
        match &self.error {
            _ if self.is_stuck => Box::pin(pending()),
            Some(error) => Box::pin(ready(Err(error.clone()))),
            None => Box::pin(ready(Ok(answer))),
        }
    }
}

/// Sums of one user: 90 s, shared with another for a part of it.
pub(crate) const SUMS: Sums = Sums {
    gpu_us: 90_000_000,
    present_us: 120_500_000,
    busy_us: Some(45_000_000),
    idle_us: Some(30_000_000),
    allocated_us: None,
    memory_byte_seconds: 1.5e12,
    peak_memory_bytes: 17_179_869_184,
    energy_mj: 22_500_250,
};

fn key(dimension: Dimension, user: &str) -> Option<Arc<str>> {
    match dimension {
        Dimension::User => Some(user.into()),
        Dimension::Gpu => Some("GPU-1".into()),
        Dimension::Job | Dimension::Pod => None,
        Dimension::Container => Some("notebook".into()),
        Dimension::Model => Some("NVIDIA H100".into()),
        Dimension::Day => Some("2026-11-30".into()),
        Dimension::HourOfDay => Some("17".into()),
    }
}

impl UsageStore for FakeStore {
    fn usage(&self, query: UsageQuery) -> Pending<UsageReport> {
        let rows = self.users.iter().flat_map(|user| std::iter::repeat_n(user, self.repeated)).map(|user| UsageRow {
            keys: query.by.iter().map(|dimension| key(*dimension, user)).collect(),
            gpu_index: query.by.contains(&Dimension::Gpu).then_some(1),
            sums: RowSums::share(&SUMS, 1.0),
            sessions: 3,
        });
        let report = UsageReport {
            devices: 8,
            device_seconds: 691_200.0,
            edge_seconds: 60.0,
            rows: rows.collect(),
            free_seconds: 691_000.0,
            unknown_seconds: 10.25,
            unassigned_seconds: 0.0,
            unobserved_seconds: 99.75,
            energy_joules: 1e6,
        };
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(query);
        self.answer(report)
    }

    fn sessions(&self, query: SessionsQuery) -> Pending<SessionsPage> {
        let sessions = self.users.iter().enumerate().map(|(at, user)| {
            let mig: Option<Arc<str>> = (at == 1).then(|| "MIG-1".into());
            let holder = Holder { user: Some((*user).into()), container: None, pod: None, job: Some("42".into()) };
            let session = Session {
                key: SessionKey {
                    first_ms: 1_700_000_000_000,
                    device: Device { gpu: "GPU-1".into(), mig: mig.clone() },
                    holder: Arc::new(holder),
                },
                index: 1,
                mig_name: mig.map(|_| "0 · 3g.40gb".into()),
                last_ms: 1_700_000_090_000,
                open: at == 0,
                command: Some("python train.py --token=***".into()),
                program: Some("python".into()),
                processes: 1,
                sums: SUMS,
            };
            (format!("1700000000000-{at}"), session)
        });
        let page = SessionsPage { sessions: sessions.collect(), next: Some("1700000000000-7".into()) };
        *self.asked_sessions.lock().unwrap_or_else(PoisonError::into_inner) = Some(query);
        self.answer(page)
    }

    fn totals(&self) -> Arc<Vec<UserTotals>> {
        let totals = |user: &&str| UserTotals {
            user: (*user).into(),
            gpu_us: SUMS.gpu_us,
            busy_us: 45_000_000,
            idle_us: 30_000_000,
            energy_mj: SUMS.energy_mj,
        };
        Arc::new(self.users.iter().map(totals).collect())
    }

    fn state(&self) -> UsageState {
        self.state.clone()
    }
}
