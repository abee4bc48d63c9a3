//! `/summary` and `/summary.txt`.

use serde_json::{Value, json};
use telemetry::{
    Absence, Stamp, fixtures as host,
    snapshot::{CollectorState, UseVerdict},
};

use super::{Host, body, hosts};
use crate::config::commands::Commands;
use http_server::auth::Scope;

fn summary(scope: Scope) -> Value {
    let mut snapshot = hosts::planted();
    snapshot.read_at = Some(Stamp { boot: telemetry::BootTime(snapshot.at.boot.0 - 250), ..snapshot.at });
    Host::new(snapshot, scope, Commands::Masked).json("summary")
}

#[test]
fn summary_has_what_a_fleet_needs() {
    let all = summary(Scope::Read);
    assert_eq!(all["hostname"], "gpu01");
    assert_eq!((&all["interval_ms"], &all["age_ms"]), (&json!(1000), &json!(250)));
    assert_eq!((&all["read_at"], &all["sampled_at"]), (&json!(hosts::AT.unix_ms), &json!(hosts::AT.unix_ms)));
    assert_eq!(
        (&all["agent_version"], &all["driver_version"]),
        (&json!(env!("CARGO_PKG_VERSION")), &json!("580.159.04"))
    );
    let gpu = &all["gpus"][0];
    let whole = Host::new(hosts::planted(), Scope::Read, Commands::Masked).json("gpus/0");
    for (field, path) in [
        ("name", "/name"),
        ("memory_total_bytes", "/memory/total_bytes"),
        ("memory_free_bytes", "/memory/free_bytes"),
        ("utilization_percent", "/utilization/gpu_percent"),
        ("power_watts", "/power/draw_watts"),
        ("temperature_celsius", "/temperature/gpu_celsius"),
        ("use", "/use/verdict"),
        ("verdict", "/use/verdict"),
        ("since", "/use/since"),
        ("users", "/use/users"),
        ("health", "/health/verdict"),
    ] {
        assert_eq!(gpu[field], *whole.pointer(path).unwrap(), "{field}");
        assert!(!gpu[field].is_null(), "{field}");
    }
    assert_eq!((&gpu["users"], &gpu["claim"]), (&json!([hosts::PLANTED[0]]), &whole["claim"]));
    let mig = &gpu["mig"][0];
    assert_eq!(
        (&mig["users"], &mig["claim"], &mig["use"]),
        (&json!([hosts::PLANTED[0]]), &whole["claim"], &mig["verdict"])
    );
    assert!(mig["memory_total_bytes"].is_u64() && mig["since"].is_u64(), "{mig}");
    let reason = whole["health"]["reasons"][0]["text"].as_str().unwrap();
    assert_eq!(all["problems"][0], format!("GPU 0: {reason}"));
}

#[test]
fn summary_hides_users_from_its_scope() {
    let all = summary(Scope::Summary);
    assert_eq!((&all["gpus"][1]["users"], &all["gpus"][1]["mig"][0]["users"]), (&json!([]), &json!([])));
    assert_eq!(
        (&all["absent"]["gpus.1.users"], &all["absent"]["gpus.1.mig.0.users"]),
        (&json!("hidden"), &json!("hidden"))
    );
    let mut open = summary(Scope::Read);
    let mut closed = all;
    for object in [&mut open, &mut closed] {
        object["absent"]
            .as_object_mut()
            .unwrap()
            .retain(|path, _| !path.ends_with("users") && !path.contains("claim."));
        for gpu in object["gpus"].as_array_mut().unwrap() {
            (gpu["users"], gpu["claim"]) = (json!([]), Value::Null);
            for mig in gpu["mig"].as_array_mut().unwrap() {
                (mig["users"], mig["claim"]) = (json!([]), Value::Null);
            }
        }
    }
    assert_eq!(open, closed, "nothing else differs");
}

#[test]
fn summary_counts() {
    let (_, lost) = hosts::all().swap_remove(2);
    let summary = Host::new(lost.clone(), Scope::Summary, Commands::Masked).json("summary");
    assert_eq!((&summary["gpus_total"], &summary["gpus_ok"]), (&2.into(), &1.into()));
    assert_eq!(summary["use"], json!({"free": 0, "held": 0, "busy": 1, "unknown": 1}));
    assert_eq!(summary["absent"]["gpus.1.memory_free_bytes"], "lost");
    let text = body(Host::new(lost, Scope::Summary, Commands::Masked).get("summary.txt"));
    let text = String::from_utf8(text).unwrap();
    assert_eq!(
        text.lines().collect::<Vec<_>>(),
        [
            "(no hostname): collector ok, 1 of 2 GPUs ok: 0 free, 0 held, 1 busy, 1 unknown",
            "GPU  NAME                         STATE    USE                MEMORY  HEALTH",
            "  0  NVIDIA H200                  ok       busy       12525 MiB free  critical",
            "  1  (no name)                    lost     unknown              lost  ok",
        ]
    );
}

#[test]
fn summary_counts_mig_instances() {
    let mut gpu = hosts::mig();
    let instances = gpu.mig.as_mut().unwrap();
    let first = instances[0].clone();
    *instances =
        [("3g.40gb", 2, UseVerdict::Busy), ("1g.10gb", 9, UseVerdict::Free), ("1g.10gb", 10, UseVerdict::Held)]
            .map(|(profile, gpu_instance, verdict)| {
                let mut mig = first.clone();
                (mig.sample.profile, mig.sample.gpu_instance) = (Ok(profile.into()), Ok(gpu_instance));
                mig.usage.verdict = verdict;
                mig
            })
            .into();
    instances[2].sample.memory = Err(Absence::Denied);
    let host = Host::new(host::snapshot(CollectorState::Ok, vec![gpu]), Scope::Summary, Commands::Masked);
    let summary = host.json("summary");
    assert_eq!(summary["mig"], json!({"free": 1, "held": 1, "busy": 1, "unknown": 0}));
    let free = &summary["gpus"][0]["mig"][1];
    assert_eq!(
        *free,
        json!({"label": "1g.10gb (GI 9)", "uuid": "MIG-1", "profile": "1g.10gb", "verdict": "free",
            "use": "free", "since": first.usage.since.unix_ms, "users": [], "claim": null,
            "memory_total_bytes": first.sample.memory.unwrap().total_bytes, "memory_free_bytes": 17_u64 << 30})
    );
    assert_eq!(summary["absent"]["gpus.0.mig.2.memory_free_bytes"], "denied");
    let text = String::from_utf8(body(host.get("summary.txt"))).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].ends_with("; MIG instances: 1 free, 1 held, 1 busy, 0 unknown"), "{text}");
    for (line, start, end) in [
        (3, "     0 · 3g.40gb                  ok       busy       17408 MiB free  ", "critical"),
        (4, "     0 · 1g.10gb (GI 9)           ok       free       17408 MiB free  ", "critical"),
        (5, "     0 · 1g.10gb (GI 10)          ok       held               denied  ", "critical"),
    ] {
        assert_eq!(lines[line], format!("{start}{end}"));
    }
}

#[test]
fn summary_text_escapes_names() {
    let rows = |name: &str, hostname: &str| {
        let mut snapshot = hosts::healthy();
        snapshot.host.hostname = Ok(hostname.into());
        snapshot.gpus[0].identity.name = Ok(name.into());
        let gpus = snapshot.gpus.len();
        let host = Host::new(snapshot, Scope::Summary, Commands::Masked);
        let text = String::from_utf8(body(host.get("summary.txt"))).unwrap();
        assert_eq!(text.lines().count(), 2 + gpus, "{text:?}");
        assert!(!text.contains(|character: char| character.is_control() && character != '\n'), "{text:?}");
        text
    };
    let text = rows("A\u{1b}[2J\n  9  free\u{202e}", "gpu01\u{1b}]0;x\u{7}\n");
    assert!(text.contains("A\\x1b[2J\\n  9  free\\u{202e}"), "{text}");
    assert!(text.starts_with("gpu01\\x1b]0;x\\x07\\n: collector"), "{text}");
    let text = rows(&"x".repeat(96), "gpu01");
    assert!(text.lines().nth(2).unwrap().starts_with(&format!("  0  {}… ", "x".repeat(47))), "{text}");
}

proptest::proptest! {
    #[test]
    fn summary_text_has_one_line_per_gpu(name in "\\PC{0,20}(.|\n|\u{1b}|\u{202e}){0,20}", hostname in "(.|\n){0,9}") {
        let mut snapshot = hosts::healthy();
        snapshot.host.hostname = Ok(hostname);
        snapshot.gpus[0].identity.name = Ok(name);
        let gpus = snapshot.gpus.len();
        let text = body(Host::new(snapshot, Scope::Summary, Commands::Masked).get("summary.txt"));
        let lines: Vec<&[u8]> = text.strip_suffix(b"\n").unwrap().split(|byte| *byte == b'\n').collect();
        proptest::prop_assert_eq!(lines.len(), 2 + gpus);
        proptest::prop_assert!(!text.iter().any(|byte| byte.is_ascii_control() && *byte != b'\n'));
    }
}
