//! Verdicts about what a hub says: compared with the truth, host by host.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    plan::{Group, Plan},
    programs::RealAgent,
};

/// Time after a fault until a host must be good again: the longest pause between retries, and a timeout.
const RECOVERY: Duration = Duration::from_secs(75);
/// Time from a change of a list to that of the rows.
const LISTED: Duration = Duration::from_secs(10);
/// Time for which a dropped host stays.
const KEPT: Duration = Duration::from_secs(600);
/// Time in milliseconds between a reading and the next, and for a stream that comes in pieces.
const READING_MS: u64 = 1500;
const SLOW_MS: u64 = 5000;
/// Longest wait of an event on the way until its stream is opened again.
const WAITED_MS: u64 = 5000;
/// The same of a real agent: the simulated driver reads its scenario again, and the agent judges a use.
const REAL_MS: u64 = 4000;
/// The same in an engine: a scrape and an evaluation of the rules.
const ENGINE_MS: u64 = 12_000;

/// A fault of the product.
pub(super) struct Violation {
    pub(super) hub: &'static str,
    /// Expectation.
    pub(super) rule: &'static str,
    pub(super) detail: String,
}

/// A hub's answers at one moment.
pub(super) struct Heard<'a> {
    pub(super) hub: &'static str,
    pub(super) is_engine: bool,
    pub(super) fleet: &'a Value,
    pub(super) find: &'a Value,
    /// Unix time in milliseconds before the first request and after the last.
    pub(super) asked_ms: (u64, u64),
    pub(super) now: Instant,
    /// False while only a wrong `free` counts.
    pub(super) is_judged: bool,
    pub(super) started: Instant,
}

/// Knowledge about the hosts.
pub(super) struct Judge<'a> {
    pub(super) plan: &'a Plan,
    /// Time until which a host may be in any state.
    excused: BTreeMap<String, Instant>,
    /// Hosts that a valid list has dropped, since when.
    dropped: BTreeMap<String, Instant>,
    pub(super) checks: BTreeMap<&'static str, u64>,
    pub(super) violations: Vec<Violation>,
}

impl<'a> Judge<'a> {
    pub(super) const fn new(plan: &'a Plan) -> Self {
        Self {
            plan,
            excused: BTreeMap::new(),
            dropped: BTreeMap::new(),
            checks: BTreeMap::new(),
            violations: Vec::new(),
        }
    }

    /// Notes that a host has a fault until then.
    pub(super) fn excuse(&mut self, name: &str, fault_ends: Instant) {
        let until = fault_ends + RECOVERY;
        let known = self.excused.entry(name.to_owned()).or_insert(until);
        *known = (*known).max(until);
    }

    /// Notes that a valid list has dropped a host, or has it again.
    pub(super) fn dropped(&mut self, name: &str, is_dropped: bool, now: Instant) {
        if is_dropped {
            self.dropped.entry(name.to_owned()).or_insert(now);
        } else {
            self.dropped.remove(name);
        }
        self.excuse(name, now);
    }

    fn is_excused(&self, name: &str, now: Instant) -> bool {
        self.excused.get(name).is_some_and(|until| *until > now) || self.dropped.contains_key(name)
    }

    fn check(&mut self, hub: &'static str, rule: &'static str, is_met: bool, detail: impl FnOnce() -> String) {
        *self.checks.entry(rule).or_default() += 1;
        if !is_met {
            self.violations.push(Violation { hub, rule, detail: detail() });
        }
    }

    /// Notes that a hub did not answer.
    pub(super) fn unanswered(&mut self, hub: &'static str, error: &dyn std::error::Error) {
        self.check(hub, "a hub answers", false, || error.to_string());
    }

    /// Compares what a hub says with the truth.
    pub(super) fn hear(&mut self, heard: &Heard<'_>, agents: &[RealAgent]) {
        let rows: BTreeMap<&str, &Value> = heard.fleet["hosts"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|row| Some((row["name"].as_str()?, row)))
            .collect();
        for (name, row) in &rows {
            self.free_gpus(heard, name, row, agents);
        }
        self.choices(heard, agents);
        if !heard.is_judged {
            return;
        }
        let reals: Vec<String> = agents.iter().map(|agent| agent.name.clone()).collect();
        let mut expected = self.plan.names(&[Group::Calm, Group::Faulty, Group::Dropped]);
        if !heard.is_engine {
            expected.extend(self.plan.names(&[Group::Served]));
            expected.extend(reals);
        }
        // The original has no metrics.
        expected.retain(|name| !heard.is_engine || !self.plan.is_original(name));
        for name in expected.iter().filter(|name| !self.is_excused(name, heard.now)).collect::<Vec<_>>() {
            self.good_row(heard, name, rows.get(name.as_str()).copied());
        }
        if !heard.is_engine {
            self.dropped_rows(heard, &rows);
        }
    }

    /// A GPU is free only if it was at the row's reading.
    fn free_gpus(&mut self, heard: &Heard<'_>, name: &str, row: &Value, agents: &[RealAgent]) {
        let is_ok = row["state"] == "ok";
        for gpu in row["gpus"].as_array().into_iter().flatten().filter(|gpu| gpu["use"] == "free") {
            self.check(heard.hub, "a host that is not ok has no free GPU", is_ok, || format!("{name}: {row}"));
            let (Some(read), Some(index)) = (row["read_at"].as_u64(), gpu["index"].as_u64()) else {
                self.check(heard.hub, "a free GPU has a time", false, || format!("{name}: {row}"));
                continue;
            };
            // An event that waited on the way is newer than its row says.
            let newest = heard.asked_ms.1.min(read + WAITED_MS);
            let period = (read.saturating_sub(self.slack(heard, name, agents)), newest.max(read));
            if let Some(was_free) = self.was_free(name, index, period, agents) {
                self.check(heard.hub, "a free GPU was free at the row's reading", was_free, || {
                    format!("{name} GPU {index}, read_at {read}, asked {:?}: {row}", heard.asked_ms)
                });
            }
        }
    }

    /// Find offers a GPU only if it was free within three intervals.
    fn choices(&mut self, heard: &Heard<'_>, agents: &[RealAgent]) {
        for choice in heard.find["choices"].as_array().into_iter().flatten() {
            let name = choice["host"].as_str().unwrap_or_default();
            // The scrape interval of the engine is five seconds.
            let age = if heard.is_engine { Duration::from_secs(15) } else { self.plan.longest_age(name) };
            let age = u64::try_from(age.as_millis()).unwrap_or_default() + 1200;
            let begin = heard.asked_ms.0.saturating_sub(age + self.slack(heard, name, agents));
            for index in choice["devices"].as_array().into_iter().flatten().filter_map(|one| one["index"].as_u64()) {
                if let Some(was_free) = self.was_free(name, index, (begin, heard.asked_ms.1), agents) {
                    self.check(heard.hub, "find offers a GPU that was free within three intervals", was_free, || {
                        format!("{name} GPU {index}, asked {:?}: {choice}", heard.asked_ms)
                    });
                }
            }
        }
    }

    /// Milliseconds by which a use can be older than the time of its row.
    fn slack(&self, heard: &Heard<'_>, name: &str, agents: &[RealAgent]) -> u64 {
        if heard.is_engine {
            ENGINE_MS
        } else if agents.iter().any(|agent| agent.name == name) {
            REAL_MS
        } else if self.is_excused(name, heard.now) {
            SLOW_MS
        } else {
            READING_MS
        }
    }

    fn was_free(&self, name: &str, gpu: u64, period: (u64, u64), agents: &[RealAgent]) -> Option<bool> {
        match agents.iter().find(|agent| agent.name == name) {
            Some(agent) => Some(agent.was_free(gpu, period)),
            None => self.plan.was_free(name, gpu, period),
        }
    }

    /// The row of a host without a fault is `ok` and new.
    fn good_row(&mut self, heard: &Heard<'_>, name: &str, row: Option<&Value>) {
        let Some(row) = row else {
            self.check(heard.hub, "a listed host has a row", false, || name.to_owned());
            return;
        };
        let is_ok = row["state"] == "ok";
        self.check(heard.hub, "a healthy host is ok", is_ok, || {
            format!("{name}: {} {} since {}", row["state"], row["error"], row["since"])
        });
        if heard.is_engine || !is_ok {
            return;
        }
        let age = heard.asked_ms.0.saturating_sub(row["read_at"].as_u64().unwrap_or(0));
        let longest = u64::try_from(self.plan.longest_age(name).as_millis()).unwrap_or_default();
        self.check(heard.hub, "a healthy row is not older than three intervals", age <= longest, || {
            format!("{name}: {age} ms")
        });
    }

    /// Hosts that a valid list dropped stay for ten minutes, and no longer.
    fn dropped_rows(&mut self, heard: &Heard<'_>, rows: &BTreeMap<&str, &Value>) {
        let dropped: Vec<_> = self.dropped.iter().map(|(name, since)| (name.clone(), *since)).collect();
        for (name, since) in dropped {
            let age = heard.now.saturating_duration_since(since);
            // A hub that started later never knew it.
            if since < heard.started + Duration::from_secs(20) || age < LISTED {
                continue;
            }
            let state = rows.get(name.as_str()).map(|row| &row["state"]);
            if age + LISTED < KEPT {
                let is_unreachable = state.is_some_and(|state| state == "unreachable");
                self.check(heard.hub, "a dropped host is unreachable for ten minutes", is_unreachable, || {
                    format!("{name} after {} s: {state:?}", age.as_secs())
                });
            } else if age > KEPT + LISTED {
                self.check(heard.hub, "a dropped host is gone after ten minutes", state.is_none(), || {
                    format!("{name} after {} s: {state:?}", age.as_secs())
                });
            }
        }
    }
}
