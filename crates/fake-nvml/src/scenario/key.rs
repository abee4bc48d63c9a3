//! Table keys that contain numbers.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// Id of a GPM metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MetricId(pub(crate) u32);

impl<'de> Deserialize<'de> for MetricId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = String::deserialize(deserializer)?;
        key.parse().map(Self).map_err(|_| D::Error::custom(format!("expected a metric id, got `{key}`")))
    }
}

/// Id of a field, and the scope (a link) of a value for that scope alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FieldKey {
    pub(crate) id: u32,
    pub(crate) scope: Option<u32>,
}

impl<'de> Deserialize<'de> for FieldKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = String::deserialize(deserializer)?;
        let wrong = || D::Error::custom(format!("expected a field id or `id:scope`, got `{key}`"));
        let (id, scope) = match key.split_once(':') {
            Some((id, scope)) => (id, Some(scope.parse().map_err(|_| wrong())?)),
            None => (key.as_str(), None),
        };
        Ok(Self { id: id.parse().map_err(|_| wrong())?, scope })
    }
}
