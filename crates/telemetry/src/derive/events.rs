//! Events: Xid errors, problems of health, claims that are ignored, and state changes of GPUs, collector and driver.

mod problems;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    Stamp,
    derive::{claims::Conflicts, health::xid_code, identity::is_uuid},
    sample::XidSample,
    snapshot::{Collector, CollectorState, Event, EventKind, Gpu, GpuState, MissingGpu, Reason, Severity},
    xid,
};

use problems::Problems;

/// Number of newest events that are kept.
const KEPT: usize = 10_000;

/// Time after which a GPU that has never been read is an event.
const FIRST_READING: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct Log {
    kept: Arc<Vec<Event>>,
    fresh: Vec<Event>,
    /// The last state of each GPU, by the name of its records.
    gpus: BTreeMap<String, GpuState>,
    /// First sight of each GPU that has never been read.
    unread: BTreeMap<String, Stamp>,
    problems: Problems,
    conflicts: Conflicts,
    collector: Option<CollectorState>,
    driver: Option<String>,
}

impl Log {
    /// Begins with what another run of the agent kept.
    pub(super) fn restore(&mut self, events: Vec<Event>) {
        let all = events.len();
        let newest = events.into_iter().skip(all.saturating_sub(KEPT));
        // Its numbers were of that run's snapshots.
        self.kept = Arc::new(newest.map(|event| Event { sequence: 0, ..event }).collect());
    }

    /// An Xid error on the GPU with that UUID, if it is known.
    pub(super) fn xid(&mut self, error: &XidSample, uuid: Option<&str>) {
        let entry = xid::look_up(error.code);
        let place = match (error.gpu_instance, error.compute_instance) {
            (None, None) => String::new(),
            (gpu, compute) => {
                let show = |id: Option<u32>| id.map_or_else(|| "?".into(), |id| id.to_string());
                format!(" on MIG instance {}/{}", show(gpu), show(compute))
            }
        };
        let many = if error.times > 1 { format!(", {} times", error.times) } else { String::new() };
        self.fresh.push(Event {
            sequence: 0,
            at: error.at,
            kind: EventKind::Xid,
            gpu_uuid: uuid.map(String::from),
            severity: entry.severity,
            code: xid_code(error.code),
            text: format!("Xid {} on GPU {}{place}{many}: {}", error.code, error.gpu, entry.meaning),
            action: entry.action.into(),
        });
    }

    /// The GPUs as they are now. One that is well when it is first seen is no event.
    pub(super) fn gpus(&mut self, gpus: &[Gpu], now: Stamp) {
        for gpu in gpus {
            if self.may_be_read_yet(gpu, now) {
                continue;
            }
            let before = self.gpus.insert(gpu.key.clone(), gpu.state);
            let severity = severity_of(gpu.state);
            let since = match before {
                Some(before) if before == gpu.state => continue,
                Some(before) => format!("after {}", before.as_str()),
                None if severity == Severity::Ok => continue,
                None => "at the start".into(),
            };
            let is_bad = severity != Severity::Ok;
            let detail = gpu.state_detail.as_ref().filter(|_| is_bad).map(|detail| format!(": {detail}"));
            let detail = detail.unwrap_or_default();
            let text = format!("GPU {} is {} {since}{detail}", gpu.index, gpu.state.as_str());
            let action = if is_bad { remedy(gpu) } else { String::new() };
            self.gpu(&gpu.key, severity, gpu.state.as_str(), text, action, now);
        }
    }

    /// Checks for a GPU that was never read, and may be soon: its first reading takes a while.
    fn may_be_read_yet(&mut self, gpu: &Gpu, now: Stamp) -> bool {
        let is_unread = gpu.never_read && matches!(gpu.state, GpuState::Ok | GpuState::Stale | GpuState::Asleep);
        if !is_unread || self.gpus.contains_key(&gpu.key) {
            self.unread.remove(&gpu.key);
            return false;
        }
        let first = self.unread.entry(gpu.key.clone()).or_insert(now);
        gpu.state != GpuState::Stale || now.boot.since(first.boot) < FIRST_READING
    }

    /// Problems of the GPUs' health that began or ended.
    pub(super) fn health(&mut self, gpus: &[Gpu], now: Stamp) {
        self.fresh.extend(gpus.iter().flat_map(|gpu| self.problems.see(gpu, now)));
    }

    /// Users who compute on GPUs that others have claimed.
    pub(super) fn claims(&mut self, gpus: &[Gpu], now: Stamp) {
        let fresh = self.conflicts.see(gpus, &self.kept, now);
        self.fresh.extend(fresh);
    }

    /// Takes over what is known of a GPU under a name that turned out not to be its own.
    pub(super) fn rename(&mut self, before: &str, now: &str) {
        if let Some(state) = self.gpus.remove(before) {
            self.gpus.entry(now.into()).or_insert(state);
        }
        self.unread.remove(before);
        self.problems.rename(before, now);
    }

    /// The last state of a GPU.
    pub(super) fn state(&self, key: &str) -> Option<GpuState> {
        self.gpus.get(key).copied()
    }

    /// A GPU of an earlier run that the driver does not list.
    pub(super) fn missing(&mut self, gpu: &MissingGpu, now: Stamp) {
        self.gpu(&gpu.id, Severity::Critical, "missing", gpu.text(), gpu.action(), now);
    }

    /// A GPU of an earlier run whose place another one has.
    pub(super) fn replaced(&mut self, gpu: &MissingGpu, by: &Gpu, now: Stamp) {
        let text = format!("GPU {} is in the place of {}", by.index, gpu.id);
        self.gpu(&gpu.id, Severity::Ok, "replaced", text, String::new(), now);
    }

    /// A GPU that was reported missing and was read again.
    pub(super) fn found(&mut self, gpu: &Gpu, now: Stamp) {
        let text = format!("GPU {} is {} after missing", gpu.index, gpu.state.as_str());
        self.gpu(&gpu.key, Severity::Ok, "found", text, String::new(), now);
    }

    /// A GPU that was forgotten. When it is listed again, that is no change.
    pub(super) fn forgotten(&mut self, key: &str, now: Stamp) {
        self.forget(key);
        self.gpu(key, Severity::Ok, "forgotten", format!("{key} was forgotten on request"), String::new(), now);
    }

    /// Forgets the last state of a GPU.
    pub(super) fn forget(&mut self, key: &str) {
        self.gpus.remove(key);
        self.unread.remove(key);
        self.problems.forget(key);
    }

    /// An event about one GPU, or about its absence.
    fn gpu(&mut self, key: &str, severity: Severity, code: &str, text: String, action: String, now: Stamp) {
        self.fresh.push(Event {
            sequence: 0,
            at: now,
            kind: EventKind::GpuState,
            gpu_uuid: is_uuid(key).then(|| key.into()),
            severity,
            code: code.into(),
            text,
            action,
        });
    }

    /// The collector as it is now.
    pub(super) fn collector(&mut self, collector: &Collector, now: Stamp) {
        let state = &collector.state;
        let before = self.collector.replace(state.clone());
        let Some(before) = before.filter(|before| before != state) else { return };
        // Without a driver the detail is a hint.
        let (detail, action) = match state {
            CollectorState::NoDriver { text } => (Some(text), collector.detail.clone()),
            _ => (collector.detail.as_ref(), None),
        };
        let detail = detail.map(|detail| format!(": {detail}")).unwrap_or_default();
        let is_bad =
            matches!(state, CollectorState::Stalled | CollectorState::Restarting | CollectorState::NoDriver { .. });
        self.fresh.push(Event {
            sequence: 0,
            at: now,
            kind: EventKind::CollectorState,
            gpu_uuid: None,
            severity: if is_bad { Severity::Warning } else { Severity::Ok },
            code: state.as_str().into(),
            text: format!("the collector is {} after {}{detail}", state.as_str(), before.as_str()),
            action: action.unwrap_or_default(),
        });
    }

    /// The driver's version, where it was read.
    pub(super) fn driver(&mut self, version: Option<&str>, now: Stamp) {
        let Some(version) = version else { return };
        if self.driver.as_deref() == Some(version) {
            return;
        }
        let Some(before) = self.driver.replace(version.into()) else { return };
        self.fresh.push(Event {
            sequence: 0,
            at: now,
            kind: EventKind::Driver,
            gpu_uuid: None,
            severity: Severity::Ok,
            code: "driver_changed".into(),
            text: format!("driver {version} was loaded after {before}"),
            action: String::new(),
        });
    }

    /// All that is kept; what was added since the last time belongs to the snapshot of that number. The list is
    /// another one only if something was added.
    pub(super) fn kept(&mut self, sequence: u64) -> Arc<Vec<Event>> {
        if !self.fresh.is_empty() {
            let all = self.kept.len() + self.fresh.len();
            let fresh = self.fresh.drain(..).map(|event| Event { sequence, ..event });
            let newest = self.kept.iter().cloned().chain(fresh).skip(all.saturating_sub(KEPT));
            self.kept = Arc::new(newest.collect());
        }
        Arc::clone(&self.kept)
    }
}

/// Remedy of the state, as the health has it.
fn remedy(gpu: &Gpu) -> String {
    let explains = |reason: &&Reason| problems::is_of_state(&reason.code) || reason.code == "reset_required";
    let reason = gpu.health.reasons.iter().find(explains);
    reason.map(|reason| reason.action.clone()).unwrap_or_default()
}

const fn severity_of(state: GpuState) -> Severity {
    match state {
        GpuState::Ok | GpuState::Asleep => Severity::Ok,
        GpuState::Stale | GpuState::Denied | GpuState::Error => Severity::Warning,
        GpuState::Lost => Severity::Critical,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::blank::{self, at};

    fn xid(code: u64, gpu_instance: Option<u32>) -> XidSample {
        XidSample { gpu: 3, uuid: Ok("A".into()), code, at: at(code), times: 1, gpu_instance, compute_instance: None }
    }

    fn codes(log: &mut Log) -> Vec<String> {
        log.kept(1).iter().map(|event| event.code.clone()).collect()
    }

    #[test]
    fn xid_event_has_gpu_and_remedy() {
        let mut log = Log::default();
        log.xid(&xid(79, None), Some("A"));
        log.xid(&xid(13, Some(2)), None);
        let kept = log.kept(1);
        assert_eq!((kept[0].kind, kept[0].severity, kept[0].at), (EventKind::Xid, Severity::Critical, at(79)));
        assert_eq!((kept[0].gpu_uuid.as_deref(), kept[1].gpu_uuid.as_deref()), (Some("A"), None));
        assert!(kept[0].text.starts_with("Xid 79 on GPU 3: ") && !kept[0].action.is_empty());
        assert!(kept[1].text.starts_with("Xid 13 on GPU 3 on MIG instance 2/?: "));
        log.xid(&XidSample { times: 7, ..xid(79, None) }, None);
        assert!(log.kept(2)[2].text.starts_with("Xid 79 on GPU 3, 7 times: "));
    }

    #[test]
    fn change_is_event_first_sight_is_not() {
        let mut log = Log::default();
        let seen = |state| [Gpu { state, ..blank::gpu("A", at(0)) }];
        for state in [GpuState::Ok, GpuState::Ok, GpuState::Stale, GpuState::Stale, GpuState::Lost, GpuState::Ok] {
            log.gpus(&seen(state), at(1));
        }
        assert_eq!(codes(&mut log), ["stale", "lost", "ok"]);
        let severities: Vec<_> = log.kept(1).iter().map(|event| event.severity).collect();
        assert_eq!(severities, [Severity::Warning, Severity::Critical, Severity::Ok]);
    }

    #[test]
    fn gpu_that_is_lost_at_start_is_event_once() {
        let mut log = Log::default();
        let reason = |code: &str| Reason {
            severity: Severity::Critical,
            code: code.into(),
            text: "it is gone".into(),
            action: "Reboot the host.".into(),
        };
        let nameless = Err(crate::Absence::Lost);
        let blank = blank::gpu("A", at(0));
        let lost = Gpu {
            state: GpuState::Lost,
            state_detail: Some("nvmlX answered 15".into()),
            never_read: true,
            identity: crate::readings::Identity { uuid: nameless, ..blank.identity.clone() },
            health: crate::snapshot::Health { verdict: Severity::Critical, reasons: vec![reason("lost")] },
            ..blank.clone()
        };
        let well = blank;
        for gpu in [&lost, &lost, &well] {
            log.gpus(std::slice::from_ref(gpu), at(1));
        }
        let kept = log.kept(1);
        assert_eq!(kept[0].text, "GPU 0 is lost at the start: nvmlX answered 15");
        assert_eq!((kept[0].severity, &*kept[0].action), (Severity::Critical, "Reboot the host."));
        assert_eq!((kept[1].text.as_str(), &*kept[1].action), ("GPU 0 is ok after lost", ""));
        assert_eq!(kept.len(), 2);
        // Its UUID is read at last.
        log.rename("A", "B");
        log.gpus(&[Gpu { key: "B".into(), ..lost }], at(2));
        assert_eq!(log.kept(2)[2].text, "GPU 0 is lost after ok: nvmlX answered 15");
    }

    #[test]
    fn gpu_never_read_is_event_after_ten_seconds() {
        let mut log = Log::default();
        let seen =
            |state, second: u64| ([Gpu { state, never_read: true, ..blank::gpu("A", at(0)) }], at(second * 1000));
        for second in [1, 5, 10, 11, 12] {
            let (gpus, now) = seen(GpuState::Stale, second);
            log.gpus(&gpus, now);
            assert_eq!(log.kept(1).len(), usize::from(second >= 11), "at {second}");
        }
        assert_eq!(log.kept(1)[0].text, "GPU 0 is stale at the start");
        let mut quick = Log::default();
        let (gpus, now) = seen(GpuState::Stale, 1);
        quick.gpus(&gpus, now);
        quick.gpus(&[blank::gpu("A", at(0))], at(2000));
        assert_eq!(quick.kept(1).len(), 0, "it was read soon");
    }

    #[test]
    fn collector_and_driver_changes_are_events() {
        let mut log = Log::default();
        let collector =
            |state| Collector { state, since: at(0), detail: Some("why".into()), restarts: 0, sample_duration: None };
        let no_driver = CollectorState::NoDriver { text: "Driver Not Loaded".into() };
        for state in [CollectorState::Starting, CollectorState::Ok, CollectorState::Ok, no_driver] {
            log.collector(&collector(state), at(1));
        }
        for version in [Some("1"), None, Some("1"), Some("2")] {
            log.driver(version, at(2));
        }
        assert_eq!(codes(&mut log), ["ok", "no_driver", "driver_changed"]);
        let kept = log.kept(1);
        assert_eq!(kept[1].text, "the collector is no_driver after ok: Driver Not Loaded");
        assert_eq!(kept[1].action, "why", "the hint");
        assert_eq!(kept[2].text, "driver 2 was loaded after 1");
    }

    #[test]
    fn event_list_shared_until_changed() {
        let mut log = Log::default();
        let empty = log.kept(1);
        assert!(Arc::ptr_eq(&empty, &log.kept(1)));
        log.xid(&xid(1, None), None);
        let one = log.kept(1);
        assert!(Arc::ptr_eq(&one, &log.kept(1)));
        assert_eq!((empty.len(), one.len()), (0, 1));
    }

    #[test]
    fn event_has_its_first_snapshot() {
        let mut log = Log::default();
        log.xid(&xid(1, None), None);
        log.kept(4);
        log.xid(&xid(2, None), None);
        let sequences: Vec<u64> = log.kept(9).iter().map(|event| event.sequence).collect();
        assert_eq!(sequences, [4, 9]);
    }

    #[test]
    fn newest_events_kept() {
        let mut log = Log::default();
        for code in 0..KEPT as u64 + 7 {
            log.xid(&xid(code, None), None);
            if code % 1000 == 0 {
                log.kept(1);
            }
        }
        let kept = log.kept(1);
        assert_eq!((kept.len(), kept[0].code.as_str()), (KEPT, "xid_7"));
        assert_eq!(kept[KEPT - 1].code, format!("xid_{}", KEPT + 6));
    }
}
