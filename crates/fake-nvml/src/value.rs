//! Numbers of a scenario: constant, or moving with time by a rule that can be told again.

use std::f64::consts::TAU;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, MapAccess, Visitor, value::MapAccessDeserializer};

/// A walk goes this many seconds forth and then the same way back, so that its value at any time is found from a
/// bounded number of steps, and nothing has to be remembered.
const WALK_TURNS_AFTER: u64 = 1_800;

/// A number that a scenario gives: `41`, `0.5`, `true`, or a table that tells how it moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value {
    /// The same at all times. Kept apart from [`Value::Fraction`] because a double holds no 64-bit integer.
    Whole(i64),
    /// The same at all times.
    Fraction(f64),
    /// `{ ramp = [a, b], period_s = 60 }`: from a to b, then again from a.
    Ramp { from: f64, to: f64, period_s: f64 },
    /// `{ wave = [a, b], period_s = 60, phase = 0.25 }`: a sine between a and b; the phase is a share of the period.
    Wave { from: f64, to: f64, period_s: f64, phase: f64 },
    /// `{ walk = [a, b], step = 3, seed = 1 }`: at each second a step of at most `step` up or down, turned back at a and b.
    Walk { from: f64, to: f64, step: f64, seed: u64 },
    /// `{ count_from = 0, per_s = 125.5 }`: a counter.
    Count { from: f64, per_s: f64 },
}

impl Value {
    /// The number at a time, in seconds of the scenario's clock.
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

    /// The number at a time, rounded to an integer.
    pub(crate) fn whole(&self, seconds: f64) -> i64 {
        match *self {
            Self::Whole(number) => number,
            _ => self.at(seconds).round() as i64,
        }
    }
}

/// A share of 64 random bits that depends on nothing but its input (the finishing steps of SplitMix64).
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
    // Folding the line at both ends keeps every step at most as long as it was.
    let folded = position.rem_euclid(2.0 * width);
    from + if folded <= width { folded } else { 2.0 * width - folded }
}

/// All that a table may hold; which of it must be there depends on the kind.
#[derive(Deserialize)]
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
    fn value(self) -> Result<Value, &'static str> {
        let period = |told: Option<f64>| match told {
            Some(period) if period > 0.0 => Ok(period),
            Some(_) => Err("`period_s` must be above 0"),
            None => Err("a moving value needs `period_s`"),
        };
        match self {
            Self {
                ramp: Some([from, to]),
                wave: None,
                walk: None,
                count_from: None,
                period_s,
                phase: None,
                step: None,
                seed: None,
                per_s: None,
            } => Ok(Value::Ramp { from, to, period_s: period(period_s)? }),
            Self {
                ramp: None,
                wave: Some([from, to]),
                walk: None,
                count_from: None,
                period_s,
                phase,
                step: None,
                seed: None,
                per_s: None,
            } => Ok(Value::Wave { from, to, period_s: period(period_s)?, phase: phase.unwrap_or(0.0) }),
            Self {
                ramp: None,
                wave: None,
                walk: Some([from, to]),
                count_from: None,
                period_s: None,
                phase: None,
                step,
                seed,
                per_s: None,
            } => {
                if from > to {
                    return Err("`walk` needs its lower bound first");
                }
                Ok(Value::Walk { from, to, step: step.ok_or("`walk` needs `step`")?, seed: seed.unwrap_or(0) })
            }
            Self {
                ramp: None,
                wave: None,
                walk: None,
                count_from: Some(from),
                period_s: None,
                phase: None,
                step: None,
                seed: None,
                per_s,
            } => Ok(Value::Count { from, per_s: per_s.ok_or("`count_from` needs `per_s`")? }),
            _ => Err(
                "a moving value is one of { ramp, period_s }, { wave, period_s, phase }, { walk, step, seed }, { count_from, per_s }",
            ),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

/// Written out, because an untagged enum could only say that nothing matched.
struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number, a boolean or a table that tells how a number moves")
    }

    fn visit_bool<E: de::Error>(self, told: bool) -> Result<Value, E> {
        Ok(Value::Whole(i64::from(told)))
    }

    fn visit_i64<E: de::Error>(self, told: i64) -> Result<Value, E> {
        Ok(Value::Whole(told))
    }

    fn visit_u64<E: de::Error>(self, told: u64) -> Result<Value, E> {
        i64::try_from(told).map(Value::Whole).map_err(|_| E::custom("the number is too large"))
    }

    fn visit_f64<E: de::Error>(self, told: f64) -> Result<Value, E> {
        Ok(Value::Fraction(told))
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
    fn constants_keep_every_digit() {
        assert_eq!(parse("9007199254740993").unwrap().whole(5.0), 9_007_199_254_740_993);
        assert_eq!(parse("true").unwrap().whole(0.0), 1);
        assert_eq!(parse("2.5").unwrap().at(9.0), 2.5);
    }

    #[test]
    fn ramp_rises_and_restarts() {
        let ramp = parse("{ ramp = [10, 20], period_s = 60 }").unwrap();
        assert_eq!((ramp.at(0.0), ramp.at(30.0), ramp.at(60.0), ramp.at(75.0)), (10.0, 15.0, 10.0, 12.5));
    }

    #[test]
    fn wave_stays_in_range_with_phase() {
        let wave = parse("{ wave = [0, 100], period_s = 4, phase = 0.25 }").unwrap();
        assert_eq!((wave.whole(0.0), wave.whole(1.0), wave.whole(2.0), wave.whole(4.0)), (100, 50, 0, 100));
    }

    #[test]
    fn walk_keeps_bounds_step_and_seed() {
        let told = parse("{ walk = [20, 40], step = 3, seed = 7 }").unwrap();
        let other = parse("{ walk = [20, 40], step = 3, seed = 8 }").unwrap();
        let (mut lowest, mut highest, mut differs) = (f64::MAX, f64::MIN, false);
        for second in 0..4_000 {
            let (here, next) = (told.at(f64::from(second)), told.at(f64::from(second + 1)));
            assert!((20.0..=40.0).contains(&here), "{here} at {second}");
            assert!((next - here).abs() <= 3.0 + 1e-9, "{here} to {next} at {second}");
            assert_eq!(here, told.at(f64::from(second) + 0.5), "holds for a second");
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
    fn value_error_names_problem() {
        assert!(parse("{ wave = [0, 1] }").unwrap_err().contains("period_s"));
        assert!(parse("{ walk = [0, 1] }").unwrap_err().contains("step"));
        assert!(parse("{ ramp = [0, 1], wave = [0, 1], period_s = 1 }").unwrap_err().contains("one of"));
        assert!(parse("{ wobble = 1 }").unwrap_err().contains("wobble"));
        assert!(parse("\"5\"").unwrap_err().contains("a number, a boolean or a table"));
    }
}
