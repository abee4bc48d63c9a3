//! Readings as whole numbers: half the memory of a float, with an error that the page does not show.

use super::metric::{ALL, METRICS};
use crate::readings::{SPECS, Unit};

/// Codes of a value. 0 is that of none.
pub(super) const NONE: u32 = 0;
/// The highest code: those of a series take three bytes at most.
pub(super) const MAX_CODE: u32 = (1 << 24) - 1;

const KIB: f64 = 1024.0;
const MIB: f64 = KIB * 1024.0;
const GIB: f64 = MIB * 1024.0;

/// Values at equal distances within each band. The page shows a value in a unit that depends on its size, such as MB/s
/// and GB/s with a tenth, and the distance is less than a fifth of that unit: a value is at most a tenth of it beside
/// the one that was read. Whole units are exact.
#[derive(Debug)]
pub(super) struct Scale {
    bands: &'static [Band],
    /// The page shows the smallest value above zero as one (`<1 %`, `1 KiB`), so that it never becomes zero here.
    keeps_above_zero: bool,
}

#[derive(Clone, Copy, Debug)]
struct Band {
    /// The lowest value.
    from: f64,
    /// Codes of a distance of one.
    per_unit: f64,
    /// The code of `from`.
    first: u32,
}

/// Bands of these lowest values and numbers of codes.
const fn bands<const N: usize>(of: [(f64, f64); N]) -> [Band; N] {
    let mut bands = [Band { from: 0.0, per_unit: 1.0, first: NONE + 1 }; N];
    let mut position = 0;
    while position < N {
        (bands[position].from, bands[position].per_unit) = of[position];
        if position > 0 {
            let below = bands[position - 1];
            bands[position].first = below.first + whole((of[position].0 - below.from) * below.per_unit);
        }
        position += 1;
    }
    bands
}

/// The nearest whole number; the highest for more than that.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "numbers from 0 on, and `as` saturates")]
const fn whole(number: f64) -> u32 {
    (number + 0.5) as u32
}

const PERCENT: Scale = Scale { bands: &bands([(0.0, 250.0)]), keeps_above_zero: true };
const RATIO: Scale = Scale { bands: &bands([(0.0, 50_000.0)]), keeps_above_zero: true };
const CELSIUS: Scale = Scale { bands: &bands([(-40.0, 250.0)]), keeps_above_zero: false };
const MEGAHERTZ: Scale = Scale { bands: &bands([(0.0, 6.0)]), keeps_above_zero: false };
/// Tenths of a watt, up to where all of 10 kW no longer takes two bytes.
const WATTS: Scale = Scale { bands: &bands([(0.0, 10.0), (1300.0, 6.0)]), keeps_above_zero: false };
/// KiB, MiB, tenths of GiB, and GiB from a thousand on. Of the last, floats of 32 bits alone take a sixteenth.
const BYTES: Scale = Scale {
    bands: &bands([(0.0, 12.0 / KIB), (MIB, 6.0 / MIB), (GIB, 64.0 / GIB), (1000.0 * GIB, 8.0 / GIB)]),
    keeps_above_zero: true,
};
/// kB/s, MB/s, and tenths of GB/s: of those, as many as let 1 TB/s take two bytes.
const RATE: Scale =
    Scale { bands: &bands([(0.0, 6.0 / 1e3), (1e6, 6.0 / 1e6), (1e9, 53.0 / 1e9)]), keeps_above_zero: false };

const fn of(unit: Unit) -> &'static Scale {
    match unit {
        Unit::Percent => &PERCENT,
        Unit::Ratio => &RATIO,
        Unit::Celsius => &CELSIUS,
        Unit::Bytes => &BYTES,
        Unit::BytesPerSecond => &RATE,
        Unit::Milliwatts => &WATTS,
        _ => &MEGAHERTZ,
    }
}

/// The scale of each reading that is kept.
pub(super) static SCALES: [&Scale; METRICS] = {
    let mut scales = [&MEGAHERTZ; METRICS];
    let mut position = 0;
    while position < METRICS {
        scales[position] = of(SPECS[ALL[position] as usize].unit);
        position += 1;
    }
    scales
};

impl Scale {
    /// The code of a value; [`NONE`] for one that is not a plausible one.
    pub(super) fn code(&self, value: f64) -> u32 {
        let Some(band) = self.bands.iter().rev().find(|band| value >= band.from) else { return NONE };
        let steps = whole((value - band.from) * band.per_unit);
        let steps = if self.keeps_above_zero && value > 0.0 && band.first == NONE + 1 { steps.max(1) } else { steps };
        let code = band.first.saturating_add(steps);
        if code > MAX_CODE { NONE } else { code }
    }

    /// The value of a code.
    pub(super) fn value(&self, code: u32) -> Option<f32> {
        let band = self.bands.iter().rev().find(|band| code >= band.first)?;
        Some(narrow(f64::from(code - band.first) / band.per_unit + band.from))
    }

    /// A value as it is kept.
    pub(super) fn kept(&self, value: f64) -> Option<f32> {
        self.value(self.code(value))
    }
}

/// Kept with 24 bits: 150 GB to 16 kB.
#[expect(clippy::cast_possible_truncation, reason = "the precision that is meant to be lost")]
pub(super) fn narrow(value: f64) -> f32 {
    value as f32
}

/// The most bytes of a code of each reading, all together: three where its highest plausible value needs them.
pub(super) fn bytes_of_a_step() -> usize {
    ALL.iter()
        .zip(SCALES)
        .map(|(field, scale)| if highest(field.spec(), scale) > u16::MAX.into() { 3 } else { 2 })
        .sum()
}

/// The code of the highest plausible value.
fn highest(spec: &crate::readings::Spec, scale: &Scale) -> u32 {
    let high = spec.range.as_ref().map_or(f64::INFINITY, |range| *range.end());
    let high = if matches!(spec.unit, Unit::Milliwatts) { high / 1000.0 } else { high };
    match scale.code(high) {
        NONE => MAX_CODE,
        code => code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The unit in which the page shows a value (`web/src/model/format.ts`), in the API's unit.
    fn displayed(unit: Unit, value: f64) -> f64 {
        match unit {
            Unit::Percent | Unit::Celsius | Unit::Milliwatts | Unit::Megahertz => 1.0,
            Unit::Ratio => 0.01,
            Unit::Bytes if value < MIB => KIB,
            Unit::Bytes if value < 0.95 * GIB => MIB,
            Unit::Bytes if value < 1000.0 * GIB => GIB / 10.0,
            Unit::Bytes => GIB,
            Unit::BytesPerSecond if value < 1e6 => 1e3,
            Unit::BytesPerSecond if value < 1e9 => 1e6,
            Unit::BytesPerSecond => 1e8,
            other => panic!("expected a unit that has a scale, got {other:?}"),
        }
    }

    /// The plausible values of a reading, in the API's unit.
    fn range(metric: usize) -> (f64, f64) {
        let spec = ALL[metric].spec();
        let range = spec.range.as_ref().unwrap();
        let per = if matches!(spec.unit, Unit::Milliwatts) { 1000.0 } else { 1.0 };
        (range.start() / per, range.end() / per)
    }

    fn check(metric: usize, value: f64) {
        let (spec, scale) = (ALL[metric].spec(), SCALES[metric]);
        let kept = scale.kept(value).unwrap_or_else(|| panic!("{value} of {} is lost", spec.path));
        let error = (f64::from(kept) - value).abs();
        assert!(error <= displayed(spec.unit, value) / 10.0, "{}: {value} is kept as {kept}", spec.path);
        assert_eq!(kept > 0.0, kept != 0.0 && value > 0.0, "{}: {value} is kept as {kept}", spec.path);
        if scale.keeps_above_zero {
            assert_eq!(kept == 0.0, value == 0.0, "{}: {value} is kept as {kept}", spec.path);
        }
        assert_eq!(scale.kept(kept.into()), Some(kept), "{}: it drifts when it is saved", spec.path);
    }

    #[test]
    fn ends_of_ranges_and_bands_within_a_tenth() {
        for (metric, scale) in SCALES.iter().enumerate() {
            let (low, high) = range(metric);
            let borders = scale.bands.iter().map(|band| band.from).filter(|from| (low..=high).contains(from));
            for value in borders.chain([low, high, 0.95 * GIB]).filter(|value| *value <= high) {
                let near = [value * (1.0 - 1e-9), value, value * (1.0 + 1e-9), value.next_up(), value.next_down()];
                near.into_iter().filter(|value| (low..=high).contains(value)).for_each(|value| check(metric, value));
            }
        }
    }

    #[test]
    fn whole_units_are_exact() {
        for (metric, scale) in SCALES.iter().enumerate() {
            let (low, high) = range(metric);
            if high < 1e6 {
                let mut value = low.ceil();
                while value <= high {
                    assert_eq!(scale.kept(value), Some(narrow(value)), "{}", ALL[metric].spec().path);
                    value += 1.0;
                }
            }
        }
    }

    #[test]
    fn every_code_is_its_values_code() {
        for (metric, scale) in SCALES.iter().enumerate() {
            let highest = scale.code(range(metric).1);
            assert_ne!(highest, NONE);
            for code in (1..=highest.min(70_000)).chain((70_000..=highest).step_by(997)) {
                let value = scale.value(code).unwrap();
                assert_eq!(scale.code(value.into()), code, "{}: {value}", ALL[metric].spec().path);
            }
        }
    }

    #[test]
    fn what_is_no_plausible_number_is_none() {
        for scale in SCALES {
            for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -41.0, f64::MAX] {
                assert_eq!(scale.code(value), NONE, "{value}");
            }
            assert_eq!(scale.value(NONE), None);
        }
    }

    /// Values of the boards of today; the memory clock of GDDR7 takes three.
    #[test]
    fn usual_values_take_two_bytes() {
        for (path, high) in [
            ("power.draw_watts", 2700.0),
            ("memory.used_bytes", 288e9),
            ("clocks.memory_mhz", 10_501.0),
            ("pcie.rx_bytes_per_second", 128e9),
            ("nvlink.tx_bytes_per_second", 900e9),
        ] {
            let metric = crate::history::metric::find(path).unwrap();
            assert!(SCALES[metric].code(high) <= u16::MAX.into(), "{path}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn error_is_at_most_a_tenth_of_the_displayed_unit(share in 0.0..=1.0_f64, magnitude in 0.0..16.0_f64) {
            for metric in 0..METRICS {
                let (low, high) = range(metric);
                check(metric, low + share * (high - low));
                // As many of small values as of large ones.
                check(metric, (high * 10_f64.powf(-magnitude)).clamp(low, high));
            }
        }
    }
}
