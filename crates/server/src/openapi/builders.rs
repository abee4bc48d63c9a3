//! Short forms for schemas.

use utoipa::openapi::{
    ObjectBuilder, Ref, RefOr, Schema,
    schema::{ArrayBuilder, Type},
};

/// An object whose properties are all required.
pub(crate) fn object<const COUNT: usize>(meaning: &str, properties: [(&str, RefOr<Schema>); COUNT]) -> RefOr<Schema> {
    let object = ObjectBuilder::new().schema_type(Type::Object).description(Some(meaning));
    properties.into_iter().fold(object, |object, (name, schema)| object.property(name, schema).required(name)).into()
}

pub(crate) fn integer(meaning: &str) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::Integer).description(Some(meaning)).into()
}

pub(crate) fn text(meaning: &str) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).description(Some(meaning)).into()
}

/// One of these words, with a meaning.
pub(crate) fn word(meaning: &str, words: &[&str]) -> RefOr<Schema> {
    let words = words.iter().copied();
    ObjectBuilder::new().schema_type(Type::String).description(Some(meaning)).enum_values(Some(words)).into()
}

/// One of these words.
pub(crate) fn words(words: &[&str]) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words.iter().copied())).into()
}

pub(crate) fn array(of: RefOr<Schema>) -> RefOr<Schema> {
    ArrayBuilder::new().items(of).into()
}

pub(crate) fn reference(name: &str) -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(name))
}
