//! Sums from an engine, which knows totals of users on hosts, and nothing else.

use std::{collections::HashMap, sync::Arc};

use http_server::{Response, error::problem};
use hyper::StatusCode;
use server::{Dimension, FleetKey, FleetQuestion, FleetSource};

use super::{
    UsageConfig,
    sums::{Collected, Key, Part, Sums, TooManyRows},
};
use crate::{
    client::ClientError,
    engine::{EngineError, Totals},
    target::TargetList,
};

/// Sums from the engine; none if the agents are asked.
///
/// # Errors
/// The response if the engine cannot answer.
pub(super) async fn collect(
    config: &UsageConfig,
    question: &Arc<FleetQuestion>,
    list: &TargetList,
) -> Result<Option<Collected>, Box<Response>> {
    let is_asked = question.source == Some(FleetSource::Engine);
    let refused = |detail: &str| Err(Box::new(problem(StatusCode::BAD_REQUEST, detail)));
    let engine = match (&config.engine, question.source) {
        (_, Some(FleetSource::Agents)) => return Ok(None),
        (Some(engine), _) if knows(question) => engine,
        (None, Some(FleetSource::Engine)) => return refused("This hub has no engine; start it with --prometheus."),
        (Some(_), Some(FleetSource::Engine)) => {
            return refused(
                "An engine knows usage by user and host only; leave out source, or the other keys and gpu.",
            );
        }
        (_, None) => return Ok(None),
    };
    let totals =
        engine.totals(list.clone(), question.since_ms, question.until_ms).await.map_err(|error| failed(&error))?;
    if totals.hosts.is_empty() && !is_asked {
        // Agents export no users without --metrics-users.
        return Ok(None);
    }
    let collected = add(question, list, totals);
    collected.map(Some).map_err(|error| problem(StatusCode::BAD_REQUEST, &error.to_string()).into())
}

/// True for a question that counters of users can answer.
fn knows(question: &FleetQuestion) -> bool {
    let known = [FleetKey::Host, FleetKey::Of(Dimension::User)];
    question.gpus.is_none() && question.by.iter().all(|key| known.contains(key))
}

fn add(question: &Arc<FleetQuestion>, list: &TargetList, totals: Totals) -> Result<Collected, TooManyRows> {
    let mut collected = Collected::new(question);
    collected.is_of_engine = true;
    collected.hosts = totals.hosts.len();
    for (host, why) in totals.missing {
        if let Some(target) = list.targets.get(host) {
            collected.miss(&target.name, why.into());
        }
    }
    let wanted = question.users.as_deref();
    let has_users = question.by.iter().any(|key| key.dimension().is_some());
    let mut parts: HashMap<usize, Vec<Part>> = HashMap::new();
    for user in totals.users {
        if wanted.is_some_and(|wanted| !wanted.iter().any(|name| **name == *user.user)) || user.gpu_seconds <= 0.0 {
            continue;
        }
        let sums = Sums {
            gpu_seconds: Some(user.gpu_seconds),
            busy_gpu_seconds: user.busy_gpu_seconds,
            idle_gpu_seconds: user.idle_gpu_seconds,
            energy_joules: user.energy_joules,
            ..Sums::default()
        };
        let keys = if has_users { vec![Key::Text(user.user)] } else { Vec::new() };
        parts.entry(user.host).or_default().push(Part { keys, sums });
    }
    for (host, parts) in parts {
        if let Some(target) = list.targets.get(host) {
            collected.add_rows(&target.name, parts)?;
        }
    }
    Ok(collected)
}

fn failed(error: &EngineError) -> Box<Response> {
    let status = match error {
        EngineError::Busy | EngineError::Client(ClientError::Timeout(_) | ClientError::ConnectTimeout(_)) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ => StatusCode::BAD_GATEWAY,
    };
    problem(status, &format!("No usage from the engine: {error}. With source=agents the hub asks the agents.")).into()
}
