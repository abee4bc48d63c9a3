//! Our own names.

use std::{collections::BTreeSet, time::Duration};

use telemetry::{
    sample::MigSample,
    snapshot::{CollectorState, GpuState, Mig, Reason, Severity, Usage, UseVerdict},
};

use super::*;
use crate::metrics::{
    dcgm::{Version, fields},
    native::{self, process},
    table::{Metric, Of},
    text::Kind,
};
use crate::usage::fake::FakeStore;

fn series(metric: &Metric) -> Vec<String> {
    match metric.kind {
        Kind::Summary => ["_sum", "_count"].map(|ending| format!("{}{ending}", metric.name)).to_vec(),
        Kind::Histogram => ["_bucket", "_sum", "_count"].map(|ending| format!("{}{ending}", metric.name)).to_vec(),
        Kind::Gauge | Kind::Counter => vec![metric.name.to_owned()],
    }
}

fn subject(metric: &Metric) -> Vec<&'static str> {
    match metric.of {
        Of::Gpu(_) | Of::Gpus(_) | Of::Readings(_) | Of::Known(_) => vec!["gpu", "uuid"],
        Of::Instance(_) | Of::GpuInstance(_) | Of::InstanceReadings(_) => {
            vec!["gpu", "uuid", "gpu_instance", "compute_instance"]
        }
        Of::Process(_) => [&["gpu", "uuid"][..], &process::LABELS].concat(),
        Of::Users(_) | Of::Agent(_) | Of::Calls(_) => vec![],
    }
}

#[test]
fn metric_names_follow_conventions() {
    let mut names = BTreeSet::new();
    for metric in native::all() {
        let name = metric.name;
        assert!(names.insert(name), "{name} is declared twice");
        assert!(["nvsmi_gpu_", "nvsmi_user_", "nvsmi_agent_"].iter().any(|first| name.starts_with(first)), "{name}");
        assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}");
        let base = name.trim_end_matches("_total");
        assert!(base.ends_with(metric.unit), "{name} does not end in {}", metric.unit);
        assert!(metric.help.ends_with('.') && !metric.source.is_empty(), "{name} is not described");
        assert!(!name.contains("percent") && !name.contains("_mhz") && !name.contains("_ms"), "{name}");
        for dcgm in metric.dcgm.split(", ").filter(|dcgm| !dcgm.is_empty()) {
            assert!(fields().any(|field| field.named(Version::Until48).name == dcgm), "{name}: {dcgm} is not served");
        }
    }
}

#[test]
fn metrics_appear_with_declared_labels() {
    let mut mig = hosts::all().swap_remove(3).1;
    for instance in mig.gpus[0].mig.iter_mut().flatten() {
        instance.pods = Ok(vec![pod("a", "main"), pod("a", "side")]);
    }
    let everything = |snapshot: &Snapshot| {
        let users: Arc<FakeStore> = Arc::new(FakeStore::of(&["alice"]));
        let settings = MetricsSettings { set: MetricsSet::Full, users: Some(users), ..settings("native") };
        read(&text_of(snapshot, settings, Scope::Read, Commands::Masked))
    };
    let mut all = everything(&full());
    all.extend(everything(&mig));
    for metric in native::all() {
        for name in series(metric) {
            let told: Vec<&Sample> = all.iter().filter(|sample| sample.name == name).collect();
            assert!(!told.is_empty(), "{name} is exposed by no host");
            for sample in told {
                let mut wanted = [subject(metric), metric.labels.to_vec()].concat();
                if name.ends_with("_bucket") {
                    wanted.push("le");
                }
                // Only with MIG has a process a place on it, and not each is in a container.
                let may_lack = |label: &str| {
                    sample.labels.contains_key("pid") && (label.ends_with("_instance") || label == "container")
                };
                wanted.retain(|label| sample.labels.contains_key(*label) || !may_lack(label));
                let found: BTreeSet<&str> = sample.labels.keys().map(String::as_str).collect();
                assert_eq!(found, wanted.into_iter().collect(), "{name}");
            }
        }
    }
    let declared: BTreeSet<String> = native::all().flat_map(series).collect();
    assert!(all.iter().all(|sample| declared.contains(&sample.name)));
}

#[test]
fn values_in_base_units() {
    let samples = samples_of(&full(), "native");
    let gpu =
        |name: &str| value(&samples, name, &[("gpu", "0"), ("uuid", "GPU-0")]).unwrap_or_else(|| panic!("{name}"));
    for (name, expected) in [
        ("nvsmi_gpu_utilization_ratio", "0.05"),
        ("nvsmi_gpu_sm_active_ratio", "0.37"),
        ("nvsmi_gpu_read_seconds_total", "10"),
        ("nvsmi_gpu_busy_seconds_total", "5.5"),
        ("nvsmi_gpu_memory_total_bytes", "25769803776"),
        ("nvsmi_gpu_power_watts", "118.923"),
        ("nvsmi_gpu_energy_joules_total", "123456.789"),
        ("nvsmi_gpu_sm_clock_hertz", "1980000000"),
        ("nvsmi_gpu_temperature_celsius", "55"),
        ("nvsmi_gpu_pcie_transmit_bytes_per_second", "1073741824"),
        ("nvsmi_gpu_last_read_timestamp_seconds", "1795406910.864"),
        ("nvsmi_gpu_last_xid", "79"),
        ("nvsmi_gpu_held_idle_seconds", "0"),
        ("nvsmi_gpu_processes", "2"),
    ] {
        assert_eq!(gpu(name), expected, "{name}");
    }
    let labelled = |name, label, of| value(&samples, name, &[("gpu", "0"), (label, of)]);
    assert_eq!(labelled("nvsmi_gpu_throttled_seconds_total", "reason", "power"), Some("1.5"));
    assert_eq!(labelled("nvsmi_gpu_clocks_event_reason", "reason", "sw_power_cap"), Some("1"));
    assert_eq!(labelled("nvsmi_gpu_clocks_event_reason", "reason", "hw_slowdown"), Some("0"));
    assert_eq!(labelled("nvsmi_gpu_xid_errors_total", "severity", "critical"), Some("1"));
    assert_eq!(labelled("nvsmi_gpu_xid_errors_total", "severity", "warning"), Some("0"));
    assert_eq!(labelled("nvsmi_gpu_fan_speed_ratio", "fan", "1"), Some("0.52"));
    let info = samples.iter().find(|sample| sample.name == "nvsmi_gpu_info").unwrap();
    assert_eq!((info.label("name"), info.label("vbios")), ("NVIDIA H200", "96.00.99.00.01"));
    assert_eq!((info.label("driver_version"), info.label("cuda_version")), ("580.159.04", "13.0"));
    assert_eq!(value(&samples, "nvsmi_agent_snapshot_timestamp_seconds", &[]), Some("1795406910.864"));
    assert_eq!(value(&samples, "nvsmi_agent_collector_state", &[("state", "ok")]), Some("1"));
}

#[test]
fn energy_falls_back_to_summed_power() {
    let energy = |reading| {
        let mut snapshot = full();
        snapshot.gpus[0].readings.power.energy_mj = reading;
        value(&samples_of(&snapshot, "native"), "nvsmi_gpu_energy_joules_total", &[("gpu", "0")]).map(str::to_owned)
    };
    assert_eq!(energy(Err(Absence::NotSupported)).as_deref(), Some("7"));
    assert_eq!(energy(Err(Absence::Timeout)), None, "it would go back");
}

#[test]
fn unread_value_has_no_sample() {
    for why in [Absence::NotSupported, Absence::Denied, Absence::Timeout] {
        let mut gpu = hosts::absent(why);
        gpu.lists.compute = Err(why);
        gpu.processes.clear();
        let snapshot = Snapshot { gpus: vec![gpu], ..hosts::healthy() };
        let told: BTreeSet<String> = samples_of(&snapshot, "native").into_iter().map(|sample| sample.name).collect();
        let of_gpus: Vec<&str> =
            told.iter().map(String::as_str).filter(|name| name.starts_with("nvsmi_gpu_")).collect();
        assert_eq!(
            of_gpus,
            [
                "nvsmi_gpu_claimed",
                "nvsmi_gpu_health",
                "nvsmi_gpu_info",
                "nvsmi_gpu_last_read_timestamp_seconds",
                "nvsmi_gpu_state",
                "nvsmi_gpu_use",
                "nvsmi_gpu_use_start_timestamp_seconds"
            ],
            "{why:?}"
        );
    }
}

#[test]
fn no_time_if_never_read_no_series_without_placement() {
    let mut snapshot = full();
    snapshot.gpus[1].never_read = true;
    let instances = hosts::all().swap_remove(3).1.gpus.swap_remove(0).mig.unwrap();
    let absent = Mig { sample: MigSample::absent(Absence::Denied), ..instances[0].clone() };
    snapshot.gpus[0].mig = Ok([instances.clone(), vec![absent.clone(), absent]].concat());
    let samples = samples_of(&snapshot, "native");
    let of = |name: &str| samples.iter().filter(|sample| sample.name == name).collect::<Vec<_>>();
    assert_eq!(of("nvsmi_gpu_last_read_timestamp_seconds").len(), snapshot.gpus.len() - 1);
    assert_eq!(of("nvsmi_gpu_mig_info").len(), instances.len());
}

#[test]
fn stale_gpu_keeps_identity_and_state() {
    for state in [GpuState::Stale, GpuState::Lost, GpuState::Asleep, GpuState::Denied, GpuState::Error] {
        let mut snapshot = full();
        snapshot.gpus[1].state = state;
        snapshot.gpus[1].usage = Usage { verdict: UseVerdict::Unknown, ..snapshot.gpus[1].usage.clone() };
        let samples = samples_of(&snapshot, "native");
        let names = |gpu: &str| -> BTreeSet<&str> {
            samples.iter().filter(|sample| sample.label("gpu") == gpu).map(|sample| sample.name.as_str()).collect()
        };
        let kept: Vec<&str> = names("1").into_iter().collect();
        assert_eq!(
            kept,
            [
                "nvsmi_gpu_claimed",
                "nvsmi_gpu_health",
                "nvsmi_gpu_health_reason",
                "nvsmi_gpu_info",
                "nvsmi_gpu_last_read_timestamp_seconds",
                "nvsmi_gpu_last_xid",
                "nvsmi_gpu_last_xid_timestamp_seconds",
                "nvsmi_gpu_pod_info",
                "nvsmi_gpu_state",
                "nvsmi_gpu_use",
                "nvsmi_gpu_use_start_timestamp_seconds",
                "nvsmi_gpu_xid_errors_total",
            ]
        );
        assert_eq!(value(&samples, "nvsmi_gpu_state", &[("gpu", "1"), ("state", state.as_str())]), Some("1"));
        assert!(names("0").len() > 60, "the other is exposed as before");
    }
}

#[test]
fn state_sets_have_zeros() {
    let mig = hosts::all().swap_remove(3).1;
    for (name, snapshot) in hosts::all().into_iter().chain([("MIG", mig)]) {
        let samples = samples_of(&snapshot, "native");
        for (metric, label, states) in [
            ("nvsmi_gpu_use", "verdict", &["busy", "free", "held", "unknown"][..]),
            ("nvsmi_gpu_mig_use", "verdict", &["busy", "free", "held", "unknown"]),
            ("nvsmi_gpu_state", "state", &["asleep", "denied", "error", "lost", "ok", "stale"]),
            ("nvsmi_gpu_health", "verdict", &["critical", "ok", "warning"]),
            (
                "nvsmi_agent_collector_state",
                "state",
                &["no_driver", "ok", "released", "restarting", "stalled", "starting"],
            ),
        ] {
            let mut sets: BTreeMap<Vec<String>, Vec<(String, String)>> = BTreeMap::new();
            for sample in samples.iter().filter(|sample| sample.name == metric) {
                let others = sample.labels.iter().filter(|(other, _)| *other != label);
                let of = others.map(|(name, value)| format!("{name}={value}")).collect();
                sets.entry(of).or_default().push((sample.label(label).to_owned(), sample.value.clone()));
            }
            for (of, mut set) in sets {
                set.sort();
                let found: Vec<&str> = set.iter().map(|(state, _)| state.as_str()).collect();
                assert_eq!(found, states, "{name}: {metric}{of:?}");
                let ones = set.iter().filter(|(_, value)| value == "1").count();
                assert!(
                    ones == 1 && set.iter().all(|(_, value)| value == "0" || value == "1"),
                    "{metric}{of:?}: {set:?}"
                );
            }
        }
    }
}

/// At most 4 series and 12 of each GPU, whatever is wrong with it; the same series as in the standard set.
#[test]
fn fleet_set_is_bounded() {
    let fleet = || MetricsSettings { set: MetricsSet::Fleet, processes: Some(100), ..MetricsSettings::default() };
    let of = |snapshot: &Snapshot| read(&text_of(snapshot, fleet(), Scope::Read, Commands::Masked));
    for (name, snapshot) in hosts::all().into_iter().chain([("full", full())]) {
        let samples = of(&snapshot);
        assert!(samples.len() <= 4 + 12 * snapshot.gpus.len(), "{name}: {}", samples.len());
        let standard = samples_of(&snapshot, "native");
        for sample in &samples {
            assert!(standard.contains(sample), "{name}: {sample:?}");
        }
    }
    for (gpus, most) in [(8, 100), (16, 196)] {
        let mut snapshot = full();
        let gpu = snapshot.gpus[1].clone();
        snapshot.gpus = (0..gpus).map(|index| Gpu { index, key: index.to_string(), ..gpu.clone() }).collect();
        for gpu in &mut snapshot.gpus {
            gpu.health.reasons = (0..9).map(|code| reason(&format!("code_{code}"))).collect();
        }
        let samples = of(&snapshot);
        assert_eq!(samples.len(), most, "{gpus} GPUs");
        for name in ["nvsmi_gpu_info", "nvsmi_gpu_health_reason", "nvsmi_gpu_power_watts"] {
            assert_eq!(samples.iter().filter(|sample| sample.name == name).count(), gpus as usize, "{name}");
        }
    }
}

fn reason(code: &str) -> Reason {
    Reason { severity: Severity::Warning, code: code.into(), text: "It is.".into(), action: "Look.".into() }
}

#[test]
fn held_gpu_has_duration() {
    let mut snapshot = full();
    let since = Stamp { boot: BootTime(snapshot.at.boot.0 - 90_500), ..snapshot.at };
    snapshot.gpus[1].usage = Usage { verdict: UseVerdict::Held, since, ..snapshot.gpus[1].usage.clone() };
    let samples = samples_of(&snapshot, "native");
    assert_eq!(value(&samples, "nvsmi_gpu_held_idle_seconds", &[("gpu", "1")]), Some("90.5"));
    assert_eq!(value(&samples, "nvsmi_gpu_use", &[("gpu", "1"), ("verdict", "held")]), Some("1"));
}

#[test]
fn process_series_optional_and_bounded() {
    let mut snapshot = full();
    for (pid, memory) in [(10, Ok(5)), (11, Err(Absence::NotSupported)), (12, Ok(7)), (13, Ok(6))] {
        let mut process = hosts::process(pid, telemetry::snapshot::ProcessKind::Compute);
        process.gpu_memory_bytes = memory;
        snapshot.gpus[0].processes.push(process);
    }
    let told = |processes: Option<usize>| {
        let settings = MetricsSettings { processes, ..MetricsSettings::default() };
        read(&text_of(&snapshot, settings, Scope::Read, Commands::Masked))
    };
    let of_processes = |samples: &[Sample]| -> Vec<String> {
        let memory = samples.iter().filter(|sample| sample.name == "nvsmi_gpu_process_host_memory_bytes");
        memory.map(|sample| format!("{}/{}", sample.label("gpu"), sample.label("pid"))).collect()
    };
    let left_out =
        |samples: &[Sample]| value(samples, "nvsmi_agent_metrics_processes_left_out", &[]).map(str::to_owned);
    let none = told(None);
    assert_eq!((of_processes(&none), left_out(&none)), (vec![], None));
    let all = told(Some(7));
    assert_eq!((of_processes(&all).len(), left_out(&all).as_deref()), (7, Some("0")));
    // Those with the most memory, in the order of all.
    let some = told(Some(4));
    assert_eq!(of_processes(&some), ["0/2879221", "0/2879300", "0/12", "1/2879221"]);
    assert_eq!(left_out(&some).as_deref(), Some("3"));
    assert_eq!(of_processes(&told(Some(0))).len(), 0);
    let alice = [("gpu", "0"), ("pid", "2879221"), ("user", "alice"), ("name", "python"), ("type", "C")];
    assert_eq!(value(&all, "nvsmi_gpu_process_sm_ratio", &alice), Some("0.11"));
    assert_eq!(value(&all, "nvsmi_gpu_process_cpu_ratio", &alice), Some("0.995"));
}

#[test]
fn scopes_and_names_hide_denied_labels() {
    let mut planted = hosts::planted();
    for process in planted.gpus.iter_mut().flat_map(|gpu| &mut gpu.processes) {
        process.gpu_instance = Some(1);
    }
    for names in ["native", "dcgm", "native,dcgm"] {
        let text = |scope, commands| text_of(&planted, settings(names), scope, commands);
        for commands in [Commands::Full, Commands::Masked, Commands::Name, Commands::Hidden] {
            for planted in hosts::PLANTED {
                assert!(!text(Scope::Summary, commands).contains(planted), "{planted} under {names}");
            }
        }
        // A scraper sees processes, pods and jobs, and not who or what somebody is.
        let scraped = text(Scope::Metrics, Commands::Full);
        for person in &hosts::PLANTED[..3] {
            assert!(!scraped.contains(person), "{person} under {names}");
        }
        assert_eq!(scraped.contains("pid=\"4194301\""), names != "dcgm", "processes are native's");
        assert!(scraped.contains("planted-podname"), "{names}");
        for label in ["user=", "name=\"planted"] {
            assert!(!scraped.contains(label), "{label} under {names}");
        }
        let all = text(Scope::Read, Commands::Full);
        assert_eq!(all.contains(hosts::PLANTED[0]), names != "dcgm", "users are native's");
        assert_eq!(all.contains(hosts::PLANTED[5]), names != "native", "jobs are dcgm's");
        assert!(!text(Scope::Read, Commands::Hidden).contains(hosts::PLANTED[1]));
    }
}

#[test]
fn every_host_gives_valid_text() {
    for (name, snapshot) in hosts::all() {
        for names in ["native", "dcgm", "native,dcgm"] {
            let samples = samples_of(&snapshot, names);
            assert_eq!(value(&samples, "nvsmi_agent_build_info", &[]), Some("1"), "{name}");
            let state = snapshot.collector.state.as_str();
            assert_eq!(value(&samples, "nvsmi_agent_collector_state", &[("state", state)]), Some("1"), "{name}");
        }
    }
    let empty = host_without_gpus();
    assert_eq!(value(&samples_of(&empty, "native"), "nvsmi_agent_snapshot_timestamp_seconds", &[]), None);
}

fn host_without_gpus() -> Snapshot {
    let mut snapshot = crate::host::snapshot(CollectorState::Ok, vec![]);
    snapshot.collector.sample_duration = Some(Duration::from_millis(1));
    snapshot
}

#[test]
fn fleet_set_names_rare_states_while_they_last() {
    let fleet = || MetricsSettings { set: MetricsSet::Fleet, ..MetricsSettings::default() };
    let mut snapshot = full();
    let states = |snapshot: &Snapshot, name: &str| {
        let samples = read(&text_of(snapshot, fleet(), Scope::Read, Commands::Masked));
        let of = samples.into_iter().filter(|sample| sample.name == name && sample.label("gpu") != "1");
        of.map(|sample| format!("{} {}", sample.label("state"), sample.value)).collect::<Vec<_>>()
    };
    assert_eq!(states(&snapshot, "nvsmi_gpu_state"), ["ok 1"]);
    assert_eq!(states(&snapshot, "nvsmi_agent_collector_state"), ["ok 1"]);
    snapshot.gpus[0].state = telemetry::snapshot::GpuState::Asleep;
    snapshot.collector.state = CollectorState::Released;
    assert_eq!(states(&snapshot, "nvsmi_gpu_state"), ["ok 0", "asleep 1"]);
    assert_eq!(states(&snapshot, "nvsmi_agent_collector_state"), ["ok 0", "released 1"]);
}

/// A hub must not offer a GPU in MIG mode as a whole. The others have no series, because their number is bounded.
#[test]
fn fleet_set_names_gpus_in_mig_mode() {
    let mut snapshot = full();
    let fleet = MetricsSettings { set: MetricsSet::Fleet, ..MetricsSettings::default() };
    for (reading, sample) in [(Ok(true), Some("1")), (Ok(false), None), (Err(Absence::NotSupported), None)] {
        snapshot.gpus[1].readings.modes.mig = reading;
        let samples = read(&text_of(&snapshot, fleet.clone(), Scope::Read, Commands::Masked));
        assert_eq!(value(&samples, "nvsmi_gpu_mig_mode", &[("gpu", "1")]), sample, "{reading:?}");
    }
}

#[test]
fn interval_and_start_of_use_exported() {
    let mut snapshot = full();
    snapshot.interval = std::time::Duration::from_millis(2500);
    snapshot.gpus[1].usage.since.unix_ms = 1_700_000_000_250;
    for set in [MetricsSet::Standard, MetricsSet::Fleet] {
        let settings = MetricsSettings { set, ..MetricsSettings::default() };
        let samples = read(&text_of(&snapshot, settings, Scope::Read, Commands::Masked));
        assert_eq!(value(&samples, "nvsmi_agent_interval_seconds", &[]), Some("2.5"));
        let began = value(&samples, "nvsmi_gpu_use_start_timestamp_seconds", &[("gpu", "1")]).unwrap();
        assert_eq!(began.parse::<f64>().unwrap(), 1_700_000_000.25);
    }
}
