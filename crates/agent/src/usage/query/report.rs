//! Sums of a period, by dimension.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::Range,
    sync::Arc,
};

use rusqlite::Connection;
use server::{Dimension, RowSums, UsageError, UsageQuery, UsageReport, UsageRow};
use telemetry::usage::{Flush, Sums};

use super::{
    Fresh,
    cells::{Cell, Cells},
    days::{DAY_MS, DayTotals, Days},
    names::Names,
    span::{Edges, Part, Plan, Window, parts},
    stored::{self, Scanned, slots, sums},
};
use crate::usage::{
    ids,
    schema::{FREE, NAMELESS, NOWHERE, UNASSIGNED, UNKNOWN, identity, number, signed, unsigned},
};

/// Most groups of a report: an answer has fewer rows.
const MOST_GROUPS: usize = 200_000;
/// Slots whose numbers are so far apart are read by queries of their own.
const FAR: i64 = 1000;

/// Reports a period, with what is not stored yet.
///
/// # Errors
/// The inner one: there would be too many groups.
pub(in crate::usage) fn report(
    connection: &Connection,
    flushes: Vec<Arc<Flush>>,
    query: &UsageQuery,
    people: bool,
    days: &Days,
) -> rusqlite::Result<Result<UsageReport, UsageError>> {
    let generation = days.generation();
    let fresh = Fresh::new(connection, flushes)?;
    let window = Window { since: query.since_ms, until: query.until_ms };
    let mut names = Names::new(connection)?;
    if let Some(key) = query.gpus.as_deref().and_then(|keys| names.unknown_gpu(keys, &fresh)) {
        return Ok(Err(UsageError::Gpu(key.clone())));
    }
    let mut tally = Tally::new(&mut names, query, window, people)?;
    let plan = Plan::of(window, number(connection, "minutes_from_ms")?, fresh.begins(), !tally.cells.is_one());
    let mut minutes = slots(connection, "minute", plan.head)?;
    minutes.extend(slots(connection, "minute", plan.tail)?);
    minutes.sort_by_key(|slot| slot.id);
    stored::merge(&mut names, &mut minutes, &fresh, window)?;
    let gaps = stored::gaps(connection, &mut names, &fresh, window)?;
    tally.add_hours(connection, plan.hours, days, generation)?;
    tally.add_tier(connection, "minute", &minutes)?;
    for (gpu, first, last) in gaps {
        tally.begin(gpu, first, last);
    }
    if tally.groups.len() > MOST_GROUPS {
        return Ok(Err(UsageError::TooManyRows));
    }
    tally.count_sessions(connection, &mut names, &fresh)?;
    tally.finish(&mut names).map(Ok)
}

/// Group of a row, in numbers; those that the query does not group by are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Group {
    cell: Cell,
    gpu: i64,
    user: i64,
    place: i64,
}

/// Texts of a group.
type Keys = Vec<Option<Arc<str>>>;

/// Dimensions of a query.
#[derive(Clone, Copy)]
struct By {
    gpu: bool,
    user: bool,
    place: bool,
}

struct Tally<'q> {
    query: &'q UsageQuery,
    window: Window,
    by: By,
    people: bool,
    users: Option<HashSet<i64>>,
    gpus: Option<HashSet<i64>>,
    cells: Cells,
    edges: Edges,
    groups: HashMap<Group, Sums>,
    sessions: HashMap<Group, u64>,
    /// GPUs that existed, and devices that were occupied, free or unknown.
    existing: HashSet<i64>,
    devices: HashSet<(i64, bool)>,
    device_us: u64,
    rows_us: u64,
    free_us: u64,
    unknown_us: u64,
    unassigned_us: u64,
    energy_mj: u64,
    /// Parts of the present slot.
    parts: Vec<Part>,
    gpu: i64,
}

impl<'q> Tally<'q> {
    fn new(names: &mut Names<'_>, query: &'q UsageQuery, window: Window, people: bool) -> rusqlite::Result<Self> {
        let by = |wanted: &[Dimension]| query.by.iter().any(|dimension| wanted.contains(dimension));
        let users = match &query.users {
            None => None,
            // Nobody has a name.
            Some(_) if !people => Some(HashSet::new()),
            Some(users) => {
                let ids = users.iter().map(|user| names.user_id(&Arc::from(user.as_str())));
                Some(ids.collect::<rusqlite::Result<_>>()?)
            }
        };
        Ok(Self {
            query,
            window,
            by: By {
                gpu: by(&[Dimension::Gpu, Dimension::Model]),
                user: by(&[Dimension::User]),
                place: by(&[Dimension::Job, Dimension::Pod, Dimension::Container]),
            },
            people,
            users,
            gpus: names.gpus_of(query.gpus.as_deref()),
            cells: Cells::new(query.zone.clone(), by(&[Dimension::Day]), by(&[Dimension::HourOfDay])),
            edges: Edges::default(),
            groups: HashMap::new(),
            sessions: HashMap::new(),
            existing: HashSet::new(),
            devices: HashSet::new(),
            device_us: 0,
            rows_us: 0,
            free_us: 0,
            unknown_us: 0,
            unassigned_us: 0,
            energy_mj: 0,
            parts: Vec::new(),
            gpu: 0,
        })
    }

    /// Begins a stretch of a GPU's existence: the rows that follow are of it.
    fn begin(&mut self, gpu: i64, first: u64, last: u64) {
        self.parts.clear();
        self.gpu = gpu;
        if self.gpus.as_ref().is_some_and(|gpus| !gpus.contains(&gpu)) {
            return;
        }
        parts((first, last), self.window, &mut self.cells, &mut self.edges, &mut self.parts);
        let ms: u64 = self.parts.iter().map(Part::ms).sum();
        self.device_us += ms * 1000;
        if ms > 0 {
            self.existing.insert(gpu);
        }
    }

    fn group(&self, cell: Cell, gpu: i64, user: i64, place: i64) -> Group {
        Group {
            cell,
            gpu: if self.by.gpu { gpu } else { 0 },
            user: if self.by.user && self.people { user } else { NAMELESS },
            place: if self.by.place && self.people { place } else { NOWHERE },
        }
    }

    fn add(&mut self, (device, user, place): (i64, i64, i64), sums: &Sums) {
        if self.parts.is_empty() {
            return;
        }
        self.devices.insert((device, user == UNASSIGNED));
        for at in 0..self.parts.len() {
            let Some(part) = self.parts.get(at) else { continue };
            let (cell, share) = (part.cell, part.share(sums));
            self.rows_us += share.gpu_us;
            self.energy_mj += share.energy_mj;
            match user {
                FREE => self.free_us += share.gpu_us,
                UNKNOWN => self.unknown_us += share.gpu_us,
                UNASSIGNED => self.unassigned_us += share.gpu_us,
                _ if self.users.as_ref().is_none_or(|users| users.contains(&user)) => {
                    let group = self.group(cell, self.gpu, user, place);
                    *self.groups.entry(group).or_default() += share;
                }
                _ => {}
            }
        }
    }

    /// Adds hours: whole days from memory if the query does not divide them, else from their rows.
    fn add_hours(
        &mut self,
        connection: &Connection,
        (from, until): (u64, u64),
        days: &Days,
        generation: u64,
    ) -> rusqlite::Result<()> {
        let whole = self.whole_days(connection, (from, until))?;
        let hours = |connection, range| slots(connection, "hour", range);
        self.add_tier(connection, "hour", &hours(connection, (from, whole.start))?)?;
        for (day, extent) in stored::days(connection, &whole)? {
            let totals = days.get(day, generation, extent, || stored::day(connection, day))?;
            self.add_day(&totals);
        }
        self.add_tier(connection, "hour", &hours(connection, (whole.end, until))?)
    }

    /// The days in a range that are read as a whole: none if they are divided, or places are asked for.
    fn whole_days(&self, connection: &Connection, (from, until): (u64, u64)) -> rusqlite::Result<Range<u64>> {
        // Of a day that expires, some hours are gone.
        let oldest: Option<i64> = connection.query_row("SELECT min(begins_ms) FROM hour_slot", [], |row| row.get(0))?;
        let first = from.max(self.window.since).max(unsigned(oldest.unwrap_or(i64::MAX))).div_ceil(DAY_MS);
        let end = until.min(self.window.until) / DAY_MS;
        let is_whole = self.cells.is_one() && !self.by.place && first < end;
        Ok(if is_whole { first * DAY_MS..end * DAY_MS } else { until..until })
    }

    fn add_day(&mut self, day: &DayTotals) {
        for (gpu, ms) in &day.gpus {
            if self.gpus.as_ref().is_none_or(|gpus| gpus.contains(gpu)) {
                self.device_us += ms * 1000;
                self.existing.insert(*gpu);
            }
        }
        let cell = Cell::default();
        for ((gpu, device, user), sums) in &day.rows {
            self.parts.clear();
            self.gpu = *gpu;
            if self.gpus.as_ref().is_none_or(|gpus| gpus.contains(gpu)) {
                self.parts.push(Part { from: 0, to: 1, whole: 1, cell });
                self.add((*device, *user, NOWHERE), sums);
            }
        }
    }

    /// Adds slots, which are sorted by number, with their stored rows, which the table sorts in the same way.
    fn add_tier(&mut self, connection: &Connection, tier: &str, slots: &[Scanned<'_>]) -> rusqlite::Result<()> {
        // Between slots that are not in the window, there may be many rows.
        for slots in slots.chunk_by(|one, next| one.id != 0 && next.id != 0 && next.id - one.id < FAR) {
            self.add_slots(connection, tier, slots)?;
            if self.groups.len() > MOST_GROUPS {
                return Ok(());
            }
        }
        Ok(())
    }

    fn add_slots(&mut self, connection: &Connection, tier: &str, slots: &[Scanned<'_>]) -> rusqlite::Result<()> {
        let ends = slots.first().zip(slots.last()).map_or((1, 0), |(first, last)| (first.id, last.id));
        let mut statement = connection.prepare(&format!(
            "SELECT slot, device, user, place, gpu_us, present_us, busy_us, idle_us, allocated_us, memory_byte_seconds, \
             peak_memory_bytes, energy_mj FROM {tier}_row WHERE slot BETWEEN ?1 AND ?2 ORDER BY slot"
        ))?;
        // One that is not stored has no rows.
        let mut rows = statement.query(if ends.0 == 0 { (1, 0) } else { ends })?;
        let mut row = rows.next()?;
        for slot in slots {
            self.begin(slot.gpu, slot.first, slot.last);
            while let Some(found) = row {
                let id: i64 = found.get(0)?;
                // Rows of slots that are not in the window are passed over.
                if slot.id == 0 || id > slot.id {
                    break;
                }
                if id == slot.id {
                    self.add((found.get(1)?, found.get(2)?, found.get(3)?), &sums(found, 4)?);
                }
                row = rows.next()?;
            }
            for (device, user, place, sums) in &slot.added {
                self.add((*device, *user, *place), sums);
            }
        }
        Ok(())
    }

    /// Counts the sessions that touch each group.
    fn count_sessions(
        &mut self,
        connection: &Connection,
        names: &mut Names<'_>,
        fresh: &Fresh,
    ) -> rusqlite::Result<()> {
        let store = identity(connection)?;
        let mut replaced = HashSet::new();
        for session in fresh.sessions() {
            let key = &session.key;
            replaced.insert((signed(key.first_ms), ids::session(&store, key)));
            let gpu = names.gpu_id(&key.device.gpu, None, session.index);
            let (user, place) = names.holder(&key.holder)?;
            self.count((key.first_ms, session.last_ms), gpu, user, place);
        }
        let mut statement = connection.prepare(
            "SELECT first_ms, id, last_ms, device, user, place FROM session INDEXED BY session_last \
             WHERE last_ms >= ?1 AND first_ms < ?2",
        )?;
        let mut rows = statement.query((signed(self.window.since), signed(self.window.until)))?;
        while let Some(row) = rows.next()? {
            let first: i64 = row.get(0)?;
            if !replaced.is_empty() && replaced.contains(&(first, row.get(1)?)) {
                continue;
            }
            let needs_gpu = self.by.gpu || self.gpus.is_some();
            let gpu = if needs_gpu { names.device(row.get(3)?).map_or(0, |(gpu, ..)| *gpu) } else { 0 };
            self.count((unsigned(first), unsigned(row.get(2)?)), gpu, row.get(4)?, row.get(5)?);
        }
        Ok(())
    }

    fn count(&mut self, (first, last): (u64, u64), gpu: i64, user: i64, place: i64) {
        let is_wanted = self.users.as_ref().is_none_or(|users| users.contains(&user))
            && self.gpus.as_ref().is_none_or(|gpus| gpus.contains(&gpu));
        let (from, to) = (first.max(self.window.since), last.saturating_add(1).min(self.window.until));
        if !is_wanted || from >= to {
            return;
        }
        if self.cells.is_one() {
            let group = self.group(Cell::default(), gpu, user, place);
            *self.sessions.entry(group).or_default() += 1;
            return;
        }
        let mut touched: Vec<Cell> = Vec::new();
        let mut at = from;
        while at < to {
            let (cell, end) = self.cells.at(at);
            // An hour of the day comes again on the next day.
            if !touched.contains(&cell) {
                touched.push(cell);
                let group = self.group(cell, gpu, user, place);
                *self.sessions.entry(group).or_default() += 1;
            }
            at = end.max(at + 1);
        }
    }

    fn finish(self, names: &mut Names<'_>) -> rusqlite::Result<UsageReport> {
        let mut rows: BTreeMap<Keys, (Sums, u64, i64)> = BTreeMap::new();
        for (group, sums) in &self.groups {
            let entry = rows.entry(self.keys(group, names)?).or_default();
            entry.0 += *sums;
            entry.2 = entry.2.max(group.gpu);
        }
        for (group, sessions) in &self.sessions {
            if let Some(entry) = rows.get_mut(&self.keys(group, names)?) {
                entry.1 += sessions;
            }
        }
        let by_gpu = self.query.by.contains(&Dimension::Gpu);
        let mut rows: Vec<(u64, UsageRow)> = rows
            .into_iter()
            .map(|(keys, (sums, sessions, gpu))| {
                let gpu_index = names.gpu(gpu).filter(|_| by_gpu).map(|gpu| gpu.index);
                (sums.gpu_us, UsageRow { keys, gpu_index, sums: RowSums::share(&sums, 1.0), sessions })
            })
            .collect();
        rows.sort_by_key(|(gpu_us, _)| std::cmp::Reverse(*gpu_us));
        Ok(UsageReport {
            devices: self.count_devices(names),
            device_seconds: seconds(self.device_us),
            edge_seconds: self.edges.seconds(),
            rows: rows.into_iter().map(|(_, row)| row).collect(),
            free_seconds: seconds(self.free_us),
            unknown_seconds: seconds(self.unknown_us),
            unassigned_seconds: seconds(self.unassigned_us),
            unobserved_seconds: seconds(self.device_us.saturating_sub(self.rows_us)),
            energy_joules: seconds(self.energy_mj * 1000),
        })
    }

    /// Texts of a group.
    fn keys(&self, group: &Group, names: &mut Names<'_>) -> rusqlite::Result<Keys> {
        let [container, pod, job] = names.place(group.place)?;
        let key = |dimension: &Dimension| {
            Ok(match dimension {
                Dimension::User => names.user(group.user)?,
                Dimension::Gpu => names.gpu(group.gpu).map(|gpu| Arc::clone(&gpu.key)),
                Dimension::Model => names.gpu(group.gpu).and_then(|gpu| gpu.model.clone()),
                Dimension::Job => job.clone(),
                Dimension::Pod => pod.clone(),
                Dimension::Container => container.clone(),
                Dimension::Day => group.cell.date().map(Arc::from),
                Dimension::HourOfDay => Some(Arc::from(group.cell.hour.to_string())),
            })
        };
        self.query.by.iter().map(key).collect()
    }

    /// Number of devices: instances, and GPUs that had no instance.
    fn count_devices(&self, names: &Names<'_>) -> u64 {
        let key = |gpu: i64| names.gpu(gpu).map(|gpu| Arc::clone(&gpu.key)).unwrap_or_else(|| Arc::from(""));
        let mut seen: HashSet<(Arc<str>, Option<Arc<str>>)> = HashSet::new();
        let mut with_device: HashSet<Arc<str>> = HashSet::new();
        for (device, is_unassigned) in &self.devices {
            let Some((gpu, mig, _)) = names.device(*device) else { continue };
            with_device.insert(key(*gpu));
            if mig.is_some() || !is_unassigned {
                seen.insert((key(*gpu), mig.clone()));
            }
        }
        let unseen: HashSet<Arc<str>> =
            self.existing.iter().map(|gpu| key(*gpu)).filter(|key| !with_device.contains(key)).collect();
        (seen.len() + unseen.len()) as u64
    }
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of years have 50 bits")]
fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}
