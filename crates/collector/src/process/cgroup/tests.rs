use proptest::prelude::*;

use super::*;

const ID: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const OUTER: &str = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752";
const UID: &str = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
const UID_IN_SLICE: &str = "0a1b2c3d_4e5f_6071_8293_a4b5c6d7e8f9";
const STATIC_UID: &str = "3b5d5c3712955042212316173ccf37be";

/// Expected runtime of the container `ID`, pod and job of a path.
type Told = (Option<Option<&'static str>>, Option<&'static str>, Option<&'static str>);

fn told(container: Option<&'static str>) -> Told {
    (Some(container), None, None)
}

fn in_pod(container: Option<&'static str>) -> Told {
    (Some(container), Some(UID), None)
}

fn job_42() -> Told {
    (None, None, Some("42"))
}

const NOTHING: Told = (None, None, None);

/// Paths as hosts have them; `ID`, `OUTER`, `UID`, `UID_IN_SLICE` and `STATIC_UID` stand for the values above.
fn shapes() -> Vec<(&'static str, Told)> {
    vec![
        // Docker: cgroupfs, systemd, rootless, with a parent of the administrator's choice, and in Docker.
        ("/docker/ID", told(Some("docker"))),
        ("/docker/ID/init.scope", told(Some("docker"))),
        ("/system.slice/docker-ID.scope", told(Some("docker"))),
        ("/user.slice/user-1000.slice/user@1000.service/user.slice/docker-ID.scope", told(Some("docker"))),
        ("/training.slice/docker-ID.scope", told(Some("docker"))),
        ("/training/ID", told(None)),
        ("/docker/OUTER/docker/ID", told(Some("docker"))),
        ("/system.slice/docker-OUTER.scope/system.slice/docker-ID.scope", told(Some("docker"))),
        ("/ecs/a1b2c3/ID", told(None)),
        // containerd: the CRI plugin, nerdctl, and runc without systemd on a path in systemd's notation.
        ("/system.slice/cri-containerd-ID.scope", told(Some("containerd"))),
        ("/k8s.io/ID", told(Some("containerd"))),
        ("/system.slice/nerdctl-ID.scope", told(Some("containerd"))),
        ("/user.slice/user-1000.slice/user@1000.service/user.slice/nerdctl-ID.scope", told(Some("containerd"))),
        ("/default/ID", told(None)),
        ("/system.slice:cri-containerd:ID", told(Some("containerd"))),
        // CRI-O and Podman, whose containers may have a cgroup of their own inside.
        ("/crio/crio-ID", told(Some("cri-o"))),
        ("/machine.slice/libpod-ID.scope", told(Some("podman"))),
        ("/machine.slice/libpod-ID.scope/container", told(Some("podman"))),
        ("/machine.slice/machine-libpod_pod_OUTER.slice/libpod-ID.scope", told(Some("podman"))),
        ("/libpod_parent/libpod-ID", told(Some("podman"))),
        ("/libpod_parent/OUTER/libpod-ID", told(Some("podman"))),
        ("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope", told(Some("podman"))),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/web.service/libpod-payload-ID", told(Some("podman"))),
        // The monitors beside the containers are not in them.
        ("/machine.slice/libpod-conmon-ID.scope", NOTHING),
        ("/system.slice/crio-conmon-ID.scope", NOTHING),
        // Kubernetes: each quality of service, systemd and cgroupfs, each runtime, a static pod, a cluster in Docker.
        ("/kubepods.slice/kubepods-podUID_IN_SLICE.slice/crio-ID.scope", in_pod(Some("cri-o"))),
        ("/kubepods.slice/kubepods-podUID_IN_SLICE.slice/crio-ID.scope/container", in_pod(Some("cri-o"))),
        (
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podUID_IN_SLICE.slice/cri-containerd-ID.scope",
            in_pod(Some("containerd")),
        ),
        (
            "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podUID_IN_SLICE.slice/docker-ID.scope",
            in_pod(Some("docker")),
        ),
        ("/kubepods/podUID/ID", in_pod(None)),
        ("/kubepods/burstable/podUID/ID", in_pod(None)),
        ("/kubepods/besteffort/podUID/crio-ID", in_pod(Some("cri-o"))),
        (
            "/system.slice/containerd.service/kubepods-burstable-podUID_IN_SLICE.slice:cri-containerd:ID",
            in_pod(Some("containerd")),
        ),
        ("/kubepods/burstable/podSTATIC_UID/ID", (Some(None), Some(STATIC_UID), None)),
        (
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podSTATIC_UID.slice/crio-ID.scope",
            (Some(Some("cri-o")), Some(STATIC_UID), None),
        ),
        (
            "/docker/OUTER/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-podUID_IN_SLICE.slice/cri-containerd-ID.scope",
            in_pod(Some("containerd")),
        ),
        ("/kubepods/besteffort/podUID", (None, Some(UID), None)),
        // Seen from a cgroup namespace of the reader's own: what both have in common is not shown.
        ("/../ID", told(None)),
        ("/../cri-containerd-ID.scope", told(Some("containerd"))),
        ("/../../kubepods-podUID_IN_SLICE.slice/cri-containerd-ID.scope", in_pod(Some("containerd"))),
        ("/../../podUID/ID", in_pod(None)),
        // Slurm: cgroup v1 and v2, one daemon and several, a container in a job.
        ("/slurm/uid_1000/job_42/step_0/task_0", job_42()),
        ("/slurm/uid_1000/job_42/step_batch", job_42()),
        ("/slurm_gpu01/uid_1000/job_42/step_extern", job_42()),
        ("/system.slice/slurmstepd.scope/job_42/step_0/user/task_0", job_42()),
        ("/system.slice/gpu01_slurmstepd.scope/job_42/step_batch/user/task_special", job_42()),
        (
            "/system.slice/slurmstepd.scope/job_42/step_0/user/task_0/libpod-ID.scope",
            (Some(Some("podman")), None, Some("42")),
        ),
        // Removed while the process was in it.
        ("/docker/ID (deleted)", told(Some("docker"))),
        // What only looks like one of them.
        ("/", NOTHING),
        ("", NOTHING),
        ("/user.slice/user-1000.slice/session-3.scope", NOTHING),
        ("/system.slice/docker.service", NOTHING),
        ("/docker/buildkit/k2x9p1", NOTHING),
        ("/system.slice/run-ID.scope", NOTHING),
        ("/system.slice/ID.service", NOTHING),
        ("/docker/IDa", NOTHING),
        ("/docker/xID", NOTHING),
        ("/my-docker-ID.scope", NOTHING),
        ("/x-podUID_IN_SLICE.slice", NOTHING),
        ("/kubepods.slice/kubepods-burstable.slice", NOTHING),
        ("/kubepods/pod1234", NOTHING),
        ("/kubepods/podcast", NOTHING),
        ("/batch/job_42", NOTHING),
        ("/slurm/job_42", NOTHING),
        ("/slurm/uid_x/job_42", NOTHING),
        ("/other/uid_1000/job_42", NOTHING),
        ("/slurm/uid_1000/job_", NOTHING),
        ("/system.slice/slurmstepd.scope/job_4x", NOTHING),
        ("/system.slice/slurmstepd.scope/system", NOTHING),
        ("/user.slice/user-1000.slice/user@1000.service/slurm/uid_1000/job_42/step_0", NOTHING),
        ("/user.slice/user-1000.slice/user@1000.service/x_slurmstepd.scope/job_42/step_0", NOTHING),
    ]
}

fn filled(shape: &str) -> String {
    // The longer names first, since two of them contain `UID`.
    [("UID_IN_SLICE", UID_IN_SLICE), ("STATIC_UID", STATIC_UID), ("UID", UID), ("OUTER", OUTER), ("ID", ID)]
        .into_iter()
        .fold(shape.to_owned(), |path, (name, value)| path.replace(name, value))
}

fn expected((container, pod, job): Told) -> Placement {
    Placement {
        container: container.map(|runtime| found(ID, runtime)),
        system_container: None,
        pod: pod.map(Into::into),
        podman_pod: None,
        job: job.map(|id| slurm_job(id, None)),
    }
}

/// Placement by a file, without the fields of the other tests.
fn shown(lines: &str) -> Placement {
    let placement = placement(lines.as_bytes());
    Placement {
        container: placement.container.map(|container| Container { rootless: false, ..container }),
        podman_pod: None,
        job: placement.job.map(|job| SlurmJob { step: None, ..job }),
        ..placement
    }
}

#[test]
fn cgroup_shapes_parsed() {
    for (shape, told) in shapes() {
        let line = format!("0::{}\n", filled(shape));
        assert_eq!(shown(&line), expected(told), "{shape}");
        // The same in one hierarchy of several, as cgroup v1 has it.
        let lines = format!("12:pids:{0}\n4:memory:{0}\n1:name=systemd:/\n0::/\n", filled(shape));
        assert_eq!(shown(&lines), expected(told), "{shape}");
    }
}

#[test]
fn cgroup_hierarchies_complement_each_other() {
    let lines =
        filled("5:devices:/slurm/uid_1/job_42/step_0\n4:memory:/a/ID\n1:name=systemd:/system.slice/docker-ID.scope\n");
    assert_eq!(shown(&lines), expected((Some(Some("docker")), None, Some("42"))));
    assert_eq!(placement(b""), Placement::default());
    assert_eq!(placement(b"no colons\n1:one\n"), Placement::default());
}

/// Outermost system container, innermost container.
fn containers(path: &str) -> (Option<String>, Option<String>) {
    let placement = placement(format!("0::{}\n", filled(path)).as_bytes());
    let id = |container: Container| container.id.replace(ID, "ID");
    (placement.system_container.map(id), placement.container.map(id))
}

#[test]
fn system_container_named_by_path() {
    for (path, outer, inner) in [
        // LXC 4 and newer, Incus and LXD (in a project and below the root of v1's hierarchies), LXC 3.1, Proxmox.
        ("/lxc.payload.t1", "t1", "t1"),
        ("/lxc.payload.t1/init.scope", "t1", "t1"),
        ("/lxc.payload.t1/user.slice/user-1000.slice/session-2.scope", "t1", "t1"),
        ("/lxc.payload.lab_train-1", "lab_train-1", "lab_train-1"),
        ("/lxc.payload/t1/system.slice/cron.service", "t1", "t1"),
        ("/lxc/101/ns", "101", "101"),
        ("/lxc/101/ns/system.slice/ssh.service", "101", "101"),
        ("/../lxc.payload.t1", "t1", "t1"),
        ("/lxc.payload.t1 (deleted)", "t1", "t1"),
        ("/lxc.payload.\u{1b}[2J", "\u{fffd}[2J", "\u{fffd}[2J"),
        // systemd-nspawn, from its unit, from a shell, booted, and with a name that systemd escapes.
        ("/machine.slice/systemd-nspawn@web.service/payload", "web", "web"),
        ("/machine.slice/systemd-nspawn@my\\x2dlab.service/payload/init.scope", "my-lab", "my-lab"),
        ("/machine.slice/machine-my\\x2dlab.scope/payload/system.slice/x.service", "my-lab", "my-lab"),
        ("/machine.slice/machine-a\\x2db\\xc3\\xa9.scope/payload", "a-bé", "a-bé"),
        ("/machine.slice/machine-a\\x+2\\x2.scope/payload", "a\\x+2\\x2", "a\\x+2\\x2"),
        // Docker, a Podman of a user, LXC and nspawn in them.
        ("/lxc.payload.t1/system.slice/docker-ID.scope", "t1", "ID"),
        ("/lxc.payload.t1/docker/ID", "t1", "ID"),
        ("/lxc/101/ns/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope", "101", "ID"),
        ("/lxc.payload.t1/lxc.payload.t2", "t1", "t2"),
        ("/lxc/101/ns/lxc.payload.t2/system.slice/docker-ID.scope", "101", "ID"),
        ("/lxc.payload.t1/machine.slice/systemd-nspawn@web.service/payload", "t1", "web"),
    ] {
        assert_eq!(containers(path), (Some(outer.into()), Some(inner.into())), "{path}");
    }
}

#[test]
fn system_container_not_found_elsewhere() {
    for path in [
        // Beside the containers: monitors, supervisors, virtual machines.
        "/lxc.monitor.t1",
        "/lxc.monitor/101",
        "/lxc.pivot",
        "/lxc.payload",
        "/lxc.payload.",
        "/lxc",
        "/machine.slice/systemd-nspawn@web.service/supervisor",
        "/machine.slice/systemd-nspawn@web.service",
        "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator",
        "/machine.slice/machine-web.scope",
        "/machine.slice/x.service/payload",
        // Where accounts create cgroups, or services name them.
        "/user.slice/user-1000.slice/user@1000.service/app.slice/lxc.payload.t1",
        "/user.slice/user-1000.slice/user@1000.service/lxc.payload/t1",
        "/user.slice/user-1000.slice/user@1000.service/machine.slice/machine-web.scope/payload",
        "/user.slice/user-1000.slice/user@1000.service/app.slice/systemd-nspawn@web.service/payload",
        "/user/alice/0/lxc.payload.t1",
        "/system.slice/lxc.payload.t1.service",
        "/system.slice/lxc.payload.t1",
        "/my-lxc.payload.t1",
        "/payload",
        "/default/train1",
    ] {
        assert_eq!(containers(path), (None, None), "{path}");
    }
    // Root in a container of Docker's is no more than that container.
    assert_eq!(containers("/docker/ID/lxc.payload.t1"), (None, Some("ID".into())));
}

#[test]
fn system_container_and_inner_one_found_in_any_hierarchy() {
    let lines = filled("9:name=systemd:/lxc.payload.t1/docker/ID\n4:memory:/lxc.payload.t1\n0::/\n");
    for lines in [lines.clone(), lines.lines().rev().collect::<Vec<_>>().join("\n")] {
        let found = placement(lines.as_bytes());
        assert_eq!(found.system_container, Some(named("t1", "lxc")));
        assert_eq!(found.container.map(|container| container.id).as_deref(), Some(ID));
    }
    // nspawn separates payload and supervisor in systemd's hierarchy only.
    let unit = "/machine.slice/systemd-nspawn@web.service";
    let lines = format!("4:memory:{unit}\n1:name=systemd:{unit}/payload\n0::{unit}/payload\n");
    assert_eq!(placement(lines.as_bytes()).system_container, Some(named("web", "systemd-nspawn")));
}

#[test]
fn container_of_account_is_rootless() {
    for (path, rootless) in [
        ("/user.slice/user-1000.slice/user@1000.service/user.slice/docker-ID.scope", true),
        ("/user.slice/user-1000.slice/session-3.scope/ID", true),
        ("/user/alice/0/docker/ID", true),
        ("/user.slice/user-0.slice/session-3.scope/docker/ID", false),
        ("/system.slice/docker-ID.scope", false),
        ("/user.slice/docker-ID.scope", false),
    ] {
        let found = placement(format!("0::{}\n", filled(path)).as_bytes());
        assert_eq!(found.container.map(|container| container.rootless), Some(rootless), "{path}");
    }
}

#[test]
fn podman_pod_is_no_container() {
    let pods = [
        "/machine.slice/machine-libpod_pod_OUTER.slice/libpod-ID.scope/container",
        "/user.slice/user-1000.slice/user@1000.service/user.slice/user-libpod_pod_OUTER.slice/libpod-ID.scope",
        "/libpod_parent/OUTER/libpod-ID",
        "/training/OUTER/libpod-ID",
    ];
    for path in pods {
        let found = placement(format!("0::{}\n", filled(path)).as_bytes());
        assert_eq!(found.container.map(|container| container.id).as_deref(), Some(ID), "{path}");
        assert_eq!((found.podman_pod.as_deref(), found.pod), (Some(OUTER), None), "{path}");
    }
    for path in ["/machine.slice/libpod-ID.scope", "/docker/OUTER/libpod-ID", "/x_libpod_pod_OUTER.slice", "/docker/ID"]
    {
        assert_eq!(placement(format!("0::{}\n", filled(path)).as_bytes()).podman_pod, None, "{path}");
    }
}

#[test]
fn slurm_step_is_after_job() {
    let step = |lines: &str| placement(lines.as_bytes()).job.map(|job| (job.id, job.step.unwrap_or_default()));
    for (path, told) in [
        ("/slurm_vm/uid_1001/job_1/step_batch", "batch"),
        ("/slurm_vm/uid_1001/job_1/step_batch/task_0", "batch"),
        ("/slurm_vm/uid_1001/job_1/step_interactive", "interactive"),
        ("/slurm_vm/uid_1001/job_1/step_extern", "extern"),
        ("/slurm_vm/uid_1001/job_1", ""),
        ("/system.slice/vm_slurmstepd.scope/job_1/step_0/user/task_special", "0"),
        ("/system.slice/slurmstepd.scope/job_1/step_\u{1b}", ""),
        ("/system.slice/slurmstepd.scope/job_1/x/step_0", ""),
    ] {
        assert_eq!(step(&format!("0::{path}\n")), Some(("1".into(), told.into())), "{path}");
    }
    // One hierarchy has the job alone.
    let lines = "6:freezer:/slurm/uid_1/job_1\n5:devices:/slurm/uid_1/job_1/step_batch/task_0\n0::/\n";
    assert_eq!(step(lines), Some(("1".into(), "batch".into())));
}

#[test]
fn free_names_need_evidence() {
    let lines = b"6:freezer:/default/train1\n0::/\n";
    assert!(is_plain_task(lines, "default", "train1") && !is_plain_task(lines, "default", "train"));
    assert!(is_plain_task(b"0::/default/train1/inner\n", "default", "train1"));
    assert!(!is_plain_task(b"0::/a/default/train1\n", "default", "train1"));
    assert!(is_payload(b"0::/payload\n") && is_payload(b"0::/system.slice/x.service/payload/init.scope\n"));
    assert!(!is_payload(b"0::/payloads\n"));
}

fn word() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "/",
        ":",
        "-",
        "_",
        ".",
        ".scope",
        ".slice",
        "docker",
        "kubepods",
        "pod",
        "-pod",
        "crio",
        "slurm",
        "uid_1",
        "job_7",
        "slurmstepd.scope",
        "lxc.payload",
        "machine.slice/machine-",
        "/payload",
        "\\x2d",
        "\n",
        "é",
        ID,
        UID,
        UID_IN_SLICE,
        " (deleted)",
    ])
    .prop_map(str::to_owned)
}

proptest! {
    #[test]
    fn arbitrary_bytes_tolerated(bytes in any::<Vec<u8>>()) {
        let _ = placement(&bytes);
    }

    /// Any path: each result has the form that its runtime uses, and is a part of the path.
    #[test]
    fn cgroup_result_is_well_formed(words in prop::collection::vec(word(), 0..24)) {
        let path = words.concat();
        let told = placement(format!("0::{path}").as_bytes());
        prop_assert!(told.system_container.is_none() || told.container.is_some());
        if let Some(container) = told.container {
            let is_system = matches!(container.runtime.as_deref(), Some("lxc" | "systemd-nspawn"));
            prop_assert!(is_system || is_id(&container.id) && path.contains(&container.id));
            prop_assert!(!container.id.is_empty() && !container.id.contains(|each: char| each == '/' || each.is_control()));
        }
        if let Some(pod) = told.pod {
            prop_assert!(path.contains(&pod) || path.contains(&pod.replace('-', "_")));
        }
        if let Some(job) = told.job.map(|job| job.id) {
            let stands_there = path.contains(&format!("/job_{job}"));
            prop_assert!(is_number(&job) && stands_there);
        }
    }

    /// A program in a container may make cgroups below its own, and cannot talk itself out of the container so.
    #[test]
    fn cgroup_child_changes_nothing(name in "[a-z.]{1,20}") {
        for (shape, told) in shapes().into_iter().filter(|(shape, told)| *told != NOTHING && !shape.contains("deleted")) {
            let line = format!("0::{}/{name}\n", filled(shape));
            prop_assert_eq!(shown(&line), expected(told));
        }
    }
}
