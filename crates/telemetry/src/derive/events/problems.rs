//! Problems of GPUs as events: each reason of a verdict when it begins, when it gets worse, and when it is over.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    Stamp,
    derive::identity::is_uuid,
    snapshot::{Event, EventKind, Gpu, GpuState, Reason, Severity},
};

/// A problem is over after this long without it, so that one that comes and goes does not fill the log.
const OVER: Duration = Duration::from_secs(60);

/// Problems of all GPUs that are not over, by the name of the GPU's records and the code.
#[derive(Debug, Default)]
pub(super) struct Problems(BTreeMap<String, BTreeMap<String, Problem>>);

#[derive(Debug)]
struct Problem {
    text: String,
    /// Worst severity since it began, so that one that goes up and down does not fill the log.
    severity: Severity,
    /// First sight of the GPU without it.
    gone: Option<Stamp>,
}

/// True for reasons that a state of the GPU has. Its change is an event.
pub(super) fn is_of_state(code: &str) -> bool {
    matches!(code, "lost" | "not_answering" | "unreadable")
}

/// True for reasons that are events of another kind.
fn is_other_event(code: &str) -> bool {
    is_of_state(code) || code.starts_with("xid_")
}

impl Problems {
    /// Events of what began, got worse or is over.
    pub(super) fn see(&mut self, gpu: &Gpu, now: Stamp) -> Vec<Event> {
        let reasons = || gpu.health.reasons.iter().filter(|reason| !is_other_event(&reason.code));
        if !self.0.contains_key(&gpu.key) && reasons().next().is_none() {
            return Vec::new();
        }
        let known = self.0.entry(gpu.key.clone()).or_default();
        let mut events: Vec<Event> = reasons().filter_map(|reason| begun(known, gpu, reason, now)).collect();
        // What is wrong with a GPU that is not read is not known.
        if gpu.state == GpuState::Ok {
            let gone = |code: &str| !reasons().any(|reason| reason.code == code);
            known.iter_mut().filter(|(code, _)| gone(code)).for_each(|(_, problem)| {
                problem.gone.get_or_insert(now);
            });
            known.retain(|code, problem| {
                let is_over = problem.gone.is_some_and(|gone| now.boot.since(gone.boot) >= OVER);
                if is_over {
                    let text = format!("GPU {}: no longer: {}", gpu.index, problem.text);
                    events.push(event(gpu, Severity::Ok, code, text, String::new(), now));
                }
                !is_over
            });
        }
        if known.is_empty() {
            self.0.remove(&gpu.key);
        }
        events
    }

    /// Takes over the problems of a name that turned out not to be the GPU's own.
    pub(super) fn rename(&mut self, before: &str, now: &str) {
        if let Some(known) = self.0.remove(before) {
            self.0.entry(now.into()).or_default().extend(known);
        }
    }

    pub(super) fn forget(&mut self, key: &str) {
        self.0.remove(key);
    }
}

/// Event of a problem that is new or worse than before.
fn begun(known: &mut BTreeMap<String, Problem>, gpu: &Gpu, reason: &Reason, now: Stamp) -> Option<Event> {
    let Reason { severity, code, text, action } = reason;
    let before = known.get(code).map(|problem| problem.severity);
    let worst = before.map_or(*severity, |before| before.max(*severity));
    known.insert(code.clone(), Problem { text: text.clone(), severity: worst, gone: None });
    let is_news = before.is_none_or(|before| *severity > before);
    is_news.then(|| event(gpu, *severity, code, format!("GPU {}: {text}", gpu.index), action.clone(), now))
}

fn event(gpu: &Gpu, severity: Severity, code: &str, text: String, action: String, now: Stamp) -> Event {
    Event {
        sequence: 0,
        at: now,
        kind: EventKind::Health,
        gpu_uuid: is_uuid(&gpu.key).then(|| gpu.key.clone()),
        severity,
        code: code.into(),
        text,
        action,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixtures::blank::{self, at},
        snapshot::Health,
    };

    fn gpu(state: GpuState, reasons: &[(Severity, &str)]) -> Gpu {
        let reasons = reasons.iter().map(|(severity, code)| Reason {
            severity: *severity,
            code: (*code).into(),
            text: format!("{code} on it"),
            action: "Reset it.".into(),
        });
        Gpu { state, health: Health { verdict: Severity::Ok, reasons: reasons.collect() }, ..blank::gpu("A", at(0)) }
    }

    #[test]
    fn problem_is_event_when_it_begins_worsens_and_is_over() {
        use GpuState::{Lost, Ok};
        use Severity::{Critical, Warning};
        let mut problems = Problems::default();
        let hot = (Warning, "hot");
        let mut see = |second: u64, state, reasons: &[(Severity, &str)]| {
            let events = problems.see(&gpu(state, reasons), at(second * 1000));
            events.into_iter().map(|event| (event.severity, event.text, event.action)).collect::<Vec<_>>()
        };
        let told = |severity, text: &str, action: &str| vec![(severity, text.to_owned(), action.to_owned())];
        assert_eq!(see(0, Ok, &[]), []);
        assert_eq!(see(1, Ok, &[hot]), told(Warning, "GPU 0: hot on it", "Reset it."));
        assert_eq!(see(2, Ok, &[hot, (Critical, "lost"), (Critical, "xid_79")]), [], "known, or other events");
        assert_eq!(see(3, Ok, &[(Critical, "hot")]), told(Critical, "GPU 0: hot on it", "Reset it."));
        for second in 4..10 {
            let severity = if second % 2 == 0 { Warning } else { Critical };
            assert_eq!(
                see(second, Ok, &[(severity, "hot")]),
                [],
                "better or as bad as it was at {second}, and not over"
            );
        }
        // It comes and goes.
        for second in 10..200 {
            let reasons = [hot];
            assert_eq!(see(second, Ok, &reasons[..usize::from(second % 50 == 0)]), [], "at {second}");
        }
        assert_eq!(see(209, Ok, &[]), []);
        assert_eq!(see(300, Lost, &[]), [], "nobody knows");
        assert_eq!(see(301, Ok, &[]), told(Severity::Ok, "GPU 0: no longer: hot on it", ""));
        assert_eq!(see(302, Ok, &[]), []);
        assert_eq!(see(303, Ok, &[hot]), told(Warning, "GPU 0: hot on it", "Reset it."), "another one");
        assert_eq!(see(304, Ok, &[(Critical, "hot")]), told(Critical, "GPU 0: hot on it", "Reset it."));
        assert_eq!(see(305, Ok, &[]), []);
        assert_eq!(see(365, Ok, &[]), told(Severity::Ok, "GPU 0: no longer: hot on it", ""));
        assert!(problems.0.is_empty());
    }
}
