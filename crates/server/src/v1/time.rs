//! Times in queries and in CSV: Unix milliseconds, times before now, and ISO 8601.

use std::fmt::Write as _;

/// Accepted forms, for errors and for the document.
pub(crate) const FORMS: &str = "Unix time in milliseconds, a time before now such as -15m (s, m, h or d), now, or ISO 8601 \
                                with a zone such as 2026-11-30T10:00:00Z";
/// Pattern of the forms without a date.
pub(crate) const PATTERN: &str = "^(now|[0-9]{1,3}|[0-9]{12,15}|-[0-9]{1,15}[smhd])$";

/// A clock later than this was set; that of a host without a battery begins in 1970.
const MODERN_MS: u64 = 1_000_000_000_000;

const SECOND_MS: i64 = 1000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Parses a time in Unix milliseconds; one before 1970 is 0. The error is a hint, and may be empty.
pub(super) fn parse(text: &str, now_ms: u64) -> Result<u64, &'static str> {
    if text == "now" {
        return Ok(now_ms);
    }
    if let Some(ago) = text.strip_prefix('-') {
        return duration(ago).map(|ago| now_ms.saturating_sub(ago)).ok_or("");
    }
    match digits(text) {
        // As milliseconds it is before 1973, and "everything" would be a wrong answer to a time in seconds or a date.
        Some(_) if (4..=11).contains(&text.len()) && now_ms > MODERN_MS => {
            Err("It seems to be in seconds, or a date: multiply seconds by 1000, and give dates with time and zone.")
        }
        Some(time) => Ok(time),
        None => iso(text).map(|time| u64::try_from(time).unwrap_or(0)),
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
    let ms = i64::try_from(unix_ms).unwrap_or(i64::MAX);
    let (year, month, day) = date(ms.div_euclid(DAY_MS));
    let of_day = ms.rem_euclid(DAY_MS);
    let (hour, minute) = (of_day / HOUR_MS, of_day / MINUTE_MS % 60);
    let (second, milli) = (of_day / SECOND_MS % 60, of_day % SECOND_MS);
    // Writing to a string cannot fail.
    let _ = write!(to, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z");
}

const NO_ZONE: &str = "It has no time zone: append Z for UTC, or an offset such as +01:00.";

/// Parses ISO 8601 with a zone, in the extended (`2026-11-30T10:00:00Z`) or basic form (`20261130T100000Z`). Seconds and
/// their fraction are optional; a space can replace the T, and, as in queries that are not escaped, the plus sign.
fn iso(text: &str) -> Result<i64, &'static str> {
    let mut rest = Rest(text.as_bytes());
    let day = rest.date().ok_or("")?;
    if rest.0.is_empty() {
        return Err(NO_ZONE);
    }
    if !rest.takes(b"Tt ") {
        return Err("");
    }
    let time = rest.time().ok_or("")?;
    if rest.0.is_empty() {
        return Err(NO_ZONE);
    }
    let offset = rest.zone().ok_or("The time zone is invalid; write Z for UTC, or an offset such as +01:00.")?;
    Ok(day * DAY_MS + time - offset)
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

    /// Days since 1970.
    fn date(&mut self) -> Option<i64> {
        let year = self.number(4, 0..=9999)?;
        let extended = self.takes(b"-");
        let month = self.number(2, 1..=12)?;
        if extended && !self.takes(b"-") {
            return None;
        }
        let day = self.number(2, 1..=31)?;
        let days = days(year, month, day);
        (date(days) == (year, month, day)).then_some(days)
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

/// Days from 1970-01-01 to a date of the Gregorian calendar. Years begin in March, so that a leap day is their last.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (month * 153 + 2) / 5 + day
        - 719_469
}

/// The date so many days after 1970-01-01: the inverse of [`days`].
fn date(since_1970: i64) -> (i64, i64, i64) {
    // 400 years have 146,097 days, so the estimate is the year or one too many.
    let mut year = (since_1970 * 400).div_euclid(146_097) + 1970;
    while days(year, 1, 1) > since_1970 {
        year -= 1;
    }
    while days(year + 1, 1, 1) <= since_1970 {
        year += 1;
    }
    let month = (1..=12).rev().find(|month| days(year, *month, 1) <= since_1970).unwrap_or(1);
    (year, month, since_1970 - days(year, month, 1) + 1)
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
            assert_eq!(parse(text, NOW), Ok(expected), "{text}");
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
            assert_eq!(parse(text, NOW), Err(""), "{text}");
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
            let refused = parse(text, NOW).unwrap_err();
            assert!(refused.contains(hint), "{text}: {refused:?}");
        }
    }

    #[test]
    fn small_times_are_meant_where_clock_is_not_set() {
        assert_eq!(parse("86400000", 86_500_000), Ok(86_400_000));
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
            prop_assert_eq!(parse(&text, 0), Ok(time));
        }

        #[test]
        fn arbitrary_time_is_harmless(text in "[0-9TZ:+. -]{0,30}|\\PC{0,9}") {
            let _ = parse(&text, NOW);
        }
    }
}
