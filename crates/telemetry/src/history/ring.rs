//! A ring of means: one GPU's numbers in steps of one length.

use serde::{Deserialize, Serialize};

use super::metric::{self, METRICS};

/// One reading of every metric; what was not read is none.
pub(super) type Row = [Option<f64>; METRICS];

/// The means of the newest steps. A step is known by its number: the boot time that it begins at, divided by its
/// length. It may be negative for one from before the boot.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    step_ms: u64,
    steps: usize,
    /// By metric, then by step modulo `steps`. A metric that was never read has none and takes no memory.
    values: [Option<Box<[f32]>>; METRICS],
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

/// A ring as it is kept in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SavedRing {
    step_ms: u64,
    first: i64,
    /// By name; all are equally long.
    series: Vec<(String, Vec<f32>)>,
}

impl Ring {
    pub(super) fn new(step_ms: u64, steps: usize) -> Self {
        let (step_ms, steps) = (step_ms.max(1), steps.max(1));
        Self { step_ms, steps, values: Default::default(), held: None, open: Open::default(), last_ms: None }
    }

    /// Takes in a reading made at that boot time.
    pub(super) fn put(&mut self, at_ms: u64, row: &Row) {
        let step = self.step_of(at_ms);
        let before = self.last_ms.replace(at_ms);
        if step > self.open.step {
            let missed = self.open.step + 1..step;
            self.finish(step);
            // Readings come a little early or late, so that one may fall beside a step's border and leave the step
            // without any. A reading counts for the time since the one before it, if that is not long ago.
            let lately = before.is_some_and(|before| at_ms.saturating_sub(before) <= self.step_ms * 3 / 2);
            if lately && missed.end - missed.start == 1 {
                self.write(missed.start, |metric| row[metric]);
            }
        }
        if step < self.open.step || self.open.cut {
            return;
        }
        for (metric, value) in row.iter().enumerate() {
            if let Some(value) = value.filter(|value| value.is_finite()) {
                self.open.sums[metric] += value;
                self.open.counts[metric] += 1;
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
            return self.open.mean(metric).map(narrow);
        }
        let (first, last) = self.held?;
        let value = *self.values[metric].as_ref()?.get(self.place(step))?;
        (step >= first && step <= last && value.is_finite()).then_some(value)
    }

    /// The oldest step with anything in it.
    pub(super) fn first(&self) -> Option<i64> {
        let open = self.open.counts.iter().any(|count| *count > 0).then_some(self.open.step);
        self.held.map(|(first, _)| first).or(open)
    }

    /// The step that a boot time falls into.
    pub(super) fn step_of(&self, at_ms: u64) -> i64 {
        i64::try_from(at_ms / self.step_ms).unwrap_or(i64::MAX)
    }

    /// As it is kept: the steps that are over at that boot time. The open one is over before the next reading closes it
    /// if readings are rarer than steps.
    pub(super) fn save(&self, now_ms: u64) -> Option<SavedRing> {
        let open = self.open.counts.iter().any(|count| *count > 0) && self.open.step < self.step_of(now_ms);
        let open = open.then_some(self.open.step);
        let (first, last) =
            self.held.map_or_else(|| Some((open?, open?)), |(first, last)| Some((first, open.unwrap_or(last))))?;
        let of = |metric: usize| {
            let is_open = open.is_some() && self.open.counts[metric] > 0;
            (is_open || self.values[metric].is_some()).then(|| {
                let row = (first..=last).map(|step| self.value(metric, step, now_ms).unwrap_or(f32::NAN));
                (metric::ALL[metric].spec().path.to_owned(), row.collect())
            })
        };
        Some(SavedRing { step_ms: self.step_ms, first, series: (0..METRICS).filter_map(of).collect() })
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
        self.open.step = self.open.step.max(now);
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
            self.values.iter_mut().flatten().for_each(|values| values[place] = f32::NAN);
        }
        let place = self.place(step);
        for (metric, values) in self.values.iter_mut().enumerate() {
            let value = value(metric).map_or(f32::NAN, narrow);
            if let Some(values) = values {
                values[place] = value;
            } else if value.is_finite() {
                let mut fresh = vec![f32::NAN; self.steps].into_boxed_slice();
                fresh[place] = value;
                *values = Some(fresh);
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

/// Kept with 24 bits: 150 GB to 16 kB.
#[expect(clippy::cast_possible_truncation, reason = "the precision that is meant to be lost")]
pub(super) fn narrow(value: f64) -> f32 {
    value as f32
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

    #[test]
    fn step_is_mean_when_complete() {
        let mut ring = Ring::new(1000, 10);
        ring.put(5000, &row(10.0));
        ring.put(5500, &row(20.0));
        assert_eq!(held(&ring, 4..7, 5999), [None, None, None]);
        assert_eq!(held(&ring, 4..7, 6000), [None, Some(15.0), None]);
        ring.put(6100, &row(7.0));
        assert_eq!(held(&ring, 4..7, 6100), [None, Some(15.0), None]);
    }

    #[test]
    fn unread_value_is_gap() {
        let mut ring = Ring::new(1000, 10);
        ring.put(1000, &row(1.0));
        ring.put(4000, &row(4.0));
        ring.put(5000, &[None; METRICS]);
        ring.put(6000, &row(6.0));
        assert_eq!(held(&ring, 1..7, 9000), [Some(1.0), None, None, Some(4.0), None, Some(6.0)]);
    }

    #[test]
    fn reading_near_border_leaves_no_gap() {
        let mut ring = Ring::new(1000, 10);
        for (at, value) in [(1999, 1.0), (3001, 3.0), (3999, 4.0), (5002, 5.0)] {
            ring.put(at, &row(value));
        }
        assert_eq!(held(&ring, 1..6, 9000), [Some(1.0), Some(3.0), Some(3.5), Some(5.0), Some(5.0)]);
    }

    #[test]
    fn interruption_is_gap_however_short() {
        let mut ring = Ring::new(1000, 10);
        ring.put(1000, &row(1.0));
        ring.put(2000, &row(2.0));
        ring.cut(2300);
        ring.put(2600, &row(2.0));
        ring.put(3600, &row(3.0));
        assert_eq!(held(&ring, 1..4, 9000), [Some(1.0), None, Some(3.0)]);
    }

    #[test]
    fn newest_steps_kept() {
        let mut ring = Ring::new(1000, 3);
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
        let mut ring = Ring::new(1000, 3);
        (0..9).for_each(|step| ring.put(step * 1000, &row(1.0)));
        assert_eq!(ring.values.iter().flatten().count(), 1);
    }

    #[test]
    fn open_step_saved_once_it_is_over() {
        let mut ring = Ring::new(1000, 10);
        ring.put(5000, &row(5.0));
        assert_eq!(ring.save(5999), None);
        let restored = |ring: &Ring| {
            let mut other = Ring::new(1000, 10);
            other.load(&ring.save(7000).unwrap(), 0, 9000);
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
            let mut ring = Ring::new(1000, 3);
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
            let mut ring = Ring::new(1000, steps);
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
                    prop_assert!(found.is_none() || put.iter().any(|(of, value)| *of == step + 1 && Some(narrow(*value)) == found));
                } else {
                    prop_assert_eq!(found, Some(narrow(in_it.iter().sum::<f64>() / in_it.len() as f64)));
                }
            }
        }

        #[test]
        fn saved_ring_is_restored(values in proptest::collection::vec(proptest::option::of(0..100_u32), 1..40), moved in -50..50_i64) {
            let mut ring = Ring::new(1000, 256);
            for (value, step) in values.iter().zip(100_u64..) {
                ring.put(step * 1000, &value.map_or([None; METRICS], |value| row(value.into())));
            }
            let Some(saved) = ring.save(300_000) else { return Ok(()) };
            let now = 300_000;
            let mut other = Ring::new(1000, 256);
            other.load(&saved, i128::from(moved) * 1000, now);
            for step in 90..160 {
                prop_assert_eq!(other.value(0, step + moved, now), ring.value(0, step, now));
            }
        }
    }
}
