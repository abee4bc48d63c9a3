//! Numbers as `Display` writes them, without the cost of a formatter for those that are usual.

use std::fmt::{self, Write as _};

/// A number that is the value of a sample.
pub trait Number {
    /// Appends the number.
    fn write_to(self, text: &mut String);
}

macro_rules! integers {
    ($($type:ty)*) => {
        $(impl Number for $type {
            fn write_to(self, text: &mut String) {
                text.push_str(itoa::Buffer::new().format(self));
            }
        })*
    };
}

integers! { i32 i64 u64 usize }

impl Number for fmt::Arguments<'_> {
    fn write_to(self, text: &mut String) {
        // Writing to a string does not fail.
        let _ = text.write_fmt(self);
    }
}

/// Numbers of up to 15 digits are different doubles, so that digits which give the same double are the shortest.
const EXACT: f64 = 1e15;

impl Number for f64 {
    fn write_to(self, text: &mut String) {
        if !(write_decimal(self, 1, 0, text) || write_decimal(self, 1000, 3, text)) {
            let _ = write!(text, "{self}");
        }
    }
}

/// Writes a number of seconds as `f64` would.
pub(crate) struct Seconds {
    pub(crate) nanoseconds: u64,
}

impl Number for Seconds {
    fn write_to(self, text: &mut String) {
        let seconds = super::text::seconds(self.nanoseconds);
        if !write_decimal(seconds, 1_000_000_000, 9, text) {
            let _ = write!(text, "{seconds}");
        }
    }
}

/// Writes a number that is a multiple of `1 / parts`, which has this number of digits. Returns false, and writes
/// nothing, if it is none, or negative.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 10^15")]
fn write_decimal(number: f64, parts: u32, digits: usize, text: &mut String) -> bool {
    let scaled = (number * f64::from(parts)).round();
    let is_exact =
        number.is_sign_positive() && scaled < EXACT && (scaled / f64::from(parts)).to_bits() == number.to_bits();
    if !is_exact {
        return false;
    }
    let (whole, part) = (scaled as u64 / u64::from(parts), scaled as u64 % u64::from(parts));
    whole.write_to(text);
    if part > 0 {
        text.push('.');
        let mut buffer = itoa::Buffer::new();
        let part = buffer.format(part);
        (part.len()..digits).for_each(|_| text.push('0'));
        text.push_str(part.trim_end_matches('0'));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(number: impl Number) -> String {
        let mut text = String::new();
        number.write_to(&mut text);
        text
    }

    fn check(number: f64) {
        assert_eq!(written(number), number.to_string());
    }

    #[test]
    fn odd_numbers_as_display_writes_them() {
        let odd = [0.0, -0.0, 1.0, -1.0, 0.1, 0.05, 1e15, 1e300, 1e-300, 999_999_999_999_999.0, 4.35, 1.005, f64::NAN];
        odd.into_iter().chain([f64::INFINITY, f64::NEG_INFINITY, 0.3, 0.1 + 0.2, 562.123, 2e14 + 0.5]).for_each(check);
        assert_eq!(written(Seconds { nanoseconds: 3_002_650_000 }), "3.00265");
    }

    proptest! {
        #[test]
        fn numbers_as_display_writes_them(any in any::<f64>(), whole in any::<u64>(), parts in 0_u32..10, integer in any::<i64>()) {
            check(any);
            for shift in [0, 8, 16, 24, 32, 40, 48] {
                #[allow(clippy::cast_precision_loss, reason = "any number will do")]
                check((whole >> shift) as f64 / 10_f64.powi(parts.try_into().unwrap()));
                let nanoseconds = whole >> shift;
                prop_assert_eq!(written(Seconds { nanoseconds }), super::super::text::seconds(nanoseconds).to_string());
            }
            prop_assert_eq!(written(integer), integer.to_string());
        }
    }
}
