//! Words of closed sets: the OpenAPI document lists them from the table that they are rendered with.

use std::{
    any::type_name,
    borrow::{Borrow, Cow},
    fmt,
    marker::PhantomData,
};

use serde::{Serialize, Serializer};
use telemetry::{
    VariantNames,
    snapshot::{CollectorState, EventKind, GpuState, ProcessKind, Severity, UseVerdict},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

/// One word of a set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word<T> {
    word: &'static str,
    set: PhantomData<fn() -> T>,
}

// The derive macro of utoipa accepts only names without parameters.
pub(crate) type CollectorStateWord = Word<CollectorState>;
pub(crate) type EventKindWord = Word<EventKind>;
pub(crate) type GpuStateWord = Word<GpuState>;
pub(crate) type ProcessKindWord = Word<ProcessKind>;
pub(crate) type SeverityWord = Word<Severity>;
pub(crate) type UseVerdictWord = Word<UseVerdict>;

impl<T> Word<T>
where
    for<'a> &'static str: From<&'a T>,
{
    /// The word of a member.
    pub(crate) fn of(member: impl Borrow<T>) -> Self {
        Self { word: member.borrow().into(), set: PhantomData }
    }
}

impl<T> fmt::Display for Word<T> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Keeps a width in the format string.
        to.pad(self.word)
    }
}

impl<T> Serialize for Word<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word)
    }
}

impl<T: VariantNames> PartialSchema for Word<T> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(T::VARIANTS.iter().copied())).into()
    }
}

impl<T: VariantNames> ToSchema for Word<T> {
    fn name() -> Cow<'static, str> {
        // The name of the type, without its path.
        type_name::<T>().rsplit("::").next().unwrap_or_default().into()
    }
}
