//! `/history`: what is asked of the past, and the answer as JSON or CSV.

use std::{collections::HashSet, fmt::Write as _, time::Duration};

use bytes::Bytes;
use http_server::query::values;
use telemetry::{
    history::{Answer, History, Question, Refusal, Spread, metric},
    snapshot::Snapshot,
};

use super::{
    csv::cell,
    query::{self, InvalidParameter, Period, given, given_list},
    time,
};

/// Reads a question about the GPUs of a snapshot, and of the past.
pub(super) fn question(query: &str, snapshot: &Snapshot, history: &History) -> Result<Question, InvalidParameter> {
    let gpus = given_list(query, "gpu")?
        .map(|list| query::names(&list)?.into_iter().map(|name| key(name, snapshot, history)).collect())
        .transpose()?;
    let named = if values(query, "metric").all(|list| list.is_empty()) { None } else { given_list(query, "metric")? };
    let Period { since, until } = Period::read(query, snapshot.at.unix_ms)?;
    // As far back from the end as there are fine steps.
    let end = until.map_or(snapshot.at.unix_ms, |until| until.min(snapshot.at.unix_ms));
    let since = since.unwrap_or_else(|| end.saturating_sub(milliseconds(history.depth().fine)));
    if let Some(until) = until {
        query::check_order(since, until)?;
    }
    Ok(Question {
        metrics: metrics(named.as_deref())?,
        gpus: Some(gpus.map_or_else(|| all(snapshot, history), without_repeated)),
        since_ms: since,
        until_ms: until,
        step: step(query)?,
        spread: spread(given(query, "agg")?.as_deref())?,
    })
}

/// Every GPU with a past: those of the snapshot by index, then the others.
fn all(snapshot: &Snapshot, history: &History) -> Vec<String> {
    let listed = snapshot.gpus.iter().map(|gpu| gpu.key.clone());
    let gone = history.gpus().filter(|key| index(key, snapshot).is_none()).map(String::from);
    without_repeated(listed.chain(gone).collect())
}

fn without_repeated(mut keys: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    keys.retain(|key| seen.insert(key.clone()));
    keys
}

/// The index of a GPU as of the snapshot; `None` if it is no longer listed.
fn index(key: &str, snapshot: &Snapshot) -> Option<u32> {
    snapshot.gpus.iter().find(|gpu| gpu.key == key).map(|gpu| gpu.index)
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

fn key(name: &str, snapshot: &Snapshot, history: &History) -> Result<String, InvalidParameter> {
    let listed = query::position(name, snapshot).map(|position| snapshot.gpus[position].key.clone());
    let kept = || history.gpus().find(|key| *key == name).map(String::from);
    listed.or_else(kept).ok_or_else(|| query::no_such_gpu(name))
}

fn step(query: &str) -> Result<Option<Duration>, InvalidParameter> {
    let Some(text) = given(query, "step")? else { return Ok(None) };
    let step = time::duration(&text).filter(|step| *step > 0).map(Duration::from_millis);
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

/// The answer as JSON.
pub(super) fn json(answer: &Answer, snapshot: &Snapshot) -> Bytes {
    let points: usize = answer.series.iter().map(|series| series.values.len()).sum();
    let mut text = String::with_capacity(points * 7 + answer.series.len() * 100 + 64);
    let Answer { step_ms, start_at_ms, .. } = answer;
    // Writing to a string cannot fail.
    let _ = write!(text, r#"{{"step_ms":{step_ms},"start_at":{start_at_ms},"series":["#);
    for (position, series) in answer.series.iter().enumerate() {
        let comma = if position > 0 { "," } else { "" };
        let index = serde_json::Value::from(index(&series.gpu_uuid, snapshot));
        let uuid = serde_json::Value::from(series.gpu_uuid.as_str());
        let metric = series.metric;
        let _ = write!(text, r#"{comma}{{"gpu":{index},"gpu_uuid":{uuid},"metric":"{metric}","values":["#);
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

/// The answer as CSV (RFC 4180): a row per GPU and step, a column per metric, a cell without a value where nothing was
/// read.
pub(super) fn csv(answer: &Answer, metrics: &[usize], snapshot: &Snapshot) -> Bytes {
    let points: usize = answer.series.iter().map(|series| series.values.len()).sum();
    let mut text = String::with_capacity(points * 80 + 256);
    text.push_str("time,gpu,gpu_uuid");
    for position in metrics {
        text.push(',');
        text.push_str(metric::ALL[*position].spec().path);
    }
    text.push_str("\r\n");
    let steps = answer.series.iter().map(|series| series.values.len()).max().unwrap_or(0);
    let mut of = time::Times::default();
    let times: Vec<String> = (0..steps).map(|step| time_of(answer, step, &mut of)).collect();
    // Series of one GPU follow each other, each with another metric.
    for series in answer.series.chunk_by(|one, next| one.gpu_uuid == next.gpu_uuid) {
        let Some(first) = series.first() else { continue };
        let index = index(&first.gpu_uuid, snapshot).map(|index| index.to_string()).unwrap_or_default();
        let gpu = format!("{index},{}", cell(&first.gpu_uuid));
        for (step, time) in times.iter().enumerate().take(first.values.len()) {
            text.push_str(time);
            text.push(',');
            text.push_str(&gpu);
            for value in series.iter().map(|series| series.values.get(step).copied().flatten()) {
                text.push(',');
                let _ = value.map(|value| write!(text, "{value}"));
            }
            text.push_str("\r\n");
        }
    }
    text.into()
}

/// When a step begins.
fn time_of(answer: &Answer, step: usize, times: &mut time::Times) -> String {
    let mut text = String::with_capacity(24);
    times.write(&mut text, answer.start_at_ms + answer.step_ms * step as u64);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::tests::hosts;
    use telemetry::history::Series;

    #[test]
    fn csv_has_row_per_gpu_and_step() {
        let snapshot = hosts::healthy();
        let series = |gpu_uuid: &str, metric, values: [Option<f32>; 2]| Series {
            gpu_uuid: gpu_uuid.into(),
            metric,
            values: values.to_vec(),
        };
        let [first, second] = [0, 1].map(|position| snapshot.gpus[position].key.clone());
        let answer = Answer {
            step_ms: 1000,
            start_at_ms: 1_700_000_000_000,
            series: vec![
                series(&first, "a", [Some(1.5), None]),
                series(&first, "b", [Some(-3.0), Some(4e9)]),
                series(&second, "a", [None, None]),
                series(&second, "b", [None, Some(0.1)]),
                series("=gone", "a", [None, Some(1.0)]),
                series("=gone", "b", [None, None]),
            ],
        };
        let text = String::from_utf8(csv(&answer, &[0, 1], &snapshot).to_vec()).unwrap();
        let rows: Vec<&str> = text.split_terminator("\r\n").collect();
        let header = format!("time,gpu,gpu_uuid,{},{}", metric::ALL[0].spec().path, metric::ALL[1].spec().path);
        let at = ["2023-11-14T22:13:20.000Z", "2023-11-14T22:13:21.000Z"];
        let expected = [
            header.clone(),
            format!("{},0,{first},1.5,-3", at[0]),
            format!("{},0,{first},,4000000000", at[1]),
            format!("{},1,{second},,", at[0]),
            format!("{},1,{second},,0.1", at[1]),
            format!("{},,'=gone,,", at[0]),
            format!("{},,'=gone,1,", at[1]),
        ];
        assert_eq!(rows, expected);
        assert!(text.ends_with("\r\n") && !text.replace("\r\n", "").contains(['\r', '\n']));
        let empty = Answer { series: vec![], ..answer };
        assert_eq!(csv(&empty, &[0, 1], &snapshot), header + "\r\n");
    }
}
