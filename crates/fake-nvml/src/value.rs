//! Numbers of a scenario: constant, or changing with time by a deterministic rule.

use std::f64::consts::TAU;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, MapAccess, Visitor, value::MapAccessDeserializer};

/// Seconds after which a walk takes the same way back, so that its value at any time needs a bounded number of steps
/// and no state.
const WALK_TURNS_AFTER: u64 = 1_800;

/// Number in a scenario: `41`, `0.5`, `true`, or a table that describes its change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value {
    /// Constant integer. Not a [`Value::Fraction`], because a double cannot hold every 64-bit integer.
    Whole(i64),
    /// Constant fraction.
    Fraction(f64),
    /// `{ ramp = [a, b], period_s = 60 }`: rises from a to b, then starts again.
    Ramp { from: f64, to: f64, period_s: f64 },
    /// `{ wave = [a, b], period_s = 60, phase = 0.25 }`: sine between a and b; the phase is a fraction of the period.
    Wave { from: f64, to: f64, period_s: f64, phase: f64 },
    /// `{ walk = [a, b], step = 3, seed = 1 }`: each second a step of at most `step` up or down, reflected at a and b.
    Walk { from: f64, to: f64, step: f64, seed: u64 },
    /// `{ count_from = 0, per_s = 125.5 }`: counter.
    Count { from: f64, per_s: f64 },
}

impl Value {
    /// Number at a time, in seconds on the scenario's clock.
    pub(crate) fn at(&self, seconds: f64) -> f64 {
        match *self {
            Self::Whole(number) => number as f64,
            Self::Fraction(number) => number,
            Self::Ramp { from, to, period_s } => from + (to - from) * (seconds / period_s).rem_euclid(1.0),
            Self::Wave { from, to, period_s, phase } => {
                let half = (to - from) / 2.0;
                from + half + half * (TAU * (seconds / period_s + phase)).sin()
            }
            Self::Walk { from, to, step, seed } => walk(from, to, step, seed, seconds),
            Self::Count { from, per_s } => from + per_s * seconds,
        }
    }

    /// Same value in a unit that is `factor` times as fine.
    pub(crate) fn scaled(self, factor: f64) -> Self {
        match self {
            Self::Whole(number) if factor.fract() == 0.0 => Self::Whole(number.saturating_mul(factor as i64)),
            Self::Whole(number) => Self::Fraction(number as f64 * factor),
            Self::Fraction(number) => Self::Fraction(number * factor),
            Self::Ramp { from, to, period_s } => Self::Ramp { from: from * factor, to: to * factor, period_s },
            Self::Wave { from, to, period_s, phase } => {
                Self::Wave { from: from * factor, to: to * factor, period_s, phase }
            }
            Self::Walk { from, to, step, seed } => {
                Self::Walk { from: from * factor, to: to * factor, step: step * factor, seed }
            }
            Self::Count { from, per_s } => Self::Count { from: from * factor, per_s: per_s * factor },
        }
    }

    /// Same value, with a constant fraction rounded to an integer.
    pub(crate) fn rounded(self) -> Self {
        match self {
            Self::Fraction(number) => Self::Whole(number.round() as i64),
            other => other,
        }
    }

    /// Number at a time, rounded to an integer.
    pub(crate) fn whole(&self, seconds: f64) -> i64 {
        match *self {
            Self::Whole(number) => number,
            _ => self.at(seconds).round() as i64,
        }
    }
}

/// Pseudo-random bits that depend only on the input (the finalizer of SplitMix64).
pub(crate) fn scramble(input: u64) -> u64 {
    let mut bits = input.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

fn walk(from: f64, to: f64, step: f64, seed: u64, seconds: f64) -> f64 {
    let width = to - from;
    if width <= 0.0 {
        return from;
    }
    let second = seconds.max(0.0) as u64 % (2 * WALK_TURNS_AFTER);
    let steps = if second < WALK_TURNS_AFTER { second } else { 2 * WALK_TURNS_AFTER - second };
    let start = scramble(seed) >> 11;
    let mut position = width * (start as f64 / (1_u64 << 53) as f64);
    for number in 1..=steps {
        let share = (scramble(seed ^ number.wrapping_mul(0xa076_1d64_78bd_642f)) >> 11) as f64 / (1_u64 << 52) as f64;
        position += step * (share - 1.0);
    }
    // Reflection at both ends never makes a step longer.
    let folded = position.rem_euclid(2.0 * width);
    from + if folded <= width { folded } else { 2.0 * width - folded }
}

/// Keys of a table. Each kind of value needs some of them.
#[derive(Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    ramp: Option<[f64; 2]>,
    wave: Option<[f64; 2]>,
    walk: Option<[f64; 2]>,
    count_from: Option<f64>,
    period_s: Option<f64>,
    phase: Option<f64>,
    step: Option<f64>,
    seed: Option<u64>,
    per_s: Option<f64>,
}

impl Table {
    /// Removes one kind of value with its parameters, and returns it. Keys that are left over are a mistake.
    fn take(&mut self) -> Result<Value, &'static str> {
        if let Some([from, to]) = self.ramp.take() {
            Ok(Value::Ramp { from, to, period_s: self.take_period()? })
        } else if let Some([from, to]) = self.wave.take() {
            Ok(Value::Wave { from, to, period_s: self.take_period()?, phase: self.phase.take().unwrap_or(0.0) })
        } else if let Some([from, to]) = self.walk.take() {
            if from > to {
                return Err("expected the lower bound of `walk` first");
            }
            let step = self.step.take().ok_or("a `walk` needs `step`")?;
            Ok(Value::Walk { from, to, step, seed: self.seed.take().unwrap_or(0) })
        } else if let Some(from) = self.count_from.take() {
            Ok(Value::Count { from, per_s: self.per_s.take().ok_or("`count_from` needs `per_s`")? })
        } else {
            Err(FORMS)
        }
    }

    fn take_period(&mut self) -> Result<f64, &'static str> {
        match self.period_s.take() {
            Some(period) if period > 0.0 => Ok(period),
            Some(_) => Err("expected `period_s` above 0"),
            None => Err("a ramp or a wave needs `period_s`"),
        }
    }

    fn value(mut self) -> Result<Value, &'static str> {
        let value = self.take()?;
        if self == Self::default() { Ok(value) } else { Err(FORMS) }
    }
}

const FORMS: &str =
    "expected one of { ramp, period_s }, { wave, period_s, phase }, { walk, step, seed }, { count_from, per_s }";

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

/// Visitor instead of an untagged enum, whose error would only say that no variant matched.
struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number, a boolean or a table of a changing number")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Whole(i64::from(value)))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Whole(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        i64::try_from(value).map(Value::Whole).map_err(|_| E::custom("expected a number below 2^63"))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Fraction(value))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        Table::deserialize(MapAccessDeserializer::new(map))?.value().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Holder {
        v: Value,
    }

    fn parse(text: &str) -> Result<Value, String> {
        toml::from_str::<Holder>(&format!("v = {text}")).map(|holder| holder.v).map_err(|e| e.message().to_owned())
    }

    #[test]
    fn constant_keeps_every_digit() {
        assert_eq!(parse("9007199254740993").unwrap().whole(5.0), 9_007_199_254_740_993);
        assert_eq!(parse("true").unwrap().whole(0.0), 1);
        assert_eq!(parse("2.5").unwrap().at(9.0), 2.5);
    }

    #[test]
    fn ramp_rises_and_starts_again() {
        let ramp = parse("{ ramp = [10, 20], period_s = 60 }").unwrap();
        assert_eq!((ramp.at(0.0), ramp.at(30.0), ramp.at(60.0), ramp.at(75.0)), (10.0, 15.0, 10.0, 12.5));
    }

    #[test]
    fn wave_stays_between_bounds() {
        let wave = parse("{ wave = [0, 100], period_s = 4, phase = 0.25 }").unwrap();
        assert_eq!((wave.whole(0.0), wave.whole(1.0), wave.whole(2.0), wave.whole(4.0)), (100, 50, 0, 100));
    }

    #[test]
    fn walk_keeps_bounds_step_and_seed() {
        let walk = parse("{ walk = [20, 40], step = 3, seed = 7 }").unwrap();
        let other = parse("{ walk = [20, 40], step = 3, seed = 8 }").unwrap();
        let (mut lowest, mut highest, mut differs) = (f64::MAX, f64::MIN, false);
        for second in 0..4_000 {
            let (here, next) = (walk.at(f64::from(second)), walk.at(f64::from(second + 1)));
            assert!((20.0..=40.0).contains(&here), "{here} at {second}");
            assert!((next - here).abs() <= 3.0 + 1e-9, "{here} to {next} at {second}");
            assert_eq!(here, walk.at(f64::from(second) + 0.5), "constant within a second");
            lowest = lowest.min(here);
            highest = highest.max(here);
            differs |= here != other.at(f64::from(second));
        }
        assert!(highest - lowest > 10.0, "it moves: {lowest} to {highest}");
        assert!(differs, "the seed matters");
    }

    #[test]
    fn counter_counts() {
        assert_eq!(parse("{ count_from = 5, per_s = 125.5 }").unwrap().at(2.0), 256.0);
    }

    #[test]
    fn mistakes_are_reported() {
        assert!(parse("{ wave = [0, 1] }").unwrap_err().contains("period_s"));
        assert!(parse("{ walk = [0, 1] }").unwrap_err().contains("step"));
        assert!(parse("{ ramp = [0, 1], wave = [0, 1], period_s = 1 }").unwrap_err().contains("one of"));
        assert!(parse("{ wobble = 1 }").unwrap_err().contains("wobble"));
        assert!(parse("\"5\"").unwrap_err().contains("a number, a boolean or a table"));
    }
}
