//! A value as it is read, its type and its unit: every conversion is here.

use std::{borrow::Cow, time::Duration};

use super::words;

/// Type of a value as it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `u32`.
    U32,
    /// `u64`.
    U64,
    /// `i32`.
    I32,
    /// `f64`.
    F64,
    /// `bool`.
    Bool,
    /// `String`.
    Text,
    /// `Vec<u32>`.
    List,
}

/// Unit of a value as it is read. Every conversion is here.
#[derive(Clone, Copy, Debug)]
pub enum Unit {
    /// A number of things, or a number without a unit.
    Count,
    /// %.
    Percent,
    /// From 0 to 1.
    Ratio,
    /// °C.
    Celsius,
    /// mW; W in the API and in metrics.
    Milliwatts,
    /// mJ; J in the API and in metrics.
    Millijoules,
    /// MHz; Hz in metrics.
    Megahertz,
    /// Bytes.
    Bytes,
    /// Bytes per second.
    BytesPerSecond,
    /// ns; seconds in the API and in metrics.
    Nanoseconds,
    /// Yes or no; 1 or 0 in metrics.
    Flag,
    /// Text.
    Text,
    /// NVML's number of a state that has a word.
    Word(words::Table),
    /// NVML's bits, each of which has a word.
    Bits(words::Bits),
}

impl Unit {
    /// The unit in the API and on the page: a stable word.
    #[must_use]
    pub const fn api_name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Percent => "percent",
            Self::Ratio => "ratio",
            Self::Celsius => "celsius",
            Self::Milliwatts => "watts",
            Self::Millijoules => "joules",
            Self::Megahertz => "megahertz",
            Self::Bytes => "bytes",
            Self::BytesPerSecond => "bytes_per_second",
            Self::Nanoseconds => "seconds",
            Self::Flag => "flag",
            Self::Text => "text",
            Self::Word(_) => "word",
            Self::Bits(_) => "words",
        }
    }

    /// The base unit that a metric's name ends in; empty for those without one.
    #[must_use]
    pub const fn base_name(self) -> &'static str {
        match self {
            Self::Percent | Self::Ratio => "ratio",
            Self::Celsius => "celsius",
            Self::Milliwatts => "watts",
            Self::Millijoules => "joules",
            Self::Megahertz => "hertz",
            Self::Bytes => "bytes",
            Self::BytesPerSecond => "bytes_per_second",
            Self::Nanoseconds => "seconds",
            Self::Count | Self::Flag | Self::Text | Self::Word(_) | Self::Bits(_) => "",
        }
    }

    /// The value in the API's unit.
    #[must_use]
    pub fn in_api<'a>(self, value: Value<'a>) -> Shown<'a> {
        match (self, value) {
            (Self::Milliwatts | Self::Millijoules, value) => Shown::Real(value.number().unwrap_or_default() / 1000.0),
            (Self::Nanoseconds, Value::U64(nanoseconds)) => {
                Shown::Real(Duration::from_nanos(nanoseconds).as_secs_f64())
            }
            (Self::Word(table), Value::U32(number)) => Shown::Word(words::word(number, table)),
            (Self::Bits(names), Value::U64(bits)) => Shown::Words(words::set_bits(bits, names).collect()),
            (_, Value::U32(number)) => Shown::Unsigned(number.into()),
            (_, Value::U64(number)) => Shown::Unsigned(number),
            (_, Value::I32(number)) => Shown::Signed(number.into()),
            (_, Value::F64(number)) => Shown::Real(number),
            (_, Value::Bool(flag)) => Shown::Flag(flag),
            (_, Value::Text(text)) => Shown::Word(text.into()),
            (_, Value::List(list)) => Shown::List(list),
        }
    }

    /// The value in the API's unit as a float; nothing for words and text.
    #[must_use]
    pub fn api_number(self, value: Value<'_>) -> Option<f64> {
        match self {
            Self::Milliwatts | Self::Millijoules => Some(value.number()? / 1000.0),
            Self::Nanoseconds => self.in_base(&value),
            Self::Word(_) | Self::Bits(_) | Self::Text => None,
            _ => value.number(),
        }
    }

    /// The value in Prometheus' base unit; nothing for text.
    #[must_use]
    pub fn in_base(self, value: &Value<'_>) -> Option<f64> {
        let number = value.number()?;
        Some(match self {
            Self::Percent => number / 100.0,
            Self::Milliwatts | Self::Millijoules => number / 1000.0,
            Self::Megahertz => number * 1e6,
            Self::Nanoseconds => match value {
                Value::U64(nanoseconds) => Duration::from_nanos(*nanoseconds).as_secs_f64(),
                _ => number / 1e9,
            },
            _ => number,
        })
    }
}

/// A value as it is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// `u32`.
    U32(u32),
    /// `u64`.
    U64(u64),
    /// `i32`.
    I32(i32),
    /// `f64`.
    F64(f64),
    /// `bool`.
    Bool(bool),
    /// `String`.
    Text(&'a str),
    /// `Vec<u32>`.
    List(&'a [u32]),
}

/// Numbers that drivers and tools report in place of one that they do not have: all ones of 32 and 64 bits, the lowest and
/// the highest signed numbers, and the 16 below the latter that DCGM calls blank.
#[must_use]
pub const fn is_filler(number: u64) -> bool {
    matches!(
        number,
        0x7FFF_FFF0..=0x7FFF_FFFF
            | 0xFFFF_FFFF
            | 0x7FFF_FFFF_FFFF_FFF0..=0x8000_0000_0000_0000
            | 0xFFFF_FFFF_0000_0000..=u64::MAX
    )
}

impl Value<'_> {
    /// True for a number that says that there is none, and for a real number that is none.
    #[must_use]
    pub fn is_filler(&self) -> bool {
        match *self {
            Self::U32(number) => is_filler(number.into()) || number == 1 << 31,
            Self::U64(number) => is_filler(number),
            Self::I32(number) => number == i32::MIN || number >= 0x7FFF_FFF0,
            Self::F64(number) => !number.is_finite(),
            Self::List(list) => list.iter().any(|&number| is_filler(number.into())),
            Self::Bool(_) | Self::Text(_) => false,
        }
    }

    /// As a float, exact up to 2^53; flags are 1 and 0. The highest of a list; nothing for text.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "there is no exact conversion, and monitoring systems keep doubles")]
    pub fn number(&self) -> Option<f64> {
        match *self {
            Self::U32(number) => Some(number.into()),
            Self::U64(number) => Some(number as f64),
            Self::I32(number) => Some(number.into()),
            Self::F64(number) => Some(number),
            Self::Bool(flag) => Some(u8::from(flag).into()),
            Self::List(list) => list.iter().max().map(|&number| number.into()),
            Self::Text(_) => None,
        }
    }
}

/// A value in the API's unit.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown<'a> {
    /// An integer.
    Unsigned(u64),
    /// An integer that may be below zero.
    Signed(i64),
    /// A real number.
    Real(f64),
    /// Yes or no.
    Flag(bool),
    /// A word or text.
    Word(Cow<'a, str>),
    /// Words.
    Words(Vec<Cow<'static, str>>),
    /// Numbers.
    List(&'a [u32]),
}

/// Types of values.
pub(super) trait Typed {
    /// The type in the catalogue.
    const TYPE: Type;

    /// The value.
    fn value(&self) -> Value<'_>;
}

macro_rules! typed {
    ($($type:ty => $variant:ident, $name:ident;)*) => {
        $(impl Typed for $type {
            const TYPE: Type = Type::$name;

            fn value(&self) -> Value<'_> {
                Value::$variant(*self)
            }
        })*
    };
}

typed! {
    u32 => U32, U32;
    u64 => U64, U64;
    i32 => I32, I32;
    f64 => F64, F64;
    bool => Bool, Bool;
}

impl Typed for String {
    const TYPE: Type = Type::Text;

    fn value(&self) -> Value<'_> {
        Value::Text(self)
    }
}

impl Typed for Vec<u32> {
    const TYPE: Type = Type::List;

    fn value(&self) -> Value<'_> {
        Value::List(self)
    }
}
