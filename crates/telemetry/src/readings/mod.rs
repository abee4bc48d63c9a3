//! The catalogue of readings: one entry for each value that is read of a GPU.
//!
//! The API, the metrics, the history, the page and their documents are made from [`Spec`]. What is derived from readings
//! (use, health, Xid errors, pods) is not here.

mod catalogue;
mod spec;
pub mod words;

#[cfg(test)]
mod tests;

pub use catalogue::{
    Activity, Clocks, Ecc, Fabric, Fans, Field, Identity, MemoryReadings, Modes, Nvlink, Pcie, PowerReadings, Readings,
    RemappedRows, SPECS, Section, State, Temperature, Utilization,
};
pub use spec::{Dcgm, DcgmUnit, Every, Group, Instance, Kind, Metric, Set, Shown, Spec, Type, Unit, Value};

use crate::Absence;

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

impl Readings {
    /// Makes every implausible value absent with [`Absence::Error`]: a driver that reports success and garbage.
    pub fn reject_implausible(&mut self) {
        for &field in Self::FIELDS {
            if field.spec().range.is_some()
                && self
                    .value(field)
                    .is_some_and(|reading| reading.is_ok_and(|value| !field.spec().is_plausible(&value)))
            {
                self.set_absent(field, Absence::Error);
            }
        }
    }
}
