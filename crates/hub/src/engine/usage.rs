//! Usage of a period from the counters of users: the difference of their last values at both ends.
//!
//! The counters are what agents have on disk, with a zero for each new user, so the difference is exact, and a gap in between
//! costs nothing. A host counts only if the engine has its counters at both ends: with less retention than the period, the
//! difference would be the total of its life.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    answer::Series,
    api::{Answered, Engine, EngineError},
    live::Instances,
};
use crate::target::TargetList;

/// Counters of users, in the order of [`UserTotals`].
const COUNTERS: [&str; 4] = [
    "nvsmi_user_gpu_seconds_total",
    "nvsmi_user_busy_gpu_seconds_total",
    "nvsmi_user_idle_gpu_seconds_total",
    "nvsmi_user_energy_joules_total",
];
/// Fall of a counter that rounding can make.
const SLACK: f64 = 0.01;
/// Longest name of a user that is kept, in bytes.
const MAX_NAME: usize = 256;

/// Totals of each listed host, by its position.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    /// Users of hosts that are known at both ends.
    pub(crate) users: Vec<UserTotals>,
    /// Positions of these hosts.
    pub(crate) hosts: Vec<usize>,
    /// The other hosts, with the reason.
    pub(crate) missing: Vec<(usize, &'static str)>,
}

/// A user on a host.
#[derive(Debug, PartialEq)]
pub(crate) struct UserTotals {
    pub(crate) host: usize,
    pub(crate) user: Box<str>,
    pub(crate) gpu_seconds: f64,
    pub(crate) busy_gpu_seconds: Option<f64>,
    pub(crate) idle_gpu_seconds: Option<f64>,
    pub(crate) energy_joules: Option<f64>,
}

/// Values of a counter by host and user.
type Values = HashMap<(usize, Box<str>), f64>;

pub(super) async fn read(
    engine: &Engine,
    list: &TargetList,
    since_ms: u64,
    until_ms: u64,
) -> Result<Totals, EngineError> {
    let instances = Instances::of(list);
    let hosts = &instances;
    let [gpu, busy, idle, energy] = COUNTERS.map(|name| async move {
        tokio::try_join!(values(engine, hosts, name, since_ms), values(engine, hosts, name, until_ms))
    });
    let (gpu, busy, idle, energy) = tokio::try_join!(gpu, busy, idle, energy)?;
    Ok(between(&instances, &gpu, [&busy, &idle, &energy]))
}

/// The differences. `gpu` decides which hosts are known.
fn between(instances: &Instances, gpu: &(Values, Values), others: [&(Values, Values); 3]) -> Totals {
    let hosts = |values: &Values| values.keys().map(|(host, _)| *host).collect::<HashSet<_>>();
    let (begun, ended) = (hosts(&gpu.0), hosts(&gpu.1));
    let mut totals = Totals::default();
    let mut by_host: BTreeMap<usize, Vec<UserTotals>> = BTreeMap::new();
    let mut fallen: HashSet<usize> = HashSet::new();
    for (key, end) in &gpu.1 {
        let difference = |(begin, ends): &(Values, Values), end: Option<f64>| {
            // A user who is new has had a zero.
            Some(end.or_else(|| ends.get(key).copied())? - begin.get(key).copied().unwrap_or(0.0))
        };
        let [busy, idle, energy] = others.map(|values| difference(values, None));
        let seconds = difference(gpu, Some(*end)).unwrap_or_default();
        let all = [Some(seconds), busy, idle, energy];
        if all.iter().flatten().any(|value| *value < -SLACK) {
            fallen.insert(key.0);
        }
        let positive = |value: Option<f64>| value.map(|value| value.max(0.0));
        by_host.entry(key.0).or_default().push(UserTotals {
            host: key.0,
            user: key.1.clone(),
            gpu_seconds: seconds.max(0.0),
            busy_gpu_seconds: positive(busy),
            idle_gpu_seconds: positive(idle),
            energy_joules: positive(energy),
        });
    }
    for host in 0..instances.len() {
        let missing = if instances.names(host).is_empty() {
            "other hosts of the list have the same instance: give each a label instance, as in the engine"
        } else if !ended.contains(&host) {
            "the engine has no totals of its users at the end of the period: scrape the set standard or full of its \
             agent, and start that with --metrics-users"
        } else if !begun.contains(&host) {
            "the engine has no totals of its users at the beginning of the period: ask for a later since"
        } else if fallen.contains(&host) {
            "the totals of its users began again within the period"
        } else {
            totals.hosts.push(host);
            totals.users.extend(by_host.remove(&host).unwrap_or_default());
            continue;
        };
        totals.missing.push((host, missing));
    }
    totals
}

/// Last values of a counter before a time, within an hour.
async fn values(engine: &Engine, instances: &Instances, name: &str, at_ms: u64) -> Result<Values, EngineError> {
    // Two jobs that scrape one agent, and labels that changed, make several series of one counter.
    let query = format!("max by (instance, user) (last_over_time({name}[1h]))");
    let take = |values: &mut Values, series: &Series<'_>| {
        let (Some(instance), Some(user)) = (series.label("instance"), series.label("user")) else { return };
        let value = series.last().map(|(_, value)| value).filter(|value| value.is_finite() && *value >= 0.0);
        let (Some(host), Some(value)) = (instances.find(instance), value) else { return };
        if user.len() <= MAX_NAME {
            let known = values.entry((host, user.into())).or_insert(value);
            *known = known.max(value);
        }
    };
    let Answered { value, is_partial, .. } = engine.instant_at(&query, at_ms, take).await?;
    // A value that is missing at the beginning would count the whole life of a user.
    if is_partial { Err(EngineError::Partial) } else { Ok(value) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        engine::stand_in::{Answer, Asked, StandIn},
        fleet::tests::list,
    };

    const SINCE: u64 = 1_700_000_000_000;
    const UNTIL: u64 = 1_700_003_600_000;

    /// The answer of an engine with these counters, each with its values at the beginning and at the end.
    fn answer(asked: &Asked, counters: &[(&str, &str, &str, [Option<f64>; 2])]) -> Answer {
        let at_end = asked.body.contains(&format!("&time={}", UNTIL / 1000));
        assert!(at_end || asked.body.contains(&format!("&time={}", SINCE / 1000)), "{}", asked.body);
        let of_query = counters.iter().filter(|(name, ..)| asked.query.contains(&format!("({name}[1h])")));
        let series = of_query.filter_map(|(_, host, user, [begin, end])| {
            let value = if at_end { end } else { begin };
            value.map(|value| (format!("instance={host}:8000,user={user}"), vec![(1.0, value)]))
        });
        Answer::series(&series.collect::<Vec<_>>())
    }

    async fn totals(counters: &'static [(&str, &str, &str, [Option<f64>; 2])]) -> (Totals, usize) {
        let stand_in = StandIn::new(move |asked| answer(asked, counters)).await;
        let totals = read(&stand_in.engine(), &list(&["a", "b", "c", "d"]), SINCE, UNTIL).await.unwrap();
        (totals, stand_in.asked().len())
    }

    const GPU: &str = "nvsmi_user_gpu_seconds_total";

    #[tokio::test]
    async fn totals_are_differences_of_both_ends() {
        let (totals, queries) = totals(&[
            (GPU, "a", "alice", [Some(1000.0), Some(1600.0)]),
            ("nvsmi_user_busy_gpu_seconds_total", "a", "alice", [Some(10.0), Some(40.0)]),
            (GPU, "a", "new", [None, Some(60.0)]),
            (GPU, "b", "alice", [None, Some(99_999.0)]),
            (GPU, "c", "bob", [Some(5.0), None]),
            (GPU, "d", "bob", [Some(500.0), Some(20.0)]),
            (GPU, "x", "mallory", [Some(0.0), Some(1e9)]),
        ])
        .await;
        assert_eq!((queries, &totals.hosts[..]), (8, &[0][..]));
        let mut users = totals.users;
        users.sort_by(|one, other| one.user.cmp(&other.user));
        let found: Vec<_> = users
            .iter()
            .map(|user| (&*user.user, user.gpu_seconds, user.busy_gpu_seconds, user.energy_joules))
            .collect();
        assert_eq!(found, [("alice", 600.0, Some(30.0), None), ("new", 60.0, None, None)]);
        let [(1, begin), (2, end), (3, again)] = totals.missing[..] else { panic!("{:?}", totals.missing) };
        assert!(begin.contains("beginning") && end.contains("--metrics-users") && again.contains("began again"));
    }

    #[tokio::test]
    async fn answer_in_part_is_an_error() {
        let body = r#"{"status":"success","isPartial":true,"data":{"resultType":"vector","result":[]}}"#;
        let stand_in = StandIn::new(move |_| Answer::json(200, body)).await;
        let error = read(&stand_in.engine(), &list(&["a"]), SINCE, UNTIL).await.unwrap_err();
        assert!(error.to_string().contains("in part"), "{error}");
    }

    #[tokio::test]
    async fn values_that_are_no_totals_are_left_out() {
        let body = r#"{"status":"success","data":{"resultType":"vector","result":[
            {"metric":{"instance":"a:8000","user":"u"},"value":[1,"NaN"]},
            {"metric":{"instance":"a:8000","user":"v"},"value":[1,"-5"]},
            {"metric":{"instance":"a:8000","user":"w"},"value":[1,"+Inf"]},
            {"metric":{"instance":"a:8000"},"value":[1,"5"]},
            {"metric":{"user":"x"},"value":[1,"5"]}]}}"#;
        let stand_in = StandIn::new(move |_| Answer::json(200, body)).await;
        let totals = read(&stand_in.engine(), &list(&["a"]), SINCE, UNTIL).await.unwrap();
        assert!(totals.users.is_empty() && totals.missing.len() == 1, "{totals:?}");
    }

    #[test]
    fn hosts_of_one_instance_are_missing() {
        let mut all = list(&["a"]);
        let mut twin = (*all.targets[0]).clone();
        twin.name = "twin".into();
        all.targets = [Arc::clone(&all.targets[0]), Arc::new(twin)].into();
        let none = (Values::new(), Values::new());
        let totals = between(&Instances::of(&all), &none, [&none, &none, &none]);
        assert!(totals.missing.iter().all(|(_, why)| why.contains("same instance")), "{totals:?}");
    }
}
