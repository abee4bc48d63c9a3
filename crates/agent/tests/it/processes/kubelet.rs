//! Which pods have which GPUs, by the kubelet's socket: whole GPUs, MIG instances and shared ones, on a kubelet whose
//! gRPC is not ours; and what one that hangs, restarts or is none costs.

use std::time::Duration;

use collector::Settings;
use serde_json::{Value, json};
use telemetry::{Absence, frame::Message, sample::Driver as DriverState};

use crate::{
    lifecycle::collector::collect_with,
    support::{Agent, Driver, Kubelet, Played, Plays, Proc, Start, eventually},
};

const GPU_A: &str = "GPU-aaaaaaaa-0000-0000-0000-000000000000";
const GPU_B: &str = "GPU-bbbbbbbb-0000-0000-0000-000000000000";
const MIG_A: &str = "MIG-aaaaaaaa-1111-0000-0000-000000000000";
const MIG_B: &str = "MIG-bbbbbbbb-1111-0000-0000-000000000000";
const UIDS: [&str; 2] = ["0a1b2c3d-0000-4000-8000-000000000001", "0a1b2c3d-0000-4000-8000-000000000002"];

/// Two GPUs; `about` has more facts of the first.
fn gpus(about: &str) -> Driver {
    let facts = "memory_total_bytes = 85899345920\nmemory_used_bytes = 0\nutilization_percent = 0\n";
    Driver::new(&format!(
        "[[gpu]]\nname = 'A'\nuuid = '{GPU_A}'\n{facts}{about}[[gpu]]\nname = 'B'\nuuid = '{GPU_B}'\n{facts}"
    ))
}

fn listed(pid: u32, instance: &str) -> String {
    format!("[[gpu.process]]\npid = {pid}\ntype = 'C'\nmemory_bytes = 1048576\n{instance}")
}

/// A pod of one container.
fn pod(name: &str, resource: &str, ids: &[&str]) -> Value {
    let container = json!({"name": "main", "devices": {resource: ids}});
    json!({"namespace": "ml", "name": name, "containers": [container]})
}

fn shown(pod: &str) -> Value {
    json!({"namespace": "ml", "name": pod, "container": "main"})
}

/// A process of root in a container of a pod, each identified by a digit.
fn in_pod(proc: &Proc, pid: u32, pod: usize, container: char) {
    let (uid, id) = (UIDS[pod].replace('-', "_"), container.to_string().repeat(64));
    let slices = "/kubepods.slice/kubepods-burstable.slice";
    proc.process(pid, 0, &format!("{slices}/kubepods-burstable-pod{uid}.slice/cri-containerd-{id}.scope"));
}

fn start(driver: &Driver, proc: &Proc, socket: &std::path::Path) -> Agent {
    Start::on(driver)
        .argument("--proc-root")
        .argument(proc.root().to_str().unwrap())
        .argument("--kubelet-period=100ms")
        .argument("--kubelet-socket")
        .argument(socket.to_str().unwrap())
        .serve()
        .ready()
}

fn until(agent: &Agent, what: &str, wish: impl Fn(&Value) -> bool) -> Value {
    eventually(what, || Some(agent.get("/api/v1/snapshot").json()).filter(|snapshot| wish(snapshot)))
}

fn notes(snapshot: &Value) -> String {
    snapshot["host"]["notes"].to_string()
}

/// Names of a process's container and pod.
fn named(row: &Value) -> Value {
    json!([row["container_name"], row["pod_namespace"], row["pod_name"]])
}

#[test]
fn gpu_allocated_is_not_free_without_process() {
    let proc = Proc::new();
    let kubelet = Kubelet::new(&json!([pod("train-0", "nvidia.com/gpu", &[GPU_A]), pod("web", "cpu", &["1"])]));
    let agent = start(&gpus(""), &proc, &kubelet.path());
    let all = until(&agent, "the pods", |all| all["gpus"][0]["pods"] == json!([shown("train-0")]));
    let (given, free) = (&all["gpus"][0], &all["gpus"][1]);
    assert_eq!((&given["use"]["verdict"], &given["use"]["users"]), (&json!("busy"), &json!([])));
    assert_eq!((&free["use"]["verdict"], &free["pods"]), (&json!("free"), &json!([])));
    assert!(free["absent"]["pods"].is_null(), "it was read that nobody has it");
    let summary = agent.get("/api/v1/summary").json();
    assert_eq!(summary["use"], json!({"free": 1, "held": 0, "busy": 1, "unknown": 0}));
    assert!(!summary.to_string().contains("train-0"));
    assert_eq!(notes(&all), "[]");
    kubelet.tell(&json!([]));
    until(&agent, "it to be free", |all| all["gpus"][0]["use"]["verdict"] == "free");
}

#[test]
fn gpu_allocated_and_idle_is_held() {
    let proc = Proc::new();
    let kubelet = Kubelet::new(&json!([pod("train-0", "nvidia.com/gpu", &[GPU_A])]));
    let path = kubelet.path();
    let agent = Start::on(&gpus(""))
        .argument("--kubelet-socket")
        .argument(path.to_str().unwrap())
        .argument("--idle-after=300ms")
        .argument("--proc-root")
        .argument(proc.root().to_str().unwrap())
        .serve()
        .ready();
    until(&agent, "it to be held", |all| all["gpus"][0]["use"]["verdict"] == "held");
}

#[test]
fn process_on_pods_gpu_has_pod_name() {
    let proc = Proc::new();
    in_pod(&proc, 11, 0, 'a');
    proc.process(12, 0, "/system.slice/monitor.service");
    let driver = gpus(&(listed(11, "") + &listed(12, "")));
    let kubelet = Kubelet::new(&json!([pod("train-0", "nvidia.com/gpu", &[GPU_A])]));
    let agent = start(&driver, &proc, &kubelet.path());
    let all = until(&agent, "the name", |all| !all["processes"][0]["pod_name"].is_null());
    let (inside, outside) = (&all["processes"][0], &all["processes"][1]);
    assert_eq!((named(inside), &inside["pod"]), (json!(["main", "ml", "train-0"]), &json!(UIDS[0])));
    assert_eq!((named(outside), &outside["absent"]["pod_name"]), (json!([null, null, null]), &Value::Null));
    assert_eq!(all["gpus"][0]["use"]["users"], json!(["ml/train-0/main", "root"]));
    let users = agent.get("/api/v1/users").json();
    assert_eq!((&users[1]["user"], &users[1]["container"]), (&json!("ml/train-0/main"), &json!("a".repeat(64))));
}

#[test]
fn mig_instance_has_own_pods() {
    let instance = |gpu_instance: u32, uuid: &str| {
        format!(
            "[[gpu.mig]]\ngpu_instance = {gpu_instance}\ncompute_instance = 0\nprofile = '1g.10gb'\nuuid = '{uuid}'\nmemory_total_bytes = 10737418240\nmemory_used_bytes = 0\n"
        )
    };
    let on = |gpu_instance: u32| format!("gpu_instance = {gpu_instance}\ncompute_instance = 0\n");
    let proc = Proc::new();
    in_pod(&proc, 11, 0, 'a');
    in_pod(&proc, 12, 1, 'b');
    let instances = instance(1, MIG_A) + &instance(2, MIG_B) + &instance(3, "MIG-3");
    let driver = gpus(&format!("mig_mode = true\n{instances}{}{}", listed(11, &on(1)), listed(12, &on(2))));
    let by_place = format!("MIG-{GPU_A}/2/0");
    let kubelet = Kubelet::new(&json!([
        pod("one", "nvidia.com/mig-1g.10gb", &[MIG_A]),
        pod("two", "nvidia.com/mig-1g.10gb", &[&by_place]),
    ]));
    let agent = start(&driver, &proc, &kubelet.path());
    let all = until(&agent, "the names", |all| !all["processes"][1]["pod_name"].is_null());
    let gpu = &all["gpus"][0];
    let of = |position: usize| (&gpu["mig"][position]["pods"], &gpu["mig"][position]["use"]["verdict"]);
    assert_eq!(of(0), (&json!([shown("one")]), &json!("busy")));
    assert_eq!(of(1), (&json!([shown("two")]), &json!("busy")));
    assert_eq!(of(2), (&json!([]), &json!("free")));
    assert_eq!((&gpu["pods"], &gpu["use"]["verdict"]), (&json!([]), &json!("busy")));
    assert_eq!(named(&all["processes"][0]), json!(["main", "ml", "one"]));
    assert_eq!(named(&all["processes"][1]), json!(["main", "ml", "two"]));
}

#[test]
fn gpu_shared_lists_pods_and_processes_have_none() {
    let proc = Proc::new();
    in_pod(&proc, 11, 0, 'a');
    in_pod(&proc, 12, 1, 'b');
    let driver = gpus(&(listed(11, "") + &listed(12, "")));
    let replica = |number: u32| format!("{GPU_A}::{number}");
    let one = pod("one", "nvidia.com/gpu.shared", &[&replica(0), &replica(3)]);
    let kubelet = Kubelet::new(&json!([one, pod("two", "nvidia.com/gpu.shared", &[&replica(1)])]));
    let agent = start(&driver, &proc, &kubelet.path());
    let all = until(&agent, "the pods", |all| all["gpus"][0]["pods"] == json!([shown("one"), shown("two")]));
    for row in all["processes"].as_array().unwrap() {
        assert_eq!(named(row), json!([null, null, null]));
        assert_eq!(
            (&row["absent"]["pod_name"], &row["absent"]["container_name"]),
            (&json!("not_supported"), &json!("not_supported"))
        );
    }
    assert_eq!(all["gpus"][0]["use"]["users"], json!(["a".repeat(12), "b".repeat(12)]));
    // With one of them gone the other has it alone, but for a process that is still there of the first.
    kubelet.tell(&json!([pod("two", "nvidia.com/gpu.shared", &[&replica(1)])]));
    let left = until(&agent, "the pod", |all| all["gpus"][0]["pods"] == json!([shown("two")]));
    assert_eq!(named(&left["processes"][1]), json!([null, null, null]), "two pods' processes, and one name");
}

#[test]
fn kubelet_restart_keeps_last_pods() {
    let proc = Proc::new();
    let mut kubelet = Kubelet::new(&json!([pod("before", "nvidia.com/gpu", &[GPU_A])]));
    let agent = start(&gpus(""), &proc, &kubelet.path());
    until(&agent, "the pod", |all| all["gpus"][0]["pods"] == json!([shown("before")]));
    kubelet.stop();
    let away = until(&agent, "the note", |all| notes(all).contains("is heard by nobody; start the kubelet"));
    assert_eq!(
        (&away["gpus"][0]["pods"], &away["gpus"][0]["use"]["verdict"]),
        (&json!([shown("before")]), &json!("busy"))
    );
    kubelet.tell(&json!([pod("after", "nvidia.com/gpu", &[GPU_B])]));
    kubelet.start();
    let back = until(&agent, "the other pod", |all| all["gpus"][1]["pods"] == json!([shown("after")]));
    assert_eq!((&back["gpus"][0]["pods"], &back["gpus"][0]["use"]["verdict"]), (&json!([]), &json!("free")));
    assert_eq!(notes(&back), "[]");
}

#[test]
fn kubelet_hung_blocks_no_frame_and_gpus_are_unknown() {
    let (driver, proc, socket) = (gpus(""), Proc::new(), Played::new(Plays::Hang));
    let path = socket.path();
    let set = |settings: &mut Settings| {
        settings.kubelet_period = Duration::from_millis(100);
        settings.kubelet_socket = Some(path.clone());
    };
    let (mut during, mut frames) = ((0, 0), 0);
    collect_with(&driver, "100ms", set, |message| {
        let Message::Sample(sample) = message else { return false };
        if !matches!(sample.driver, DriverState::Ready(_)) {
            return false;
        }
        assert_eq!(sample.allocations, Err(Absence::Timeout));
        // Frames that come while one question waits; asked on the way to a frame, at most one would.
        if let Some(question) = socket.hung().waits() {
            during = if during.0 == question { (question, during.1 + 1) } else { (question, 1) };
        }
        frames += 1;
        assert!(frames < 100, "no three frames came during one question");
        during.1 == 3
    });
    let agent = start(&driver, &proc, &socket.path());
    let all = until(&agent, "the note", |all| notes(all).contains("has not answered within 1 s"));
    let gpu = &all["gpus"][0];
    assert_eq!((&gpu["use"]["verdict"], &gpu["absent"]["pods"]), (&json!("unknown"), &json!("timeout")));
}

#[test]
fn kubelet_garbage_is_reported() {
    let proc = Proc::new();
    let with = |socket: &std::path::Path, part: &str, why: &str| {
        let agent = start(&gpus(""), &proc, socket);
        let all = until(&agent, part, |all| notes(all).contains(part));
        assert_eq!(
            (&all["gpus"][0]["absent"]["pods"], &all["gpus"][0]["use"]["verdict"]),
            (&json!(why), &json!("unknown"))
        );
    };
    with(Played::new(Plays::Says(b"\x00\xff\x00\xff garbage without end")).path().as_path(), "no gRPC answer", "error");
    with(Played::new(Plays::Says(b"HTTP/1.1 200 OK\r\n\r\n")).path().as_path(), "no gRPC answer", "error");
    with("/nowhere/kubelet.sock".as_ref(), "is not there", "error");
    let fails = Kubelet::new(&json!(12));
    with(&fails.path(), "a kubelet of 1.20 or newer", "error");
}

#[test]
fn kubelet_not_asked_without_flag() {
    let agent = Start::on(&gpus("")).variable("NVSMI_KUBELET_SOCKET", "").serve().ready();
    let all = until(&agent, "the verdict", |all| all["gpus"][0]["use"]["verdict"] == "free");
    assert_eq!((&all["gpus"][0]["pods"], &all["gpus"][0]["absent"]["pods"]), (&json!([]), &json!("not_supported")));
}
