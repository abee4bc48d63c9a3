//! Sums of hosts. Times, energy and sessions add up; a peak is the largest.

use std::{collections::HashMap, fmt, sync::Arc};

use serde::Serialize;
use server::{Dimension, FleetKey, FleetQuestion, MAX_USAGE_ROWS};

use super::{
    Told,
    answer::{self, HostUsage, Price},
};

/// Value of a key in a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Key {
    /// Not known.
    Unknown,
    /// A name or a day.
    Text(Box<str>),
    /// Index and UUID of a GPU.
    Gpu(Option<u32>, Option<Box<str>>),
    /// Hour of the day.
    Hour(u32),
}

/// Sums of a row. What a source cannot know is none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sums {
    pub(crate) gpu_seconds: Option<f64>,
    pub(crate) present_gpu_seconds: Option<f64>,
    pub(crate) busy_gpu_seconds: Option<f64>,
    pub(crate) idle_gpu_seconds: Option<f64>,
    pub(crate) allocated_gpu_seconds: Option<f64>,
    pub(crate) memory_byte_seconds: Option<f64>,
    pub(crate) peak_memory_bytes: Option<u64>,
    pub(crate) energy_joules: Option<f64>,
    pub(crate) sessions: Option<u64>,
}

/// A sum as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Sum {
    Number(Option<f64>),
    Whole(Option<u64>),
}

/// A row of a host.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// A value per key of the question to the host.
    pub(crate) keys: Vec<Key>,
    pub(crate) sums: Sums,
}

/// Sums of all devices of hosts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Whole {
    pub(crate) devices: u64,
    pub(crate) device_seconds: f64,
    pub(crate) edge_seconds: f64,
    pub(crate) free_gpu_seconds: f64,
    pub(crate) unknown_gpu_seconds: f64,
    pub(crate) unassigned_gpu_seconds: f64,
    pub(crate) unobserved_gpu_seconds: f64,
    pub(crate) energy_joules: f64,
}

/// A host whose part is not in the sums.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Missing {
    pub(crate) host: Arc<str>,
    pub(crate) error: String,
}

/// A hint of a host about its part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Note {
    pub(crate) host: Arc<str>,
    pub(crate) note: String,
}

/// The hosts would have too many rows together.
#[derive(Debug, thiserror::Error)]
#[error("The answer would have more than {MAX_USAGE_ROWS} rows; ask for fewer keys in by, or for a shorter time.")]
pub(crate) struct TooManyRows;

/// Sums of the hosts that have answered.
pub(crate) struct Collected {
    question: Arc<FleetQuestion>,
    /// Keys of the hosts' answers.
    asked: Vec<Dimension>,
    rows: HashMap<Box<[Key]>, Sums>,
    pub(super) whole: Whole,
    /// True if an engine knows the rows, and nothing of devices.
    pub(super) is_of_engine: bool,
    /// Number of hosts in the sums.
    pub(super) hosts: usize,
    pub(super) persistent: bool,
    pub(super) people: bool,
    pub(super) notes: Vec<Note>,
    pub(super) missing: Vec<Missing>,
    price: Agreed,
}

/// Price of the hosts.
#[derive(PartialEq)]
enum Agreed {
    /// No host has answered.
    Open,
    /// The same for all.
    Same(Option<Price>),
    /// Hosts differ.
    Differs,
}

impl Sums {
    /// Sums by name, as an agent names them.
    pub(super) const fn named(&self) -> [(&'static str, Sum); 9] {
        [
            ("gpu_seconds", Sum::Number(self.gpu_seconds)),
            ("present_gpu_seconds", Sum::Number(self.present_gpu_seconds)),
            ("busy_gpu_seconds", Sum::Number(self.busy_gpu_seconds)),
            ("idle_gpu_seconds", Sum::Number(self.idle_gpu_seconds)),
            ("allocated_gpu_seconds", Sum::Number(self.allocated_gpu_seconds)),
            ("memory_byte_seconds", Sum::Number(self.memory_byte_seconds)),
            ("peak_memory_bytes", Sum::Whole(self.peak_memory_bytes)),
            ("energy_joules", Sum::Number(self.energy_joules)),
            ("sessions", Sum::Whole(self.sessions)),
        ]
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.gpu_seconds = known(self.gpu_seconds, other.gpu_seconds);
        self.present_gpu_seconds = known(self.present_gpu_seconds, other.present_gpu_seconds);
        self.busy_gpu_seconds = known(self.busy_gpu_seconds, other.busy_gpu_seconds);
        self.idle_gpu_seconds = known(self.idle_gpu_seconds, other.idle_gpu_seconds);
        self.allocated_gpu_seconds = known(self.allocated_gpu_seconds, other.allocated_gpu_seconds);
        self.memory_byte_seconds = known(self.memory_byte_seconds, other.memory_byte_seconds);
        self.peak_memory_bytes = self.peak_memory_bytes.max(other.peak_memory_bytes);
        self.energy_joules = known(self.energy_joules, other.energy_joules);
        self.sessions = match (self.sessions, other.sessions) {
            (Some(one), Some(two)) => Some(one.saturating_add(two)),
            (one, two) => one.or(two),
        };
    }
}

/// Sum of what is known, as an agent adds its own devices.
fn known(one: Option<f64>, two: Option<f64>) -> Option<f64> {
    match (one, two) {
        (Some(one), Some(two)) => Some(one + two),
        (one, two) => one.or(two),
    }
}

impl Whole {
    /// Time without a holder that is known.
    pub(super) fn unheld(&self) -> f64 {
        self.free_gpu_seconds + self.unknown_gpu_seconds + self.unassigned_gpu_seconds + self.unobserved_gpu_seconds
    }

    fn add(&mut self, other: &Self) {
        self.devices = self.devices.saturating_add(other.devices);
        self.device_seconds += other.device_seconds;
        // An edge is a time of the clock, which is the same on all hosts.
        self.edge_seconds = self.edge_seconds.max(other.edge_seconds);
        self.free_gpu_seconds += other.free_gpu_seconds;
        self.unknown_gpu_seconds += other.unknown_gpu_seconds;
        self.unassigned_gpu_seconds += other.unassigned_gpu_seconds;
        self.unobserved_gpu_seconds += other.unobserved_gpu_seconds;
        self.energy_joules += other.energy_joules;
    }
}

impl fmt::Debug for Collected {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Collected").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

impl Collected {
    pub(super) fn new(question: &Arc<FleetQuestion>) -> Self {
        let asked: Vec<Dimension> = question.by.iter().filter_map(FleetKey::dimension).collect();
        Self {
            question: Arc::clone(question),
            asked: if asked.is_empty() { vec![WHOLE] } else { asked },
            rows: HashMap::new(),
            whole: Whole::default(),
            is_of_engine: false,
            hosts: 0,
            persistent: true,
            people: true,
            notes: Vec::new(),
            missing: Vec::new(),
            price: Agreed::Open,
        }
    }

    /// Notes that a host's part is not in the sums.
    pub(super) fn miss(&mut self, host: &Arc<str>, error: String) {
        self.missing.push(Missing { host: Arc::clone(host), error });
    }

    /// Takes the answer of a host.
    pub(super) fn take(mut self, told: Told) -> Result<Self, TooManyRows> {
        let parsed = told.answer.and_then(|body| answer::parse(&body, &self.question, &self.asked));
        match parsed {
            Ok(usage) => self.add(&told.host, usage)?,
            Err(why) => self.miss(&told.host, why),
        }
        Ok(self)
    }

    /// Adds rows of a host.
    pub(super) fn add_rows(
        &mut self,
        host: &Arc<str>,
        parts: impl IntoIterator<Item = Part>,
    ) -> Result<(), TooManyRows> {
        for Part { keys, sums } in parts {
            let mut keys = keys.into_iter();
            let all = self.question.by.iter().map(|key| match key {
                FleetKey::Host => Key::Text((**host).into()),
                FleetKey::Of(_) => keys.next().unwrap_or(Key::Unknown),
            });
            self.rows.entry(all.collect()).or_default().add(&sums);
        }
        if self.rows.len() > MAX_USAGE_ROWS { Err(TooManyRows) } else { Ok(()) }
    }

    fn add(&mut self, host: &Arc<str>, usage: HostUsage) -> Result<(), TooManyRows> {
        self.add_rows(host, usage.parts)?;
        self.whole.add(&usage.whole);
        self.hosts += 1;
        self.persistent &= usage.persistent;
        self.people &= usage.people;
        self.notes.extend(usage.note.map(|note| Note { host: Arc::clone(host), note }));
        self.price = match std::mem::replace(&mut self.price, Agreed::Differs) {
            Agreed::Open => Agreed::Same(usage.price),
            Agreed::Same(price) if price == usage.price => Agreed::Same(price),
            Agreed::Same(_) | Agreed::Differs => Agreed::Differs,
        };
        Ok(())
    }

    /// Price of a GPU-hour, if it is the same on all hosts.
    pub(super) const fn price(&self) -> Option<&Price> {
        match &self.price {
            Agreed::Same(price) => price.as_ref(),
            Agreed::Open | Agreed::Differs => None,
        }
    }

    /// Rows, the one with the most time first.
    pub(super) fn sorted(&self) -> Vec<(&[Key], &Sums)> {
        sorted(&self.rows)
    }
}

/// Rows, the one with the most time first.
pub(crate) fn sorted(rows: &HashMap<Box<[Key]>, Sums>) -> Vec<(&[Key], &Sums)> {
    let mut all: Vec<(&[Key], &Sums)> = rows.iter().map(|(keys, sums)| (&**keys, sums)).collect();
    let seconds = |sums: &Sums| sums.gpu_seconds.unwrap_or_default();
    all.sort_by(|one, two| seconds(two.1).total_cmp(&seconds(one.1)).then_with(|| one.0.cmp(two.0)));
    all
}

/// Key of the question to hosts if none is asked for: without one an agent divides by users.
pub(super) const WHOLE: Dimension = Dimension::Model;
