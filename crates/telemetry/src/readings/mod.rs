//! The catalogue of readings: one entry for each value that is read of a GPU.
//!
//! The API, the metrics, the history, the page and their documents are made from [`Spec`]. What is derived from
//! readings (use, health, Xid errors, pods) is not here.

#[macro_use]
mod declare;
mod catalogue;
mod memory;
mod spec;
mod value;
pub mod words;

#[cfg(test)]
mod tests;

pub use catalogue::{
    Activity, Clocks, Ecc, Fabric, Fans, Field, Identity, MemoryReadings, Modes, Nvlink, Pcie, PowerReadings, Readings,
    RemappedRows, SPECS, Section, State, Temperature, Utilization,
};
pub use memory::Memory;
pub use spec::{Dcgm, DcgmUnit, Every, Group, InFleet, Instance, Kind, Metric, Renamed, Set, Spec};
pub use value::{Shown, Type, Unit, Value, is_filler};

use crate::{Absence, Reading};

/// No board draws more than so many times its enforced limit, even for a moment.
const MAX_OF_LIMIT: u64 = 3;

impl Field {
    /// Its entry.
    #[must_use]
    pub fn spec(self) -> &'static Spec {
        &SPECS[self as usize]
    }

    /// The field of that path in the API.
    #[must_use]
    pub fn at(path: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.spec().path == path)
    }
}

impl Identity {
    /// Makes every implausible value absent with [`Absence::Error`].
    pub fn reject_implausible(&mut self) {
        for &field in Section::Identity.fields() {
            if is_implausible(field, self.value(field)) {
                self.set_absent(field, Absence::Error);
            }
        }
    }
}

fn is_implausible(field: Field, reading: Option<Reading<Value<'_>>>) -> bool {
    reading.is_some_and(|reading| reading.is_ok_and(|value| !field.spec().is_plausible(&value)))
}

impl Readings {
    /// Makes every implausible value absent with [`Absence::Error`]: a driver that reports success and garbage.
    pub fn reject_implausible(&mut self) {
        for &field in Self::FIELDS {
            if is_implausible(field, self.value(field)) {
                self.set_absent(field, Absence::Error);
            }
        }
        self.memory.reject_parts();
        let limit = self.power.enforced_limit_mw.or(self.power.limit_mw);
        if let (Ok(draw), Ok(limit)) = (self.power.draw_mw, limit)
            && u64::from(draw) > MAX_OF_LIMIT * u64::from(limit)
        {
            self.power.draw_mw = Err(Absence::Error);
        }
    }
}
