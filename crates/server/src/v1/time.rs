//! Times in queries and in CSV: Unix milliseconds, times before now, and ISO 8601.

use std::fmt::Write as _;

use jiff::{
    SignedDuration,
    civil::{Date, DateTime},
    tz::TimeZone,
};

/// Accepted forms, for errors and for the document.
pub(crate) const FORMS: &str = "Unix time in milliseconds, a time before now such as -15m (s, m, h or d), now, or ISO 8601 \
                                with a zone such as 2026-11-30T10:00:00Z";
/// Accepted forms where a time without a zone is in a known one.
pub(crate) const LOCAL_FORMS: &str = "Unix time in milliseconds, a time before now such as -7d (s, m, h or d), now, or ISO \
                                      8601 such as 2026-11-30, 2026-11-30T10:00 or 2026-11-30T10:00:00Z";
/// Pattern of the forms without a date.
pub(crate) const PATTERN: &str = "^(now|[0-9]{1,3}|[0-9]{12,15}|-[0-9]{1,15}[smhd])$";

/// A clock later than this was set; that of a host without a battery begins in 1970.
const MODERN_MS: u64 = 1_000_000_000_000;

const SECOND_MS: i64 = 1000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Parses a time in Unix milliseconds; one before 1970 is 0. A date without a time is its beginning, and without a zone it is
/// in this one; without that it is refused. The error is a hint, and may be empty.
pub(super) fn parse(text: &str, now_ms: u64, zone: Option<&TimeZone>) -> Result<u64, &'static str> {
    if text == "now" {
        return Ok(now_ms);
    }
    if let Some(ago) = text.strip_prefix('-') {
        return duration(ago).map(|ago| now_ms.saturating_sub(ago)).ok_or("");
    }
    match digits(text) {
        // As milliseconds it is before 1973, and "everything" would be a wrong answer to a time in seconds or a date.
        Some(_) if (4..=11).contains(&text.len()) && now_ms > MODERN_MS => {
            Err("It seems to be in seconds, or a date: multiply seconds by 1000, and write a date with hyphens.")
        }
        Some(time) => Ok(time),
        None => iso(text, zone).map(|time| u64::try_from(time).unwrap_or(0)),
    }
}

/// A duration such as `10s`, in milliseconds.
pub(super) fn duration(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => SECOND_MS,
        "m" => MINUTE_MS,
        "h" => HOUR_MS,
        "d" => DAY_MS,
        _ => return None,
    };
    // A duration beyond `u64` means before everything.
    Some(digits(number)?.saturating_mul(unit.unsigned_abs()))
}

/// Parses digits, at most as many as in [`PATTERN`].
pub(super) fn digits(text: &str) -> Option<u64> {
    let plain = (1..=15).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// A time as ISO 8601 in UTC with milliseconds, such as `2026-11-30T10:00:00.000Z`.
pub(super) fn format(to: &mut String, unix_ms: u64) {
    let time = EPOCH.saturating_add(SignedDuration::from_millis(i64::try_from(unix_ms).unwrap_or(i64::MAX)));
    // Writing to a string cannot fail.
    let _ = write!(to, "{time:.3}Z");
}

/// Writes times in the form of [`format`]. Those of one day, as they follow one another in a table, share its date.
#[derive(Default)]
pub(super) struct Times {
    day: Option<u64>,
    /// As far as the T.
    date: String,
}

impl Times {
    pub(super) fn write(&mut self, to: &mut String, unix_ms: u64) {
        let day_ms = DAY_MS.unsigned_abs();
        let (day, mut rest) = (unix_ms / day_ms, unix_ms % day_ms);
        if self.day != Some(day) {
            self.date.clear();
            format(&mut self.date, unix_ms);
            self.date.truncate(self.date.find('T').map_or(0, |end| end + 1));
            self.day = Some(day);
        }
        to.push_str(&self.date);
        let units = [HOUR_MS, MINUTE_MS, SECOND_MS, 1].map(i64::unsigned_abs);
        for (unit, (digits, after)) in units.into_iter().zip([(2, ':'), (2, ':'), (2, '.'), (3, 'Z')]) {
            let number = rest / unit;
            rest %= unit;
            for power in [100, 10, 1].into_iter().skip(3 - digits) {
                to.push(char::from_digit(u32::try_from(number / power % 10).unwrap_or(0), 10).unwrap_or('0'));
            }
            to.push(after);
        }
    }
}

/// 1970 in UTC.
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

const NO_ZONE: &str = "It has no time zone: append Z for UTC, or an offset such as +01:00.";

/// Parses ISO 8601 in the extended (`2026-11-30T10:00:00Z`) or basic form (`20261130T100000Z`). Seconds and their fraction are
/// optional; a space can replace the T, and, as in queries that are not escaped, the plus sign.
fn iso(text: &str, zone: Option<&TimeZone>) -> Result<i64, &'static str> {
    let mut rest = Rest(text.as_bytes());
    let day = rest.date().ok_or("")?;
    let time = match rest.0.is_empty() {
        true => 0,
        false if !rest.takes(b"Tt ") => return Err(""),
        false => rest.time().ok_or("")?,
    };
    let time = day.at(0, 0, 0, 0).saturating_add(SignedDuration::from_millis(time));
    let in_utc = i64::try_from(time.duration_since(EPOCH).as_millis()).map_err(|_| "")?;
    if rest.0.is_empty() {
        // A time that a zone skips is as much later; no zone knows the last day of 9999.
        let local = zone.ok_or(NO_ZONE)?.to_timestamp(time);
        return Ok(local.map_or(in_utc, |local| local.as_millisecond()));
    }
    let offset = rest.zone().ok_or("The time zone is invalid; write Z for UTC, or an offset such as +01:00.")?;
    Ok(in_utc - offset)
}

/// The part of a text that is not parsed yet.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    /// Takes one of these bytes.
    fn takes(&mut self, any: &[u8]) -> bool {
        match self.0.split_first() {
            Some((first, rest)) if any.contains(first) => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    /// Takes a number of so many digits within a range.
    fn number(&mut self, length: usize, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let (number, rest) = self.0.split_at_checked(length)?;
        let digits = number.iter().all(u8::is_ascii_digit);
        let number = std::str::from_utf8(number).ok().filter(|_| digits)?.parse().ok()?;
        self.0 = rest;
        range.contains(&number).then_some(number)
    }

    /// A date of the Gregorian calendar.
    fn date(&mut self) -> Option<Date> {
        let year = self.number(4, 0..=9999)?;
        let extended = self.takes(b"-");
        let month = self.number(2, 1..=12)?;
        if extended && !self.takes(b"-") {
            return None;
        }
        let day = self.number(2, 1..=31)?;
        Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok()
    }

    /// Milliseconds since midnight. A leap second counts as the next one.
    fn time(&mut self) -> Option<i64> {
        let hour = self.number(2, 0..=23)?;
        let extended = self.takes(b":");
        let minute = self.number(2, 0..=59)?;
        let mut time = hour * HOUR_MS + minute * MINUTE_MS;
        let has_second = if extended { self.takes(b":") } else { self.0.first().is_some_and(u8::is_ascii_digit) };
        if has_second {
            time += self.number(2, 0..=60)? * SECOND_MS;
            if self.takes(b".,") {
                time += self.fraction()?;
            }
        }
        Some(time)
    }

    /// A fraction of a second in milliseconds; further digits are dropped.
    fn fraction(&mut self) -> Option<i64> {
        let length = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at_checked(length).filter(|_| (1..=9).contains(&length))?;
        self.0 = rest;
        Some((0..3).fold(0, |sum, place| sum * 10 + i64::from(digits.get(place).map_or(0, |digit| digit - b'0'))))
    }

    /// The offset from UTC in milliseconds, to the end of the text.
    fn zone(&mut self) -> Option<i64> {
        if self.takes(b"Zz") {
            return self.0.is_empty().then_some(0);
        }
        let sign = if self.takes(b"-") {
            -1
        } else if self.takes(b"+ ") {
            1
        } else {
            return None;
        };
        let hours = self.number(2, 0..=23)?;
        self.takes(b":");
        let minutes = if self.0.is_empty() { 0 } else { self.number(2, 0..=59)? };
        self.0.is_empty().then_some(sign * (hours * HOUR_MS + minutes * MINUTE_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: u64 = 10_000_000_000_000;

    #[test]
    fn time_forms_parsed() {
        for (text, expected) in [
            ("now", NOW),
            ("0", 0),
            ("5", 5),
            ("000000012345", 12_345),
            ("1700000000000", 1_700_000_000_000),
            ("-0s", NOW),
            ("-15m", NOW - 900_000),
            ("-9d", NOW - 9 * 86_400_000),
            ("-999999999999999d", 0),
            ("2023-11-14T22:13:20Z", 1_700_000_000_000),
            ("2023-11-14t22:13:20z", 1_700_000_000_000),
            ("2023-11-14 22:13:20+00:00", 1_700_000_000_000),
            ("2023-11-14T22:13:20.5Z", 1_700_000_000_500),
            ("2023-11-14T22:13:20,123456789-00:00", 1_700_000_000_123),
            ("2023-11-14T23:13:20+01:00", 1_700_000_000_000),
            ("2023-11-14T23:13:20 01:00", 1_700_000_000_000),
            ("2023-11-15T03:43:20+0530", 1_700_000_000_000),
            ("2023-11-14T14:13:20-08", 1_700_000_000_000),
            ("2023-11-14T22:13Z", 1_699_999_980_000),
            ("20231114T221320Z", 1_700_000_000_000),
            ("20231114T2213Z", 1_699_999_980_000),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000),
            ("1970-01-01T00:00:00+01:00", 0),
            ("0000-01-01T00:00:00Z", 0),
        ] {
            assert_eq!(parse(text, NOW, None), Ok(expected), "{text}");
        }
    }

    #[test]
    fn time_invalid_refused_with_hint() {
        for text in [
            "",
            "-",
            "-m",
            "-1w",
            "-+1m",
            "-é",
            "x",
            "1.5",
            "+5",
            "1000000000000000",
            "-1000000000000000s",
            "NOW",
            "2h",
            "yesterday",
            "2023-13-01T00:00:00Z",
            "2023-02-29T00:00:00Z",
            "2023-02-01T24:00:00Z",
            "2023-02-01T00:60Z",
            "2023-W05-1T00:00Z",
            "2023-032T00:00Z",
            "2023-02-01T00:00:00.Z",
            "23-02-01T00:00:00Z",
            "2023-0201T00:00Z",
            "2023-02-01TZ",
            "2023-02-01_00:00Z",
        ] {
            assert_eq!(parse(text, NOW, None), Err(""), "{text}");
        }
        for (text, hint) in [
            ("1700000000", "by 1000"),
            ("20231114", "a date"),
            ("2023", "a date"),
            ("2023-02-01", "append Z"),
            ("20230201T0000", "append Z"),
            ("2023-02-01T10:00:00", "append Z"),
            ("2023-02-01 10:00:00.5", "append Z"),
            ("2023-02-01T10:00:00+25:00", "zone is invalid"),
            ("2023-02-01T10:00:00 CET", "zone is invalid"),
            ("2023-02-01T10:00:00ZZ", "zone is invalid"),
        ] {
            let refused = parse(text, NOW, None).unwrap_err();
            assert!(refused.contains(hint), "{text}: {refused:?}");
        }
    }

    #[test]
    fn time_without_zone_is_local() {
        // Summer time from March 29 to October 25 of 2026, as in Berlin, without a database.
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        for (text, utc) in [
            ("2026-11-30", "2026-11-29T23:00:00Z"),
            ("2026-07-01", "2026-06-30T22:00:00Z"),
            ("2026-07-01T12:00", "2026-07-01T10:00:00Z"),
            ("2026-07-01 12:00:00.5", "2026-07-01T10:00:00.5Z"),
            ("20260701T1200", "2026-07-01T10:00:00Z"),
            ("2026-07-01T12:00Z", "2026-07-01T12:00:00Z"),
            ("2026-07-01T12:00-08:00", "2026-07-01T20:00:00Z"),
            // Skipped, and repeated: the first.
            ("2026-03-29T02:30", "2026-03-29T01:30:00Z"),
            ("2026-10-25T02:30", "2026-10-25T00:30:00Z"),
            ("1970-01-01", "1970-01-01T00:00:00Z"),
            ("0000-01-01", "1970-01-01T00:00:00Z"),
            ("9999-12-31", "9999-12-31T00:00:00Z"),
        ] {
            assert_eq!(parse(text, NOW, Some(&berlin)), parse(utc, NOW, None), "{text}");
        }
        for text in ["2026-02-30", "2026-11-30T", "2026-11", "2026-11-30T25:00", "2026-11-30T10", "20261130"] {
            assert!(parse(text, NOW, Some(&berlin)).is_err(), "{text}");
        }
        assert!(parse("20261130", NOW, Some(&berlin)).unwrap_err().contains("with hyphens"));
    }

    #[test]
    fn small_times_are_meant_where_clock_is_not_set() {
        assert_eq!(parse("86400000", 86_500_000, None), Ok(86_400_000));
    }

    #[test]
    fn time_formatted_in_utc() {
        let mut text = String::new();
        format(&mut text, 1_709_164_800_007);
        assert_eq!(text, "2024-02-29T00:00:00.007Z");
    }

    proptest! {
        #[test]
        fn formatted_time_round_trips(time in 0..253_402_300_800_000_u64) {
            let mut text = String::new();
            format(&mut text, time);
            prop_assert_eq!(parse(&text, 0, None), Ok(time));
        }

        #[test]
        fn times_in_succession_are_formatted_alike(first in 0..253_000_000_000_000_u64, step in 1..200_000_000_u64) {
            let mut times = Times::default();
            for time in (0..5).map(|number| first + number * step) {
                let [mut one, mut other] = [String::new(), String::new()];
                format(&mut one, time);
                times.write(&mut other, time);
                prop_assert_eq!(one, other);
            }
        }

        #[test]
        fn arbitrary_time_is_harmless(text in "[0-9TZ:+. -]{0,30}|\\PC{0,9}", has_zone in any::<bool>()) {
            let zone = has_zone.then_some(TimeZone::UTC);
            let _ = parse(&text, NOW, zone.as_ref());
        }
    }
}
