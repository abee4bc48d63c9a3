//! What the next collector is told, from what the ones before it said and died of.

use std::time::Instant;

use telemetry::{derive::LeftOut, sample::Call};

use crate::supervisor::{CollectSettings, blame::Blame};

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
    /// The flags for a collector that is started now.
    pub(super) fn flags(&mut self, settings: &CollectSettings, now: Instant) -> Vec<String> {
        let left_out = self.blame.left_out(now);
        self.left_out = left_out.iter().map(|(out, _)| out.clone()).collect();
        let out = left_out.iter().map(|(out, wait)| format!("--leave-out={}:{}ms", out.gpu, wait.as_millis()));
        // Once: if it ends otherwise than by their waking, the next one reads.
        let resting = std::mem::take(&mut self.resting).into_iter().map(|bus| format!("--asleep={bus}"));
        let sleep = match settings.sleep_after.filter(|_| !self.sleepless) {
            Some(after) => format!("--sleep-after={}ms", after.as_millis()),
            None => "--sleep=never".into(),
        };
        out.chain(resting).chain([sleep]).collect()
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

    fn settings(sleep_after: Option<Duration>) -> CollectSettings {
        CollectSettings {
            interval: Duration::from_secs(1),
            library: None,
            resolve_pids: false,
            proc_root: "/proc".into(),
            container_socket: None,
            kubelet_socket: None,
            kubelet_period: Duration::from_secs(10),
            sleep_after,
            job_dir: None,
            sys_root: "/sys".into(),
            idle_after: Duration::from_secs(900),
            log: tracing::Level::INFO,
        }
    }

    #[test]
    fn plan_passes_on_what_was_learnt() {
        let now = Instant::now();
        let auto = settings(Some(Duration::from_secs(60)));
        let mut plan = Plan::default();
        assert_eq!(plan.flags(&auto, now), ["--sleep-after=60000ms"]);
        assert_eq!(plan.flags(&settings(None), now), ["--sleep=never"]);
        plan.rest(&["00000000:01:00.0".into()]);
        assert_eq!(plan.flags(&auto, now), ["--asleep=00000000:01:00.0", "--sleep-after=60000ms"]);
        assert_eq!(plan.flags(&auto, now), ["--sleep-after=60000ms"], "once");
        plan.rested_in_vain();
        assert_eq!(plan.flags(&auto, now), ["--sleep=never"]);
        plan.new_driver();
        let call = Call { function: "nvmlX".into(), gpu: Some(2), since: BootTime(1) };
        plan.died_in(&call, now);
        plan.died_in(&call, now);
        assert_eq!(plan.flags(&auto, now), ["--leave-out=2:600000ms", "--sleep-after=60000ms"]);
        assert_eq!(plan.left_out().len(), 1);
    }
}
