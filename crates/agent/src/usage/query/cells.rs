//! Days and hours of a time zone.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A day and an hour of it, or parts of that: what a query groups by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Cell {
    /// Days since 1970-01-01; 0 if the query does not group by day.
    pub(super) day: i32,
    /// Hour of the day; 0 if the query does not group by hour.
    pub(super) hour: u8,
}

impl Cell {
    /// The day as text.
    pub(super) fn date(self) -> Option<String> {
        let epoch = Date::constant(1970, 1, 1);
        epoch.checked_add(jiff::Span::new().days(self.day)).ok().map(|date| date.to_string())
    }
}

/// Finds the cell of a moment. Moments that follow each other are usually in the same one.
pub(super) struct Cells {
    zone: TimeZone,
    by_day: bool,
    by_hour: bool,
    /// Begin, end and value of the newest cell.
    newest: (u64, u64, Cell),
}

impl Cells {
    pub(super) fn new(zone: TimeZone, by_day: bool, by_hour: bool) -> Self {
        let newest = if by_day || by_hour { (0, 0, Cell::default()) } else { (0, u64::MAX, Cell::default()) };
        Self { zone, by_day, by_hour, newest }
    }

    /// True if all moments are in one cell.
    pub(super) const fn is_one(&self) -> bool {
        !self.by_day && !self.by_hour
    }

    /// Cell of a moment, and when it ends at the latest.
    pub(super) fn at(&mut self, at_ms: u64) -> (Cell, u64) {
        let (begin, end, cell) = self.newest;
        if (begin..end).contains(&at_ms) {
            return (cell, end);
        }
        let (end, cell) = self.find(at_ms);
        self.newest = (at_ms, end, cell);
        (cell, end)
    }

    fn find(&self, at_ms: u64) -> (u64, Cell) {
        let signed = i64::try_from(at_ms).unwrap_or(i64::MAX);
        let Ok(stamp) = Timestamp::from_millisecond(signed) else { return (u64::MAX, Cell::default()) };
        let local = signed + i64::from(self.zone.to_offset(stamp).seconds()) * 1000;
        let length = if self.by_hour { HOUR_MS } else { DAY_MS };
        let end = signed + length - local.rem_euclid(length);
        // The clock may be put forward or back before.
        let change = self.zone.following(stamp).next().map(|change| change.timestamp().as_millisecond());
        let end = change.filter(|change| *change > signed).map_or(end, |change| change.min(end));
        let day = if self.by_day { i32::try_from(local.div_euclid(DAY_MS)).unwrap_or(0) } else { 0 };
        let hour = if self.by_hour { u8::try_from(local.rem_euclid(DAY_MS) / HOUR_MS).unwrap_or(0) } else { 0 };
        (u64::try_from(end).unwrap_or(u64::MAX), Cell { day, hour })
    }
}
