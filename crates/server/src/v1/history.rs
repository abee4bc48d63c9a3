//! `/history`: what is asked of the past, and the answer as JSON.

use std::{fmt::Write as _, time::Duration};

use bytes::Bytes;
use http_server::query::values;
use telemetry::{
    history::{Answer, History, Question, Refusal, Spread, metric},
    snapshot::Snapshot,
};

use super::query::{self, InvalidParameter, given, given_list};

/// Reads a question about the GPUs of a snapshot, and of the past.
pub(super) fn question(query: &str, snapshot: &Snapshot, history: &History) -> Result<Question, InvalidParameter> {
    let gpus = given_list(query, "gpu")?
        .map(|list| query::names(&list)?.into_iter().map(|name| uuid(name, snapshot, history)).collect())
        .transpose()?;
    let named = if values(query, "metric").all(|list| list.is_empty()) { None } else { given_list(query, "metric")? };
    let since = query::since(query, snapshot.at.unix_ms)?;
    Ok(Question {
        metrics: metrics(named.as_deref())?,
        gpus,
        since_ms: since.unwrap_or_else(|| snapshot.at.unix_ms.saturating_sub(milliseconds(history.depth().fine))),
        step: step(query)?,
        spread: spread(given(query, "agg")?.as_deref())?,
    })
}

fn metrics(list: Option<&str>) -> Result<Vec<usize>, InvalidParameter> {
    let Some(list) = list else {
        return Err(InvalidParameter::wrong(format!("The parameter metric is missing: it {}", choices())));
    };
    let mut found = Vec::new();
    for name in list.split(',') {
        let Some(metric) = metric::find(name) else {
            return Err(InvalidParameter::wrong(format!("The parameter metric={name:?} {}", choices())));
        };
        if !found.contains(&metric) {
            found.push(metric);
        }
    }
    Ok(found)
}

fn choices() -> String {
    let names: Vec<&str> = metric::ALL.iter().map(|metric| metric.spec().path).collect();
    format!("names what is kept, with commas between: {}.", names.join(", "))
}

fn uuid(name: &str, snapshot: &Snapshot, history: &History) -> Result<String, InvalidParameter> {
    let listed = query::position(name, snapshot).map(|position| snapshot.gpus[position].key.clone());
    let kept = || history.gpus().find(|uuid| *uuid == name).map(String::from);
    listed.or_else(kept).ok_or_else(|| query::no_such_gpu(name))
}

fn step(query: &str) -> Result<Option<Duration>, InvalidParameter> {
    let Some(text) = given(query, "step")? else { return Ok(None) };
    let step = query::milliseconds(&text).filter(|step| *step > 0).map(Duration::from_millis);
    step.map(Some).ok_or_else(|| {
        InvalidParameter::wrong(format!(
            "The parameter step={text:?} is no length of time; give one such as 10s or 1m (s, m, h or d)."
        ))
    })
}

fn spread(text: Option<&str>) -> Result<Spread, InvalidParameter> {
    match text {
        None | Some("mean") => Ok(Spread::Mean),
        Some("max") => Ok(Spread::Max),
        Some(other) => {
            Err(InvalidParameter::wrong(format!("The parameter agg={other:?} is unknown; choose mean or max.")))
        }
    }
}

fn milliseconds(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

/// Why so much is not answered, and what would be.
pub(super) fn too_much(refusal: Refusal) -> String {
    format!(
        "{} steps in {} series are more than one answer holds; ask for a step of {}s or longer, for fewer GPUs or \
         metrics, or for a shorter time.",
        refusal.steps, refusal.series, refusal.fitting_s
    )
}

/// The answer as it is sent.
pub(super) fn render(answer: &Answer) -> Bytes {
    let points: usize = answer.series.iter().map(|series| series.values.len()).sum();
    let mut text = String::with_capacity(points * 7 + answer.series.len() * 100 + 64);
    let Answer { step_ms, start_at_ms, .. } = answer;
    // Writing to a string cannot fail.
    let _ = write!(text, r#"{{"step_ms":{step_ms},"start_at":{start_at_ms},"series":["#);
    for (position, series) in answer.series.iter().enumerate() {
        let comma = if position > 0 { "," } else { "" };
        let uuid = serde_json::Value::from(series.gpu_uuid.as_str());
        let _ = write!(text, r#"{comma}{{"gpu_uuid":{uuid},"metric":"{}","values":["#, series.metric);
        for (position, value) in series.values.iter().enumerate() {
            if position > 0 {
                text.push(',');
            }
            match value {
                // The shortest digits that mean the same number.
                Some(value) => drop(write!(text, "{value}")),
                None => text.push_str("null"),
            }
        }
        text.push_str("]}");
    }
    text.push_str("]}");
    text.into()
}
