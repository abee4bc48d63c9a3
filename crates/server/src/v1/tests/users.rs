//! `/api/v1/users`.

use serde_json::json;
use telemetry::{
    Absence,
    sample::Container,
    snapshot::{ContainerCount, Process, ProcessKind},
};

use super::*;

#[test]
fn users_are_added_up() {
    let host = Host::new(hosts::healthy(), Scope::Read, Commands::Masked);
    let users = host.json("users");
    assert_eq!(users.as_array().unwrap().len(), 2);
    let (root, alice) = (&users[0], &users[1]);
    let id = "3f2a".repeat(16);
    assert_eq!(
        (&root["user"], &root["uid"], &root["container"], &root["processes"]),
        (&"trainer".into(), &0.into(), &id.into(), &1.into())
    );
    assert_eq!((&alice["user"], &alice["processes"], &alice["sm_percent"]), (&"alice".into(), &1.into(), &22.into()));
    assert_eq!((&alice["gpus"], &alice["longest_run_seconds"]), (&serde_json::json!([0, 1]), &973.into()));
    assert_eq!(
        (&alice["held_idle"][0]["gpu"], &alice["held_idle"][0]["gpu_memory_bytes"]),
        (&1.into(), &(100 << 20).into())
    );
    let mig = Host::new(hosts::all().swap_remove(3).1, Scope::Read, Commands::Masked);
    assert_eq!(mig.json("users")[0]["held_idle"][0]["gpu"], 0, "held by the instance, though the GPU is busy");
}

#[test]
fn users_of_system_container_are_one_row() {
    let mut snapshot = hosts::healthy();
    let container = |id: &str, runtime: &str| {
        Some(Box::new(Container { id: id.into(), runtime: Some(runtime.into()), name: Ok(id.into()), rootless: false }))
    };
    let of = |pid, uid, inner: Option<&str>, runtime| Process {
        uid: Ok(uid),
        container: inner.map_or_else(|| container("t1", runtime), |id| container(id, "docker")),
        system_container: container("t1", runtime),
        ..hosts::process(pid, ProcessKind::Compute)
    };
    snapshot.gpus[0].processes = vec![
        hosts::process(1, ProcessKind::Compute),
        of(2, 1001, None, "lxc"),
        of(3, 0, None, "lxc"),
        of(4, 0, Some("abc"), "lxc"),
        of(5, 1001, None, "systemd-nspawn"),
    ];
    snapshot.gpus.truncate(1);
    let host = Host::new(snapshot, Scope::Read, Commands::Masked);
    let rows = host.json("users");
    let told = |row: &Value| [&row["user"], &row["uid"], &row["container"], &row["processes"]].map(Clone::clone);
    let lxc = [json!("t1"), Value::Null, json!("t1"), json!(3)];
    let nspawn = [json!("t1"), Value::Null, json!("t1"), json!(1)];
    let alice = [json!("alice"), json!(1001), Value::Null, json!(1)];
    assert_eq!(rows.as_array().unwrap().iter().map(told).collect::<Vec<_>>(), [lxc, nspawn, alice]);
    assert_eq!(rows[0]["absent"], json!({}));
    let processes = host.json("processes");
    let row = |at: usize| processes[at].clone();
    assert_eq!(
        (&row(1)["user"], &row(1)["absent"]["user"], &row(1)["uid"]),
        (&Value::Null, &json!("not_supported"), &json!(1001))
    );
    assert_eq!((&row(1)["owner"], &row(1)["owner_container"]), (&json!("t1"), &json!("t1")));
    assert_eq!((&row(3)["container"], &row(3)["system_container"]), (&json!("abc"), &json!("t1")));
    assert_eq!(
        (&row(0)["owner"], &row(0)["owner_container"], &row(0)["system_container"]),
        (&json!("alice"), &Value::Null, &Value::Null)
    );
    let of = |user: &str| host.json(&format!("processes?user={user}")).as_array().unwrap().len();
    assert_eq!((of("t1"), of("alice"), of("1001"), of("0")), (4, 1, 1, 0), "the uid is another account's in it");
}

#[test]
fn unreadable_uid_leaves_that_of_container() {
    let docker = Container { id: "abc".into(), runtime: None, name: Ok("train".into()), rootless: false };
    let of = |(pid, uid)| Process {
        uid,
        container: Some(Box::new(docker.clone())),
        container_count: ContainerCount::Container,
        ..hosts::process(pid, ProcessKind::Compute)
    };
    let unread = Err(Absence::Denied);
    for (uids, uid, absent) in [
        (&[Ok(1001), unread, Ok(1001)][..], json!(1001), Value::Null),
        (&[unread, Ok(1001)], json!(1001), Value::Null),
        (&[Ok(1001), unread, Ok(1002), Ok(1002)], Value::Null, Value::Null),
        (&[unread, unread], Value::Null, json!("denied")),
    ] {
        let mut snapshot = hosts::healthy();
        snapshot.gpus.truncate(1);
        snapshot.gpus[0].processes = (1..).zip(uids.iter().copied()).map(of).collect();
        let rows = Host::new(snapshot, Scope::Read, Commands::Masked).json("users");
        assert_eq!(rows.as_array().unwrap().len(), 1);
        assert_eq!((&rows[0]["uid"], &rows[0]["absent"]["uid"]), (&uid, &absent), "{uids:?}");
    }
}

#[test]
fn users_not_charged_for_graphics_or_ambiguous_use() {
    let mut snapshot = hosts::healthy();
    let xorg =
        Process { holds: false, kind: ProcessKind::Graphics, uid: Ok(117), ..snapshot.gpus[1].processes[0].clone() };
    snapshot.gpus[1].processes.push(Process { user: Some("gdm".into()), ..xorg });
    let unread = Process { placed: Err(Absence::Denied), ..snapshot.gpus[0].processes[1].clone() };
    snapshot.gpus[0].processes.push(Process { container: None, ..unread });
    let users = Host::new(snapshot, Scope::Read, Commands::Masked).json("users");
    let held = |user: &str| {
        let row = users.as_array().unwrap().iter().find(|row| row["user"] == user);
        row.unwrap()["held_idle"].as_array().unwrap().len()
    };
    assert_eq!((held("alice"), held("gdm"), held("trainer")), (1, 0, 0));
    let nobody = &users[users.as_array().unwrap().len() - 1];
    assert_eq!(
        (&nobody["user"], &nobody["uid"], &nobody["absent"]["user"]),
        (&Value::Null, &0.into(), &"denied".into())
    );
}
