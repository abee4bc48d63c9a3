//! Live state from a stand-in that plays engines.

mod doubtful;
mod faults;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use telemetry::snapshot::{GpuState, Severity, UseVerdict};

use super::*;
use crate::{
    engine::stand_in::{Answer, StandIn},
    report::Report,
    target::{Scheme, Target},
};

type Series = (String, Vec<(f64, f64)>);

/// Series by the part of a query that asks for them.
#[derive(Clone, Default)]
struct Model(Arc<Mutex<HashMap<&'static str, Answer>>>);

/// Parts of queries. The first that a query contains names it.
const PARTS: [&str; 12] = [
    "read_timestamp_seconds:max",
    "gpus:count",
    "memory_free_bytes:sum",
    "memory_total_bytes:sum",
    "power_watts:sum",
    "collector_ok:min",
    "free_memory_bytes:min",
    "scrape_samples_scraped",
    "nvsmi_gpu_info[",
    "_info\"}[",
    "agent_snapshot_timestamp_seconds|",
    "nvsmi_gpu_health_reason",
];

impl Model {
    fn set(&self, part: &'static str, series: &[Series]) {
        self.fail(part, Answer::series(series));
    }
    fn fail(&self, part: &'static str, answer: Answer) {
        assert!(PARTS.contains(&part));
        self.0.lock().unwrap().insert(part, answer);
    }
    fn answer(&self, query: &str) -> Answer {
        let part = PARTS.iter().find(|part| query.contains(**part)).unwrap_or_else(|| panic!("{query}"));
        self.0.lock().unwrap().get(part).cloned().unwrap_or_else(|| Answer::series(&[]))
    }
    /// A host with these numbers, read this many seconds ago.
    fn host(&self, ago: f64, kinds: &[(&str, f64)]) {
        let read = now().unix - ago;
        let points = vec![(read - 14.0, read - 15.0), (read + 1.0, read)];
        self.set("read_timestamp_seconds:max", &[("instance=a:1".into(), points)]);
        self.set("scrape_samples_scraped", &[("instance=a:1".into(), at(read + 1.0, read))]);
        let kinds: Vec<Series> =
            kinds.iter().map(|(kind, n)| (format!("instance=a:1,kind={kind}"), fresh(*n))).collect();
        self.set("gpus:count", &kinds);
    }
}

fn at(time: f64, value: f64) -> Vec<(f64, f64)> {
    vec![(time, value)]
}

/// A value of the newest evaluation.
fn fresh(value: f64) -> Vec<(f64, f64)> {
    at(now().unix, value)
}

fn list(names: &[&str]) -> TargetList {
    let target = |name: &&str| {
        let endpoint = Endpoint { scheme: Scheme::Http, host: (*name).into(), port: 1, prefix: "".into() };
        let (labels, notes) = (BTreeMap::default(), Vec::new());
        Arc::new(Target { endpoint, name: (*name).into(), labels: Arc::new(labels), ssh_host: None, notes })
    };
    TargetList { targets: names.iter().map(target).collect(), is_loaded: true, ..TargetList::default() }
}

async fn live(model: &Model) -> (Live, StandIn) {
    let model = model.clone();
    let stand_in = StandIn::new(move |asked| model.answer(&asked.query)).await;
    (Live::new(stand_in.engine()), stand_in)
}

/// A refresh, with the facts if they are due.
async fn refreshed(live: &mut Live, list: &TargetList, visible: &VisibleHosts) -> Vec<Observation> {
    let observed = live.refresh(list, visible).await;
    let whole = live.read_facts().await;
    if whole.is_empty() { observed } else { whole }
}

fn nobody() -> VisibleHosts {
    Arc::default()
}

fn looking(names: &[&str]) -> VisibleHosts {
    Arc::new(names.iter().map(|name| (Arc::from(*name), 1)).collect())
}

fn report_of(observed: &[Observation], host: &str) -> Report {
    match &observed.iter().find(|observed| &*observed.endpoint.host == host).unwrap().seen {
        Seen::Report(report) => (**report).clone(),
        seen => panic!("{seen:?}"),
    }
}

fn failure_of(observed: &[Observation], host: &str) -> String {
    match &observed.iter().find(|observed| &*observed.endpoint.host == host).unwrap().seen {
        Seen::Failed(Failure::Unreachable(why)) => why.clone(),
        seen => panic!("{seen:?}"),
    }
}

const KINDS: [(&str, f64); 5] = [("free", 1.0), ("held", 1.0), ("busy", 2.0), ("all", 4.0), ("free_mig", 3.0)];

#[tokio::test]
async fn host_that_nobody_looks_at_counted() {
    let model = Model::default();
    model.host(2.0, &KINDS);
    model.set("memory_free_bytes:sum", &[("instance=a:1".into(), fresh(5e11))]);
    model.set("memory_total_bytes:sum", &[("instance=a:1".into(), fresh(6e11))]);
    model.set("power_watts:sum", &[("instance=a:1".into(), fresh(512.5))]);
    model.set("free_memory_bytes:min", &[("instance=a:1,gpu=1,uuid=U1".into(), fresh(8e10))]);
    model.set(
        "nvsmi_gpu_health_reason",
        &[("instance=a:1,gpu=2,code=ecc_pending,severity=critical".into(), fresh(1.0))],
    );
    let info = |gpu: u32| (format!("instance=a:1,gpu={gpu},uuid=U{gpu},name=NVIDIA H100"), fresh(1.0));
    model.set("nvsmi_gpu_info[", &[info(0), info(1), info(2), info(3)]);
    model.set("_info\"}[", &[("__name__=nvsmi_agent_build_info,instance=a:1,version=0.2.0".into(), fresh(1.0))]);
    let (mut live, stand_in) = live(&model).await;
    let observed = refreshed(&mut live, &list(&["a"]), &nobody()).await;
    assert_eq!(stand_in.asked().len(), 11, "nine queries, and two of facts");
    let report = report_of(&observed, "a");
    let counts = report.counts.unwrap();
    assert_eq!((counts.free, counts.held, counts.busy, counts.unknown, counts.mig_free), (1, 1, 2, 0, 3));
    assert_eq!((counts.memory_free_bytes, counts.power_watts), (Some(500_000_000_000), Some(512.5)));
    assert_eq!((report.source, report.agent_version.as_deref()), (crate::Source::Engine, Some("0.2.0")));
    assert_eq!(report.interval, Some(Duration::from_secs(15)), "learned");
    assert!((1900..6000).contains(&report.age.unwrap().as_millis()), "{:?}", report.age);
    assert_eq!(report.problems, ["GPU 2: ecc pending"]);
    let uses: Vec<_> = report.gpus.iter().map(|gpu| (gpu.index, gpu.r#use, gpu.health)).collect();
    let (ok, unknown) = (Some(Severity::Ok), UseVerdict::Unknown);
    assert_eq!(
        uses,
        [(0, unknown, ok), (1, UseVerdict::Free, ok), (2, unknown, Some(Severity::Critical)), (3, unknown, ok)]
    );
    let free = &report.gpus[1];
    assert_eq!((free.uuid.as_deref(), free.name.as_deref()), (Some("U1"), Some("NVIDIA H100")));
    assert_eq!(free.memory_free_bytes, Some(80_000_000_000));
    assert!(report.stale.is_none() && report.notes.is_empty(), "{report:?}");

    // The interval is known now, and facts are not due.
    refreshed(&mut live, &list(&["a"]), &nobody()).await;
    let asked = stand_in.asked();
    assert_eq!(asked.len(), 22, "another list makes facts due");
    assert!(asked[11].query.contains("[45s]") && asked.iter().all(|asked| asked.body.starts_with("nocache=1&")));
}

#[tokio::test]
async fn refresh_has_twelve_queries_at_most() {
    let model = Model::default();
    model.host(2.0, &KINDS);
    let (mut live, stand_in) = live(&model).await;
    let list = list(&["a", "b"]);
    refreshed(&mut live, &list, &looking(&["a", "b", "not listed"])).await;
    assert_eq!(stand_in.asked().len(), 12);
    refreshed(&mut live, &list, &looking(&["a", "b"])).await;
    assert_eq!(stand_in.asked().len(), 22);
    let raw = stand_in.asked().pop().unwrap().query;
    assert!(raw.ends_with(r#"instance=~"a:1|b:1"}[45s]"#), "{raw}");
}

#[tokio::test]
async fn numbers_of_two_engines_are_the_careful_ones() {
    let model = Model::default();
    let both = |kind: &str, one: f64, other: f64| {
        [one, other].map(|n| (format!("instance=a:1,kind={kind},replica={n}"), fresh(n)))
    };
    model.host(2.0, &[]);
    let held = [both("held", 0.0, 0.0), both("all", 8.0, 8.0)].concat();
    model.set("gpus:count", &[[both("free", 3.0, 2.0), both("busy", 5.0, 6.0)].concat(), held].concat());
    let (mut live, _stand_in) = live(&model).await;
    let counts = report_of(&refreshed(&mut live, &list(&["a"]), &nobody()).await, "a").counts.unwrap();
    assert_eq!((counts.free, counts.busy), (2, 6));
}

/// Series of a GPU in a scrape at a time.
fn raw(labels: &str, time: f64, values: &[(&str, f64)]) -> Vec<Series> {
    let series = |(metric, value): &(&str, f64)| {
        let (metric, word) = metric.split_once(' ').unwrap_or((metric, ""));
        (format!("__name__=nvsmi_{metric},instance=a:1,{labels},{word}"), vec![(time - 15.0, 0.0), (time, *value)])
    };
    values.iter().map(series).collect()
}

async fn looked_at(series: &[Series]) -> Report {
    let model = Model::default();
    model.host(2.0, &KINDS);
    model.set("agent_snapshot_timestamp_seconds|", series);
    let (mut live, _stand_in) = live(&model).await;
    report_of(&refreshed(&mut live, &list(&["a"]), &looking(&["a"])).await, "a")
}

fn agent(labels: &str, time: f64) -> Vec<Series> {
    vec![(
        format!("__name__=nvsmi_agent_snapshot_timestamp_seconds,instance=a:1,{labels}"),
        vec![(time, now().unix - 2.0)],
    )]
}

const FREE: [(&str, f64); 8] = [
    ("gpu_use verdict=free", 1.0),
    ("gpu_use verdict=busy", 0.0),
    ("gpu_state state=ok", 1.0),
    ("gpu_state state=lost", 0.0),
    ("gpu_memory_free_bytes", 8e10),
    ("gpu_memory_used_bytes", 1e9),
    ("gpu_utilization_ratio", 0.004),
    ("gpu_temperature_celsius", 31.0),
];
const BUSY: [(&str, f64); 4] = [
    ("gpu_use verdict=free", 0.0),
    ("gpu_use verdict=busy", 1.0),
    ("gpu_state state=ok", 1.0),
    ("gpu_memory_free_bytes", 1e9),
];

#[tokio::test]
async fn gpu_of_a_visible_host_read_whole() {
    let rest = [
        ("gpu_info name=NVIDIA H100", 1.0),
        ("gpu_mig_mode", 1.0),
        ("gpu_health_reason code=row_remap", 1.0),
        ("gpu_mig_use gpu_instance=1,compute_instance=0,verdict=free", 1.0),
        ("gpu_mig_info gpu_instance=1,compute_instance=0,mig_uuid=MIG-1,profile=1g.10gb", 1.0),
        ("gpu_mig_memory_free_bytes gpu_instance=1,compute_instance=0", 9e9),
    ];
    let series =
        [raw("job=j,gpu=3,uuid=U3", 100.0, &FREE), raw("job=j,gpu=3,uuid=U3", 100.0, &rest), agent("job=j", 100.0)];
    let report = looked_at(&series.concat()).await;
    assert_eq!((report.counts, report.gpus.len()), (None, 1));
    let gpu = &report.gpus[0];
    assert_eq!((gpu.index, gpu.uuid.as_deref(), gpu.name.as_deref()), (3, Some("U3"), Some("NVIDIA H100")));
    assert_eq!((gpu.r#use, gpu.state, gpu.health), (UseVerdict::Free, Some(GpuState::Ok), Some(Severity::Critical)));
    assert_eq!(
        (gpu.memory_total_bytes, gpu.utilization_percent, gpu.temperature_celsius),
        (Some(81_000_000_000), Some(0), Some(31))
    );
    assert_eq!((gpu.power_watts, gpu.since_ms, &gpu.users), (None, None, &None));
    assert_eq!(gpu.mig_mode, Some(true));
    let [mig] = &gpu.mig[..] else { panic!("{:?}", gpu.mig) };
    assert_eq!(
        (mig.uuid.as_deref(), mig.profile.as_deref(), mig.r#use),
        (Some("MIG-1"), Some("1g.10gb"), UseVerdict::Free)
    );
    assert_eq!(report.problems, ["GPU 3: row remap"]);
}

#[tokio::test]
async fn newer_one_of_two_label_sets_counts() {
    for (why, old, new) in [
        ("another label", "job=j,gpu=0,uuid=U0,rack=1", "job=j,gpu=0,uuid=U0,rack=2"),
        ("another UUID", "job=j,gpu=0,uuid=U9", "job=j,gpu=0,uuid=U0"),
        ("another job", "job=k,gpu=0,uuid=U0", "job=j,gpu=0,uuid=U0"),
    ] {
        let series = [raw(new, 110.0, &BUSY), raw(old, 100.0, &FREE), agent("job=j", 110.0)].concat();
        let report = looked_at(&series).await;
        let [gpu] = &report.gpus[..] else { panic!("{why}: {:?}", report.gpus) };
        assert_eq!(
            (gpu.r#use, gpu.uuid.as_deref(), gpu.memory_free_bytes),
            (UseVerdict::Busy, Some("U0"), Some(1_000_000_000)),
            "{why}"
        );
    }
}

#[tokio::test]
async fn gpu_that_is_not_in_the_newest_scrape_is_gone() {
    let two = |old: f64| {
        [raw("job=j,gpu=0,uuid=U0", old, &FREE), raw("job=j,gpu=1,uuid=U1", 115.0, &BUSY), agent("job=j", 115.0)]
            .concat()
    };
    assert_eq!(looked_at(&two(115.0)).await.gpus.len(), 2);
    assert_eq!(looked_at(&two(100.0)).await.gpus.len(), 1);
    // A job with the agent's own metrics goes on, the one with GPUs does not.
    let series = [raw("job=j,gpu=0,uuid=U0", 100.0, &FREE), agent("job=dcgm", 130.0)].concat();
    let report = looked_at(&series).await;
    assert!(report.gpus.iter().all(|gpu| gpu.r#use != UseVerdict::Free), "{report:?}");
}

#[tokio::test]
async fn contradiction_is_not_free() {
    let both = [("gpu_use verdict=free", 1.0), ("gpu_use verdict=busy", 1.0), ("gpu_state state=ok", 1.0)];
    let lost = [("gpu_use verdict=free", 1.0), ("gpu_state state=ok", 0.0), ("gpu_state state=asleep", 0.0)];
    let stateless = [("gpu_use verdict=free", 1.0)];
    for values in [&both[..], &lost, &stateless] {
        let series = [raw("job=j,gpu=0,uuid=U0", 100.0, values), agent("job=j", 100.0)].concat();
        assert_eq!(looked_at(&series).await.gpus[0].r#use, UseVerdict::Unknown, "{values:?}");
    }
    // An old state set that has another word.
    let series =
        [raw("job=k,gpu=0,uuid=U0", 99.0, &FREE), raw("job=j,gpu=0,uuid=U0", 100.0, &lost), agent("job=j", 100.0)]
            .concat();
    assert_eq!(looked_at(&series).await.gpus[0].r#use, UseVerdict::Unknown);
    // One that is read no more, by its own time.
    let late = [FREE.to_vec(), vec![("gpu_last_read_timestamp_seconds", now().unix - 300.0)]].concat();
    let series = [raw("job=j,gpu=0,uuid=U0", 100.0, &late), agent("job=j", 100.0)].concat();
    assert_eq!(looked_at(&series).await.gpus[0].state, Some(GpuState::Stale));
    // Two GPUs with one UUID.
    let series =
        [raw("job=j,gpu=0,uuid=U", 100.0, &FREE), raw("job=j,gpu=1,uuid=U", 100.0, &FREE), agent("job=j", 100.0)]
            .concat();
    assert!(looked_at(&series).await.gpus.iter().all(|gpu| gpu.uuid.is_none()));
}

#[tokio::test]
async fn clock_that_is_wrong_makes_a_host_stale() {
    let model = Model::default();
    let (mut live, _stand_in) = live(&model).await;
    let list = list(&["a"]);
    let mut stale = async |ago: f64| {
        model.host(ago, &KINDS);
        report_of(&refreshed(&mut live, &list, &nobody()).await, "a").stale.unwrap_or_default()
    };
    assert_eq!(stale(-4.0).await, "", "four seconds ahead");
    let ahead = stale(-60.0).await;
    assert!(ahead.starts_with("clock: ") && ahead.contains("60 s in the future"), "{ahead}");
    assert_eq!(stale(1.0).await, "", "it was set");
    // Old, and moving.
    stale(900.0).await;
    let behind = stale(899.0).await;
    assert!(behind.starts_with("clock: ") && behind.contains("899 s old"), "{behind}");
}

#[tokio::test]
async fn time_that_does_not_move_makes_a_host_stale() {
    let model = Model::default();
    let (mut live, _stand_in) = live(&model).await;
    let list = list(&["a"]);
    model.host(-4.0, &KINDS);
    assert!(report_of(&refreshed(&mut live, &list, &nobody()).await, "a").stale.is_none());
    for clock in live.clocks.values_mut() {
        clock.rewind(Duration::from_secs(46));
    }
    let stale = report_of(&refreshed(&mut live, &list, &nobody()).await, "a").stale.unwrap();
    assert!(stale.contains("no newer reading for 46 s") && stale.contains("clock"), "{stale}");
}

#[tokio::test]
async fn engine_that_is_down_leaves_hosts_to_age_and_then_fails_them() {
    let model = Model::default();
    model.host(2.0, &KINDS);
    let (mut live, _stand_in) = live(&model).await;
    let list = list(&["a", "b"]);
    assert_eq!(refreshed(&mut live, &list, &nobody()).await.len(), 2);
    model
        .fail("gpus:count", Answer::json(503, r#"{"status":"error","errorType":"timeout","error":"query timed out"}"#));
    assert!(refreshed(&mut live, &list, &nobody()).await.is_empty());
    live.answered = Instant::now().checked_sub(Duration::from_secs(46));
    let observed = refreshed(&mut live, &list, &nobody()).await;
    assert_eq!(failure_of(&observed, "a"), "the engine reports: timeout: query timed out");
    assert_eq!(failure_of(&observed, "b"), "the engine reports: timeout: query timed out");
}

#[tokio::test]
async fn query_that_fails_alone_makes_its_values_unknown() {
    for part in
        ["nvsmi_gpu_health_reason", "free_memory_bytes:min", "power_watts:sum", "agent_snapshot_timestamp_seconds|"]
    {
        let model = Model::default();
        model.host(2.0, &KINDS);
        model.set("free_memory_bytes:min", &[("instance=a:1,gpu=1,uuid=U1".into(), fresh(8e10))]);
        model.fail(part, Answer::html(502, "<html>"));
        let (mut live, _stand_in) = live(&model).await;
        let report = report_of(&refreshed(&mut live, &list(&["a"]), &looking(&["a"])).await, "a");
        assert!(report.counts.is_some() && report.notes.iter().any(|note| note.contains("HTML")), "{part}: {report:?}");
        let known = report.gpus.first().and_then(|gpu| gpu.health).is_some();
        assert_eq!(known, !["nvsmi_gpu_health_reason", "free_memory_bytes:min"].contains(&part), "{part}");
    }
}

#[tokio::test]
async fn partial_answer_noted() {
    let model = Model::default();
    model.host(2.0, &KINDS);
    model.fail(
        "power_watts:sum",
        Answer::json(200, r#"{"status":"success","isPartial":true,"data":{"resultType":"vector","result":[]}}"#),
    );
    let (mut live, _stand_in) = live(&model).await;
    let report = report_of(&refreshed(&mut live, &list(&["a"]), &nobody()).await, "a");
    assert_eq!(report.notes, ["the engine answered in part: a part of its storage is not reached"]);
}

#[tokio::test]
async fn host_that_the_engine_does_not_have_is_unreachable() {
    let model = Model::default();
    let (mut live, _stand_in) = live(&model).await;
    let list = list(&["a", "b", "c"]);
    let observed = refreshed(&mut live, &list, &nobody()).await;
    assert!(failure_of(&observed, "a").contains("load deploy/prometheus/fleet.yml"));
    model.host(2.0, &KINDS);
    model.set(
        "scrape_samples_scraped",
        &[("a:1", now().unix), ("b:1", 0.0), ("other:1", 0.0)]
            .map(|(instance, read)| (format!("instance={instance}"), fresh(read))),
    );
    let observed = refreshed(&mut live, &list, &nobody()).await;
    assert!(report_of(&observed, "a").stale.is_none());
    assert!(failure_of(&observed, "b").contains("cannot scrape it"));
    assert!(failure_of(&observed, "c").contains(r#"no samples of instance "c:1""#));
}

#[tokio::test]
async fn collector_that_does_not_work_makes_a_host_stale() {
    let model = Model::default();
    model.host(2.0, &KINDS);
    model.set("collector_ok:min", &[("instance=a:1".into(), fresh(0.0))]);
    let (mut live, _stand_in) = live(&model).await;
    let report = report_of(&refreshed(&mut live, &list(&["a"]), &nobody()).await, "a");
    assert_eq!(report.stale.as_deref(), Some("the agent's collector does not work"));
}

#[tokio::test]
async fn host_read_as_soon_as_somebody_looks() {
    let model = Model::default();
    model.host(2.0, &KINDS);
    model.set(
        "agent_snapshot_timestamp_seconds|",
        &[raw("job=j,gpu=0,uuid=U0", 100.0, &BUSY), agent("job=j", 100.0)].concat(),
    );
    let (_, stand_in) = live(&model).await;
    let (targets, visible) = (watch::channel(list(&["a"])), watch::channel(nobody()));
    let (to, mut from) = mpsc::channel(8);
    let running = tokio::spawn(run(stand_in.client(), stand_in.config(), targets.1, visible.1, to));
    let first = from.recv().await.unwrap();
    assert!(report_of(&[first], "a").counts.is_some());
    visible.0.send(looking(&["a"])).unwrap();
    // The facts may come first.
    let seen = loop {
        let report = report_of(&[from.recv().await.unwrap()], "a");
        if report.counts.is_none() {
            break report;
        }
    };
    assert_eq!(seen.gpus[0].r#use, UseVerdict::Busy);
    drop(from);
    running.await.unwrap();
}

#[tokio::test]
async fn wide_fleet_reads_gpus_of_as_many_hosts_as_fit() {
    let names: Vec<String> = (0..2000).map(|number| format!("gpu{number:04}.example.org")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let model = Model::default();
    model.host(2.0, &KINDS);
    let (mut live, stand_in) = live(&model).await;
    refreshed(&mut live, &list(&names), &looking(&names)).await;
    let longest = stand_in.asked().iter().map(|asked| asked.query.len()).max().unwrap();
    assert!((8 << 10..16 << 10).contains(&longest), "{longest}");
}
