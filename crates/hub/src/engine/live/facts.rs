//! Facts that rarely change: models and UUIDs of GPUs, versions of agents and drivers. Read every ten minutes.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use super::{
    hosts::{self, MAX_GPUS},
    instances::Instances,
};
use crate::engine::{
    answer::Series,
    api::{Engine, EngineError},
};

/// Longest text that is kept, in characters.
const MAX_TEXT: usize = 128;

/// Facts about a host.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) gpus: BTreeMap<u32, GpuFacts>,
    pub(super) hostname: Option<Arc<str>>,
    pub(super) agent_version: Option<Arc<str>>,
    pub(super) driver_version: Option<Arc<str>>,
    /// Interval of the agent's readings, in seconds.
    pub(super) interval: Option<f64>,
    /// Times of the samples.
    times: [f64; 3],
}

/// Facts about a GPU.
#[derive(Clone, Debug)]
pub(super) struct GpuFacts {
    /// Product name.
    pub(super) name: Option<Arc<str>>,
    pub(super) uuid: Option<Arc<str>>,
    time: f64,
}

/// Facts about all hosts, by their positions in the list.
#[derive(Debug, Default)]
struct All {
    facts: Vec<Facts>,
    /// Each text once: a fleet has few models.
    texts: HashSet<Arc<str>>,
}

/// Reads them, from samples of the last seconds: `window`. There are two queries.
pub(super) async fn read(engine: &Engine, instances: &Instances, window: u64) -> Result<Vec<Facts>, EngineError> {
    let mut all = All { facts: vec![Facts::default(); instances.len()], ..All::default() };
    // With the time of each sample, so that the newer one of two label sets counts.
    let query = format!("nvsmi_gpu_info[{window}s]");
    let gpus = engine.instant(&query, |found: &mut Vec<(usize, u32, GpuFacts)>, series| {
        let at = series.label("instance").and_then(|instance| instances.find(instance));
        if let (Some(at), Some(gpu), Some((time, _))) = (at, hosts::gpu(series), series.last()) {
            let mut text = |label| series.label(label).map(|text| all.text(text));
            found.push((at, gpu, GpuFacts { name: text("name"), uuid: text("uuid"), time }));
        }
    });
    let gpus = gpus.await?.value;
    for (at, index, gpu) in gpus {
        let Some(facts) = all.facts.get_mut(at) else { continue };
        let is_newer = facts.gpus.get(&index).is_none_or(|known| known.time <= gpu.time);
        if is_newer && (facts.gpus.len() < MAX_GPUS || facts.gpus.contains_key(&index)) {
            facts.gpus.insert(index, gpu);
        }
    }
    for facts in &mut all.facts {
        // One that is not in the newest scrape is no longer there.
        let newest = facts.gpus.values().map(|gpu| gpu.time).fold(f64::NEG_INFINITY, f64::max);
        facts.gpus.retain(|_, gpu| gpu.time >= newest - 0.5);
    }
    let query =
        format!("{{__name__=~\"nvsmi_agent_interval_seconds|nvsmi_agent_(build|driver|host)_info\"}}[{window}s]");
    let agents = engine.instant(&query, |(): &mut (), series| {
        let at = series.label("instance").and_then(|instance| instances.find(instance));
        if let Some(at) = at {
            all.take(at, series);
        }
    });
    agents.await?;
    Ok(all.facts)
}

impl All {
    fn text(&mut self, text: &str) -> Arc<str> {
        let short: Arc<str> = hosts::short(text, MAX_TEXT).into();
        if let Some(known) = self.texts.get(&short) {
            return Arc::clone(known);
        }
        self.texts.insert(Arc::clone(&short));
        short
    }

    fn take(&mut self, at: usize, series: &Series<'_>) {
        if series.label("__name__") == Some("nvsmi_agent_interval_seconds") {
            let interval = series.last().map(|(_, value)| value).filter(|value| value.is_finite());
            if let (Some(interval), Some(facts)) = (interval, self.facts.get_mut(at)) {
                // Of two label sets the shorter one: with the longer one, a host would be current for longer.
                facts.interval = Some(facts.interval.map_or(interval, |known| known.min(interval)));
            }
            return;
        }
        let (which, label) = match series.label("__name__") {
            Some("nvsmi_agent_build_info") => (0, "version"),
            Some("nvsmi_agent_driver_info") => (1, "driver_version"),
            Some("nvsmi_agent_host_info") => (2, "hostname"),
            _ => return,
        };
        let (Some(text), Some((time, _))) = (series.label(label), series.last()) else { return };
        let text = self.text(text);
        let Some(facts) = self.facts.get_mut(at) else { return };
        let Some(known) = facts.times.get_mut(which) else { return };
        if time < *known {
            return;
        }
        *known = time;
        match which {
            0 => facts.agent_version = Some(text),
            1 => facts.driver_version = Some(text),
            _ => facts.hostname = Some(text),
        }
    }
}
