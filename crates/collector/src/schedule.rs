//! Order of the readings: the fields of every tick, and those of longer periods spread over ten ticks.

use std::{collections::VecDeque, sync::LazyLock};

use telemetry::readings::{Every, Field};

/// Parts in which the readings of ten ticks are read, one per tick.
const PARTS: usize = 10;
/// Part with which the identity is checked.
const IDENTITY_PART: usize = 5;

/// Fields of every tick that have a call of their own.
pub(crate) static EVERY_TICK: LazyLock<Vec<Field>> = LazyLock::new(|| of_period(Every::Tick));
/// Fields that are read for each handle.
pub(crate) static EVERY_HANDLE: LazyLock<Vec<Field>> = LazyLock::new(|| of_period(Every::Handle));
static EVERY_WINDOW: LazyLock<Vec<Field>> = LazyLock::new(|| of_period(Every::Window));
static TENTHS: LazyLock<[Vec<Field>; PARTS]> = LazyLock::new(|| {
    let mut fields = of_period(Every::TenTicks);
    // First of all, since it finds the instances that others are read of.
    fields.sort_by_key(|field| *field != Field::ModeMig);
    let mut tenths = [const { Vec::new() }; PARTS];
    for (position, field) in fields.into_iter().enumerate() {
        tenths[position % PARTS].push(field);
    }
    tenths[IDENTITY_PART].push(Field::Uuid);
    tenths
});

fn of_period(every: Every) -> Vec<Field> {
    let own_call = |field: &Field| field.spec().every == every && !field.spec().comes_with_another;
    Field::ALL.iter().copied().filter(own_call).collect()
}

/// Returns the field ids of a field, and of those that come with its call.
pub(crate) fn field_ids(field: Field) -> impl Iterator<Item = u32> {
    let others = Field::ALL.iter().skip(field as usize + 1).take_while(|other| other.spec().comes_with_another);
    std::iter::once(&field).chain(others).filter_map(|field| field.spec().field_id).collect::<Vec<_>>().into_iter()
}

/// Queue of the readings with a longer period than a tick.
///
/// If the next tick begins before the queue is empty, the rest stays in it, so that every reading has its turn however
/// slow the driver is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schedule {
    /// Next part; none before the first tick, on which all parts are due.
    part: Option<usize>,
    due: VecDeque<Field>,
}

impl Schedule {
    /// Adds the readings of a tick.
    pub(crate) fn begin_tick(&mut self) {
        let parts = self.part.map_or(0..PARTS, |part| part..part + 1);
        self.part = Some(self.part.map_or(0, |part| (part + 1) % PARTS));
        for field in TENTHS[parts].iter().flatten().chain(EVERY_WINDOW.iter()) {
            if !self.due.contains(field) {
                self.due.push_back(*field);
            }
        }
    }

    /// Makes readings due on the next tick that have a longer period than one.
    pub(crate) fn repeat(&mut self, fields: &[Field]) {
        for &field in fields.iter().filter(|field| field.spec().every == Every::TenTicks) {
            // The call that it comes with.
            let before = Field::ALL.get(..=field as usize).unwrap_or_default();
            let own = before.iter().rev().find(|field| !field.spec().comes_with_another).unwrap_or(&field);
            let own = if *own == Field::NvlinkErrors { Field::NvlinkActive } else { *own };
            if !self.due.contains(&own) {
                self.due.push_back(own);
            }
        }
    }

    /// Returns the readings that are due, in their order.
    pub(crate) fn due(&self) -> impl Iterator<Item = Field> {
        self.due.iter().copied()
    }

    /// Removes the next reading.
    pub(crate) fn next(&mut self) -> Option<Field> {
        self.due.pop_front()
    }

    /// Continues with a reading that took one of several steps.
    pub(crate) fn go_on_with(&mut self, field: Field) {
        self.due.push_front(field);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tick(schedule: &mut Schedule) -> Vec<Field> {
        schedule.begin_tick();
        std::iter::from_fn(|| schedule.next()).collect()
    }

    #[test]
    fn every_slow_field_due_on_first_tick_and_then_once_in_ten() {
        let mut schedule = Schedule::default();
        let slow = of_period(Every::TenTicks);
        let first = tick(&mut schedule);
        assert_eq!(first.first(), Some(&Field::ModeMig));
        assert!(slow.iter().chain(EVERY_WINDOW.iter()).all(|field| first.contains(field)));
        let ten: Vec<Field> = (0..PARTS).flat_map(|_| tick(&mut schedule)).collect();
        for field in slow.iter().chain([&Field::Uuid]) {
            assert_eq!(ten.iter().filter(|due| *due == field).count(), 1, "{field:?}");
        }
        for field in EVERY_WINDOW.iter() {
            assert_eq!(ten.iter().filter(|due| *due == field).count(), PARTS, "{field:?}");
        }
    }

    #[test]
    fn field_left_over_is_due_once_and_first() {
        let mut schedule = Schedule::default();
        tick(&mut schedule);
        schedule.begin_tick();
        let left: Vec<Field> = schedule.due().collect();
        for _ in 0..2 * PARTS {
            schedule.begin_tick();
        }
        let due: Vec<Field> = schedule.due().collect();
        assert_eq!(due[..left.len()], left);
        assert!(due.iter().enumerate().all(|(place, field)| !due[..place].contains(field)));
    }

    #[test]
    fn doubtful_field_due_again_with_its_call() {
        let mut schedule = Schedule::default();
        tick(&mut schedule);
        schedule.repeat(&[Field::PowerEnergy, Field::EccVolatileCorrected, Field::NvlinkErrors, Field::NvlinkTotal]);
        assert_eq!(schedule.due().collect::<Vec<_>>(), [Field::EccVolatileCorrected, Field::NvlinkActive]);
        schedule.repeat(&[Field::RowsUncorrectable]);
        assert_eq!(schedule.due().last(), Some(Field::RowsCorrectable));
    }

    #[test]
    fn field_ids_include_those_of_the_same_call() {
        assert_eq!(field_ids(Field::RowsCorrectable).collect::<Vec<_>>(), [142, 143, 144, 145]);
        assert_eq!(field_ids(Field::PowerEnergy).collect::<Vec<_>>(), [83]);
        assert_eq!(field_ids(Field::FanSpeed).count(), 0);
    }
}
