//! Field values and GPM metrics: numbers by id, each of which may fail alone.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use toml::Value as Toml;

use crate::value::Value;

/// Value of a field: a number ([`crate::value`]); `{ code = 3 }` if the field alone fails; or `{ value = 44, type = 1
/// }` with the type that the driver reports (`nvmlValueType_t`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Field {
    Value(Value),
    Typed { value: Value, kind: u32 },
    Code(u32),
}

/// Value of a GPM metric: a number ([`crate::value`]), or `{ code = 3 }`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Metric {
    Value(Value),
    Code(u32),
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut toml = Toml::deserialize(deserializer)?;
        let table = toml.as_table_mut();
        if let Some(code) = table.as_ref().and_then(|table| only_entry(table, "code")) {
            return Ok(Self::Code(code));
        }
        let kind = table.and_then(|table| table.remove("type"));
        let Some(kind) = kind else { return value(toml).map(Self::Value) };
        let kind = kind.as_integer().and_then(|kind| u32::try_from(kind).ok());
        let kind = kind.ok_or_else(|| D::Error::custom("expected a number of nvmlValueType_t as `type`"))?;
        let inner = toml.as_table_mut().filter(|table| table.len() == 1).and_then(|table| table.remove("value"));
        let inner =
            inner.ok_or_else(|| D::Error::custom("expected `value` as the only other key of a field with a `type`"))?;
        Ok(Self::Typed { value: value(inner)?, kind })
    }
}

impl<'de> Deserialize<'de> for Metric {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let toml = Toml::deserialize(deserializer)?;
        match toml.as_table().and_then(|table| only_entry(table, "code")) {
            Some(code) => Ok(Self::Code(code)),
            None => value(toml).map(Self::Value),
        }
    }
}

/// Code in a table whose only entry has this name.
fn only_entry(table: &toml::Table, name: &str) -> Option<u32> {
    let number = table.get(name).filter(|_| table.len() == 1)?.as_integer()?;
    u32::try_from(number).ok()
}

fn value<E: serde::de::Error>(toml: Toml) -> Result<Value, E> {
    Value::deserialize(toml).map_err(|error| E::custom(error.to_string().trim()))
}
