//! Values of JSON by the kind that is expected. A value of another kind is unknown, and no error of the whole.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use telemetry::{
    Absence, find,
    snapshot::{GpuState, Severity, UseVerdict},
    terminal::printable_in,
};

/// Largest integer that is accepted: JavaScript's numbers are exact up to here.
const MAX_INTEGER: u64 = (1 << 53) - 1;

/// Value of a kind; none if it is missing or of another kind.
#[derive(Debug)]
pub(super) struct Lax<T>(pub(super) Option<T>);

impl<T> Default for Lax<T> {
    fn default() -> Self {
        Self(None)
    }
}

/// Kind of a value: the conversions from the types of JSON that it accepts.
pub(super) trait Kind<'de>: Sized {
    fn of_bool(_value: bool) -> Option<Self> {
        None
    }
    fn of_integer(_value: u64) -> Option<Self> {
        None
    }
    fn of_negative(_value: i64) -> Option<Self> {
        None
    }
    fn of_float(_value: f64) -> Option<Self> {
        None
    }
    fn of_text(_value: &str) -> Option<Self> {
        None
    }
    fn of_list<A: SeqAccess<'de>>(mut list: A) -> Result<Option<Self>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }
    fn of_object<A: MapAccess<'de>>(mut object: A) -> Result<Option<Self>, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

impl<'de, T: Kind<'de>> Deserialize<'de> for Lax<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(LaxVisitor(PhantomData)).map(Self)
    }
}

struct LaxVisitor<T>(PhantomData<T>);

impl<'de, T: Kind<'de>> Visitor<'de> for LaxVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("any value")
    }
    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(T::of_bool(value))
    }
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(T::of_integer(value))
    }
    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(T::of_negative(value))
    }
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(T::of_float(value))
    }
    fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok(T::of_text(value))
    }
    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        T::of_list(list)
    }
    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
        T::of_object(object)
    }
}

impl Kind<'_> for bool {
    fn of_bool(value: bool) -> Option<Self> {
        Some(value)
    }
}

impl Kind<'_> for u64 {
    fn of_integer(value: u64) -> Option<Self> {
        (value <= MAX_INTEGER).then_some(value)
    }
}

impl Kind<'_> for i64 {
    fn of_integer(value: u64) -> Option<Self> {
        u64::of_integer(value).and_then(|value| Self::try_from(value).ok())
    }
    fn of_negative(value: i64) -> Option<Self> {
        Some(value)
    }
}

impl Kind<'_> for f64 {
    fn of_integer(value: u64) -> Option<Self> {
        // Exact below 2^32, and nothing that is read as a float is larger.
        u32::try_from(value).ok().map(Self::from)
    }
    fn of_float(value: f64) -> Option<Self> {
        value.is_finite().then_some(value)
    }
}

/// Text of at most `MAX` characters without effect on a terminal or on the direction of writing. Longer text is cut.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Text<const MAX: usize>(pub(super) Box<str>);

impl<const MAX: usize> Kind<'_> for Text<MAX> {
    fn of_text(value: &str) -> Option<Self> {
        (!value.is_empty()).then(|| Self(clean(value, MAX).into()))
    }
}

/// Text of others, as it may be displayed: at most `max` characters, each without effect.
pub(crate) fn clean(text: &str, max: usize) -> String {
    // Only the beginning of a long text is searched for what must be escaped.
    let end = text.char_indices().nth(max + 1).map_or(text.len(), |(end, _)| end);
    printable_in(text.get(..end).unwrap_or_default(), max).into_owned()
}

/// A word of a closed set.
pub(super) trait Word: Sized {
    /// The member, or the one for a word that only another release knows.
    fn of_word(word: &str) -> Option<Self>;
}

impl Word for UseVerdict {
    fn of_word(word: &str) -> Option<Self> {
        let known = [Self::Free, Self::Held, Self::Busy].into_iter().find(|known| known.as_str() == word);
        Some(known.unwrap_or(Self::Unknown))
    }
}

impl Word for GpuState {
    fn of_word(word: &str) -> Option<Self> {
        let all = [Self::Ok, Self::Stale, Self::Lost, Self::Asleep, Self::Denied, Self::Error];
        all.into_iter().find(|known| known.as_str() == word)
    }
}

impl Word for Severity {
    fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

impl<W: Word> Kind<'_> for W {
    fn of_text(value: &str) -> Option<Self> {
        Self::of_word(value)
    }
}

/// UUID of a GPU or an instance: it is copied into commands, so other characters make it unknown.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Uuid(pub(super) Box<str>);

impl Kind<'_> for Uuid {
    fn of_text(value: &str) -> Option<Self> {
        find::Uuid::new(value).map(|uuid| Self(uuid.as_str().into()))
    }
}

/// List with at most `MAX` elements, and the number of further ones.
#[derive(Debug)]
pub(super) struct List<T, const MAX: usize> {
    pub(super) elements: Vec<T>,
    pub(super) further: usize,
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Kind<'de> for List<T, MAX> {
    fn of_list<A: SeqAccess<'de>>(mut list: A) -> Result<Option<Self>, A::Error> {
        let (mut elements, mut further) = (Vec::new(), 0);
        while elements.len() < MAX {
            let Some(element) = list.next_element()? else { return Ok(Some(Self { elements, further })) };
            elements.push(element);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            further += 1;
        }
        Ok(Some(Self { elements, further }))
    }
}

/// Object with the fields of `T`.
#[derive(Debug)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Kind<'de> for Object<T> {
    fn of_object<A: MapAccess<'de>>(object: A) -> Result<Option<Self>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(object)).map(|object| Some(Self(object)))
    }
}

/// Paths of a map `absent`: of lists of users that are empty because they are hidden or unknown, and of MIG modes that a
/// GPU does not have.
#[derive(Debug, Default)]
pub(super) struct AbsentPaths(Vec<Box<str>>);

/// Most paths that are kept: two of each GPU and one of each instance.
const MAX_ABSENT: usize = super::MAX_GPUS * (2 + super::MAX_MIG);

impl<'de> Kind<'de> for AbsentPaths {
    fn of_object<A: MapAccess<'de>>(mut object: A) -> Result<Option<Self>, A::Error> {
        let mut paths = Vec::new();
        while let Some((path, why)) = object.next_entry::<Lax<Path>, Lax<NotSupported>>()? {
            if let Some(Path(path)) = path.0
                && (path.ends_with("users") || why.0.is_some())
                && paths.len() < MAX_ABSENT
            {
                paths.push(path);
            }
        }
        paths.sort_unstable();
        Ok(Some(Self(paths)))
    }
}

impl AbsentPaths {
    pub(super) fn has(&self, path: &str) -> bool {
        self.0.binary_search_by(|known| (**known).cmp(path)).is_ok()
    }
}

/// Reason of a mode that the GPU does not have.
struct NotSupported;

impl Kind<'_> for NotSupported {
    fn of_text(value: &str) -> Option<Self> {
        (value == Absence::NotSupported.as_str()).then_some(Self)
    }
}

/// Path of a list of users or of a MIG mode.
struct Path(Box<str>);

impl Kind<'_> for Path {
    fn of_text(value: &str) -> Option<Self> {
        let is_kept = ["users", "mig_mode", "modes.mig"].iter().any(|end| value.ends_with(end));
        (is_kept && value.len() <= 64).then(|| Self(value.into()))
    }
}
