//! Flags, variables, `.env`, and what is said when they are wrong.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Stdio,
};

use serde_json::json;

use crate::support::{Driver, Kubelet, Played, Plays, Start, eventually};

const ONE_GPU: &str = "[[gpu]]\nname = 'NVIDIA H200'\nmemory_total_bytes = 1048576000\nmemory_used_bytes = 0\n";

/// A start that must be refused with status 2 and one line that has these parts.
fn refused(start: Start, parts: &[&str]) {
    let (status, out, error) = start.finish();
    assert_eq!(status.code(), Some(2), "{error}");
    assert_eq!(out, "");
    assert_eq!(error.trim_end().lines().count(), 1, "{error:?}");
    for part in parts {
        assert!(error.contains(part), "{error:?} lacks {part:?}");
    }
}

#[test]
fn option_invalid_is_one_line_and_status_2() {
    refused(Start::bare().variable("PORT", "70000"), &["70000", "PORT", "1 to 65535"]);
    refused(Start::bare().variable("PORT", "eight"), &["eight", "PORT"]);
    refused(Start::bare().argument("--interval=0"), &["--interval", "100ms to 60s"]);
    refused(Start::bare().variable("NVSMI_INTERVAL", "2"), &["NVSMI_INTERVAL"]);
    refused(Start::bare().variable("URL_PREFIX", "/a//b"), &["URL_PREFIX", "/a//b"]);
    refused(Start::bare().argument("--no-such-flag"), &["--no-such-flag", "--help"]);
    refused(Start::bare().file(".env", "PORT=x\n"), &["PORT", ".env"]);
    refused(Start::bare().file(".env", "TOKEN='secret\n"), &[".env", "TOKEN"]);
}

#[test]
fn config_file_unreadable_is_named() {
    let start = Start::bare();
    fs::create_dir(start.work().join(".env")).unwrap();
    refused(start, &[".env", "cannot read"]);
    if !nix::unistd::getuid().is_root() {
        let start = Start::bare().file(".env", "PORT=1\n");
        fs::set_permissions(start.work().join(".env"), fs::Permissions::from_mode(0o000)).unwrap();
        refused(start, &[".env", "make it readable"]);
    }
}

#[test]
fn address_in_use_names_holder_and_remedy() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let bare = || Start::bare().argument("--bind=127.0.0.1");
    for (start, remedy) in [
        (bare().argument(&format!("--port={port}")), "choose another port with --port"),
        (bare().variable("PORT", &port.to_string()), "choose another port with the variable PORT"),
        (bare().file(".env", &format!("PORT={port}\n")), "choose another port with PORT in .env"),
        (Start::bare().argument(&format!("--bind=127.0.0.1:{port}")), "choose another port with --bind"),
    ] {
        let (status, _, error) = start.finish();
        assert_eq!(status.code(), Some(1), "it may be free another time: {error}");
        let refusal = error.lines().last().unwrap();
        for part in [&format!("127.0.0.1:{port}"), &format!("(PID {})", std::process::id())] {
            assert!(refusal.contains(part), "{refusal:?} lacks {part:?}");
        }
        assert!(refusal.ends_with(remedy), "{refusal}");
    }
}

#[test]
fn hostname_option_replaces_kernel_name() {
    let driver = Driver::new(ONE_GPU);
    let agent = Start::on(&driver).variable("NVSMI_HOSTNAME", "Node-7.example.org").serve().ready();
    for path in ["/api/v1/snapshot", "/api/v1/summary"] {
        let answer = agent.get(path).json();
        let name = answer.get("host").unwrap_or(&answer)["hostname"].clone();
        assert_eq!(name, "Node-7.example.org", "{path}");
    }
    assert!(agent.get("/api/v1/summary.txt").text().starts_with("Node-7.example.org: "));
    assert!(agent.get("/metrics?names=dcgm").text().contains("Hostname=\"Node-7.example.org\""));
    let own = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let agent = Start::on(&driver).variable("NVSMI_HOSTNAME", "").serve().ready();
    assert_eq!(agent.get("/api/v1/snapshot").json()["host"]["hostname"], own.trim());
}

#[test]
fn driver_missing_says_what_to_do() {
    let detail = |start: Start| {
        let agent = start.serve();
        eventually("no driver", || {
            let collector = agent.get("/api/v1/snapshot").json()["collector"].clone();
            (collector["state"] == "no_driver").then(|| collector["detail"].as_str().unwrap().to_owned())
        })
    };
    let library = detail(Start::bare().argument("--nvml-library=/nonexistent/libnvidia-ml.so.1"));
    assert!(library.contains("/nonexistent") && library.contains("check --nvml-library"), "{library}");
    let module = Driver::new("init = 9\n");
    let module = detail(Start::on(&module));
    assert!(module.starts_with("Driver Not Loaded: ") && module.contains("run nvidia-smi"), "{module}");
}

#[test]
fn temporary_failures_differ_from_permanent_ones() {
    let work = Start::bare().work();
    let occupied = work.join("occupied");
    fs::create_dir_all(&work).unwrap();
    fs::write(&occupied, "precious").unwrap();
    for (bind, expected) in [
        // An address that this host may have later.
        ("192.0.2.1".to_owned(), 1),
        (format!("unix:{}", occupied.display()), 2),
        ("unix:/no/such/folder/s".into(), 2),
        (format!("unix:/tmp/{}", "x".repeat(200)), 2),
    ] {
        let (status, _, error) = Start::bare().argument("--bind").argument(&bind).finish();
        assert_eq!(status.code(), Some(expected), "{bind}: {error}");
        assert!(error.contains("--bind"), "{bind}: {error}");
    }
    fs::remove_dir_all(&work).unwrap();
}

#[test]
fn prefix_spellings_are_equivalent() {
    let driver = Driver::new(ONE_GPU);
    for prefix in ["a/b", "/a/b", "a/b/", "/a/b/"] {
        let agent = Start::on(&driver).variable("URL_PREFIX", prefix).serve();
        assert_eq!(agent.get("/a/b/healthz").status, 200, "{prefix}");
        for elsewhere in ["/healthz", "/a/healthz", "/a/bhealthz", "//a/b/healthz"] {
            assert_eq!(agent.get(elsewhere).status, 404, "{prefix} {elsewhere}");
        }
    }
}

#[test]
fn empty_variable_is_unset() {
    let (_, help, _) = Start::bare().argument("--help").finish();
    let is_name = |character: char| character.is_ascii_uppercase() || character == '_';
    let variables: BTreeSet<&str> =
        help.split(|character| !is_name(character)).filter(|word| word.starts_with("NVSMI_")).collect();
    assert!(variables.len() > 20, "{variables:?}");
    let all_empty = variables.iter().fold(Start::bare(), |start, name| start.variable(name, ""));
    let (status, out, error) = all_empty.argument("check").finish();
    assert_ne!(status.code(), Some(2), "{error}");
    assert!(!out.contains("variable NVSMI_"), "{out}");
}

#[test]
fn dotenv_fills_unset_variables() {
    let driver = Driver::new(ONE_GPU);
    let file = "TOKEN=from-file\nURL_PREFIX=/file\nNVSMI_INTERVAL=7d\n";
    let agent = Start::on(&driver).file(".env", file).variable("URL_PREFIX", "/env").serve();
    assert_eq!(agent.get("/env/count").status, 401);
    assert_ne!(agent.request("/env/count", &[("Authorization", "Bearer from-file")]).status, 401);
    assert!(!agent.log().contains("open to public access"), "{}", agent.log());
}

#[test]
fn open_api_warned_of_and_token_never_logged() {
    let driver = Driver::new(ONE_GPU);
    let open = Start::on(&driver).variable("TOKEN", "").serve();
    open.logged("the API is open to public access");
    let closed = Start::on(&driver).variable("TOKEN", "hush-hush").argument("--log=debug").serve();
    closed.request("/count", &[("Authorization", "hush-hush")]);
    closed.request("/count", &[("Authorization", "wrong")]);
    assert!(!closed.log().contains("hush-hush"), "{}", closed.log());
}

#[test]
fn log_levels_do_not_affect_serving() {
    let driver = Driver::new(ONE_GPU);
    for level in ["error", "warn", "info", "debug"] {
        let mut agent = Start::on(&driver).argument("--log").argument(level).serve_unheard(Stdio::null()).ready();
        assert_eq!(agent.status()["count"], 1, "{level}");
        agent.signal(nix::sys::signal::Signal::SIGTERM);
        assert_eq!(agent.ended().code(), Some(0), "{level}");
    }
}

#[test]
fn check_shows_settings_and_masks_token() {
    let driver = Driver::new(ONE_GPU);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let start = Start::on(&driver).file(".env", "TOKEN=hush\n").variable("PORT", &port.to_string());
    let (status, out, error) = start.argument("--bind=127.0.0.1").argument("check").finish();
    assert_eq!(status.code(), Some(0), "{out}{error}");
    for part in [&*port.to_string(), "variable PORT", "100ms", "flag", "(set)", ".env", "580.95.05, 1 GPU"] {
        assert!(out.contains(part), "{out} lacks {part:?}");
    }
    assert!(!out.contains("hush") && !error.contains("hush"));
}

#[test]
fn check_reports_problems() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!("--port={}", taken.local_addr().unwrap().port());
    let driver = Driver::new("init = 18");
    let start = Start::on(&driver).argument("--bind=127.0.0.1").argument(&port).argument("check");
    let (status, out, _) = start.finish();
    assert_eq!(status.code(), Some(1), "{out}");
    for part in ["cannot listen", "PID", "version mismatch", "reload the module", "open to public access"] {
        assert!(out.contains(part), "{out} lacks {part:?}");
    }
}

#[test]
fn check_of_running_service_leaves_driver_alone() {
    let driver = Driver::new(ONE_GPU);
    let runtime = tempfile::tempdir().unwrap();
    let agent = Start::on(&driver).variable("TOKEN", "of-the-service-alone");
    let agent = agent.variable("RUNTIME_DIRECTORY", runtime.path().to_str().unwrap()).serve().ready();
    let settings = format!("TOKEN=of-the-service-alone\nPORT={}\nNVSMI_BIND=127.0.0.1\n", agent.address().port());
    let check = |file: &str| {
        let start = Start::on(&driver).file("agent.env", file);
        let place = start.work().join("agent.env");
        let start = start.variable("NVSMI_SERVICE_FILE", place.to_str().unwrap()).argument("check");
        let start = start.variable("NVSMI_SERVICE_FOLDER", runtime.path().to_str().unwrap());
        let (status, out, error) = start.finish();
        assert!(!out.contains("of-the-service-alone") && !error.contains("of-the-service-alone"), "{out}{error}");
        (status.code(), out)
    };
    let collectors = driver.calls("nvmlInit_v2");
    let (status, out) = check(&settings);
    assert_eq!(status, Some(0), "{out}");
    for part in [
        "agent.env",
        "is in use by the running agent",
        "TOKEN (read)",
        "read by the running agent: ok",
        "the service's own",
    ] {
        assert!(out.contains(part), "{out} lacks {part:?}");
    }
    assert!(!out.contains("open to public access") && !out.contains("cannot listen"), "{out}");
    // It does not say where it serves, and is there all the same.
    let (_, out) = check("");
    assert!(out.contains("not tried, because the service runs"), "{out}");
    let control = Start::bare().argument("release").argument("--control-socket");
    let control = control.argument(runtime.path().join("control.sock").to_str().unwrap());
    assert!(control.finish().0.success());
    let (status, out) = check(&settings);
    assert!(status == Some(0) && out.contains("released by the running agent"), "{out}");
    assert_eq!(driver.calls("nvmlInit_v2"), collectors, "no other collector beside it, and none once it has let go");
}

#[test]
fn check_tries_sockets() {
    let driver = Driver::new(ONE_GPU);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let check = |containers: &Path, kubelet: &Path| {
        let start = Start::on(&driver).argument("--bind=127.0.0.1").variable("PORT", &port).argument("check");
        let start = start.variable("NVSMI_CONTAINER_SOCKET", &format!("unix://{}", containers.display()));
        let (status, out, _) = start.variable("NVSMI_KUBELET_SOCKET", kubelet.to_str().unwrap()).finish();
        assert_eq!(status.code(), Some(0), "a socket that cannot be asked keeps nothing from being of use: {out}");
        out
    };
    let engine = Played::new(Plays::Engine(BTreeMap::new()));
    let gpu = |pod: &str| json!({"namespace": "ml", "name": pod, "containers": [{"name": "main", "devices": {"nvidia.com/gpu": ["GPU-1"]}}]});
    let kubelet = Kubelet::new(&json!([gpu("a"), gpu("b")]));
    let out = check(&engine.path(), &kubelet.path());
    let path = |path: &Path| path.display().to_string();
    for part in [
        path(&engine.path()) + " answers",
        path(&kubelet.path()) + " answers; containers that have GPUs: 2",
        "variable NVSMI_KUBELET_SOCKET".into(),
    ] {
        assert!(out.contains(&part), "{out} lacks {part:?}");
    }
    let hangs = Played::new(Plays::Hang);
    let out = check(&hangs.path(), Path::new("/nowhere/kubelet.sock"));
    assert!(
        out.contains(&format!("the container socket {} has not answered within 1 s", hangs.path().display())),
        "{out}"
    );
    assert!(out.contains("the kubelet socket /nowhere/kubelet.sock is not there; start the kubelet"), "{out}");
    // An engine's socket is not a kubelet's, and the other way round.
    let out = check(&kubelet.path(), &engine.path());
    assert!(out.contains("no HTTP answer") && out.contains("no gRPC answer"), "{out}");
    let out = check(&driver.scenario(), driver.folder());
    assert_eq!(out.matches("is no socket").count(), 2, "{out}");
    if !nix::unistd::getuid().is_root() {
        fs::set_permissions(engine.path(), fs::Permissions::from_mode(0o000)).unwrap();
        let out = check(&engine.path(), &kubelet.path());
        assert!(out.contains("may not be opened by this account; run the agent in the group that owns it"), "{out}");
    }
}

#[test]
fn help_and_version_on_standard_output() {
    let (status, out, error) = Start::bare().argument("--help").finish();
    assert!(status.success() && error.is_empty());
    for part in ["PORT", "URL_PREFIX", "TOKEN", ".env", "check", "--interval"] {
        assert!(out.contains(part), "{out} lacks {part:?}");
    }
    let (status, out, _) = Start::bare().argument("--version").finish();
    assert!(status.success() && out.contains(env!("CARGO_PKG_VERSION")));
}
