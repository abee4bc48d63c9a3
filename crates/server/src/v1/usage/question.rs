//! Parameters of `/usage` and `/sessions`.

use http_server::{auth::Scope, query::values};
use hyper::StatusCode;
use jiff::tz::TimeZone;
use telemetry::snapshot::Snapshot;

use crate::{
    usage::{Dimension, SessionsQuery, UsageQuery},
    v1::{
        csv::Form,
        query::{self, InvalidParameter, given, given_list},
        time,
    },
};

/// Pattern of `by`.
pub(crate) const BY: &str = "^(user|gpu|job|pod|container|model|day|hour_of_day)                             (,(user|gpu|job|pod|container|model|day|hour_of_day)){0,7}$";
/// Pattern of `limit`.
pub(crate) const LIMIT: &str = "^0*([1-9][0-9]{0,2}|1000)$";
/// Pattern of `tz`.
pub(crate) const TZ: &str = "^[A-Za-z0-9_+/-]+$";

/// Period without `since`, in milliseconds: 30 days.
const DEFAULT_PERIOD_MS: u64 = 30 * 24 * 3_600_000;
/// Sessions of a page without `limit`, and at most.
const DEFAULT_SESSIONS: usize = 100;
const MAX_SESSIONS: usize = 1000;
/// Maximum number of users in a request.
const MAX_USERS: usize = 256;
/// Name of the agent's own zone, if it has no other.
const LOCAL: &str = "local";

/// A question for sums.
pub(super) struct AskedUsage {
    pub(super) query: UsageQuery,
    /// Name of the time zone.
    pub(super) tz: String,
    pub(super) form: Form,
}

impl AskedUsage {
    pub(super) fn read(query: &str, scope: Scope, snapshot: &Snapshot) -> Result<Self, InvalidParameter> {
        let form = Form::read(query)?;
        let (zone, tz) = zone(given(query, "tz")?.as_deref())?;
        let by = dimensions(given_list(query, "by")?.as_deref())?;
        let users = users(query)?;
        check_scope(scope, by.iter().flatten().copied(), users.is_some())?;
        let default = if scope.sees_people() { vec![Dimension::User] } else { Vec::new() };
        let (since_ms, until_ms) = period(query, snapshot.at.unix_ms, &zone)?;
        let gpus = gpus(query, snapshot)?;
        let query = UsageQuery { since_ms, until_ms, by: by.unwrap_or(default), zone, users, gpus };
        Ok(Self { query, tz, form })
    }

    pub(super) fn query(&self) -> UsageQuery {
        self.query.clone()
    }
}

/// A question for sessions.
pub(super) struct AskedSessions {
    pub(super) query: SessionsQuery,
    pub(super) form: Form,
}

impl AskedSessions {
    pub(super) fn read(query: &str, snapshot: &Snapshot) -> Result<Self, InvalidParameter> {
        let form = Form::read(query)?;
        let (since_ms, until_ms) = period(query, snapshot.at.unix_ms, &zone(None)?.0)?;
        let query = SessionsQuery {
            since_ms,
            until_ms,
            users: users(query)?,
            gpus: gpus(query, snapshot)?,
            limit: limit(query)?,
            cursor: given(query, "cursor")?,
        };
        Ok(Self { query, form })
    }
}

/// Checks that a scope may see these keys, and single users if they are named.
pub(super) fn check_scope(
    scope: Scope,
    by: impl Iterator<Item = Dimension>,
    names_users: bool,
) -> Result<(), InvalidParameter> {
    if scope.sees_people() {
        return Ok(());
    }
    let people = by.filter(|dimension| dimension.names_people()).map(Dimension::name).next();
    match people.or(names_users.then_some("user")) {
        None => Ok(()),
        Some(what) => {
            let detail = format!("This token shows totals only, not by {what}; leave that out.");
            Err(InvalidParameter { status: StatusCode::FORBIDDEN, detail })
        }
    }
}

/// The time zone of this name, and its name.
pub(super) fn zone(name: Option<&str>) -> Result<(TimeZone, String), InvalidParameter> {
    let Some(name) = name.filter(|name| *name != LOCAL) else {
        let zone = TimeZone::try_system().unwrap_or(TimeZone::UTC);
        let name = zone.iana_name().unwrap_or(LOCAL).to_owned();
        return Ok((zone, name));
    };
    match jiff::tz::db().get(name) {
        Ok(zone) => {
            let name = zone.iana_name().unwrap_or(name).to_owned();
            Ok((zone, name))
        }
        Err(_) if name.eq_ignore_ascii_case("UTC") => Ok((TimeZone::UTC, "UTC".into())),
        Err(_) if jiff::tz::db().is_definitively_empty() => Err(InvalidParameter::wrong(format!(
            "The parameter tz={name:?} cannot be found: this host has no time zones; install its package tzdata, or choose UTC."
        ))),
        Err(_) => Err(InvalidParameter::wrong(format!(
            "The parameter tz={name:?} is not a time zone of this host; give an IANA name such as Europe/Berlin, or UTC."
        ))),
    }
}

fn dimensions(list: Option<&str>) -> Result<Option<Vec<Dimension>>, InvalidParameter> {
    let Some(list) = list else { return Ok(None) };
    let mut found = Vec::new();
    for name in list.split(',') {
        let Some(dimension) = Dimension::ALL.into_iter().find(|dimension| dimension.name() == name) else {
            let names = Dimension::ALL.map(Dimension::name);
            return Err(InvalidParameter::wrong(format!(
                "The parameter by={name:?} is unknown; give one or several of {}, with commas between.",
                names.join(", ")
            )));
        };
        if found.contains(&dimension) {
            return Err(InvalidParameter::wrong(format!("The parameter by has {name} twice; give it once.")));
        }
        found.push(dimension);
    }
    Ok(Some(found))
}

/// Every `user`. A name can contain a comma, so it is no list.
pub(super) fn users(query: &str) -> Result<Option<Vec<String>>, InvalidParameter> {
    let mut users: Vec<String> = values(query, "user").collect();
    if users.len() > MAX_USERS {
        let detail = format!("The parameter user is given more than {MAX_USERS} times; leave it out to ask for all.");
        return Err(InvalidParameter::wrong(detail));
    }
    if users.iter().any(String::is_empty) {
        return Err(InvalidParameter::wrong("The parameter user is empty; give it a value, or leave it out.".into()));
    }
    users.sort_unstable();
    users.dedup();
    Ok(if users.is_empty() { None } else { Some(users) })
}

/// Keys of the GPUs. One that is not listed now may be in the store; an index is of the GPUs as of now.
fn gpus(query: &str, snapshot: &Snapshot) -> Result<Option<Vec<String>>, InvalidParameter> {
    let Some(list) = given_list(query, "gpu")? else { return Ok(None) };
    let mut keys = Vec::new();
    for name in query::names(&list)? {
        let key = match query::position(name, snapshot).and_then(|position| snapshot.gpus.get(position)) {
            Some(gpu) => gpu.key.clone(),
            None if name.bytes().all(|byte| byte.is_ascii_digit()) => return Err(query::no_such_gpu(name)),
            None => name.to_owned(),
        };
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    Ok(Some(keys))
}

/// From when, and until before when.
pub(super) fn period(query: &str, now: u64, zone: &TimeZone) -> Result<(u64, u64), InvalidParameter> {
    let time = |name| query::time(query, name, now, Some(zone));
    let until = time("until")?.unwrap_or(now);
    let since = time("since")?.unwrap_or(until.saturating_sub(DEFAULT_PERIOD_MS));
    query::check_order(since, until)?;
    Ok((since, until))
}

fn limit(query: &str) -> Result<usize, InvalidParameter> {
    let Some(text) = given(query, "limit")? else { return Ok(DEFAULT_SESSIONS) };
    let limit = time::digits(&text).and_then(|limit| usize::try_from(limit).ok());
    limit.filter(|limit| (1..=MAX_SESSIONS).contains(limit)).ok_or_else(|| {
        InvalidParameter::wrong(format!(
            "The parameter limit={text:?} is not a number from 1 to {MAX_SESSIONS}; give the maximum number of sessions."
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pattern_of_by_lists_dimensions() {
        let names = Dimension::ALL.map(Dimension::name);
        assert!(BY.contains(&format!("({})", names.join("|"))), "{BY}");
    }
}
