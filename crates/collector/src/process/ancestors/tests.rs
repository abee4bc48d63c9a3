use std::{fs, path::Path};

use super::*;

const DOCKER: &str = "/docker/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// A process as `/proc` shows it.
#[derive(Clone, Copy)]
struct One<'a> {
    pid: u32,
    parent: u32,
    uid: u32,
    started: u64,
    name: &'a str,
    arguments: &'a [&'a str],
    cgroup: &'a str,
}

const JOB: One<'_> =
    One { pid: 9, parent: 8, uid: 1001, started: 900, name: "python", arguments: &["python"], cgroup: "/" };
const SHELL: One<'_> =
    One { pid: 8, parent: 7, uid: 1001, started: 800, name: "bash", arguments: &["/bin/bash"], cgroup: "/" };
const STEP: One<'_> = One {
    pid: 7,
    parent: 1,
    uid: 0,
    started: 700,
    name: "slurmstepd",
    arguments: &["slurmstepd: [16.batch]"],
    cgroup: "/system.slice/slurmd.service",
};

fn write(root: &Path, one: &One<'_>) {
    let One { pid, parent, uid, started, name, arguments, cgroup } = one;
    let folder = root.join(pid.to_string());
    fs::create_dir_all(&folder).unwrap();
    let stat = format!("{pid} ({name}) S {parent} 7 7 0 -1 4194560 1 0 0 0 10 32 5 6 20 0 1 0 {started} 9 77 8\n");
    for (file, content) in [
        ("stat", stat),
        ("status", format!("Name:\tx\nUid:\t{uid}\t0\t0\t0\n")),
        ("cgroup", format!("0::{cgroup}\n")),
        ("cmdline", arguments.iter().map(|argument| format!("{argument}\0")).collect()),
    ] {
        fs::write(folder.join(file), content).unwrap();
    }
}

/// Placement of the first process.
fn placed(all: &[One<'_>]) -> Placement {
    let root = tempfile::tempdir().unwrap();
    all.iter().for_each(|one| write(root.path(), one));
    ProcFs::new(root.path().into()).placement(all[0].pid).unwrap()
}

fn job(all: &[One<'_>]) -> Option<(String, Option<String>)> {
    placed(all).job.map(|job| (job.id, job.step))
}

#[test]
fn job_found_by_step_daemon_of_root() {
    let of = |step: &str| Some(("16".to_owned(), Some(step.to_owned())));
    assert_eq!(job(&[JOB, SHELL, STEP]), of("batch"));
    for (title, step) in [
        ("slurmstepd: [16.0]", Some("0")),
        ("slurmstepd: [16.extern]", Some("extern")),
        ("slurmstepd: [16.interactive]", Some("interactive")),
        ("slurmstepd: [16.0+1]", Some("0+1")),
        ("slurmstepd: [16]", None),
        ("slurmstepd: [16.x y]", None),
    ] {
        let expected = Some(("16".to_owned(), step.map(str::to_owned)));
        assert_eq!(job(&[JOB, SHELL, One { arguments: &[title], ..STEP }]), expected, "{title}");
    }
    let debians = One { name: "slurmstepd-wlm", arguments: &["slurmstepd-wlm: [16.batch]"], ..STEP };
    assert_eq!(job(&[JOB, SHELL, debians]), of("batch"));
    // What the cgroup shows comes first.
    let tracked = One { cgroup: "/slurm/uid_1001/job_42/step_3", ..JOB };
    assert_eq!(job(&[tracked, SHELL, STEP]), Some(("42".into(), Some("3".into()))));
}

#[test]
fn step_daemon_forged_by_account_is_ignored() {
    for forged in [
        One { uid: 1001, ..STEP },
        // Root of a container.
        One { cgroup: DOCKER, ..STEP },
        One { cgroup: "/lxc.payload.t1", ..STEP },
        One { arguments: &["slurmstepd infinity"], ..STEP },
        One { arguments: &["slurmstepd: [x.batch]"], ..STEP },
        One { arguments: &[], ..STEP },
        One { name: "bash", ..STEP },
        One { name: "slurmstepdx", ..STEP },
        One { arguments: &["x: [16.batch]"], ..STEP },
        // A later process with the PID of a parent that has ended.
        One { started: 801, ..STEP },
        One { pid: 6, ..STEP },
    ] {
        assert_eq!(job(&[JOB, SHELL, forged]), None);
    }
    assert_eq!(job(&[One { name: "slurmstepd", ..JOB }, SHELL]), None);
}

#[test]
fn ancestors_end_at_loop_and_limit() {
    assert_eq!(job(&[JOB, One { parent: 9, started: 900, ..SHELL }]), None);
    assert_eq!(job(&[One { parent: 9, ..JOB }]), None);
    let chain = |depth: u32| {
        let mut all: Vec<One<'_>> = (0..depth).map(|at| One { pid: 100 + at, parent: 101 + at, ..JOB }).collect();
        all.push(One { pid: 100 + depth, ..STEP });
        job(&all)
    };
    assert_eq!((chain(60).is_some(), chain(200)), (true, None));
}

#[test]
fn machine_of_kept_unit_named_by_nspawn() {
    let nspawn = |arguments| One { name: "systemd-nspawn", arguments, cgroup: "/supervisor", ..STEP };
    for (arguments, name) in [
        (&["systemd-nspawn", "--keep-unit", "--machine=web", "-D", "/srv/x"][..], "web"),
        (&["systemd-nspawn", "-M", "web"][..], "web"),
        (&["systemd-nspawn", "-Mweb"][..], "web"),
        (&["systemd-nspawn", "--keep-unit", "-D", "/srv/x/"][..], "x"),
        (&["systemd-nspawn", "--image=/srv/x.raw", "--boot"][..], "x"),
        (&["systemd-nspawn", "--directory=/"][..], "systemd-nspawn"),
        (&["systemd-nspawn", "-qbD", "/srv/x", "-u", "bob", "python", "-M", "web"][..], "x"),
        (&["systemd-nspawn", "--keep-unit", "--boot", "--directory", "/srv/x", "--bind", "/dev/nvidia0"][..], "x"),
        (&["systemd-nspawn", "--private-users", "--machine=web", "-D", "/srv/x"][..], "web"),
        (&["systemd-nspawn", "--private-users=pick", "--private-users-ownership", "auto", "-M", "web"][..], "web"),
        (&["systemd-nspawn", "--volatile", "--share-system", "--directory=/srv/x"][..], "x"),
        (&["systemd-nspawn", "--", "-M", "web"][..], "systemd-nspawn"),
    ] {
        let payload = One { cgroup: "/payload", ..JOB };
        let found = placed(&[payload, SHELL, nspawn(arguments)]);
        let expected = Some(cgroup::named(name, "systemd-nspawn"));
        assert_eq!((&found.container, &found.system_container), (&expected, &expected), "{arguments:?}");
        // Also from a session, and with a container of its own inside.
        let inner = format!("/user.slice/user-0.slice/session-1.scope/payload{DOCKER}");
        let found = placed(&[One { cgroup: &inner, ..JOB }, SHELL, nspawn(arguments)]);
        assert!(found.container != expected && found.system_container == expected, "{arguments:?}");
        assert_eq!(placed(&[JOB, SHELL, nspawn(arguments)]), Placement::default(), "it is not in `payload`");
        let forged = One { uid: 1001, ..nspawn(arguments) };
        assert_eq!(placed(&[payload, SHELL, forged]), Placement::default());
    }
    assert_eq!(placed(&[One { cgroup: "/payload", ..JOB }, SHELL]), Placement::default());
}

#[test]
fn task_of_containerd_named_by_shim() {
    const SHIM: One<'_> = One {
        name: "containerd-shim",
        arguments: &["/usr/bin/containerd-shim-runc-v2", "-namespace", "default", "-id", "train1", "-address", "/x"],
        cgroup: "/system.slice/containerd.service",
        ..STEP
    };
    let task = One { cgroup: "/default/train1", ..JOB };
    let found = placed(&[task, SHELL, SHIM]);
    assert_eq!((found.container, found.system_container), (Some(cgroup::named("train1", "containerd")), None));
    for (task, shim) in [
        (One { cgroup: "/default/train2", ..JOB }, SHIM),
        (One { cgroup: "/user.slice/default/train1", ..JOB }, SHIM),
        (task, One { uid: 1001, ..SHIM }),
        (task, One { cgroup: DOCKER, ..SHIM }),
        (task, One { arguments: &["containerd-shim-runc-v2", "-id", "train1"], ..SHIM }),
    ] {
        assert_eq!(placed(&[task, SHELL, shim]), Placement::default());
    }
}
