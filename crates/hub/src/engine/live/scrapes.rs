//! Newest scrape of each host. One query shows within seconds that a scrape failed: its values are then those before.

use super::instances::Instances;
use crate::engine::{
    answer::Series,
    api::{Answered, Engine, EngineError},
};

/// Time of the newest reading of each host whose newest scrape has one, and 0 of each that cannot be scraped. Any answer with
/// status 200 is `up` in VictoriaMetrics, also one without samples.
pub(in crate::engine) const QUERY: &str = "max by (instance) (nvsmi_agent_snapshot_timestamp_seconds) \
    or max by (instance) (up * (scrape_samples_scraped > bool 0)) == 0";

/// Newest scrapes, by the positions of hosts in the list. Empty while they are not known.
#[derive(Clone, Debug, Default)]
pub(super) struct Scrapes(Vec<Option<f64>>);

impl Scrapes {
    /// Reads them.
    pub(super) async fn read(engine: &Engine, instances: &Instances) -> Result<Answered<Self>, EngineError> {
        let fold = |all: &mut Self, series: &Series<'_>| {
            all.0.resize(instances.len(), None);
            let at = series.label("instance").and_then(|instance| instances.find(instance));
            let place = at.and_then(|at| all.0.get_mut(at));
            if let (Some(place), Some((_, read))) = (place, series.last().filter(|(_, read)| read.is_finite())) {
                *place = Some(place.map_or(read, |known| known.max(read)));
            }
        };
        let mut answered = engine.instant(QUERY, fold).await?;
        // Also if there is nothing.
        answered.value.0.resize(instances.len(), None);
        Ok(answered)
    }

    /// True if the engine says that it cannot scrape the host.
    pub(super) fn is_refused(&self, at: usize) -> bool {
        self.0.get(at).is_some_and(|read| *read == Some(0.0))
    }

    /// True if the newest scrape of the host is not there.
    pub(super) fn has_failed(&self, at: usize) -> bool {
        self.0.get(at).is_some_and(|read| read.is_none_or(|read| read <= 0.0))
    }
}
