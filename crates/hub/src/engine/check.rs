//! Findings of `hub --check` about an engine.

use std::{collections::BTreeSet, time::SystemTime};

use super::{
    answer::Series,
    api::{Engine, EngineError},
    config::EngineConfig,
    live::{Instances, QUERY_OF_SCRAPES, QUERY_OF_TIMES},
};
use crate::{client::Client, target::TargetList};

/// Seconds that a host's clock may be ahead.
const MAX_AHEAD: f64 = 5.0;
/// Seconds by which samples are older than the evaluation that reads them, besides an interval, if the engine holds them back.
const HELD_BACK: f64 = 15.0;

/// Findings: facts, what may be wrong, and what prevents the hub from working. Each is one line.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Facts.
    pub facts: Vec<String>,
    /// Possible mistakes, with their fixes.
    pub warnings: Vec<String>,
    /// Mistakes, with their fixes.
    pub problems: Vec<String>,
}

/// Newest readings of agents, as the engine has them.
#[derive(Debug, Default)]
struct Agents {
    /// Listed hosts that were scraped.
    scraped: BTreeSet<usize>,
    /// Listed hosts whose newest scrape failed.
    failed: BTreeSet<usize>,
    /// Listed hosts whose clock is ahead.
    ahead: BTreeSet<usize>,
    /// An agent that is not listed, and the number of them.
    other: Option<String>,
    others: usize,
}

/// Evaluations of the rules.
#[derive(Debug, Default)]
struct Rules {
    hosts: usize,
    newest: f64,
    steps: Vec<f64>,
    /// Ages of readings at the newest evaluation.
    lags: Vec<f64>,
}

/// Asks an engine twice: for the agents, and if the live state comes from it for the recorded series.
pub async fn check(client: &Client, config: EngineConfig, list: &TargetList, is_live: bool) -> Checked {
    let place = config.endpoint.to_string();
    let engine = Engine::new(client, config);
    let mut checked = Checked::default();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let instances = Instances::of(list);
    let fold = |agents: &mut Agents, series: &Series<'_>| agents.take(&instances, series, now);
    match engine.instant(QUERY_OF_SCRAPES, fold).await {
        Ok(answered) => {
            checked.warnings.extend(answered.note);
            answered.value.judge(&place, list, &instances, &mut checked);
        }
        Err(error) => {
            checked.problems.push(format!("--prometheus {place}: {}", worded(&error)));
            return checked;
        }
    }
    if is_live && checked.problems.is_empty() {
        match engine.instant(QUERY_OF_TIMES, |rules: &mut Rules, series| rules.take(series)).await {
            Ok(answered) => answered.value.judge(now, &mut checked),
            Err(error) => checked.problems.push(format!("--prometheus {place}: {}", worded(&error))),
        }
    }
    checked
}

/// An error with its fix.
fn worded(error: &EngineError) -> String {
    let fix = match error {
        EngineError::Client(_) => "; start it, or correct --prometheus",
        EngineError::Refused(_) => "; set --prometheus-user-file or --prometheus-token-file",
        EngineError::Credentials(_)
        | EngineError::Redirect(_)
        | EngineError::Foreign(_)
        | EngineError::Partial
        | EngineError::Busy
        | EngineError::Reported(_) => "",
    };
    format!("{error}{fix}")
}

impl Agents {
    fn take(&mut self, instances: &Instances, series: &Series<'_>, now: f64) {
        let Some((instance, (_, read))) = series.label("instance").zip(series.last()) else { return };
        match instances.find(instance) {
            Some(at) if read > 0.0 => {
                self.scraped.insert(at);
                if read > now + MAX_AHEAD {
                    self.ahead.insert(at);
                }
            }
            Some(at) => drop(self.failed.insert(at)),
            None if read > 0.0 => {
                self.others += 1;
                self.other.get_or_insert_with(|| instance.to_owned());
            }
            None => {}
        }
    }

    fn judge(self, place: &str, list: &TargetList, instances: &Instances, to: &mut Checked) {
        let (scraped, listed) = (self.scraped.len(), list.targets.len());
        to.facts.push(format!("engine                 {place} has {scraped} of the {listed} hosts"));
        let name = |at: &usize| list.targets.get(*at).map_or_else(String::new, |target| target.name.to_string());
        match self.other {
            _ if listed == 0 => {}
            Some(other) if scraped == 0 => to.problems.push(format!(
                "--prometheus {place} scrapes agents such as instance {other:?}, and none of the listed hosts, such as \
                 instance {:?}: give both the same list (/api/v1/targets), or a label instance in this one",
                instances.names(0).first().map_or("", |name| name)
            )),
            None if scraped == 0 && self.failed.is_empty() => to.problems.push(format!(
                "--prometheus {place} has no series nvsmi_agent_snapshot_timestamp_seconds: let it scrape the agents \
                 (deploy/prometheus/prometheus.yml)"
            )),
            _ => {}
        }
        if let Some(at) = self.failed.first() {
            to.warnings.push(format!(
                "the engine cannot scrape {} of the listed hosts, such as {}: its page /targets has the reason",
                self.failed.len(),
                name(at)
            ));
        }
        let missing = (0..listed).filter(|at| !self.scraped.contains(at) && !self.failed.contains(at));
        if let Some(at) = missing.clone().next().filter(|_| scraped > 0) {
            to.warnings.push(format!(
                "the engine does not scrape {} of the listed hosts, such as {}: give both the same list (/api/v1/targets)",
                missing.count(),
                name(&at)
            ));
        }
        if let Some(at) = self.ahead.first() {
            to.warnings.push(format!(
                "the clocks of {} hosts are ahead, such as that of {}: they count as stale until they are set",
                self.ahead.len(),
                name(at)
            ));
        }
    }
}

impl Rules {
    fn take(&mut self, series: &Series<'_>) {
        self.hosts += 1;
        let times = series.points.windows(2).filter_map(|pair| match pair {
            [(one, _), (other, _)] if other > one => Some(other - one),
            _ => None,
        });
        self.steps.extend(times);
        if let Some((time, read)) = series.last() {
            self.newest = self.newest.max(time);
            self.lags.push(time - read);
        }
    }

    fn judge(mut self, now: f64, to: &mut Checked) {
        if self.hosts == 0 {
            to.problems.push(
                "the engine has no series instance:nvsmi_fleet_read_timestamp_seconds:max: load \
                 deploy/prometheus/fleet.yml as a file of rules (with VictoriaMetrics, in vmalert)"
                    .into(),
            );
            return;
        }
        let (every, lag) = (median(&mut self.steps), median(&mut self.lags).unwrap_or_default());
        let seconds = every.map_or_else(|| "not yet known".to_owned(), |every| format!("every {every:.0} s"));
        to.facts.push(format!("engine's rules         {} hosts, {seconds}", self.hosts));
        let late = now - self.newest;
        if late > 3.0 * every.unwrap_or(60.0) {
            to.problems.push(format!(
                "the rules of deploy/prometheus/fleet.yml were evaluated last {late:.0} s ago: see whether Prometheus (or \
                 vmalert) runs, and whether its clock is right"
            ));
        }
        if lag > every.unwrap_or(60.0) + HELD_BACK {
            to.warnings.push(format!(
                "the rules read samples that are {lag:.0} s old: with VictoriaMetrics, start vmalert with nocache=1 in its \
                 -datasource.url, such as http://victoria-metrics:8428/?nocache=1"
            ));
        }
    }
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        engine::stand_in::{Answer, StandIn},
        target::{Endpoint, Scheme, Target},
    };

    fn now() -> f64 {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64()
    }

    fn list(hosts: &[&str]) -> TargetList {
        let target = |host: &&str| {
            let endpoint = Endpoint { scheme: Scheme::Http, host: (*host).into(), port: 1, prefix: "".into() };
            let (labels, notes) = (std::collections::BTreeMap::new(), Vec::new());
            Arc::new(Target { endpoint, name: (*host).into(), labels: Arc::new(labels), ssh_host: None, notes })
        };
        TargetList { targets: hosts.iter().map(target).collect(), is_loaded: true, ..TargetList::default() }
    }

    /// Findings about an engine with these readings of agents, by instance, and evaluations of the rules this many seconds ago,
    /// whose readings were so much older.
    async fn checked(agents: &[(&str, f64)], rules: &[(f64, f64)]) -> Checked {
        let value = |(instance, value): &(&str, f64)| (format!("instance={instance}"), vec![(now(), *value)]);
        let agents: Vec<_> = agents.iter().map(value).collect();
        let points: Vec<(f64, f64)> = rules.iter().map(|(ago, lag)| (now() - ago, now() - ago - lag)).collect();
        let rules: Vec<_> = if points.is_empty() { vec![] } else { vec![("instance=a:1".to_owned(), points)] };
        let answer = move |query: &str| Answer::series(if query.contains("scrape_samples") { &agents } else { &rules });
        let stand_in = StandIn::new(move |asked| answer(&asked.query)).await;
        check(&stand_in.client(), stand_in.config(), &list(&["a", "b"]), true).await
    }

    const RULES: [(f64, f64); 3] = [(31.0, 4.0), (16.0, 4.0), (1.0, 4.0)];

    #[tokio::test]
    async fn engine_that_has_all_is_fine() {
        let found = checked(&[("a:1", now()), ("b:1", now())], &RULES).await;
        assert_eq!((found.problems, found.warnings), (vec![], vec![]));
        assert!(found.facts[0].ends_with("has 2 of the 2 hosts") && found.facts[1].ends_with("1 hosts, every 15 s"));
    }

    #[tokio::test]
    async fn each_mistake_has_its_fix() {
        let now = now();
        let old = RULES.map(|(ago, lag)| (ago + 600.0, lag));
        let held_back = RULES.map(|(ago, lag)| (ago, lag + 30.0));
        for (agents, rules, is_problem, expected) in [
            (&[][..], &RULES[..], true, "let it scrape the agents"),
            (&[("x:1", now)], &RULES, true, "instance \"x:1\", and none of the listed hosts, such as instance \"a:1\""),
            (&[("a:1", now), ("b:1", now)], &[], true, "load deploy/prometheus/fleet.yml"),
            (&[("a:1", now), ("b:1", now)], &old, true, "were evaluated last 601 s ago"),
            (&[("a:1", now), ("b:1", now)], &held_back, false, "nocache=1 in its -datasource.url"),
            (&[("a:1", now), ("b:1", 0.0)], &RULES, false, "cannot scrape 1 of the listed hosts, such as b"),
            (&[("a:1", now)], &RULES, false, "does not scrape 1 of the listed hosts, such as b"),
            (&[("a:1", now), ("b:1", now + 3600.0)], &RULES, false, "clocks of 1 hosts are ahead, such as that of b"),
        ] {
            let found = checked(agents, rules).await;
            let (one, other) =
                if is_problem { (&found.problems, &found.warnings) } else { (&found.warnings, &found.problems) };
            assert!(one.len() == 1 && one[0].contains(expected) && other.is_empty(), "{expected}: {found:?}");
        }
    }

    #[tokio::test]
    async fn engine_that_does_not_answer_is_a_problem() {
        let stand_in = StandIn::new(|_| Answer::text(401, "")).await;
        let found = check(&stand_in.client(), stand_in.config(), &list(&["a"]), true).await;
        assert!(found.problems[0].contains("set --prometheus-user-file"), "{found:?}");
        let config = EngineConfig::at("http://127.0.0.1:1").unwrap();
        let found = check(&stand_in.client(), config, &list(&["a"]), true).await;
        assert!(
            found.problems.len() == 1 && found.problems[0].contains("start it, or correct --prometheus"),
            "{found:?}"
        );
    }
}
