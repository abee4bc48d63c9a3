//! Tests against what agents of each release answer, and against what they never would.

mod modes;
mod of_the_original;

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};
use telemetry::snapshot::{GpuState, Severity, UseVerdict};

use super::*;
use crate::report::{GpuReport, Report, Source};

/// Snapshot of the release 0.1.0, as it documents it.
const OLDER: &str = include_str!("../../../../fixtures/releases/snapshot-0.1.0.json");
/// Examples of this release, which a test of `server` compares with what it renders.
const EXAMPLES: &str = include_str!("../../../server/assets/examples.json");

static SUMMARY: LazyLock<Value> = LazyLock::new(|| {
    let mut examples: Value = serde_json::from_str(EXAMPLES).unwrap();
    examples["/api/v1/summary"].take()
});

fn summary_json() -> Value {
    SUMMARY.clone()
}

fn older_json() -> Value {
    serde_json::from_str(OLDER).unwrap()
}

fn of_summary(value: &Value) -> Result<Report, WireError> {
    summary_only(value.to_string().as_bytes())
}

fn summary_only(bytes: &[u8]) -> Result<Report, WireError> {
    summary(bytes).map(|(report, _)| report)
}

fn of_snapshot(value: &Value) -> Result<Report, WireError> {
    snapshot(value.to_string().as_bytes())
}

/// A summary of one GPU with one MIG instance.
fn one(gpu: &Value) -> Value {
    let mut whole = json!({"index": 0, "state": "ok", "use": "free", "verdict": "free", "health": "ok", "users": [],
        "memory_total_bytes": 1000, "memory_free_bytes": 900, "uuid": "GPU-a1", "mig_mode": false, "mig": []});
    for (key, value) in gpu.as_object().unwrap() {
        whole[key] = value.clone();
    }
    json!({"collector_state": "ok", "interval_ms": 1000, "sampled_at": 5000, "read_at": 4000, "gpus": [whole]})
}

fn gpu(gpu: &Value) -> GpuReport {
    of_summary(&one(gpu)).unwrap().gpus.remove(0)
}

#[test]
fn summary_of_this_release_read_whole() {
    let report = of_summary(&summary_json()).unwrap();
    assert_eq!(report.source, Source::Agent);
    assert_eq!(report.hostname.as_deref(), Some("gpu01"));
    assert!(report.agent_version.is_some() && report.driver_version.is_some() && report.interval.is_some());
    assert!(!report.is_starting && report.stale.is_none());
    // Its reading has no time, but the fields of the age have these names.
    assert!(["sampled_at", "read_at", "age_ms"].iter().all(|field| summary_json().get(field).is_some()));
    let [gpu, ..] = &*report.gpus else { panic!("no GPUs") };
    assert_eq!((gpu.index, gpu.uuid.as_deref(), gpu.name.as_deref()), (0, Some("GPU-0"), Some("NVIDIA H200")));
    assert_eq!((gpu.memory_total_bytes, gpu.memory_free_bytes), (Some(25_769_803_776), Some(13_133_414_400)));
    assert_eq!((gpu.utilization_percent, gpu.temperature_celsius), (Some(5), Some(55)));
    assert!(gpu.power_watts.is_some_and(|watts| (watts - 119.312).abs() < 1e-9));
    assert_eq!((gpu.state, gpu.r#use, gpu.health), (Some(GpuState::Ok), UseVerdict::Busy, Some(Severity::Critical)));
    assert_eq!(gpu.since_ms, Some(1_795_406_910_864));
    assert_eq!(gpu.users.as_deref(), Some(["alice".into()].as_slice()));
    assert!(report.problems.iter().any(|problem| problem.contains("GPU 0")), "{:?}", report.problems);
}

#[test]
fn snapshot_has_no_age_only_if_it_reads_a_gpu() {
    let age = |gpus: Value| {
        let mut snapshot = older_json();
        snapshot["gpus"] = gpus;
        of_snapshot(&snapshot).unwrap().age.map(|age| age.as_millis())
    };
    let with = |state: &str, age_ms: Value| {
        let mut gpus = older_json()["gpus"].clone();
        for gpu in gpus.as_array_mut().unwrap() {
            gpu["state"] = state.into();
            gpu["age_ms"] = age_ms.clone();
        }
        gpus
    };
    assert_eq!((age(json!([])), age(with("lost", Value::Null))), (Some(0), Some(0)), "nothing can be old");
    assert_eq!((age(with("lost", json!(70))), age(with("ok", json!(70)))), (Some(70), Some(70)));
    assert_eq!(age(with("ok", Value::Null)), None);
}

#[test]
fn snapshot_of_earlier_release_read_whole() {
    let report = of_snapshot(&older_json()).unwrap();
    assert_eq!(report.source, Source::OlderAgent);
    assert_eq!((report.hostname.as_deref(), report.agent_version.as_deref()), (Some("gpu01"), Some("0.1.0")));
    assert_eq!(report.driver_version.as_deref(), Some("580.159.04"));
    assert_eq!((report.age, report.is_starting, report.stale), (Some(std::time::Duration::ZERO), false, None));
    let [gpu, held] = &*report.gpus else { panic!("{:?}", report.gpus) };
    assert_eq!((gpu.index, gpu.uuid.as_deref(), gpu.name.as_deref()), (0, Some("GPU-0"), Some("NVIDIA H200")));
    assert_eq!((gpu.memory_total_bytes, gpu.memory_free_bytes), (Some(25_769_803_776), Some(13_133_414_400)));
    assert_eq!((gpu.utilization_percent, gpu.temperature_celsius), (Some(5), Some(55)));
    assert!(gpu.power_watts.is_some_and(|watts| (watts - 119.312).abs() < 1e-9));
    assert_eq!((gpu.r#use, held.r#use, gpu.health), (UseVerdict::Busy, UseVerdict::Held, Some(Severity::Critical)));
    assert_eq!(gpu.users.as_deref(), Some(["alice".into()].as_slice()));
    assert_eq!(report.problems, ["GPU 0: GPU has fallen off the bus", "GPU 1: GPU has fallen off the bus"]);
}

#[test]
fn older_snapshot_with_mig_or_hidden_users_read() {
    let instance = |gi: u32, used: u64| {
        json!({"gpu_instance": gi, "compute_instance": 0, "profile": "1g.18gb", "uuid": format!("MIG-{gi}"),
            "memory_total_bytes": 1000, "memory_used_bytes": used, "use": {"verdict": "free", "since": 5, "users": []}})
    };
    let mut value = older_json();
    value["gpus"][0]["mig"] = json!([instance(7, 100), instance(8, 2000)]);
    value["gpus"][0]["absent"]["use.users"] = "hidden".into();
    value["gpus"][0]["absent"]["mig.1.use.users"] = "hidden".into();
    let gpu = of_snapshot(&value).unwrap().gpus.remove(0);
    let [one, other] = &*gpu.mig else { panic!("{gpu:?}") };
    assert!(gpu.mig_mode == Some(true) && gpu.users.is_none());
    assert_eq!(
        (&*one.label, one.uuid.as_deref(), one.profile.as_deref()),
        ("1g.18gb (GI 7, CI 0)", Some("MIG-7"), Some("1g.18gb"))
    );
    assert_eq!((one.memory_total_bytes, one.memory_free_bytes, one.since_ms), (Some(1000), Some(900), Some(5)));
    // More in use than there is.
    assert_eq!((other.memory_total_bytes, other.memory_free_bytes), (Some(1000), None));
    assert_eq!((one.users.as_deref(), other.users.as_deref()), (Some([].as_slice()), None));
    assert_eq!(one.r#use, UseVerdict::Free);
}

#[test]
fn collector_states_of_both_releases_read() {
    for (state, starting, stale) in [
        (json!("ok"), false, None),
        (json!("starting"), true, None),
        (json!("stalled"), false, Some("the driver does not answer")),
        (json!("restarting"), false, Some("the agent's collector restarts")),
        (json!("no_driver"), false, Some("the driver cannot be read")),
        (json!("released"), false, Some("the GPUs are released by the administrator")),
        (json!("hibernating"), false, Some("the collector is hibernating")),
        (json!(null), false, Some("the state of the collector is unknown")),
        (json!(7), false, Some("the state of the collector is unknown")),
    ] {
        let mut new = one(&json!({}));
        new["collector_state"] = state.clone();
        let mut old = older_json();
        old["collector"]["state"] = state.clone();
        for report in [of_summary(&new).unwrap(), of_snapshot(&old).unwrap()] {
            assert_eq!((report.is_starting, report.stale.as_deref()), (starting, stale), "{state}");
        }
    }
    let words = <telemetry::snapshot::CollectorState as telemetry::VariantNames>::VARIANTS;
    assert_eq!(words, ["starting", "ok", "stalled", "restarting", "no_driver", "released"]);
}

#[test]
fn value_out_of_range_is_unknown() {
    type Field = fn(&GpuReport) -> bool;
    let is_unknown: [(&str, Field, &[Value]); 9] = [
        (
            "memory_total_bytes",
            |gpu| gpu.memory_total_bytes.is_none(),
            &[json!(0), json!(-1), json!(1000.0), json!(u64::MAX), json!("1"), json!(null)],
        ),
        (
            "memory_free_bytes",
            |gpu| gpu.memory_free_bytes.is_none(),
            &[json!(-1), json!(1e9), json!(1001), json!([1]), json!({})],
        ),
        (
            "utilization_percent",
            |gpu| gpu.utilization_percent.is_none(),
            &[json!(101), json!(-1), json!(5.5), json!(256), json!(true)],
        ),
        ("power_watts", |gpu| gpu.power_watts.is_none(), &[json!(-1.0), json!(1e12), json!("NaN"), json!(-1)]),
        (
            "temperature_celsius",
            |gpu| gpu.temperature_celsius.is_none(),
            &[json!(-300), json!(1000), json!(2_147_483_648_u64), json!(55.5)],
        ),
        ("since", |gpu| gpu.since_ms.is_none(), &[json!(0), json!(-1), json!(u64::MAX), json!("now")]),
        (
            "uuid",
            |gpu| gpu.uuid.is_none(),
            &[
                json!("GPU-1; rm"),
                json!("$(x)"),
                json!("-rf"),
                json!("GPU-\u{202e}1"),
                json!(""),
                json!("GPU-00000000-0000-0000"),
                json!("a".repeat(97)),
            ],
        ),
        ("health", |gpu| gpu.health.is_none(), &[json!("doubtful"), json!(0), json!(null)]),
        ("users", |gpu| gpu.users.is_none(), &[json!(null), json!("alice"), json!([1]), json!([null])]),
    ];
    for (field, is_unknown, values) in is_unknown {
        for value in values {
            let gpu = gpu(&json!({ field: value }));
            assert!(is_unknown(&gpu), "{field}: {value}: {gpu:?}");
        }
    }
}

#[test]
fn gpu_free_only_if_its_agent_reads_it_and_says_so() {
    assert_eq!(gpu(&json!({})).r#use, UseVerdict::Free);
    for contradiction in [
        json!({"state": "stale"}),
        json!({"state": "lost"}),
        json!({"state": "dozing"}),
        json!({"state": null}),
        json!({"state": 0}),
        json!({"use": "busy"}),
        json!({"verdict": "held"}),
        json!({"use": "reserved", "verdict": "reserved"}),
        json!({"use": null, "verdict": null}),
        json!({"use": "Free", "verdict": "FREE"}),
        json!({"use": {"verdict": "free"}, "verdict": "unknown"}),
        json!({"mig_mode": true}),
        json!({"mig_mode": null}),
    ] {
        assert_ne!(gpu(&contradiction).r#use, UseVerdict::Free, "{contradiction}");
    }
    let instance = json!({"label": "1g", "use": "free"});
    assert_eq!(gpu(&json!({"mig": [instance]})).mig[0].r#use, UseVerdict::Free);
    assert_eq!(gpu(&json!({"mig": [instance], "state": "stale"})).mig[0].r#use, UseVerdict::Unknown);
}

#[test]
fn report_without_distinct_gpus_refused() {
    let same = json!({"collector_state": "ok", "gpus": [{"index": 1}, {"index": 1}]});
    assert!(of_summary(&same).unwrap_err().to_string().contains("two with index 1"));
    for index in [json!(-1), json!(1.0), json!("0"), json!(null), json!(4096), json!(u64::MAX)] {
        assert!(of_summary(&one(&json!({"index": index}))).is_err(), "{index}");
    }
    for value in [json!([]), json!({}), json!("ok"), json!({"gpus": {}}), json!({"gpus": [1]}), json!({"gpus": [[]]})] {
        assert!(of_summary(&value).is_err() && of_snapshot(&value).is_err(), "{value}");
    }
    let many: Vec<Value> = (0..=MAX_GPUS).map(|index| json!({"index": index})).collect();
    assert!(of_summary(&json!({"gpus": many})).unwrap_err().to_string().contains("at most 64 GPUs, got 65"));
    assert!(of_summary(&one(&json!({"mig": vec![json!({}); MAX_MIG + 1]}))).unwrap_err().to_string().contains("got 9"));
    for bytes in [&b"<!doctype html>"[..], b"", b"{", b"{\"gpus\":[]}{}", b"{\"gpus\":[],\"gpus\":[]}", b"\xff", b"NaN"]
    {
        let error = summary(bytes).unwrap_err().to_string();
        assert!(error.starts_with("expected the summary of an agent") && error.len() < 250, "{error}");
    }
}

#[test]
fn shared_uuid_is_of_no_gpu() {
    let value = json!({"gpus": [
        {"index": 0, "uuid": "GPU-1"}, {"index": 1, "uuid": "GPU-1", "mig": [{"uuid": "MIG-1"}, {"uuid": "MIG-2"}]},
        {"index": 2, "uuid": "MIG-2"}, {"index": 3, "uuid": "GPU-3"}]});
    let report = of_summary(&value).unwrap();
    let uuids: Vec<_> = report.gpus.iter().map(|gpu| gpu.uuid.as_deref()).collect();
    assert_eq!(uuids, [None, None, None, Some("GPU-3")]);
    assert_eq!((report.gpus[1].mig[0].uuid.as_deref(), report.gpus[1].mig[1].uuid.as_deref()), (Some("MIG-1"), None));
}

#[test]
fn texts_are_bounded_and_without_effect() {
    let evil = format!("<b>\u{1b}[2J\u{202e}\n{}", "x".repeat(10_000));
    let mut value = one(&json!({"name": evil, "users": [evil, "bob", "bob", ""], "mig": [{"label": evil}]}));
    value["problems"] = json!(vec![&evil; 200]);
    value["hostname"] = json!(evil);
    // An empty name is no name, so the list is not known.
    assert_eq!(of_summary(&value).unwrap().gpus[0].users, None);
    value["gpus"][0]["users"] = json!((0..100).map(|user| format!("{user} {evil}")).collect::<Vec<_>>());
    let report = of_summary(&value).unwrap();
    let text = format!("{report:?}");
    assert!(!text.contains(['\u{1b}', '\u{202e}', '\n']));
    let gpu = &report.gpus[0];
    assert!(gpu.name.as_deref().unwrap().starts_with("<b>\\x1b[2J\\u{202e}\\nxxx"));
    assert_eq!(gpu.name.as_deref().unwrap().chars().count(), NAME);
    assert_eq!(gpu.users.as_ref().unwrap().len(), MAX_USERS);
    assert!(report.notes[0].contains("beyond the first 64"));
    assert_eq!((report.problems.len(), &*report.problems[MAX_PROBLEMS - 1]), (MAX_PROBLEMS, "2 further problems"));
    assert!(report.problems.iter().all(|problem| problem.chars().count() <= SENTENCE));
}

#[test]
fn age_is_by_the_agents_own_clock() {
    let age = |extra: Value| {
        let mut value = one(&json!({}));
        for (key, extra) in extra.as_object().unwrap() {
            value[key] = extra.clone();
        }
        (
            of_summary(&value).unwrap().age.map(|age| age.as_millis()),
            alive(value.to_string().as_bytes()).unwrap().age.map(|age| age.as_millis()),
        )
    };
    for (extra, expected) in [
        (json!({}), Some(1000)),
        (json!({"age_ms": 210}), Some(210)),
        // A clock that was set back between the two.
        (json!({"sampled_at": 3000}), Some(0)),
        (json!({"read_at": null}), None),
        (json!({"read_at": "x"}), None),
    ] {
        assert_eq!(age(extra.clone()), (expected, expected), "{extra}");
    }
}

/// Largest number of bytes of a report, by its texts.
fn weight(report: &Report) -> usize {
    format!("{report:?}").len()
}

/// Replaces the value at a position of a document, counted over all its values.
fn replaced(value: &mut Value, position: &mut usize, with: &Value) {
    if *position == 0 {
        *value = with.clone();
    }
    *position = position.wrapping_sub(1);
    match value {
        Value::Array(elements) => elements.iter_mut().for_each(|element| replaced(element, position, with)),
        Value::Object(fields) => fields.values_mut().for_each(|field| replaced(field, position, with)),
        _ => {}
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        Just(json!(true)),
        Just(json!([])),
        Just(json!({})),
        any::<i64>().prop_map(|number| json!(number)),
        any::<u64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        ".{0,40}".prop_map(|text| json!(text)),
        Just(json!("ok")),
        Just(json!("free")),
    ]
}

/// GPUs that are free in a report although the original document says otherwise.
fn assert_sane(report: &Report) {
    for gpu in &report.gpus {
        assert!(gpu.r#use != UseVerdict::Free || gpu.state == Some(GpuState::Ok) || report.source == Source::Original);
        assert!(gpu.memory_free_bytes.zip(gpu.memory_total_bytes).is_none_or(|(free, total)| free <= total));
        assert!(gpu.power_watts.is_none_or(|watts| watts.is_finite() && watts >= 0.0));
        assert!(gpu.utilization_percent.is_none_or(|percent| percent <= 100));
    }
    assert!(report.gpus.windows(2).all(|pair| pair[0].index < pair[1].index));
    assert!(!format!("{report:?}").contains(char::is_control));
}

proptest! {
    #[test]
    fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        for parse in [summary_only, snapshot, original] {
            let _ = parse(&bytes);
        }
        let _ = alive(&bytes);
    }

    #[test]
    fn broken_examples_never_panic(cut in 0_usize..20_000, at in 0_usize..20_000, byte: u8) {
        for (text, parse) in [
            (summary_json().to_string(), summary_only as fn(&[u8]) -> Result<Report, WireError>),
            (older_json().to_string(), snapshot),
        ] {
            let mut bytes = text.into_bytes();
            let _ = parse(&bytes[..cut.min(bytes.len())]);
            let length = bytes.len();
            bytes[at % length] = byte;
            if let Ok(report) = parse(&bytes) {
                assert_sane(&report);
            }
        }
    }

    #[test]
    fn replaced_values_never_make_a_wrong_report(position in 0_usize..400, with in any_value()) {
        for (mut value, parse) in [
            (one(&json!({"mig": [{"label": "a", "use": "free"}]})), summary_only as fn(&[u8]) -> Result<Report, WireError>),
            (summary_json(), summary_only),
            (older_json(), snapshot),
        ] {
            replaced(&mut value, &mut position.clone(), &with);
            if let Ok(report) = parse(value.to_string().as_bytes()) {
                assert_sane(&report);
                prop_assert!(weight(&report) < 20_000);
            }
        }
    }
}

#[test]
fn largest_report_has_bounded_size() {
    for (users, length) in [(0, 0), (1, 2000), (MAX_USERS, 1), (MAX_USERS + 1, USER), (199, 40), (199, 1999)] {
        let user = "é".repeat(length);
        let users: Vec<String> = (0..users).map(|number| format!("{number}{user}")).collect();
        let gpus: Vec<Value> = (0..4).map(|index| json!({"index": index, "users": users, "name": user})).collect();
        let report = of_summary(&json!({"gpus": gpus, "problems": users})).unwrap();
        assert!(weight(&report) < 4 * (MAX_USERS * USER * 4 + 2000) + MAX_PROBLEMS * SENTENCE * 4, "{length}");
    }
}

#[test]
fn claim_passed_on_and_anything_else_counts_as_one() {
    let of = |claim: &Value| gpu(&json!({"claim": claim})).claim;
    assert_eq!(of(&Value::Null), None);
    let claim = of(
        &json!({"kind": "claim", "user": "al\u{1b}[2Jice", "uid": 1001, "pid": null, "since": 1, "until": 2, "why": ""}),
    );
    let claim = claim.unwrap();
    assert_eq!((claim.kind, claim.user.as_deref()), (Some("claim"), Some("al\\x1b[2Jice")));
    assert_eq!(
        (claim.uid, claim.pid, claim.since, claim.until, claim.why.as_deref()),
        (Some(1001), None, Some(1), Some(2), Some(""))
    );
    let hidden =
        json!({"kind": null, "user": null, "uid": null, "pid": null, "since": null, "until": null, "why": null});
    for claim in [hidden, json!({}), json!("alice"), json!(true), json!(7), json!([1]), json!({"kind": 7, "user": []})]
    {
        assert_eq!(of(&claim), Some(crate::report::ClaimReport::default()), "{claim}");
    }
}
