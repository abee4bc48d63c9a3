//! Numbers in the original's format: integers, halves rounded to even, `N/A` for absent values.

use std::{fmt, time::Duration};

use serde::{Serialize, Serializer};
use telemetry::Reading;

/// The original's text for a value that it could not read.
pub(crate) const NOT_AVAILABLE: &str = "N/A";

const MEBIBYTE: u64 = 1024 * 1024;

/// Rounds `numerator / denominator`, halves to even, like Python's `round`. `None` if the denominator is 0.
pub(crate) fn round_half_even(numerator: u128, denominator: u128) -> Option<u128> {
    let quotient = numerator.checked_div(denominator)?;
    let remainder = numerator % denominator;
    // Compares the remainder with the difference to the next integer, because doubling it could overflow.
    let up = match remainder.cmp(&(denominator - remainder)) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => quotient % 2 == 1,
        std::cmp::Ordering::Greater => true,
    };
    Some(quotient + u128::from(up))
}

/// `part / whole` in %; `None` if the whole is 0.
pub(crate) fn percent(part: u64, whole: u64) -> Option<u128> {
    round_half_even(u128::from(part) * 100, u128::from(whole))
}

/// A JSON number, or `"N/A"`.
pub(crate) struct Number<T>(pub(crate) Option<T>);

impl<T: Serialize> Serialize for Number<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(value) => value.serialize(serializer),
            None => serializer.serialize_str(NOT_AVAILABLE),
        }
    }
}

/// Bytes as `"954MiB"`, or `"N/A"`.
pub(crate) struct Mebibytes(pub(crate) Reading<u64>);

impl fmt::Display for Mebibytes {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        scaled(to, self.0, MEBIBYTE, "MiB")
    }
}

/// Draw and limit in mW as `"119W / 350W"`; each side alone may be `N/A`.
pub(crate) struct Power {
    pub(crate) draw_mw: Reading<u32>,
    pub(crate) limit_mw: Reading<u32>,
}

impl fmt::Display for Power {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        scaled(to, self.draw_mw.map(u64::from), 1000, "W")?;
        to.write_str(" / ")?;
        scaled(to, self.limit_mw.map(u64::from), 1000, "W")
    }
}

fn scaled(to: &mut fmt::Formatter<'_>, value: Reading<u64>, unit: u64, name: &str) -> fmt::Result {
    match value.ok().and_then(|value| round_half_even(u128::from(value), u128::from(unit))) {
        Some(rounded) => write!(to, "{rounded}{name}"),
        None => to.write_str(NOT_AVAILABLE),
    }
}

/// Running time of a process, formatted as Python's `timedelta` without the fraction: `0:16:13`, `1 day, 2:03:04`. `N/A`
/// if it is unknown or under ten seconds.
pub(crate) struct RunningTime(pub(crate) Option<Duration>);

impl fmt::Display for RunningTime {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(seconds) = self.0.map(|time| time.as_secs()).filter(|seconds| *seconds >= 10) else {
            return to.write_str(NOT_AVAILABLE);
        };
        match seconds / 86_400 {
            0 => {}
            1 => to.write_str("1 day, ")?,
            days => write!(to, "{days} days, ")?,
        }
        write!(to, "{}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use telemetry::Absence;

    #[test]
    fn rounding_matches_recordings() {
        let watts = |draw_mw, limit_mw| Power { draw_mw: Ok(draw_mw), limit_mw: Ok(limit_mw) }.to_string();
        assert_eq!(watts(500, 1500), "0W / 2W");
        assert_eq!(watts(2500, 349_500), "2W / 350W");
        assert_eq!(watts(118_923, 700_000), "119W / 700W");
        let mebibytes = |bytes| Mebibytes(Ok(bytes)).to_string();
        assert_eq!(mebibytes(8_912_896), "8MiB");
        assert_eq!(mebibytes(2_621_440), "2MiB");
        assert_eq!(mebibytes(8_912_896 - 2_621_440), "6MiB");
        assert_eq!(mebibytes(12_300_000_000), "11730MiB");
        assert_eq!(percent(26_214_400, 1_048_576_000), Some(2));
        assert_eq!(percent(2_621_440, 8_912_896), Some(29));
    }

    #[test]
    fn absent_is_not_available() {
        let absent = Err(Absence::NotSupported);
        assert_eq!(Power { draw_mw: absent, limit_mw: Ok(1000) }.to_string(), "N/A / 1W");
        assert_eq!(Power { draw_mw: Ok(1000), limit_mw: absent }.to_string(), "1W / N/A");
        assert_eq!(Mebibytes(Err(Absence::Lost)).to_string(), "N/A");
        assert_eq!(percent(1, 0), None);
        assert_eq!(serde_json::to_string(&Number(None::<u32>)).unwrap(), "\"N/A\"");
        assert_eq!(serde_json::to_string(&Number(Some(-3))).unwrap(), "-3");
    }

    #[test]
    fn running_time_formatted_as_in_python() {
        for (milliseconds, expected) in [
            (9_999, "N/A"),
            (10_000, "0:00:10"),
            (973_900, "0:16:13"),
            (36_003_000, "10:00:03"),
            (86_399_999, "23:59:59"),
            (86_400_000, "1 day, 0:00:00"),
            (93_784_000, "1 day, 2:03:04"),
            (172_800_000, "2 days, 0:00:00"),
            (8_640_000_000, "100 days, 0:00:00"),
        ] {
            assert_eq!(RunningTime(Some(Duration::from_millis(milliseconds))).to_string(), expected);
        }
        assert_eq!(RunningTime(None).to_string(), "N/A");
    }

    proptest! {
        #[test]
        fn rounding_error_at_most_half(numerator in any::<u64>(), denominator in 1..u64::MAX) {
            let (numerator, denominator) = (u128::from(numerator), u128::from(denominator));
            let rounded = round_half_even(numerator, denominator).unwrap();
            let twice_off = (2 * numerator).abs_diff(2 * rounded * denominator);
            prop_assert!(twice_off <= denominator);
            prop_assert!(twice_off < denominator || rounded.is_multiple_of(2));
        }
    }
}
