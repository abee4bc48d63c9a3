//! Declarations of the objects of `/api/v1`: each field once, with its name, documentation, value and absence.

use std::{collections::BTreeMap, fmt::Display};

use serde::{Serialize, Serializer, ser::SerializeMap};
use telemetry::{Absence, Reading, VariantNames as _};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

use http_server::auth::Scope;

use crate::config::commands::Commands;

/// Declares an object of `/api/v1`, and its constructor from a [`ViewContext`].
///
/// A field's documentation ends with a line `Source: … Read: … Absent: ….`, the source of the columns in
/// `docs/api.md`. The word before a field's name is its kind:
///
/// | kind | value |
/// |---|---|
/// | `value` | always present |
/// | `null` | an `Option`; null without a reason |
/// | `read` | a [`Reading`]; null with its reason |
/// | `list` | a [`Reading`] of a list; empty with its reason |
/// | `private` | as `read`, but it identifies a person: hidden from a [`Scope::Summary`] |
/// | `private_opt` | a private [`Reading`] of an `Option`; `None` has no reason |
/// | `private_opt_read` | as `private_opt`, of an `Option` of a [`Reading`] |
/// | `private_list` | a private list |
/// | `private_list_read` | as `list`, but private |
/// | `part` | a nested object, whose paths begin with this field's name |
/// | `keys` | a section of the catalogue, whose keys are written here; the document has them from the catalogue |
macro_rules! view {
    (
        $(#[$doc:meta])*
        struct $name:ident of ($context:ident $(, $argument:ident: $argument_type:ty)*) {
            $($(#[$field_doc:meta])* $kind:ident $field:ident: $type:ty = $value:expr;)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, utoipa::ToSchema)]
        pub(crate) struct $name {
            $($(#[$field_doc])* #[schema(required = true)] pub(crate) $field: $type,)*
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut object = serializer.serialize_map(None)?;
                $($crate::v1::view::view!(@write $kind object, $field, self.$field);)*
                serde::ser::SerializeMap::end(object)
            }
        }

        impl $name {
            /// The object as this context shows it.
            pub(crate) fn of($context: &mut $crate::v1::view::ViewContext $(, $argument: $argument_type)*) -> Self {
                Self { $($field: $crate::v1::view::view!(@$kind $context, $field, $value),)* }
            }
        }
    };
    (@write keys $object:ident, $field:ident, $value:expr) => { $value.write(&mut $object)? };
    (@write $kind:ident $object:ident, $field:ident, $value:expr) => {
        serde::ser::SerializeMap::serialize_entry(&mut $object, $crate::v1::view::key(stringify!($field)), &$value)?
    };
    (@keys $context:ident, $field:ident, $value:expr) => { $value };
    (@value $context:ident, $field:ident, $value:expr) => { $value };
    (@null $context:ident, $field:ident, $value:expr) => { $value };
    (@part $context:ident, $field:ident, $value:expr) => { $context.part(stringify!($field), $value) };
    // Evaluated first, because it may use the same context.
    (@$kind:ident $context:ident, $field:ident, $value:expr) => {{
        let value = $value;
        $context.$kind(stringify!($field), value)
    }};
}

pub(crate) use view;

/// The reason for values that the client may not see.
const HIDDEN: &str = "hidden";

/// The reason why a value is null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// It was not read.
    Unread(Absence),
    /// The client may not see it.
    Hidden,
}

impl Why {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Unread(absence) => absence.as_str(),
            Self::Hidden => HIDDEN,
        }
    }
}

impl From<Absence> for Why {
    fn from(absence: Absence) -> Self {
        Self::Unread(absence)
    }
}

/// The map `absent`: dotted paths, and the reasons why they have no value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Absent(BTreeMap<String, Why>);

impl Absent {
    /// The paths that are absent for this reason.
    pub(crate) fn because(&self, absence: Absence) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(_, why)| **why == Why::Unread(absence)).map(|(path, _)| path.as_str())
    }

    /// The reason why a path is absent.
    pub(crate) fn why(&self, path: &str) -> Option<&'static str> {
        self.0.get(path).map(|why| why.as_str())
    }
}

impl Serialize for Absent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (path, why) in &self.0 {
            map.serialize_entry(path, why.as_str())?;
        }
        map.end()
    }
}

impl PartialSchema for Absent {
    fn schema() -> RefOr<Schema> {
        let words = Absence::VARIANTS.iter().chain([&HIDDEN]).copied();
        let why = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words));
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some(
                "Why a value is null or a list empty, by its dotted path in the object that holds this map.",
            ))
            .additional_properties(Some(Schema::Object(why.build())))
            .into()
    }
}

impl ToSchema for Absent {
    fn name() -> std::borrow::Cow<'static, str> {
        "Absent".into()
    }
}

/// The context of one object for one client: its scope, and the absences noted so far, by path.
#[derive(Debug)]
pub(crate) struct ViewContext {
    pub(crate) scope: Scope,
    pub(crate) commands: Commands,
    /// The path of the current object: empty, or ending in a dot.
    path: String,
    absent: Absent,
}

impl ViewContext {
    pub(crate) const fn new(scope: Scope, commands: Commands) -> Self {
        Self { scope, commands, path: String::new(), absent: Absent(BTreeMap::new()) }
    }

    /// Takes the absences noted so far.
    pub(crate) fn absent(&mut self) -> Absent {
        std::mem::take(&mut self.absent)
    }

    pub(crate) fn note(&mut self, field: &str, why: impl Into<Why>) {
        self.absent.0.insert(format!("{}{}", self.path, key(field)), why.into());
    }

    pub(crate) fn read<T>(&mut self, field: &str, reading: Reading<T>) -> Option<T> {
        reading.map_err(|why| self.note(field, why)).ok()
    }

    pub(crate) fn list<T>(&mut self, field: &str, reading: Reading<Vec<T>>) -> Vec<T> {
        self.read(field, reading).unwrap_or_default()
    }

    pub(crate) fn private<T>(&mut self, field: &str, reading: Result<T, Why>) -> Option<T> {
        let seen = if self.scope.sees_people() { reading } else { Err(Why::Hidden) };
        seen.map_err(|why| self.note(field, why)).ok()
    }

    pub(crate) fn private_opt<T>(&mut self, field: &str, value: Reading<Option<T>>) -> Option<T> {
        self.private(field, value.map_err(Why::from)).flatten()
    }

    pub(crate) fn private_opt_read<T>(&mut self, field: &str, value: Reading<Option<Reading<T>>>) -> Option<T> {
        self.private_opt(field, value.and_then(Option::transpose))
    }

    pub(crate) fn private_list<T>(&mut self, field: &str, list: Vec<T>) -> Vec<T> {
        self.private(field, Ok(list)).unwrap_or_default()
    }

    pub(crate) fn private_list_read<T>(&mut self, field: &str, reading: Reading<Vec<T>>) -> Vec<T> {
        self.private(field, reading.map_err(Why::from)).unwrap_or_default()
    }

    pub(crate) fn part<T>(&mut self, field: impl Display, object: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.path.len();
        let field = field.to_string();
        self.path.push_str(key(&field));
        self.path.push('.');
        let seen = object(self);
        self.path.truncate(before);
        seen
    }
}

/// The name of a field in JSON.
pub(crate) fn key(field: &str) -> &str {
    field.strip_prefix("r#").unwrap_or(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    view! {
        /// For the test.
        struct Inner of (context, number: Reading<u32>) {
            /// A number.
            read r#use: Option<u32> = number;
        }
    }

    view! {
        /// For the test.
        struct Outer of (context, number: Reading<u32>) {
            /// A number.
            read plain: Option<u32> = number;
            /// A list.
            list several: Vec<u32> = number.map(|number| vec![number]);
            /// A name.
            private owner: Option<u32> = number.map_err(Why::from);
            /// More names.
            private_list owners: Vec<u32> = vec![7];
            /// A list of names.
            private_list_read members: Vec<u32> = number.map(|number| vec![number]);
            /// An object.
            part r#type: Inner = |context| Inner::of(context, number);
            /// Why.
            value absent: Absent = context.absent();
        }
    }

    fn seen(scope: Scope, number: Reading<u32>) -> String {
        serde_json::to_string(&Outer::of(&mut ViewContext::new(scope, Commands::Full), number)).unwrap()
    }

    #[test]
    fn null_has_path_and_reason() {
        assert_eq!(
            seen(Scope::Read, Ok(1)),
            r#"{"plain":1,"several":[1],"owner":1,"owners":[7],"members":[1],"type":{"use":1},"absent":{}}"#
        );
        assert_eq!(
            seen(Scope::Read, Err(Absence::Lost)),
            concat!(
                r#"{"plain":null,"several":[],"owner":null,"owners":[7],"members":[],"type":{"use":null},"#,
                r#""absent":{"members":"lost","owner":"lost","plain":"lost","several":"lost","type.use":"lost"}}"#
            )
        );
    }

    #[test]
    fn identity_hidden_from_summary() {
        assert_eq!(
            seen(Scope::Summary, Ok(1)),
            concat!(
                r#"{"plain":1,"several":[1],"owner":null,"owners":[],"members":[],"type":{"use":1},"#,
                r#""absent":{"members":"hidden","owner":"hidden","owners":"hidden"}}"#
            )
        );
    }
}
