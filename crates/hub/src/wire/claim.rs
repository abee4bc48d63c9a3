//! Claims of devices.

use serde::Deserialize;
use telemetry::claims::ClaimKind;

use super::{
    SENTENCE, USER,
    finish::{text, time_ms},
    leaf::{Kind, Lax, Object, Text, Word},
};
use crate::report::ClaimReport;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Claim {
    kind: Lax<ClaimKind>,
    user: Lax<Text<USER>>,
    uid: Lax<u64>,
    pid: Lax<u64>,
    since: Lax<u64>,
    until: Lax<u64>,
    why: Lax<Text<SENTENCE>>,
}

impl Word for ClaimKind {
    fn of_word(word: &str) -> Option<Self> {
        [Self::Claim, Self::Run].into_iter().find(|known| known.as_str() == word)
    }
}

/// Claim of an agent. Whatever is not null is one: nothing that another release claims in its own way is offered as free.
#[derive(Debug)]
pub(super) struct Claimed(ClaimReport);

impl<'de> Kind<'de> for Claimed {
    fn of_bool(value: bool) -> Option<Self> {
        value.then(|| Self(ClaimReport::default()))
    }
    fn of_integer(_value: u64) -> Option<Self> {
        Self::of_bool(true)
    }
    fn of_negative(_value: i64) -> Option<Self> {
        Self::of_bool(true)
    }
    fn of_float(_value: f64) -> Option<Self> {
        Self::of_bool(true)
    }
    fn of_text(_value: &str) -> Option<Self> {
        Self::of_bool(true)
    }
    fn of_list<A: serde::de::SeqAccess<'de>>(mut list: A) -> Result<Option<Self>, A::Error> {
        while list.next_element::<serde::de::IgnoredAny>()?.is_some() {}
        Ok(Self::of_bool(true))
    }
    fn of_object<A: serde::de::MapAccess<'de>>(object: A) -> Result<Option<Self>, A::Error> {
        let claim = Object::<Claim>::of_object(object)?.map(|Object(claim)| claim).unwrap_or_default();
        let Claim { kind, user, uid, pid, since, until, why } = claim;
        Ok(Some(Self(ClaimReport {
            kind: kind.0.map(|kind| kind.into()),
            user: text(user),
            uid: uid.0,
            pid: pid.0,
            since: time_ms(since.0),
            until: time_ms(until.0),
            // Empty text counts as none, but a claim that is shown has a reason, which may be empty.
            why: text(why).or_else(|| uid.0.map(|_| Box::default())),
        })))
    }
}

pub(super) fn claim(value: Lax<Claimed>) -> Option<ClaimReport> {
    value.0.map(|claimed| claimed.0)
}
