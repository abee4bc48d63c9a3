//! Keys of tables that stand for numbers.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// A GPM metric's id; keys of TOML are strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MetricId(pub(crate) u32);

impl<'de> Deserialize<'de> for MetricId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = String::deserialize(deserializer)?;
        key.parse().map(Self).map_err(|_| D::Error::custom(format!("`{key}` is no metric id")))
    }
}

/// A field's id, and its scope (a link) if the value is for that alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FieldKey {
    pub(crate) id: u32,
    pub(crate) scope: Option<u32>,
}

impl<'de> Deserialize<'de> for FieldKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = String::deserialize(deserializer)?;
        let wrong = || D::Error::custom(format!("`{key}` is no field id, nor `id:scope`"));
        let (id, scope) = match key.split_once(':') {
            Some((id, scope)) => (id, Some(scope.parse().map_err(|_| wrong())?)),
            None => (key.as_str(), None),
        };
        Ok(Self { id: id.parse().map_err(|_| wrong())?, scope })
    }
}
