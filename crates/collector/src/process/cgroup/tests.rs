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
        pod: pod.map(Into::into),
        job: job.map(Into::into),
    }
}

#[test]
fn cgroup_shapes_parsed() {
    for (shape, told) in shapes() {
        let line = format!("0::{}\n", filled(shape));
        assert_eq!(placement(line.as_bytes()), expected(told), "{shape}");
        // The same in one hierarchy of several, as cgroup v1 has it.
        let lines = format!("12:pids:{0}\n4:memory:{0}\n1:name=systemd:/\n0::/\n", filled(shape));
        assert_eq!(placement(lines.as_bytes()), expected(told), "{shape}");
    }
}

#[test]
fn cgroup_hierarchies_complement_each_other() {
    let lines =
        filled("5:devices:/slurm/uid_1/job_42/step_0\n4:memory:/a/ID\n1:name=systemd:/system.slice/docker-ID.scope\n");
    assert_eq!(placement(lines.as_bytes()), expected((Some(Some("docker")), None, Some("42"))));
    assert_eq!(placement(b""), Placement::default());
    assert_eq!(placement(b"no colons\n1:one\n"), Placement::default());
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
        if let Some(container) = told.container {
            prop_assert!(is_id(&container.id) && path.contains(&container.id));
        }
        if let Some(pod) = told.pod {
            prop_assert!(path.contains(&pod) || path.contains(&pod.replace('-', "_")));
        }
        if let Some(job) = told.job {
            let stands_there = path.contains(&format!("/job_{job}"));
            prop_assert!(is_number(&job) && stands_there);
        }
    }

    /// A program in a container may make cgroups below its own, and cannot talk itself out of the container so.
    #[test]
    fn cgroup_child_changes_nothing(name in "[a-z.]{1,20}") {
        for (shape, told) in shapes().into_iter().filter(|(shape, told)| *told != NOTHING && !shape.contains("deleted")) {
            let line = format!("0::{}/{name}\n", filled(shape));
            prop_assert_eq!(placement(line.as_bytes()), expected(told));
        }
    }
}
