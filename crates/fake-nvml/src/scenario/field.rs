//! Field values and GPM metrics: numbers of a table, each of which may fail by itself.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use toml::Value as Toml;

use crate::value::Value;

/// A field's value: `44`, or a table that tells how it moves; `{ code = 3 }` where the field fails; or
/// `{ value = 44, type = 1 }` with the type that the driver said it is of (`nvmlValueType_t`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Field {
    Value(Value),
    Typed { value: Value, kind: u32 },
    Code(u32),
}

/// A GPM metric's value: `0.5`, or a table that tells how it moves, or `{ code = 3 }`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Metric {
    Value(Value),
    Code(u32),
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut told = Toml::deserialize(deserializer)?;
        let table = told.as_table_mut();
        if let Some(code) = table.as_ref().and_then(|table| alone(table, "code")) {
            return Ok(Self::Code(code));
        }
        let kind = table.and_then(|table| table.remove("type"));
        let Some(kind) = kind else { return value(told).map(Self::Value) };
        let kind = kind.as_integer().and_then(|kind| u32::try_from(kind).ok());
        let kind = kind.ok_or_else(|| D::Error::custom("a field's `type` is one of NVML's numbers"))?;
        let inner = told.as_table_mut().filter(|table| table.len() == 1).and_then(|table| table.remove("value"));
        let inner = inner.ok_or_else(|| D::Error::custom("a field with a `type` needs `value`, and nothing else"))?;
        Ok(Self::Typed { value: value(inner)?, kind })
    }
}

impl<'de> Deserialize<'de> for Metric {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let told = Toml::deserialize(deserializer)?;
        match told.as_table().and_then(|table| alone(table, "code")) {
            Some(code) => Ok(Self::Code(code)),
            None => value(told).map(Self::Value),
        }
    }
}

/// The only entry of a table, if it has that name and is a code.
fn alone(table: &toml::Table, name: &str) -> Option<u32> {
    let number = table.get(name).filter(|_| table.len() == 1)?.as_integer()?;
    u32::try_from(number).ok()
}

fn value<E: serde::de::Error>(told: Toml) -> Result<Value, E> {
    Value::deserialize(told).map_err(|error| E::custom(error.to_string().trim()))
}
