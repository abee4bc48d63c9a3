//! A ring of means: one GPU's numbers in steps of one length.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize, Serializer};

use super::{
    codes::Codes,
    metric::{self, METRICS},
    scale::{NONE, SCALES},
};

/// One reading of every metric; what was not read is none.
pub(super) type Row = [Option<f64>; METRICS];

/// The means of the newest steps. A step is known by its number: the boot time that it begins at, divided by its
/// length. It may be negative for one from before the boot.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    step_ms: u64,
    steps: usize,
    /// The longest pause between two readings that is none.
    bridge_ms: u64,
    /// By metric, then by step modulo `steps`. A metric that was never read has none and takes no memory.
    values: [Option<Codes>; METRICS],
    /// The oldest and the newest finished step that are held, if there are any.
    held: Option<(i64, i64)>,
    /// The step that readings go into.
    open: Open,
    /// When the last reading was made, in boot time.
    last_ms: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Open {
    step: i64,
    sums: [f64; METRICS],
    counts: [u32; METRICS],
    /// Nothing in it counts: the readings were interrupted.
    cut: bool,
}

/// A ring as it was kept in a file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct SavedRing {
    step_ms: u64,
    first: i64,
    /// By name; all are equally long. NaN is none.
    series: Vec<(String, Vec<f32>)>,
}

/// A ring as it is kept in a file, in the form of [`SavedRing`], without a copy of its values.
#[derive(Debug, Serialize)]
pub(super) struct RingToSave<'a> {
    step_ms: u64,
    first: i64,
    series: Vec<(&'static str, SeriesToSave<'a>)>,
}

#[derive(Debug)]
struct SeriesToSave<'a> {
    ring: &'a Ring,
    metric: usize,
    steps: RangeInclusive<i64>,
    now_ms: u64,
}

impl Serialize for SeriesToSave<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = |step| self.ring.value(self.metric, step, self.now_ms).unwrap_or(f32::NAN);
        serializer.collect_seq(self.steps.clone().map(value))
    }
}

impl Ring {
    /// An empty ring. A reading counts for the time since the one before it, if that is not longer than `bridge_ms`.
    pub(super) fn new(step_ms: u64, steps: usize, bridge_ms: u64) -> Self {
        let (step_ms, steps) = (step_ms.max(1), steps.max(1));
        Self { step_ms, steps, bridge_ms, values: Default::default(), held: None, open: Open::default(), last_ms: None }
    }

    /// Takes in a reading made at that boot time.
    pub(super) fn put(&mut self, at_ms: u64, row: &Row) {
        self.put_many(at_ms, row, 1);
    }

    /// Takes in the mean of so many readings that were made from that boot time on.
    pub(super) fn put_many(&mut self, at_ms: u64, row: &Row, count: u32) {
        let step = self.step_of(at_ms);
        let before = self.last_ms.replace(at_ms);
        if step > self.open.step {
            let missed = self.open.step + 1..step;
            self.finish(step);
            // Readings come a little early or late, so that one may fall beside a step's border and leave the step
            // without any. A reading counts for the time since the one before it, if that is not long ago.
            let lately = before.is_some_and(|before| at_ms.saturating_sub(before) <= self.bridge_ms);
            if lately && missed.end - missed.start == 1 {
                self.write(missed.start, |metric| row[metric]);
            }
        }
        if step < self.open.step || self.open.cut {
            return;
        }
        for (metric, value) in row.iter().enumerate() {
            if let Some(value) = value.filter(|value| value.is_finite()) {
                self.open.sums[metric] += value * f64::from(count);
                self.open.counts[metric] = self.open.counts[metric].saturating_add(count);
            }
        }
    }

    /// Marks the step of that boot time as one in which the readings were interrupted.
    pub(super) fn cut(&mut self, at_ms: u64) {
        let step = self.step_of(at_ms);
        if step > self.open.step {
            self.finish(step);
        }
        self.open = Open { step: self.open.step.max(step), cut: true, ..Open::default() };
        self.last_ms = None;
    }

    /// The mean of one step; none if it has none, or is not over at that boot time.
    pub(super) fn value(&self, metric: usize, step: i64, now_ms: u64) -> Option<f32> {
        if step == self.open.step && step < self.step_of(now_ms) {
            return self.open.mean(metric).and_then(|mean| SCALES[metric].kept(mean));
        }
        let (first, last) = self.held?;
        if step < first || step > last {
            return None;
        }
        SCALES[metric].value(self.values[metric].as_ref()?.get(self.place(step)))
    }

    /// The oldest and the newest step with anything in them that are over at that boot time.
    pub(super) fn over(&self, now_ms: u64) -> Option<RangeInclusive<i64>> {
        let is_open_over = self.open.counts.iter().any(|count| *count > 0) && self.open.step < self.step_of(now_ms);
        let open = is_open_over.then_some(self.open.step);
        match self.held {
            Some((first, last)) => Some(first..=open.unwrap_or(last)),
            None => open.map(|open| open..=open),
        }
    }

    /// The means of a step.
    pub(super) fn row(&self, step: i64, now_ms: u64) -> Row {
        std::array::from_fn(|metric| self.value(metric, step, now_ms).map(f64::from))
    }

    /// When a step begins.
    pub(super) fn begin_of(&self, step: i64) -> i64 {
        step.saturating_mul(i64::try_from(self.step_ms).unwrap_or(i64::MAX))
    }

    /// The number of this ring's steps in one of another's.
    pub(super) fn in_one_of(&self, other: &Self) -> u32 {
        u32::try_from(other.step_ms / self.step_ms).unwrap_or(u32::MAX).max(1)
    }

    /// The step that a boot time falls into.
    pub(super) fn step_of(&self, at_ms: u64) -> i64 {
        i64::try_from(at_ms / self.step_ms).unwrap_or(i64::MAX)
    }

    /// As it is kept: the steps that are over at that boot time. The open one is over before the next reading closes it
    /// if readings are rarer than steps.
    pub(super) fn save(&self, now_ms: u64) -> Option<RingToSave<'_>> {
        let steps = self.over(now_ms)?;
        let has = |metric: &usize| {
            self.values[*metric].is_some() || self.open.counts[*metric] > 0 && *steps.end() == self.open.step
        };
        let of = |metric: usize| {
            let series = SeriesToSave { ring: self, metric, steps: steps.clone(), now_ms };
            (metric::ALL[metric].spec().path, series)
        };
        let series = (0..METRICS).filter(has).map(of).collect();
        Some(RingToSave { step_ms: self.step_ms, first: *steps.start(), series })
    }

    /// Takes in what was kept, moved by so many milliseconds; nothing of it if its steps have another length, and
    /// nothing that is too old, or from a time that has not come yet.
    pub(super) fn load(&mut self, saved: &SavedRing, moved_ms: i128, now_ms: u64) {
        if saved.step_ms != self.step_ms || self.held.is_some() {
            return;
        }
        let length = saved.series.iter().map(|(_, values)| values.len()).min().unwrap_or(0);
        let metrics: Vec<Option<&Vec<f32>>> = metric::ALL
            .iter()
            .map(|metric| saved.series.iter().find(|(name, _)| name == metric.spec().path).map(|(_, values)| values))
            .collect();
        // A file may say anything.
        let moved = (moved_ms + i128::from(self.step_ms / 2)).div_euclid(self.step_ms.into());
        let begin = i64::try_from(moved).ok().and_then(|moved| saved.first.checked_add(moved));
        let Some(begin) = begin else { return };
        let now = self.step_of(now_ms);
        for position in length.saturating_sub(self.steps)..length {
            let step = i64::try_from(position).ok().and_then(|position| begin.checked_add(position));
            let Some(step) = step.filter(|step| *step < now) else { break };
            if step.saturating_add(i64::try_from(self.steps).unwrap_or(i64::MAX)) < now {
                continue;
            }
            self.write(step, |metric| metrics[metric].map(|values| f64::from(values[position])));
        }
        if let Some((_, last)) = self.held {
            self.open.step = self.open.step.max(last + 1);
        }
    }

    /// Closes the open step and opens that one.
    fn finish(&mut self, next: i64) {
        let open = std::mem::replace(&mut self.open, Open { step: next, ..Open::default() });
        if open.counts.iter().any(|count| *count > 0) {
            self.write(open.step, |metric| open.mean(metric));
        }
    }

    /// Writes a step after those that are held; the steps between become empty.
    fn write(&mut self, step: i64, value: impl Fn(usize) -> Option<f64>) {
        let steps = i64::try_from(self.steps).unwrap_or(i64::MAX);
        let (first, last) = self.held.unwrap_or((step, step - 1));
        if step <= last {
            return;
        }
        let empty_from = (last + 1).max(step.saturating_sub(steps) + 1);
        for between in empty_from..step {
            let place = self.place(between);
            self.values.iter_mut().flatten().for_each(|values| values.set(place, NONE));
        }
        let place = self.place(step);
        for (metric, values) in self.values.iter_mut().enumerate() {
            let code = value(metric).map_or(NONE, |value| SCALES[metric].code(value));
            if code != NONE || values.is_some() {
                values.get_or_insert_with(|| Codes::new(self.steps)).set(place, code);
            }
        }
        self.held = Some((first.max(step.saturating_sub(steps) + 1), step));
    }

    fn place(&self, step: i64) -> usize {
        let steps = i64::try_from(self.steps).unwrap_or(i64::MAX);
        usize::try_from(step.rem_euclid(steps)).unwrap_or(0)
    }
}

impl Open {
    fn mean(&self, metric: usize) -> Option<f64> {
        (self.counts[metric] > 0).then(|| self.sums[metric] / f64::from(self.counts[metric]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(value: f64) -> Row {
        let mut row = [None; METRICS];
        row[0] = Some(value);
        row
    }

    fn held(ring: &Ring, steps: std::ops::Range<i64>, now_ms: u64) -> Vec<Option<f32>> {
        steps.map(|step| ring.value(0, step, now_ms)).collect()
    }

    /// The ring as it comes out of a file.
    fn saved(ring: &Ring, now_ms: u64) -> Option<SavedRing> {
        ring.save(now_ms).map(|saved| postcard::from_bytes(&postcard::to_allocvec(&saved).unwrap()).unwrap())
    }

    #[test]
    fn step_is_mean_when_complete() {
        let mut ring = Ring::new(1000, 10, 1500);
        ring.put(5000, &row(10.0));
        ring.put(5500, &row(20.0));
        assert_eq!(held(&ring, 4..7, 5999), [None, None, None]);
        assert_eq!(held(&ring, 4..7, 6000), [None, Some(15.0), None]);
        ring.put(6100, &row(7.0));
        assert_eq!(held(&ring, 4..7, 6100), [None, Some(15.0), None]);
    }

    #[test]
    fn unread_value_is_gap() {
        let mut ring = Ring::new(1000, 10, 1500);
        ring.put(1000, &row(1.0));
        ring.put(4000, &row(4.0));
        ring.put(5000, &[None; METRICS]);
        ring.put(6000, &row(6.0));
        assert_eq!(held(&ring, 1..7, 9000), [Some(1.0), None, None, Some(4.0), None, Some(6.0)]);
    }

    #[test]
    fn reading_near_border_leaves_no_gap() {
        let mut ring = Ring::new(1000, 10, 1500);
        for (at, value) in [(1999, 1.0), (3001, 3.0), (3999, 4.0), (5002, 5.0)] {
            ring.put(at, &row(value));
        }
        assert_eq!(held(&ring, 1..6, 9000), [Some(1.0), Some(3.0), Some(3.5), Some(5.0), Some(5.0)]);
    }

    #[test]
    fn pause_longer_than_bridge_is_gap_in_long_steps() {
        let mut ring = Ring::new(10_000, 10, 1500);
        for at in (0..20).chain(31..40) {
            ring.put(at * 1000, &row(1.0));
        }
        assert_eq!(held(&ring, 0..4, 40_000), [Some(1.0), Some(1.0), None, Some(1.0)]);
    }

    #[test]
    fn interruption_is_gap_however_short() {
        let mut ring = Ring::new(1000, 10, 1500);
        ring.put(1000, &row(1.0));
        ring.put(2000, &row(2.0));
        ring.cut(2300);
        ring.put(2600, &row(2.0));
        ring.put(3600, &row(3.0));
        assert_eq!(held(&ring, 1..4, 9000), [Some(1.0), None, Some(3.0)]);
    }

    #[test]
    fn newest_steps_kept() {
        let mut ring = Ring::new(1000, 3, 1500);
        for step in 0..8_u32 {
            ring.put(u64::from(step) * 1000, &row(f64::from(step)));
        }
        assert_eq!(held(&ring, 2..9, 8000), [None, None, Some(4.0), Some(5.0), Some(6.0), Some(7.0), None]);
        ring.put(900_000, &row(9.0));
        ring.put(901_000, &row(9.5));
        assert_eq!(held(&ring, 897..902, 902_000), [None, None, None, Some(9.0), Some(9.5)]);
    }

    #[test]
    fn unread_metric_takes_no_memory() {
        let mut ring = Ring::new(1000, 3, 1500);
        (0..9).for_each(|step| ring.put(step * 1000, &row(1.0)));
        assert_eq!(ring.values.iter().flatten().count(), 1);
    }

    #[test]
    fn open_step_saved_once_it_is_over() {
        let mut ring = Ring::new(1000, 10, 1500);
        ring.put(5000, &row(5.0));
        assert!(ring.save(5999).is_none());
        let restored = |ring: &Ring| {
            let mut other = Ring::new(1000, 10, 1500);
            other.load(&saved(ring, 7000).unwrap(), 0, 9000);
            held(&other, 5..8, 9000)
        };
        assert_eq!(restored(&ring), [Some(5.0), None, None]);
        ring.put(6000, &row(6.0));
        assert_eq!(restored(&ring), [Some(5.0), Some(6.0), None]);
        ring.put(7000, &row(7.0));
        assert_eq!(restored(&ring), [Some(5.0), Some(6.0), None], "not over yet");
    }

    #[test]
    fn absurd_saved_numbers_tolerated() {
        for (first, moved) in
            [(i64::MAX, 1), (i64::MIN, -1), (i64::MAX - 1, 0), (i64::MIN, 0), (3, 0), (0, i128::MAX / 2000)]
        {
            let mut ring = Ring::new(1000, 3, 1500);
            let series = vec![(metric::ALL[0].spec().path.to_owned(), vec![1.0; 5]), ("x".to_owned(), vec![2.0; 4])];
            ring.load(&SavedRing { step_ms: 1000, first, series }, moved * 1000, 60_000);
            ring.put(60_000, &row(60.0));
            ring.put(61_000, &row(61.0));
            assert_eq!(ring.value(0, 60, 62_000), Some(60.0));
        }
    }

    proptest! {
        #[test]
        fn ring_matches_plain_list(gaps in proptest::collection::vec(1..4000_u64, 1..60), steps in 1..12_usize) {
            let mut ring = Ring::new(1000, steps, 1500);
            let (mut at, mut put) = (0, Vec::new());
            for (gap, value) in gaps.iter().zip(0_u32..) {
                at += gap;
                ring.put(at, &row(f64::from(value)));
                put.push((at / 1000, f64::from(value)));
            }
            let open = at / 1000;
            for step in open.saturating_sub(steps as u64)..open {
                let in_it: Vec<f64> = put.iter().filter(|(of, _)| *of == step).map(|(_, value)| *value).collect();
                let found = ring.value(0, step.try_into().unwrap(), at);
                if in_it.is_empty() {
                    // Empty, or filled by a reading beside its border.
                    prop_assert!(found.is_none() || put.iter().any(|(of, value)| *of == step + 1 && SCALES[0].kept(*value) == found));
                } else {
                    prop_assert_eq!(found, SCALES[0].kept(in_it.iter().sum::<f64>() / in_it.len() as f64));
                }
            }
        }

        #[test]
        fn saved_ring_is_restored(values in proptest::collection::vec(proptest::option::of(0..100_u32), 1..40), moved in -50..50_i64) {
            let mut ring = Ring::new(1000, 256, 1500);
            for (value, step) in values.iter().zip(100_u64..) {
                ring.put(step * 1000, &value.map_or([None; METRICS], |value| row(value.into())));
            }
            let Some(saved) = saved(&ring, 300_000) else { return Ok(()) };
            let now = 300_000;
            let mut other = Ring::new(1000, 256, 1500);
            other.load(&saved, i128::from(moved) * 1000, now);
            for step in 90..160 {
                prop_assert_eq!(other.value(0, step + moved, now), ring.value(0, step, now));
            }
        }
    }
}
