//! The question of a hub's `/api/v1/fleet/usage`: that of `/usage`, with hosts as one more key.

use http_server::{Response, auth::Scope, error::problem};

use super::question;
use crate::{
    usage::Dimension,
    v1::{
        csv::Form,
        query::{self, InvalidParameter, given, given_list},
    },
};

/// Name of the key of hosts.
const HOST: &str = "host";

/// A question about the usage of many hosts.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetQuestion {
    /// Begin, Unix time in milliseconds.
    pub since_ms: u64,
    /// End, which is not included, Unix time in milliseconds.
    pub until_ms: u64,
    /// Keys of the rows. A GPU is one of a host, so with GPUs there are hosts.
    pub by: Vec<FleetKey>,
    /// Name of the time zone of days and hours, the same for all hosts.
    pub tz: String,
    /// Only of these users; all if none are named.
    pub users: Option<Vec<String>>,
    /// Only of these GPUs, by index or UUID; all if none are named.
    pub gpus: Option<Vec<String>>,
    /// Origin of the answer; the hub chooses if none is given.
    pub source: Option<FleetSource>,
    /// True for CSV.
    pub is_csv: bool,
}

/// Origin of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FleetSource {
    /// The agents.
    Agents,
    /// The engine of the hub.
    Engine,
}

/// A key of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FleetKey {
    /// The host, by its name on the hub.
    Host,
    /// A key of an agent.
    Of(Dimension),
}

impl FleetKey {
    /// Its name in a query, and its key in a row.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Host => HOST,
            Self::Of(dimension) => dimension.name(),
        }
    }
}

impl FleetQuestion {
    /// Parses a query of a viewer with this scope at this time, as an agent does. It may read files of time zones.
    ///
    /// # Errors
    /// The response to an invalid query.
    pub fn parse(query: &str, scope: Scope, now_ms: u64) -> Result<Self, Box<Response>> {
        Self::read(query, scope, now_ms).map_err(|InvalidParameter { status, detail }| problem(status, &detail).into())
    }

    fn read(query: &str, scope: Scope, now_ms: u64) -> Result<Self, InvalidParameter> {
        let form = Form::read(query)?;
        let (zone, tz) = question::zone(given(query, "tz")?.as_deref())?;
        let by = keys(given_list(query, "by")?.as_deref())?;
        let users = question::users(query)?;
        question::check_scope(scope, by.iter().flatten().filter_map(FleetKey::dimension), users.is_some())?;
        let default = if scope.sees_people() { vec![FleetKey::Of(Dimension::User)] } else { Vec::new() };
        let mut by = by.unwrap_or(default);
        if by.contains(&FleetKey::Of(Dimension::Gpu)) && !by.contains(&FleetKey::Host) {
            by.insert(0, FleetKey::Host);
        }
        let has_clock = by.iter().any(|key| matches!(key, FleetKey::Of(Dimension::Day | Dimension::HourOfDay)));
        if has_clock && zone.iana_name().is_none() && tz != "UTC" {
            let detail = "The time zone of this hub has no name that agents know; give tz, such as tz=Europe/Berlin.";
            return Err(InvalidParameter::wrong(detail.into()));
        }
        let (since_ms, until_ms) = question::period(query, now_ms, &zone)?;
        let gpus = match given_list(query, "gpu")? {
            Some(list) => Some(query::names(&list)?.into_iter().map(str::to_owned).collect()),
            None => None,
        };
        let source = match given(query, "source")?.as_deref() {
            None => None,
            Some("agents") => Some(FleetSource::Agents),
            Some("engine") => Some(FleetSource::Engine),
            Some(other) => {
                let detail = format!("The parameter source={other:?} is unknown; choose agents or engine.");
                return Err(InvalidParameter::wrong(detail));
            }
        };
        Ok(Self { source, since_ms, until_ms, by, tz, users, gpus, is_csv: form == Form::Csv })
    }
}

impl FleetKey {
    /// The key of an agent; none for hosts.
    #[must_use]
    pub const fn dimension(&self) -> Option<Dimension> {
        match self {
            Self::Host => None,
            Self::Of(dimension) => Some(*dimension),
        }
    }
}

fn keys(list: Option<&str>) -> Result<Option<Vec<FleetKey>>, InvalidParameter> {
    let Some(list) = list else { return Ok(None) };
    let mut found = Vec::new();
    for name in list.split(',') {
        let key = match Dimension::ALL.into_iter().find(|dimension| dimension.name() == name) {
            Some(dimension) => FleetKey::Of(dimension),
            None if name == HOST => FleetKey::Host,
            None => {
                let names = Dimension::ALL.map(Dimension::name);
                return Err(InvalidParameter::wrong(format!(
                    "The parameter by={name:?} is unknown; give one or several of host, {}, with commas between.",
                    names.join(", ")
                )));
            }
        };
        if found.contains(&key) {
            return Err(InvalidParameter::wrong(format!("The parameter by has {name} twice; give it once.")));
        }
        found.push(key);
    }
    Ok(Some(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    fn read(query: &str, scope: Scope) -> Result<FleetQuestion, (u16, String)> {
        FleetQuestion::read(query, scope, NOW).map_err(|refused| (refused.status.as_u16(), refused.detail))
    }

    fn names(query: &str, scope: Scope) -> Vec<&'static str> {
        read(query, scope).unwrap().by.into_iter().map(FleetKey::name).collect()
    }

    #[test]
    fn fleet_question_has_hosts() {
        assert_eq!(names("", Scope::Read), ["user"]);
        assert_eq!(names("", Scope::Summary), [""; 0]);
        assert_eq!(names("by=user,host", Scope::Read), ["user", "host"]);
        assert_eq!(names("by=gpu", Scope::Summary), ["host", "gpu"], "indices are of a host");
        assert_eq!(names("by=host,day&tz=Asia/Tokyo", Scope::Summary), ["host", "day"]);
        let question = read("since=-1d&gpu=0,GPU-1&user=a&user=b&format=csv&tz=UTC", Scope::Read).unwrap();
        assert_eq!((question.since_ms, question.until_ms), (NOW - 86_400_000, NOW));
        assert_eq!(question.gpus.unwrap(), ["0", "GPU-1"]);
        assert_eq!((question.users.unwrap().len(), question.is_csv, &*question.tz), (2, true, "UTC"));
    }

    #[test]
    fn fleet_question_refused_as_an_agents() {
        for (query, scope, status, part) in [
            ("by=hosts", Scope::Read, 400, "one or several of host, user"),
            ("by=host,host", Scope::Read, 400, "twice"),
            ("by=", Scope::Read, 400, "empty"),
            ("by=user", Scope::Summary, 403, "not by user"),
            ("by=host,pod", Scope::Summary, 403, "not by pod"),
            ("user=alice", Scope::Summary, 403, "not by user"),
            ("since=now", Scope::Read, 400, "period is empty"),
            ("since=1700000000", Scope::Read, 400, "in seconds"),
            ("tz=No/Where", Scope::Read, 400, "time zone"),
            ("gpu=0,,1", Scope::Read, 400, "empty entry"),
            ("format=xml", Scope::Read, 400, "json or csv"),
            ("user=", Scope::Read, 400, "user is empty"),
            ("source=all", Scope::Read, 400, "agents or engine"),
        ] {
            let (found, detail) = read(query, scope).unwrap_err();
            assert!(found == status && detail.contains(part), "{query}: {found} {detail}");
        }
    }
}
