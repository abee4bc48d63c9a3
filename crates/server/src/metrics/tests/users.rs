//! Metrics of users, which are exposed only on demand.

use telemetry::usage::REMOVED;

use super::*;
use crate::usage::fake::{FakeStore, HOSTILE};

fn with_users(users: &[&'static str], names: &str) -> MetricsSettings {
    MetricsSettings { users: Some(Arc::new(FakeStore::of(users))), ..settings(names) }
}

fn exposed(snapshot: &Snapshot, users: &[&'static str]) -> Vec<Sample> {
    let text = text_of(snapshot, with_users(users, "native"), Scope::Read, Commands::Masked);
    read(&text).into_iter().filter(|sample| sample.name.starts_with("nvsmi_user_")).collect()
}

/// A host whose lists of processes were read.
fn listed(mut snapshot: Snapshot) -> Snapshot {
    for gpu in &mut snapshot.gpus {
        gpu.lists.compute = Ok(());
        gpu.lists.graphics = Ok(());
    }
    snapshot
}

#[test]
fn user_totals_in_base_units() {
    let samples = exposed(&listed(hosts::healthy()), &["bob", REMOVED]);
    let bob = |name| value(&samples, name, &[("user", "bob")]);
    for (name, expected) in [
        ("nvsmi_user_gpu_seconds_total", "90"),
        ("nvsmi_user_busy_gpu_seconds_total", "45"),
        ("nvsmi_user_idle_gpu_seconds_total", "30"),
        ("nvsmi_user_energy_joules_total", "22500.25"),
        ("nvsmi_user_gpu_memory_bytes", "0"),
    ] {
        assert_eq!(bob(name), Some(expected), "{name}");
    }
    assert!(samples.iter().all(|sample| sample.label("user") != REMOVED), "{samples:?}");
}

#[test]
fn user_names_escaped() {
    let samples = exposed(&hosts::healthy(), &HOSTILE);
    for name in HOSTILE {
        let escaped = name.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        assert_eq!(value(&samples, "nvsmi_user_gpu_seconds_total", &[("user", &escaped)]), Some("90"), "{name}");
    }
}

#[test]
fn user_memory_is_absent_where_unknown() {
    let snapshot = listed(hosts::planted());
    let of = |snapshot: &Snapshot, user: &str| {
        let samples = exposed(snapshot, &["alice"]);
        value(&samples, "nvsmi_user_gpu_memory_bytes", &[("user", user)]).map(String::from)
    };
    let owner = snapshot.gpus[0].processes[0].owner().unwrap();
    let memory = |gpu: &Gpu| gpu.processes[0].gpu_memory_bytes.unwrap();
    let all: u64 = snapshot.gpus.iter().map(memory).sum();
    assert_eq!([of(&snapshot, &owner), of(&snapshot, "alice")], [Some(all.to_string()), Some("0".into())]);
    let changed = |change: fn(&mut Gpu)| {
        let mut changed = snapshot.clone();
        change(&mut changed.gpus[0]);
        [of(&changed, &owner), of(&changed, "alice")]
    };
    let unknown = changed(|gpu| gpu.processes[0].gpu_memory_bytes = Err(Absence::NotSupported));
    assert_eq!(unknown, [None, Some("0".into())]);
    let lost = changed(|gpu| gpu.state = telemetry::snapshot::GpuState::Lost);
    assert_eq!(lost, [Some((all - memory(&snapshot.gpus[0])).to_string()), Some("0".into())]);
    let unlisted = changed(|gpu| {
        gpu.lists.compute = Err(Absence::Timeout);
        gpu.processes.clear();
    });
    assert_eq!(unlisted[1], None, "a user may be there");
}

#[test]
fn users_exposed_by_scope_set_and_option() {
    let has = |settings: MetricsSettings, scope| {
        let text = text_of(&hosts::planted(), settings, scope, Commands::Masked);
        let names: BTreeMap<String, ()> = read(&text).into_iter().map(|sample| (sample.name, ())).collect();
        (names.keys().filter(|name| name.starts_with("nvsmi_user_")).count(), text.contains("alice"))
    };
    for names in ["native", "dcgm", "dcgm4.9", "native,dcgm"] {
        for (scope, expected) in [(Scope::Read, 5), (Scope::Metrics, 5), (Scope::Summary, 0)] {
            assert_eq!(has(with_users(&["alice"], names), scope), (expected, expected > 0), "{names} {scope}");
        }
    }
    assert_eq!(has(settings("native"), Scope::Read).0, 0, "only on demand");
    for (set, expected) in [(MetricsSet::Fleet, 0), (MetricsSet::Full, 5)] {
        let settings = MetricsSettings { set, ..with_users(&["alice"], "native") };
        assert_eq!(has(settings, Scope::Read).0, expected, "{set:?}");
    }
}
