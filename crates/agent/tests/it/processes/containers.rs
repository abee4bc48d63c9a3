//! Names of containers, by the socket of an engine: what is shown, what is asked, and what a socket that hangs, talks
//! nonsense or is not there costs.

use std::collections::BTreeMap;

use collector::Settings;
use serde_json::{Value, json};
use telemetry::{Absence, frame::Message, sample::Driver as DriverState};

use crate::{
    lifecycle::collector::collect_with,
    support::{Agent, Container, Driver, Played, Plays, Proc, Start, eventually},
};

const GIB: u64 = 1 << 30;

/// A container's id.
fn id(digit: char) -> String {
    digit.to_string().repeat(64)
}

/// One GPU, and on it root in two containers and in none, an account in a container, and root in one of containerd's.
fn host() -> (Driver, Proc) {
    let proc = Proc::new();
    proc.process(11, 0, &format!("/system.slice/docker-{}.scope", id('a')));
    proc.process(12, 0, &format!("/docker/{}", id('b')));
    proc.process(13, 0, "/user.slice");
    proc.process(14, 64_001, &format!("/docker/{}", id('c')));
    proc.process(15, 0, &format!("/system.slice/cri-containerd-{}.scope", id('d')));
    let list = |pid: u32| format!("[[gpu.process]]\npid = {pid}\ntype = 'C'\nmemory_bytes = {GIB}\n");
    let lists: String = (11..=15).map(list).collect();
    (Driver::new(&format!("[[gpu]]\nname = 'A'\n{lists}")), proc)
}

fn known(of: &[(char, Container)]) -> Plays {
    Plays::Engine(of.iter().map(|(digit, container)| (id(*digit), container.clone())).collect::<BTreeMap<_, _>>())
}

fn engine() -> Plays {
    known(&[('a', Container::Named("trainer")), ('c', Container::Named("notebook"))])
}

fn start(driver: &Driver, proc: &Proc, socket: &Played) -> Agent {
    let path = socket.path();
    Start::on(driver)
        .argument("--proc-root")
        .argument(proc.root().to_str().unwrap())
        .argument("--container-socket")
        .argument(path.to_str().unwrap())
        .serve()
        .ready()
}

fn snapshot(agent: &Agent) -> Value {
    agent.get("/api/v1/snapshot").json()
}

fn row(snapshot: &Value, pid: u32) -> Value {
    snapshot["processes"].as_array().unwrap().iter().find(|row| row["pid"] == pid).unwrap().clone()
}

/// Name of a process's container, or the reason for its absence.
fn called(snapshot: &Value, pid: u32) -> Value {
    let row = row(snapshot, pid);
    if row["container_name"].is_null() {
        row["absent"]["container_name"].clone()
    } else {
        row["container_name"].clone()
    }
}

fn until(agent: &Agent, what: &str, wish: impl Fn(&Value) -> bool) -> Value {
    eventually(what, || Some(snapshot(agent)).filter(|snapshot| wish(snapshot)))
}

fn notes(snapshot: &Value) -> String {
    snapshot["host"]["notes"].to_string()
}

#[test]
fn container_root_counts_under_container_name() {
    let (driver, proc) = host();
    let socket = Played::new(engine());
    let agent = start(&driver, &proc, &socket);
    let all = until(&agent, "the names", |snapshot| {
        called(snapshot, 11) == "trainer"
            && called(snapshot, 12) == "not_supported"
            && called(snapshot, 14) == "notebook"
    });
    assert_eq!(row(&all, 11)["container"], id('a'), "its id stays what it was");
    assert_eq!(row(&all, 11)["user"], "root", "and so does whose process it is");
    assert_eq!(called(&all, 13), Value::Null, "there is no container to name");
    assert_eq!(called(&all, 15), "not_supported");
    let (unknown, theirs) = ("b".repeat(12), "d".repeat(12));
    let users = json!(["64001", unknown, theirs, "root", "trainer"]);
    assert_eq!(all["gpus"][0]["use"]["users"], users);
    let rows = agent.get("/api/v1/users").json();
    let told: Vec<_> = rows.as_array().unwrap().iter().map(|row| (&row["user"], &row["container"])).collect();
    let (null, of) = (Value::Null, |digit| json!(id(digit)));
    assert_eq!(
        told,
        [
            (&json!("root"), &null),
            (&json!("trainer"), &of('a')),
            (&json!(unknown), &of('b')),
            (&json!(theirs), &of('d')),
            (&json!("64001"), &null),
        ]
    );
    let of = agent.get("/api/v1/processes?user=trainer").json();
    assert_eq!(of.as_array().unwrap().iter().map(|row| &row["pid"]).collect::<Vec<_>>(), [11]);
    assert_eq!(agent.status()["processes"][0]["username"], "root", "the frozen contract has the account");
    assert_eq!(notes(&all), "[]");
    let path = |digit| format!("GET /containers/{}/json HTTP/1.1", id(digit));
    assert_eq!(
        socket.asked(),
        ["GET /_ping HTTP/1.1".into(), path('a'), path('b'), path('c')],
        "each once, and only GET"
    );
}

/// One GPU with these processes.
fn listing(pids: &[u32]) -> Driver {
    let list = |pid: &u32| format!("[[gpu.process]]\npid = {pid}\ntype = 'C'\nmemory_bytes = {GIB}\n");
    Driver::new(&format!("[[gpu]]\nname = 'A'\n{}", pids.iter().map(list).collect::<String>()))
}

fn on(driver: &Driver, proc: &Proc) -> Start {
    Start::on(driver).argument("--proc-root").argument(proc.root().to_str().unwrap())
}

/// `user`, `owner`, `container`, `container_runtime`, `system_container` of a process.
fn placed(snapshot: &Value, pid: u32) -> [Value; 5] {
    let row = row(snapshot, pid);
    ["user", "owner", "container", "container_runtime", "system_container"].map(|key| row[key].clone())
}

#[test]
fn system_container_counts_instead_of_accounts() {
    let proc = Proc::new();
    // The same uid as an account of this host: 1 is daemon.
    proc.process(11, 1, "/lxc.payload.t1/user.slice/user-1.slice/session-1.scope");
    proc.process(12, 0, "/lxc/101/ns/system.slice/x.service");
    proc.process(13, 1, r"/machine.slice/systemd-nspawn@my\x2dlab.service/payload");
    proc.process(14, 0, &format!("/lxc.payload.t1/system.slice/docker-{}.scope", id('a')));
    proc.process(15, 1, &format!("/docker/{}", id('b')));
    proc.process(16, 1, "/user.slice/user-1.slice/user@1.service/app.slice/lxc.payload.t1");
    let driver = listing(&[11, 12, 13, 14, 15, 16]);
    let agent = on(&driver, &proc).serve().ready();
    let all = until(&agent, "the containers", |snapshot| !row(snapshot, 14)["container"].is_null());
    let null = Value::Null;
    let of = |runtime: &str, name: &str| [null.clone(), json!(name), json!(name), json!(runtime), json!(name)];
    assert_eq!(placed(&all, 11), of("lxc", "t1"));
    assert_eq!(placed(&all, 12), of("lxc", "101"));
    assert_eq!(placed(&all, 13), of("systemd-nspawn", "my-lab"));
    assert_eq!(placed(&all, 14), [null.clone(), json!("t1"), json!(id('a')), json!("docker"), json!("t1")]);
    assert_eq!(placed(&all, 15), [json!("daemon"), json!("daemon"), json!(id('b')), json!("docker"), null.clone()]);
    assert_eq!(placed(&all, 16), [json!("daemon"), json!("daemon"), null.clone(), null.clone(), null]);
    assert_eq!(all["gpus"][0]["use"]["users"], json!(["101", "daemon", "my-lab", "t1"]));
    let users = agent.get("/api/v1/users").json();
    let told: Vec<_> = users.as_array().unwrap().iter().map(|row| (&row["user"], &row["processes"])).collect();
    let [lab, t1, proxmox, daemon] = ["my-lab", "t1", "101", "daemon"].map(|name| json!(name));
    let (one, two) = (json!(1), json!(2));
    assert_eq!(told, [(&proxmox, &one), (&lab, &one), (&t1, &two), (&daemon, &two)]);
    assert_eq!(agent.status()["processes"][0]["username"], "daemon", "the frozen contract has the uid's account");
}

#[test]
fn containers_count_instead_of_accounts_by_option() {
    let proc = Proc::new();
    proc.process(11, 1, &format!("/docker/{}", id('a')));
    proc.process(12, 0, &format!("/docker/{}", id('a')));
    proc.process(13, 1, "/user.slice");
    proc.process(14, 1, &format!("/user.slice/user-1.slice/user@1.service/user.slice/docker-{}.scope", id('b')));
    let driver = listing(&[11, 12, 13, 14]);
    let agent = on(&driver, &proc).variable("NVSMI_COUNT_CONTAINERS", "container").serve().ready();
    let all = until(&agent, "the containers", |snapshot| !row(snapshot, 14)["container"].is_null());
    let label = "a".repeat(12);
    let owners = [11, 12, 13, 14].map(|pid| row(&all, pid)["owner"].clone());
    assert_eq!(owners, [json!(label), json!(label), json!("daemon"), json!("daemon")]);
    assert_eq!(row(&all, 11)["user"], "daemon", "the account is still shown");
    let users = agent.get("/api/v1/users").json();
    let told: Vec<_> =
        users.as_array().unwrap().iter().map(|row| (&row["user"], &row["uid"], &row["processes"])).collect();
    assert_eq!(told, [(&json!(label), &Value::Null, &json!(2)), (&json!("daemon"), &json!(1), &json!(2))]);
    let (status, _, error) = on(&driver, &proc).argument("--count-containers=root").finish();
    assert_eq!(status.code(), Some(2));
    assert!(error.contains("--count-containers") && error.contains("account, container"), "{error}");
}

#[test]
fn job_found_without_cgroup() {
    let proc = Proc::new();
    proc.process(5, 0, "/system.slice/slurmd.service");
    proc.title(5, "slurmstepd", &["slurmstepd: [16.batch]"]);
    proc.child(6, 5, 1, "/");
    proc.child(11, 6, 1, "/");
    proc.environment(11, &["SLURM_JOB_ID=16", "SLURM_ARRAY_JOB_ID=14", "SLURM_ARRAY_TASK_ID=3"]);
    // `salloc COMMAND` on the host where it was typed, or a process that has left its step.
    proc.process(12, 1, "/user.slice");
    proc.environment(12, &["SLURM_JOB_ID=16"]);
    proc.process(13, 1, "/slurm/uid_1/job_17/step_0/task_0");
    let driver = listing(&[11, 12, 13]);
    let agent = on(&driver, &proc).serve().ready();
    let all = until(&agent, "the jobs", |snapshot| !row(snapshot, 11)["job_display"].is_null());
    let job = |pid| ["job", "job_display", "job_step"].map(|key| row(&all, pid)[key].clone());
    let null = Value::Null;
    assert_eq!(job(11), [json!("16"), json!("14_3"), json!("batch")]);
    assert_eq!(job(12), [null.clone(), null.clone(), null.clone()]);
    let absent = |pid| ["job", "job_display", "job_step"].map(|key| row(&all, pid)["absent"][key].clone());
    assert_eq!(absent(12), [(); 3].map(|()| json!("not_supported")));
    assert_eq!((job(13), absent(13)[1].clone()), ([json!("17"), null, json!("0")], json!("error")));
}

#[test]
fn engine_hung_blocks_no_frame_and_names_follow() {
    let (driver, proc) = host();
    let socket = Played::new(Plays::Hang);
    let path = socket.path();
    let set = |settings: &mut Settings| {
        settings.proc_root = proc.root().into();
        settings.container_socket = Some(path.clone());
    };
    let (mut during, mut frames) = ((0, 0), 0);
    collect_with(&driver, "100ms", set, |message| {
        let Message::Sample(sample) = message else { return false };
        if !matches!(sample.driver, DriverState::Ready(_)) {
            return false;
        }
        // Frames that come while one question waits; asked on the way to a frame, at most one would.
        if let Some(question) = socket.hung().waits() {
            during = if during.0 == question { (question, during.1 + 1) } else { (question, 1) };
        }
        frames += 1;
        assert!(frames < 100, "no three frames came during one question");
        during.1 == 3
    });
    let agent = start(&driver, &proc, &socket);
    let hanging = until(&agent, "the note", |snapshot| notes(snapshot).contains("has not answered within 1 s"));
    assert_eq!(called(&hanging, 11), "timeout");
    assert!(hanging["gpus"][0]["use"]["users"].as_array().unwrap().contains(&json!("a".repeat(12))));
    socket.play(engine());
    let all = until(&agent, "the name", |snapshot| called(snapshot, 11) == "trainer");
    assert_eq!(notes(&all), "[]");
    // A known name stays when the engine hangs again.
    socket.play(Plays::Hang);
    let before = all["gpus"][0]["read_at"].as_u64().unwrap();
    let later = until(&agent, "a later reading", |snapshot| snapshot["gpus"][0]["read_at"].as_u64() > Some(before));
    assert_eq!(called(&later, 11), "trainer");
}

#[test]
fn container_hung_in_engine_costs_only_its_name() {
    let (driver, proc) = host();
    let socket =
        Played::new(known(&[('a', Container::Stuck), ('b', Container::Named("b")), ('c', Container::Named("c"))]));
    let agent = start(&driver, &proc, &socket);
    let all = until(&agent, "the others", |snapshot| {
        called(snapshot, 12) == "b"
            && called(snapshot, 14) == "c"
            && socket.hung().waits().is_none_or(|number| number > 1)
    });
    assert_eq!(called(&all, 11), "timeout");
    assert_eq!(notes(&all), "[]", "the engine itself is well");
}

#[test]
fn engine_garbage_is_reported() {
    let (driver, proc) = host();
    for nonsense in [
        &b"\x00\xff\x00\xff garbage without end"[..],
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
    ] {
        let socket = Played::new(Plays::Says(nonsense));
        let agent = start(&driver, &proc, &socket);
        let told = until(&agent, "the reason", |snapshot| called(snapshot, 11) == "error");
        let note = notes(&told);
        assert!(note.contains("the container socket") && note.contains(socket.path().to_str().unwrap()), "{note}");
        assert!(told["gpus"][0]["use"]["users"].as_array().unwrap().contains(&json!("a".repeat(12))));
    }
    // Every request gets the same answer: the engine is there, but its name of the container is invalid.
    let socket = Played::new(Plays::Says(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"Name\":\"/\\u001b[2J\"}"));
    let agent = start(&driver, &proc, &socket);
    until(&agent, "the reason", |snapshot| called(snapshot, 11) == "error");
}

#[test]
fn engine_socket_created_later_is_found() {
    let (driver, proc) = host();
    let socket = Played::absent(engine());
    let agent = start(&driver, &proc, &socket);
    until(&agent, "the note", |snapshot| notes(snapshot).contains("is not there; start the container engine"));
    socket.listen();
    let all = until(&agent, "the name", |snapshot| called(snapshot, 11) == "trainer");
    assert_eq!(notes(&all), "[]");
    agent.logged("is not there");
    agent.logged("answers");
}

#[test]
fn engine_not_asked_without_flag() {
    let (driver, proc) = host();
    let agent = Start::on(&driver)
        .argument("--proc-root")
        .argument(proc.root().to_str().unwrap())
        .variable("NVSMI_CONTAINER_SOCKET", "")
        .serve()
        .ready();
    let all = until(&agent, "the containers", |snapshot| !row(snapshot, 11)["container"].is_null());
    assert_eq!((called(&all, 11), notes(&all)), (json!("not_supported"), "[]".into()));
    assert!(all["gpus"][0]["use"]["users"].as_array().unwrap().contains(&json!("a".repeat(12))));
}

#[test]
fn frame_has_container_name() {
    let (driver, proc) = host();
    let socket = Played::new(engine());
    let path = socket.path();
    let set = |settings: &mut Settings| {
        settings.proc_root = proc.root().into();
        settings.container_socket = Some(path.clone());
    };
    collect_with(&driver, "100ms", set, |message| {
        let Message::Sample(sample) = message else { return false };
        let name = |place: usize| sample.processes.get(place)?.container.clone().map(|container| container.name);
        assert!(matches!(sample.allocations, Err(Absence::NotSupported)), "nobody asks a kubelet");
        name(0) == Some(Ok("trainer".into())) && name(1) == Some(Err(Absence::NotSupported))
    });
}

#[test]
fn pid_namespace_without_names_noted_once() {
    let proc = Proc::new();
    std::fs::create_dir_all(proc.root().join("self/ns")).unwrap();
    std::os::unix::fs::symlink("pid:[4026532999]", proc.root().join("self/ns/pid")).unwrap();
    // One that happens to have the number of the driver's.
    proc.process(7, 1000, "/");
    let driver = Driver::new("[[gpu]]\n[[gpu.process]]\npid = 7\nmemory_bytes = 5\n");
    let text = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let agent = Start::bare()
        .argument(&format!("--nvml-library={}", text(&driver.library())))
        .argument(&format!("--proc-root={}", text(proc.root())))
        .argument("--interval=100ms")
        .variable("FAKE_NVML_SCENARIO", &text(&driver.scenario()))
        .serve()
        .ready();
    let row = agent.get("/api/v1/processes").json()[0].clone();
    assert_eq!((&row["pid"], &row["gpu_memory_bytes"]), (&json!(7), &json!(5)));
    for key in ["user", "uid", "name", "command", "started_at", "cpu_percent", "host_memory_bytes", "container", "job"]
    {
        assert_eq!((&row[key], &row["absent"][key]), (&Value::Null, &json!("denied")), "{key}");
    }
    let notes = agent.get("/api/v1/snapshot").json()["host"]["notes"].clone();
    let of_it = notes.as_array().unwrap().iter().filter(|note| note.as_str().unwrap().contains("--pid=host")).count();
    assert_eq!(of_it, 1, "{notes}");
}
