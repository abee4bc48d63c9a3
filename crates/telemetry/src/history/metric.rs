//! The readings that the history keeps: those that the catalogue marks.

use crate::{
    Absence, Reading,
    readings::{Field, SPECS},
    snapshot::Gpu,
};

/// Number of readings that are kept of each GPU.
pub const METRICS: usize = {
    let (mut count, mut position) = (0, 0);
    while position < SPECS.len() {
        count += if SPECS[position].history { 1 } else { 0 };
        position += 1;
    }
    count
};

/// The readings that are kept. A file of the history knows them by path, so that their order may change.
pub static ALL: [Field; METRICS] = {
    let mut all = [Field::Uuid; METRICS];
    let (mut count, mut position) = (0, 0);
    while position < SPECS.len() {
        if SPECS[position].history {
            all[count] = Field::ALL[position];
            count += 1;
        }
        position += 1;
    }
    all
};

/// The position of the reading of that path.
#[must_use]
pub fn find(path: &str) -> Option<usize> {
    ALL.iter().position(|field| field.spec().path == path)
}

/// A reading in the API's unit, as a float; text is not kept.
pub(super) fn read(gpu: &Gpu, field: Field) -> Reading<f64> {
    let value = gpu.value(field)?;
    field.spec().unit.api_number(value).ok_or(Absence::NotSupported)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        assert_eq!(METRICS, 20);
        for (position, field) in ALL.iter().enumerate() {
            assert_eq!(find(field.spec().path), Some(position), "{field:?}");
        }
    }
}
