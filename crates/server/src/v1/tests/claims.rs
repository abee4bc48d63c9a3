//! Claims of GPUs and MIG instances, for each scope.

use std::sync::Arc;

use serde_json::{Value, json};
use telemetry::{
    Stamp,
    claims::{Claim, ClaimKind, ClaimProcess},
    snapshot::{Claimed, CollectorState, Snapshot},
};

use super::{Host, hosts};
use crate::{config::commands::Commands, host};
use http_server::auth::Scope;

fn stamp(unix_ms: u64) -> Stamp {
    Stamp { unix_ms, ..Stamp::default() }
}

fn claimed(process: Option<ClaimProcess>) -> Claimed {
    let claim = Claim {
        number: 7,
        kind: if process.is_some() { ClaimKind::Run } else { ClaimKind::Claim },
        uid: 1001,
        user: "alice".into(),
        process,
        since: stamp(1_000),
        until: process.is_none().then(|| stamp(2_000)),
        why: "paper".into(),
        devices: Vec::new(),
    };
    Claimed { claim: Arc::new(claim), conflicts: vec!["bob".into()] }
}

fn snapshot() -> Snapshot {
    let mut gpu = hosts::mig();
    gpu.claim = Some(claimed(None));
    for mig in gpu.mig.iter_mut().flatten() {
        mig.claim = Some(claimed(Some(ClaimProcess { pid: 4242, started_ticks: Some(1) })));
    }
    host::snapshot(CollectorState::Ok, vec![gpu, host::gpu(1)])
}

fn gpus(scope: Scope, view: &str) -> Value {
    Host::new(snapshot(), scope, Commands::Masked).json(view)["gpus"].clone()
}

#[test]
fn claim_has_the_fields_of_the_contract() {
    let claim = json!({"kind": "claim", "user": "alice", "uid": 1001, "pid": null, "since": 1000, "until": 2000, "why": "paper"});
    let run =
        json!({"kind": "run", "user": "alice", "uid": 1001, "pid": 4242, "since": 1000, "until": null, "why": "paper"});
    for view in ["snapshot", "summary"] {
        let gpus = gpus(Scope::Read, view);
        assert_eq!(
            (&gpus[0]["claim"], &gpus[0]["mig"][0]["claim"], &gpus[1]["claim"]),
            (&claim, &run, &Value::Null),
            "{view}"
        );
    }
    let gpus = gpus(Scope::Read, "snapshot");
    assert_eq!((&gpus[0]["claim_conflicts"], &gpus[1]["claim_conflicts"]), (&json!(["bob"]), &json!([])));
}

#[test]
fn summary_sees_only_that_a_claim_exists() {
    for view in ["snapshot", "summary"] {
        let gpus = gpus(Scope::Summary, view);
        for claim in [&gpus[0]["claim"], &gpus[0]["mig"][0]["claim"]] {
            assert!(claim.as_object().unwrap().values().all(Value::is_null), "{claim}");
        }
        assert_eq!(gpus[1]["claim"], Value::Null);
    }
    let gpus = gpus(Scope::Summary, "snapshot");
    assert_eq!((&gpus[0]["claim_conflicts"], &gpus[0]["absent"]["claim.user"]), (&json!([]), &json!("hidden")));
    let events = |scope| Host::new(hosts::planted(), scope, Commands::Masked).json("events").to_string();
    assert!(events(Scope::Read).contains(hosts::PLANTED[0]));
    let hidden = events(Scope::Summary);
    assert!(hidden.contains("another user has claimed") && !hidden.contains(hosts::PLANTED[0]), "{hidden}");
}
