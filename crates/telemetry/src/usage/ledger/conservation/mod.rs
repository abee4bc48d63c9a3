//! Conservation: 10,000 random histories of a host, against brute force.

mod model;
mod world;

use std::collections::BTreeMap;

use super::{Ledger, LedgerConfig, Resumed};
use crate::{
    BootTime, Stamp,
    usage::{Flush, Frontier, Gap, MINUTE_MS, Occupant, Session, SessionKey, Sums},
};
use model::{Seen, Truth};
use world::{HostGpu, Random, View};

const HISTORIES: u64 = 10_000;
/// Steps of a history.
const STEPS: u64 = 20;
/// The wall clock when the first agent starts.
const BEGINS: u64 = 1_796_000_000_000;

/// Content of a store: each flush once, slots by run, GPU and minute.
#[derive(Default)]
struct Store {
    sequence: u64,
    run: u64,
    slots: BTreeMap<(u64, String, u64), Stored>,
    gaps: Vec<Gap>,
    frontiers: Vec<Frontier>,
    sessions: BTreeMap<SessionKey, Session>,
    totals: BTreeMap<String, u64>,
}

#[derive(Default)]
struct Stored {
    first: u64,
    last: u64,
    rows: BTreeMap<(Option<String>, String), Sums>,
}

fn label(occupant: &Occupant) -> String {
    match occupant {
        Occupant::Holder(holder) => {
            let of = |part: &Option<std::sync::Arc<str>>| part.as_deref().unwrap_or("-").to_owned();
            format!("{} {} {}", of(&holder.user), of(&holder.container), of(&holder.job))
        }
        Occupant::Free => "free".into(),
        Occupant::Unknown => "unknown".into(),
        Occupant::Unassigned => "unassigned".into(),
    }
}

impl Store {
    fn add(&mut self, flush: &Flush) {
        assert!(flush.sequence > self.sequence && flush.run >= self.run);
        (self.sequence, self.run) = (flush.sequence, flush.run);
        for slot in &flush.slots {
            let key = (slot.run, slot.gpu.to_string(), slot.begins_ms);
            let stored = self.slots.entry(key).or_insert_with(|| Stored { first: u64::MAX, ..Stored::default() });
            stored.first = stored.first.min(slot.first_ms);
            stored.last = stored.last.max(slot.last_ms);
            for row in &slot.rows {
                let key = (row.mig.as_ref().map(ToString::to_string), label(&row.occupant));
                *stored.rows.entry(key).or_default() += row.sums;
            }
        }
        self.gaps.extend(flush.gaps.iter().cloned());
        self.frontiers.clone_from(&flush.gpus);
        self.sessions.extend(flush.sessions.iter().map(|session| (session.key.clone(), session.clone())));
        for totals in &flush.totals {
            *self.totals.entry(totals.user.to_string()).or_default() += totals.gpu_us;
        }
    }

    fn resumed(&self) -> Resumed {
        Resumed {
            sequence: self.sequence,
            run: self.run,
            gpus: self.frontiers.clone(),
            sessions: self.sessions.values().filter(|session| session.open).cloned().collect(),
            users: self.totals.keys().map(|user| user.as_str().into()).collect(),
        }
    }

    /// Existence and times by occupant in a window, in microseconds: of a slot that it cuts, the part of its span.
    fn window(&self, from: u64, to: u64) -> (u64, BTreeMap<String, f64>) {
        let (mut exists, mut times) = (0, BTreeMap::new());
        for slot in self.slots.values() {
            let inside = to.min(slot.last).saturating_sub(from.max(slot.first));
            exists += inside * 1000;
            for ((_, label), sums) in &slot.rows {
                let part = inside as f64 / (slot.last - slot.first) as f64;
                *times.entry(label.clone()).or_default() += sums.gpu_us as f64 * part;
            }
        }
        exists +=
            self.gaps.iter().map(|gap| to.min(gap.last_ms).saturating_sub(from.max(gap.first_ms)) * 1000).sum::<u64>();
        (exists, times)
    }
}

/// A host, the agent on it, and what is stored.
struct Host {
    random: Random,
    boot: u64,
    /// Wall minus boot clock.
    offset: i64,
    gpus: BTreeMap<u64, HostGpu>,
    view: View,
    ledger: Ledger,
    store: Store,
    truth: Truth,
    names: (u64, u32),
}

impl Host {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let gpus = (0..1 + random.below(2)).map(|number| (number, HostGpu::new(number, &mut random))).collect();
        let boot = 1 + random.below(5000);
        Self {
            random,
            boot,
            offset: BEGINS.cast_signed(),
            gpus,
            view: View::default(),
            ledger: Ledger::default(),
            store: Store::default(),
            truth: Truth::default(),
            names: (2, 0),
        }
    }

    fn now(&self) -> Stamp {
        Stamp { boot: BootTime(self.boot), unix_ms: self.boot.checked_add_signed(self.offset).unwrap() }
    }

    fn tick(&mut self) {
        let passed = match self.random.below(40) {
            0 => 400_000 + self.random.below(9_000_000),
            1..3 => 10_000 + self.random.below(90_000),
            3..6 => 3_000 + self.random.below(8_000),
            _ => 1 + self.random.below(1_500),
        };
        self.boot += passed;
        // A clock that is slewed.
        self.offset += self.random.below(3).cast_signed() - 1;
        for gpu in self.gpus.values_mut() {
            if !self.random.one_in(6) {
                let read = self.boot - self.random.below(passed.min(900));
                gpu.read_at = Some(gpu.read_at.map_or(read, |last| last.max(read)));
            }
        }
        let now = self.now();
        let has_counted = self.view.starting == 0;
        let snapshot = self.view.snapshot(&self.gpus, now);
        self.ledger.add(&snapshot);
        let mut seen: BTreeMap<String, Seen<'_>> = BTreeMap::new();
        for shown in &snapshot.gpus {
            let gpu = self.gpus.values().find(|gpu| gpu.is_listed && gpu.key == shown.key);
            seen.insert(shown.key.clone(), gpu.map_or(Seen::Unread, Seen::Listed));
        }
        seen.extend(snapshot.missing.iter().map(|missing| (missing.id.clone(), Seen::Unread)));
        self.truth.see(now, has_counted, &seen);
    }

    fn flush(&mut self) {
        let pending = self.ledger.pending(self.now());
        let flush = self.ledger.flush(self.now());
        assert_eq!((&pending.slots, &pending.gaps, &pending.gpus), (&flush.slots, &flush.gaps, &flush.gpus));
        assert_eq!(pending.totals, flush.totals);
        self.store.add(&flush);
        self.truth.store();
    }

    /// The agent ends, with or without a flush, and another goes on from what is stored.
    fn restart(&mut self) {
        if self.random.one_in(2) {
            self.flush();
        }
        self.boot += self.random.below(100_000);
        if self.random.one_in(3) {
            // The host boots.
            let unix_ms = self.now().unix_ms;
            self.boot = 1 + self.random.below(20_000);
            self.offset = (unix_ms - self.boot).cast_signed();
            self.gpus.values_mut().for_each(|gpu| gpu.read_at = None);
        }
        self.view.earlier.append(&mut self.view.seen);
        self.view.starting = self.random.below(3);
        self.ledger = Ledger::resumed(LedgerConfig::default(), self.store.resumed());
        self.truth.restart();
    }

    fn forget(&mut self) {
        let key = self.gpus.values().find(|gpu| !gpu.is_listed).map(|gpu| gpu.key.clone());
        let Some(key) = key.filter(|_| self.view.starting == 0) else { return };
        self.view.seen.remove(&key);
        self.view.earlier.remove(&key);
        self.ledger.forget_gpu(&key);
        self.truth.end(&key);
    }

    fn step(&mut self) {
        let number = self.random.below(self.gpus.len() as u64);
        let random = &mut self.random;
        let gpu = self.gpus.values_mut().nth(usize::try_from(number).unwrap()).unwrap();
        match random.below(24) {
            0..4 => gpu.change(random, &mut self.names.1),
            4 => {
                use crate::snapshot::GpuState::{Asleep, Denied, Error, Lost};
                gpu.state = [None, None, Some(Lost), Some(Denied), Some(Asleep), Some(Error)][random.below(6) as usize];
            }
            5 => gpu.is_listed = !gpu.is_listed,
            6 if self.gpus.len() < 4 => {
                self.gpus.insert(self.names.0, HostGpu::new(self.names.0, random));
                self.names.0 += 1;
            }
            7 => self.forget(),
            8 => {
                let by = random.below(4_000_000).cast_signed() - 2_000_000;
                self.offset += by / if random.one_in(2) { 1000 } else { 1 };
            }
            9..12 => self.flush(),
            12 => self.restart(),
            _ => {}
        }
        self.tick();
    }

    /// Compares what is stored with the truth, over all time and in a window.
    fn check(&mut self, seed: u64) {
        let base = BEGINS - 10_000_000;
        let from = base + self.random.below(20_000_000);
        let windows = [(0, u64::MAX), (from, from + self.random.below(5_000_000))];
        for (from, to) in windows {
            let (exists, times) = self.store.window(from, to);
            let inside = |first: u64, last: u64| to.min(last).saturating_sub(from.max(first)) as f64 * 1000.0;
            let true_exists: f64 = self.truth.existed.iter().map(|one| inside(one.first, one.last)).sum();
            assert_eq!(exists as f64, true_exists, "history {seed}: existence in {from}..{to}");
            let mut true_times: BTreeMap<String, f64> = BTreeMap::new();
            for one in &self.truth.had {
                for (label, part) in &one.had {
                    *true_times.entry(label.clone()).or_default() += inside(one.first, one.last) * part;
                }
            }
            // A window cuts two minutes of each GPU and run; a rounding is a microsecond for each reading.
            let cut = |slot: &&Stored| [from, to].iter().any(|edge| slot.first < *edge && *edge < slot.last);
            let edges = self.store.slots.values().filter(cut).map(|slot| slot.last - slot.first).sum::<u64>() * 1000;
            let allowed = edges as f64 + 4.0 * self.truth.had.len() as f64;
            for label in times.keys().chain(true_times.keys()) {
                let of = |times: &BTreeMap<String, f64>| times.get(label).copied().unwrap_or_default();
                let (own, truth) = (of(&times), of(&true_times));
                assert!(
                    (own - truth).abs() <= allowed,
                    "history {seed}: {label} in {from}..{to}: {own}, expected {truth}"
                );
            }
            let counted: f64 = times.values().sum();
            assert!(counted <= exists as f64 + 1e-3, "history {seed}: {counted} of {exists} us in {from}..{to}");
        }
    }

    /// Whatever is stored agrees with itself.
    fn check_sums(&self, seed: u64) {
        let mut by_holder: BTreeMap<(String, Option<String>, String), Sums> = BTreeMap::new();
        for ((_, gpu, begins), slot) in &self.store.slots {
            assert!(*begins <= slot.first && slot.first <= slot.last && slot.last <= begins + MINUTE_MS);
            let counted: u64 = slot.rows.values().map(|sums| sums.gpu_us).sum();
            assert!(counted <= (slot.last - slot.first) * 1000, "history {seed}: a slot has {counted} us");
            for ((mig, label), sums) in &slot.rows {
                assert!(sums.gpu_us <= sums.present_us && sums.idle_us.unwrap_or(0) <= sums.gpu_us);
                *by_holder.entry((gpu.clone(), mig.clone(), label.clone())).or_default() += *sums;
            }
        }
        let mut by_user: BTreeMap<String, u64> = BTreeMap::new();
        for ((_, _, label), sums) in &by_holder {
            let user = label.split(' ').next().unwrap_or_default().to_owned();
            *by_user.entry(user).or_default() += sums.gpu_us;
        }
        by_user.retain(|user, sum| user.starts_with("user") && *sum > 0);
        let totals = self.store.totals.iter().filter(|(_, sum)| **sum > 0).map(|(user, sum)| (user.clone(), *sum));
        assert_eq!(by_user, totals.collect(), "history {seed}");
        by_holder.retain(|(_, _, label), _| !["free", "unknown", "unassigned"].contains(&&**label));
        for session in self.store.sessions.values() {
            let SessionKey { first_ms, device, holder } = &session.key;
            assert!(*first_ms <= session.last_ms && session.processes > 0, "history {seed}: {session:?}");
            let name = label(&Occupant::Holder(holder.clone()));
            let mig = device.mig.as_ref().map(ToString::to_string);
            let sums = by_holder.entry((device.gpu.to_string(), mig, name)).or_default();
            for (left, part) in [(&mut sums.gpu_us, session.sums.gpu_us), (&mut sums.energy_mj, session.sums.energy_mj)]
            {
                *left = left
                    .checked_sub(part)
                    .unwrap_or_else(|| panic!("history {seed}: {session:?} has more than its rows"));
            }
        }
        for (of, sums) in by_holder {
            assert_eq!((sums.gpu_us, sums.energy_mj), (0, 0), "history {seed}: {of:?} has more than its sessions");
        }
    }
}

/// One of four quarters, so that they run next to each other.
fn histories_conserve_time(quarter: u64) {
    let mut counted = 0;
    for seed in (0..HISTORIES).filter(|seed| seed % 4 == quarter) {
        let mut host = Host::new(seed);
        (0..STEPS).for_each(|_| host.step());
        host.flush();
        host.check(seed);
        host.check_sums(seed);
        counted += host.truth.had.len();
    }
    assert!(counted > 20_000, "{counted} intervals are too few to be worth it");
}

#[test]
fn histories_conserve_time_1() {
    histories_conserve_time(0);
}

#[test]
fn histories_conserve_time_2() {
    histories_conserve_time(1);
}

#[test]
fn histories_conserve_time_3() {
    histories_conserve_time(2);
}

#[test]
fn histories_conserve_time_4() {
    histories_conserve_time(3);
}
