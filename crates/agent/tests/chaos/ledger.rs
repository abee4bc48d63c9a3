//! State shared by clients and steps: the present fault, violations found, and figures.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{effect::Effect, gauge::Usage};

/// Half of all answers come sooner than this, whatever goes on. It is ten times what a quiet machine takes.
const SWIFT: Duration = Duration::from_millis(5);

/// The ledger of one run.
#[derive(Default)]
pub(crate) struct Ledger {
    over: AtomicBool,
    effect: Mutex<Effect>,
    violation: Mutex<Option<String>>,
    answers: AtomicU64,
    took: Mutex<BTreeMap<&'static str, Vec<Duration>>>,
    recoveries: Mutex<BTreeMap<String, Vec<Duration>>>,
    /// Resources of a process while the host was healthy: at first, and the maximum of each since.
    taken: Mutex<BTreeMap<&'static str, [Usage; 2]>>,
}

/// Ends the clients when it is dropped, so that a panic does not leave them running.
pub(crate) struct Running<'a>(pub(crate) &'a Ledger);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
    }
}

impl Ledger {
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Sets what may differ from now on. It is widened before a fault comes and narrowed after the host was seen
    /// healthy, so that an answer is judged by what held when it was asked for.
    pub(crate) fn expect(&self, effect: Effect) {
        *self.effect.lock().unwrap() = effect;
    }

    pub(crate) fn effect(&self) -> Effect {
        self.effect.lock().unwrap().clone()
    }

    /// Notes a violation; the first stays.
    pub(crate) fn accuse(&self, what: String) {
        // Of a list of ten thousand processes only the beginning is reported.
        self.violation.lock().unwrap().get_or_insert_with(|| what.chars().take(2_000).collect());
    }

    pub(crate) fn verdict(&self) -> Result<(), String> {
        self.violation.lock().unwrap().clone().map_or(Ok(()), Err)
    }

    pub(crate) fn answered(&self, kind: &'static str, took: Duration) {
        self.answers.fetch_add(1, Ordering::Relaxed);
        self.took.lock().unwrap().entry(kind).or_default().push(took);
    }

    pub(crate) fn recovered(&self, label: String, took: Duration) {
        self.recoveries.lock().unwrap().entry(label).or_default().push(took);
    }

    pub(crate) fn takes(&self, who: &'static str, usage: Usage) {
        let mut taken = self.taken.lock().unwrap();
        let [_, most] = taken.entry(who).or_insert([usage; 2]);
        *most = most.most(usage);
    }

    /// True if response times are those without faults.
    pub(crate) fn is_swift(&self) -> Result<(), String> {
        self.took.lock().unwrap().iter_mut().try_for_each(|(kind, took)| {
            took.sort();
            let median = took[took.len() / 2];
            if median < SWIFT { Ok(()) } else { Err(format!("half of the answers of {kind} took over {median:?}")) }
        })
    }

    /// The figures of the run, a line each.
    pub(crate) fn report(&self) -> String {
        let recoveries = self.recoveries.lock().unwrap();
        let faults: usize = recoveries.values().map(Vec::len).sum();
        let mut lines = vec![format!("{faults} faults, {} answers", self.answers.load(Ordering::Relaxed))];
        for (kind, took) in self.took.lock().unwrap().iter_mut() {
            took.sort();
            let share = |thousandths: usize| took[(took.len() - 1) * thousandths / 1000];
            let [half, most, last] = [share(500), share(990), share(1000)];
            lines.push(format!(
                "  {kind:<28} {:>7} answers, median {half:.1?}, 99 % {most:.1?}, longest {last:.1?}",
                took.len()
            ));
        }
        for (who, [first, most]) in self.taken.lock().unwrap().iter() {
            lines.push(format!("  {who}: at first {first}; at most {most}"));
        }
        for (label, took) in recoveries.iter() {
            let (longest, mut sorted) = (took.iter().max().copied().unwrap_or_default(), took.clone());
            sorted.sort();
            let half = sorted[sorted.len() / 2];
            lines.push(format!(
                "  {label:<42} {:>4} times, healthy after {half:.2?}, at most {longest:.2?}",
                took.len()
            ));
        }
        lines.join("\n")
    }
}

/// Now, in Unix milliseconds.
pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
