//! Templates of answers, made of those of real agents on the simulated driver, so that form and size are theirs.

use std::{fs, thread, time::Duration};

use serde_json::Value;

use super::{
    template::{Field, Marks, Slot, Template},
    world::{Kind, Use},
};
use crate::{Outcome, agent::Agent, get::get, host, places::repository};

/// Answers of an agent.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) summary: Template,
    pub(crate) snapshot: Template,
    pub(crate) metrics: Template,
    pub(crate) metrics_full: Template,
    pub(crate) metrics_fleet: Template,
    pub(crate) status: Template,
    pub(crate) count: Template,
}

/// Answers by kind of host.
#[derive(Debug)]
pub(crate) struct Models {
    usual: Model,
    sick: Option<Model>,
    mig: Option<Model>,
}

impl Models {
    /// Copies the answers of agents that run for a moment.
    pub(crate) fn copy(gpus: usize, with: impl Fn(Kind) -> bool) -> Outcome<Self> {
        let scenario = |kind, name: &str| {
            let file = repository("crates/fake-nvml/scenarios").join(name);
            with(kind).then(|| copy(&host::Host::playing(&fs::read_to_string(file)?)?, false)).transpose()
        };
        Ok(Self {
            sick: scenario(Kind::Sick, "sick.toml")?,
            mig: scenario(Kind::Mig, "mig-a100.toml")?,
            usual: copy(&host::Host::new(gpus, 0, 0)?, true)?,
        })
    }

    pub(crate) fn of(&self, kind: Kind) -> &Model {
        let other = match kind {
            Kind::Sick => self.sick.as_ref(),
            Kind::Mig => self.mig.as_ref(),
            _ => None,
        };
        other.unwrap_or(&self.usual)
    }
}

fn copy(host: &host::Host, is_simulated: bool) -> Outcome<Model> {
    let agent = Agent::start(host, Duration::from_millis(if is_simulated { 1000 } else { 200 }), &[])?;
    if !is_simulated {
        // MIG instances are read with every tenth reading, and a GPU in trouble shows it after a few.
        thread::sleep(Duration::from_secs(4));
    }
    let text = |path: &str| -> Outcome<String> {
        let answer = get(agent.address, path, "identity")?;
        if answer.status != 200 {
            return Err(format!("{path}: expected status 200, got {}", answer.status).into());
        }
        Ok(String::from_utf8(answer.body)?)
    };
    let json = |path: &str| -> Outcome<Value> { Ok(serde_json::from_str(&text(path)?)?) };
    let metrics = |path: &str| -> Outcome<Template> { Ok(metrics(&text(path)?, is_simulated)) };
    Ok(Model {
        summary: answer(json("/api/v1/summary")?, is_simulated),
        snapshot: answer(json("/api/v1/snapshot")?, is_simulated),
        metrics: metrics("/metrics")?,
        metrics_full: metrics("/metrics?set=full")?,
        metrics_fleet: metrics("/metrics?set=fleet")?,
        status: status(json("/status")?, is_simulated),
        count: Marks::default().template(&text("/count")?),
    })
}

/// Values of a GPU in the summary and in the snapshot.
const FIELDS: [(&str, Field); 19] = [
    ("/name", Field::Name),
    ("/memory_total_bytes", Field::Total),
    ("/memory_free_bytes", Field::Free),
    ("/utilization_percent", Field::Utilization),
    ("/power_watts", Field::Watts),
    ("/temperature_celsius", Field::Celsius),
    ("/verdict", Field::Use),
    ("/use", Field::Use),
    ("/since", Field::SinceMs),
    ("/users", Field::Users),
    ("/use/verdict", Field::Use),
    ("/use/since", Field::SinceMs),
    ("/use/users", Field::Users),
    ("/memory/total_bytes", Field::Total),
    ("/memory/free_bytes", Field::Free),
    ("/memory/used_bytes", Field::Used),
    ("/utilization/gpu_percent", Field::Utilization),
    ("/power/draw_watts", Field::Watts),
    ("/temperature/gpu_celsius", Field::Celsius),
];

/// Values of a GPU in the original's `/status`.
const STATUS_FIELDS: [(&str, Field); 8] = [
    ("/name", Field::Name),
    ("/temperature", Field::Celsius),
    ("/power_status", Field::Power),
    ("/gpu_utilization", Field::Utilization),
    ("/memory_total_human", Field::TotalMib),
    ("/memory_used_human", Field::UsedMib),
    ("/memory_free_human", Field::FreeMib),
    ("/memory_utilization", Field::UsedPercent),
];

/// Puts a gap in place of a value that is there.
fn put(marks: &mut Marks, value: &mut Value, pointer: &str, slot: Slot) {
    if let Some(found) = value.pointer_mut(pointer).filter(|found| !found.is_null()) {
        *found = Value::String(marks.add(slot));
    }
}

fn put_gpu(marks: &mut Marks, gpu: &mut Value, index: usize, fields: &[(&str, Field)]) {
    for (pointer, field) in fields {
        // In the summary the use is a word, in the snapshot an object.
        if !gpu.pointer(pointer).is_some_and(Value::is_object) {
            put(marks, gpu, pointer, Slot::Gpu(index, *field));
        }
    }
}

/// Template of a summary or snapshot.
fn answer(mut value: Value, is_simulated: bool) -> Template {
    let mut marks = Marks::default();
    put(&mut marks, &mut value, "/hostname", Slot::Hostname);
    put(&mut marks, &mut value, "/host/hostname", Slot::Hostname);
    put(&mut marks, &mut value, "/sampled_at", Slot::ReadMs);
    put(&mut marks, &mut value, "/read_at", Slot::ReadMs);
    put(&mut marks, &mut value, "/age_ms", Slot::AgeMs);
    if is_simulated {
        for r#use in Use::ALL {
            put(&mut marks, &mut value, &format!("/use/{}", r#use.name()), Slot::Count(r#use));
        }
        if let Some(unknown) = value.pointer_mut("/use/unknown") {
            *unknown = 0.into();
        }
    }
    for (index, gpu) in value["gpus"].as_array_mut().into_iter().flatten().enumerate() {
        put(&mut marks, gpu, "/read_at", Slot::ReadMs);
        put(&mut marks, gpu, "/age_ms", Slot::AgeMs);
        if is_simulated {
            put_gpu(&mut marks, gpu, index, &FIELDS);
            continue;
        }
        for pointer in ["/memory_free_bytes", "/memory/free_bytes"] {
            if let Some(bytes) = gpu.pointer(pointer).and_then(Value::as_u64) {
                put(&mut marks, gpu, pointer, Slot::Stamped(bytes));
            }
        }
    }
    finish(marks, value.to_string())
}

/// Template of the original's `/status`.
fn status(mut value: Value, is_simulated: bool) -> Template {
    let mut marks = Marks::default();
    for (index, gpu) in
        value.pointer_mut("/data/devices").and_then(Value::as_array_mut).into_iter().flatten().enumerate()
    {
        put(&mut marks, gpu, "/ts", Slot::ReadMs);
        if is_simulated {
            put_gpu(&mut marks, gpu, index, &STATUS_FIELDS);
        }
    }
    if is_simulated {
        put(&mut marks, &mut value, "/data/processes", Slot::Processes);
    }
    finish(marks, value.to_string())
}

/// Template of `/metrics`.
fn metrics(text: &str, is_simulated: bool) -> Template {
    let mut marks = Marks::default();
    let lines: String = text.lines().map(|line| metric(line, is_simulated, &mut marks) + "\n").collect();
    finish(marks, lines)
}

/// Value of a label.
fn label<'a>(series: &'a str, name: &str) -> Option<&'a str> {
    series.split_once(&format!("{name}=\""))?.1.split('"').next()
}

fn metric(line: &str, is_simulated: bool, marks: &mut Marks) -> String {
    let Some((series, value)) = line.rsplit_once(' ').filter(|_| !line.starts_with('#')) else { return line.into() };
    let name = series.split('{').next().unwrap_or_default();
    let number = value.parse::<f64>().unwrap_or_default();
    if name == "nvsmi_agent_host_info" {
        let mark = marks.add(Slot::Hostname);
        return format!("{name}{{hostname=\"{mark}\"}} 1");
    }
    let gpu = label(series, "gpu").and_then(|gpu| gpu.parse().ok());
    let field = gpu.and_then(|gpu: usize| Some(Slot::Gpu(gpu, field(name, series)?)));
    let slot = match (field, name) {
        (_, "nvsmi_gpu_last_read_timestamp_seconds" | "nvsmi_agent_snapshot_timestamp_seconds") => {
            Some(Slot::ReadSeconds)
        }
        (Some(slot), _) if is_simulated => Some(slot),
        (Some(Slot::Gpu(_, Field::Free)), _) => Some(Slot::Stamped(value.parse().unwrap_or_default())),
        _ if number > 0.0 && name.ends_with("_seconds_total") => Some(Slot::Rising(number)),
        _ if number > 0.0 && (name.ends_with("_ratio") || name.ends_with("_per_second")) => Some(Slot::Varied(number)),
        _ => None,
    };
    let value = slot.map_or_else(|| value.to_owned(), |slot| marks.add(slot));
    let named = label(series, "name").filter(|_| is_simulated && name == "nvsmi_gpu_info").zip(gpu);
    match named {
        Some((name, gpu)) => {
            let mark = marks.add(Slot::Gpu(gpu, Field::Name));
            format!("{} {value}", series.replace(&format!("name=\"{name}\""), &format!("name=\"{mark}\"")))
        }
        None => format!("{series} {value}"),
    }
}

/// Field of a GPU that a series has.
fn field(name: &str, series: &str) -> Option<Field> {
    Some(match name {
        "nvsmi_gpu_use" => {
            let verdict = label(series, "verdict")?;
            Field::Is(Use::ALL.into_iter().find(|r#use| r#use.name() == verdict)?)
        }
        "nvsmi_gpu_utilization_ratio" => Field::UtilizationRatio,
        "nvsmi_gpu_memory_free_bytes" => Field::Free,
        "nvsmi_gpu_memory_used_bytes" => Field::Used,
        "nvsmi_gpu_memory_total_bytes" => Field::Total,
        "nvsmi_gpu_power_watts" => Field::Watts,
        "nvsmi_gpu_temperature_celsius" => Field::Celsius,
        _ if name.starts_with("nvsmi_gpu_use_") && name.ends_with("_timestamp_seconds") => Field::SinceSeconds,
        _ => return None,
    })
}

/// Replaces the UUIDs, which are each host's own, and makes the template.
fn finish(mut marks: Marks, mut text: String) -> Template {
    const LENGTH: usize = 36;
    let mut found: Vec<String> = Vec::new();
    for prefix in ["GPU-", "MIG-"] {
        for (at, _) in text.match_indices(prefix) {
            let uuid = text.get(at + prefix.len()..at + prefix.len() + LENGTH);
            if let Some(uuid) = uuid.filter(|uuid| uuid.bytes().filter(|byte| *byte == b'-').count() == 4)
                && !found.iter().any(|known| known == uuid)
            {
                found.push(uuid.to_owned());
            }
        }
    }
    for (number, uuid) in (0..).zip(&found) {
        text = text.replace(uuid.as_str(), &marks.add(Slot::Uuid(number)));
    }
    marks.template(&text)
}
