//! What the next collector is told, from what the ones before it said and died of.

use std::time::Instant;

use collector::{ExcludedGpu, Settings};
use telemetry::{derive::LeftOut, sample::Call};

use crate::supervisor::blame::Blame;

/// What the next collector is told beyond its settings.
#[derive(Debug, Default)]
pub(super) struct Plan {
    blame: Blame,
    /// The GPUs that the present collector was told not to read.
    left_out: Vec<LeftOut>,
    /// The PCI bus ids of the GPUs that the last collector let go.
    resting: Vec<String>,
    /// They were let go in vain, and are not to be again until another driver comes.
    sleepless: bool,
}

impl Plan {
    /// The settings of a collector that is started now.
    pub(super) fn settings(&mut self, base: &Settings, now: Instant) -> Settings {
        let excluded = self.blame.left_out(now);
        self.left_out = excluded.iter().map(|(out, _)| out.clone()).collect();
        Settings {
            excluded: excluded.iter().map(|(out, wait)| ExcludedGpu { gpu: out.gpu, retry_after: *wait }).collect(),
            // Once: if it ends otherwise than by their waking, the next one reads.
            suspended: std::mem::take(&mut self.resting),
            sleep_after: base.sleep_after.filter(|_| !self.sleepless),
            ..base.clone()
        }
    }

    /// The GPUs that the present collector was told not to read.
    pub(super) fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// A collector died in this call.
    pub(super) fn died_in(&mut self, call: &Call, now: Instant) {
        if let Some(out) = self.blame.died_in(call, now) {
            tracing::error!(
                gpu = out.gpu,
                function = out.function,
                "the library died twice in calls for this GPU: it is left out for ten minutes"
            );
        }
    }

    /// A collector let these GPUs go.
    pub(super) fn rest(&mut self, buses: &[String]) {
        tracing::info!(gpus = buses.len(), "every GPU is idle: they are let go, so that they can be suspended");
        self.resting = buses.to_vec();
    }

    /// They do not suspend.
    pub(super) fn rested_in_vain(&mut self) {
        tracing::info!("the GPUs were let go and did not suspend: they are read again, and not let go any more");
        self.sleepless = true;
    }

    /// Another driver is there, for which all this may be different.
    pub(super) fn new_driver(&mut self) {
        self.sleepless = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use telemetry::BootTime;

    #[test]
    fn plan_passes_on_what_was_learnt() {
        let now = Instant::now();
        let base = Settings { sleep_after: Some(Duration::from_secs(60)), ..Settings::default() };
        let never = Settings { sleep_after: None, ..base.clone() };
        let mut plan = Plan::default();
        assert_eq!(plan.settings(&base, now), base);
        assert_eq!(plan.settings(&never, now), never);
        plan.rest(&["00000000:01:00.0".into()]);
        let suspended = Settings { suspended: vec!["00000000:01:00.0".into()], ..base.clone() };
        assert_eq!(plan.settings(&base, now), suspended);
        assert_eq!(plan.settings(&base, now), base, "once");
        plan.rested_in_vain();
        assert_eq!(plan.settings(&base, now), never);
        plan.new_driver();
        let call = Call { function: "nvmlX".into(), gpu: Some(2), since: BootTime(1) };
        plan.died_in(&call, now);
        plan.died_in(&call, now);
        let excluded = vec![ExcludedGpu { gpu: 2, retry_after: Duration::from_secs(600) }];
        assert_eq!(plan.settings(&base, now), Settings { excluded, ..base });
        assert_eq!(plan.left_out().len(), 1);
    }
}
