//! Hosts that are asked, and with which query. Nothing is sent where the hub knows that there is no answer.

use std::{fmt::Write as _, sync::Arc};

use http_server::{Response, error::problem};
use hyper::StatusCode;
use server::{FleetKey, FleetQuestion};

use crate::{
    escape::escape_into,
    fleet::{Host, HostState, Published},
    report::{Report, Source},
    target::{Target, TargetList},
    wire::clean,
};

/// Longest reason, in characters.
const MAX_REASON: usize = 240;

/// Way to a host's part of an answer.
#[derive(Debug, PartialEq)]
pub(super) enum Plan {
    /// It has none of the GPUs.
    Nothing,
    /// There is no use in asking it.
    Missing(String),
    /// Its agent is asked for this path.
    Ask(String),
}

/// A plan for each listed host.
///
/// # Errors
/// The response if no host has any of the GPUs.
pub(super) fn of(
    question: &FleetQuestion,
    list: &TargetList,
    published: &Published,
) -> Result<Vec<(Arc<Target>, Plan)>, Box<Response>> {
    let all = path(question);
    let plan = |target: &Arc<Target>| {
        let found = published.hosts.binary_search_by(|host| host.name().cmp(&target.name)).ok();
        let host = found.and_then(|at| published.hosts.get(at)).filter(|host| host.target.endpoint == target.endpoint);
        (Arc::clone(target), one(question, &all, host.map(|host| &***host)))
    };
    let plans: Vec<(Arc<Target>, Plan)> = list.targets.iter().map(plan).collect();
    if question.gpus.is_some() && plans.iter().all(|(_, plan)| *plan == Plan::Nothing) {
        let detail = "No host has a GPU of the parameter gpu; give indices or UUIDs from /api/v1/fleet.";
        return Err(problem(StatusCode::NOT_FOUND, detail).into());
    }
    Ok(plans)
}

fn one(question: &FleetQuestion, path: &str, host: Option<&Host>) -> Plan {
    let Some(host) = host else { return Plan::Missing("nothing is known of it yet".into()) };
    let missing = |state: &str| {
        let why = host.error.as_deref().unwrap_or("no reason is known");
        Plan::Missing(clean(&format!("{state}: {why}"), MAX_REASON))
    };
    match host.state {
        HostState::Unreachable => return missing("unreachable"),
        HostState::Refused => return missing("refused"),
        HostState::Ok | HostState::Starting | HostState::Stale => {}
    }
    let report = host.report.as_deref();
    if report.is_some_and(|report| report.source == Source::Original) {
        return Plan::Missing("it runs the original agent, which keeps no usage".into());
    }
    let Some(names) = &question.gpus else { return Plan::Ask(path.to_owned()) };
    let Some(report) = report.filter(|report| !report.gpus.is_empty() || report.counts.is_none()) else {
        return Plan::Missing("its GPUs are not known yet".into());
    };
    let own: Vec<&str> = names.iter().map(String::as_str).filter(|name| has(report, name)).collect();
    if own.is_empty() {
        return Plan::Nothing;
    }
    let mut path = format!("{path}&gpu=");
    escape_into(&mut path, &own.join(","));
    Plan::Ask(path)
}

/// True if the host has a GPU with this index or UUID.
fn has(report: &Report, name: &str) -> bool {
    report.gpus.iter().any(|gpu| gpu.uuid.as_deref() == Some(name) || gpu.index.to_string() == name)
}

/// The path and query for an agent, without GPUs. Times are absolute, so that all agents answer for the same period.
fn path(question: &FleetQuestion) -> String {
    let by: Vec<&str> = question.by.iter().filter_map(FleetKey::dimension).map(server::Dimension::name).collect();
    let mut path = format!("/api/v1/usage?since={}&until={}", question.since_ms, question.until_ms);
    if by.is_empty() {
        // Without `by` an agent divides by users; all models together are its whole.
        path.push_str("&by=model");
    } else {
        let _ = write!(path, "&by={}", by.join(","));
    }
    if question.by.iter().any(|key| matches!(key.name(), "day" | "hour_of_day")) {
        path.push_str("&tz=");
        escape_into(&mut path, &question.tz);
    }
    for user in question.users.iter().flatten() {
        path.push_str("&user=");
        escape_into(&mut path, user);
    }
    path
}
