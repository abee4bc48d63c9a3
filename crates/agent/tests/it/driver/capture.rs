//! A capture is a test: played back, it gives the driver's answers, and it contains no identities.

use std::{fs, path::Path, thread};

use serde_json::Value;
use tempfile::TempDir;
use toml::{Table, Value as Toml};

use crate::support::{Agent, Driver, StandIn, Start, eventually};

/// A driver beside which nothing of this machine is seen, so that two hosts that differ in processes only are alike.
struct Host {
    driver: Driver,
    root: TempDir,
}

impl Host {
    /// A host whose driver plays a scenario; one that lacks functions has a library that lacks them.
    fn playing(scenario: &str, missing: &[&str]) -> Self {
        let told: Table = scenario.parse().unwrap();
        let recorded = told.get("missing").and_then(Toml::as_array).into_iter().flatten().filter_map(Toml::as_str);
        let missing: Vec<&str> = recorded.chain(missing.iter().copied()).collect();
        let driver = Driver::absent();
        driver.play(scenario);
        driver.install_without_those_there(&missing);
        let root = TempDir::new().unwrap();
        fs::write(root.path().join("meminfo"), "MemTotal: 1048576 kB\nMemAvailable: 262144 kB\n").unwrap();
        Self { driver, root }
    }

    fn start(&self) -> Start {
        Start::on(&self.driver).argument("--proc-root").argument(self.root.path().to_str().unwrap())
    }

    /// Its capture, and what was said of it.
    fn capture(&self, arguments: &[&str]) -> (i32, String, String) {
        let start = arguments.iter().fold(self.start().argument("capture"), |start, argument| start.argument(argument));
        let (status, out, said) = start.finish();
        (status.code().unwrap(), out, said)
    }

    fn whole_capture(&self) -> String {
        let (status, out, said) = self.capture(&["--timeout=60s"]);
        assert_eq!(status, 0, "{said}");
        assert!(said.contains("captured; calls: "), "{said}");
        out
    }
}

/// A scenario as data, with nothing in it that takes its time, as a host's load may make any call do.
fn data(scenario: &str) -> Table {
    let mut table: Table = scenario.parse().unwrap_or_else(|error| panic!("{error} in {scenario}"));
    let slow = |fault: &Toml| fault.get("latency_ms").is_some();
    if let Some(Toml::Array(faults)) = table.get_mut("fault") {
        faults.retain(|fault| !slow(fault));
        if faults.is_empty() {
            table.remove("fault");
        }
    }
    table
}

/// The same, written so that values that are no numbers equal themselves.
fn comparable(scenario: &str) -> String {
    toml::to_string(&data(scenario)).unwrap()
}

/// Asserts that two captures agree.
fn same(name: &str, again: &str, first: &str) {
    let (again, first) = (comparable(again), comparable(first));
    let lost: Vec<&str> = first.lines().filter(|line| !again.lines().any(|other| other == *line)).collect();
    let new: Vec<&str> = again.lines().filter(|line| !first.lines().any(|other| other == *line)).collect();
    assert!(again == first, "{name}: captured again it lacks {lost:#?} and has {new:#?}");
}

/// A snapshot without times and identities.
fn anonymous(mut snapshot: Value) -> Value {
    const TIMES: [&str; 10] = [
        "sequence",
        "sampled_at",
        "since",
        "since_at_least",
        "read_at",
        "age_ms",
        "sample_duration_seconds",
        "state_detail",
        "host",
        "detail",
    ];
    const IDENTITIES: [&str; 4] = ["uuid", "serial", "gpu_uuid", "pid"];
    fn walk(value: &mut Value) {
        match value {
            Value::Object(object) => {
                object.retain(|key, _| !TIMES.contains(&key.as_str()));
                for (key, value) in object.iter_mut() {
                    match IDENTITIES.contains(&key.as_str()) && !value.is_null() {
                        true => *value = "told".into(),
                        false => walk(value),
                    }
                }
            }
            Value::Array(array) => array.iter_mut().for_each(walk),
            _ => {}
        }
    }
    walk(&mut snapshot);
    snapshot
}

/// `/status` without its times and PIDs.
fn frozen(mut status: Value) -> Value {
    for device in status["data"]["devices"].as_array_mut().into_iter().flatten() {
        device["ts"] = 0.into();
    }
    for process in status["data"]["processes"].as_array_mut().into_iter().flatten() {
        process["pid"] = 0.into();
    }
    status
}

fn seen(agent: &Agent) -> (Value, Value) {
    (anonymous(agent.get("/api/v1/snapshot").json()), frozen(agent.get("/status").json()))
}

/// Where two answers differ.
fn differences(one: &Value, other: &Value, at: &str) -> Vec<String> {
    match (one, other) {
        (Value::Object(first), Value::Object(second)) if first.len() == second.len() => {
            first.iter().flat_map(|(key, value)| differences(value, &other[key], &format!("{at}.{key}"))).collect()
        }
        (Value::Array(first), Value::Array(second)) if first.len() == second.len() => {
            let pairs = first.iter().zip(second).enumerate();
            pairs.flat_map(|(place, (one, other))| differences(one, other, &format!("{at}[{place}]"))).collect()
        }
        _ if one == other => vec![],
        _ => vec![format!("{at}: {one} but played back {other}")],
    }
}

/// Captures a host, plays the capture, and looks whether an agent sees the same there, and a capture says the same.
fn round_trip(name: &str, scenario: &str, missing: &[&str]) {
    let host = Host::playing(scenario, missing);
    let captured = host.whole_capture();
    let played = Host::playing(&captured, &[]);
    let (original, agent) = (host.start().serve(), played.start().serve());
    let mut found = Vec::new();
    let alike = thread::scope(|scope| {
        let again = scope.spawn(|| played.whole_capture());
        let alike = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            eventually("the same on both hosts", || {
                let ((snapshot, status), (snapshot_played, status_played)) = (seen(&original), seen(&agent));
                found = differences(&snapshot, &snapshot_played, "snapshot");
                found.extend(differences(&status, &status_played, "status"));
                let begun = snapshot["collector"]["state"] != "starting";
                (begun && found.is_empty()).then_some(())
            });
        }));
        same(name, &again.join().unwrap(), &captured);
        alike
    });
    assert!(alike.is_ok(), "{name}: {found:#?}\n{captured}");
}

/// A shipped scenario with constant values and live processes.
fn still(scenario: &str, process: &StandIn) -> String {
    fn first(value: &Toml) -> Option<Toml> {
        let moves = value.as_table()?;
        let from = ["wave", "walk", "ramp"].iter().find_map(|kind| moves.get(*kind)?.as_array()?.first());
        from.or_else(|| moves.get("count_from")).cloned()
    }
    fn walk(value: &mut Toml, pid: u32) {
        if let Some(first) = first(value) {
            *value = first;
            return;
        }
        let Some(table) = value.as_table_mut() else {
            return value.as_array_mut().into_iter().flatten().for_each(|value| walk(value, pid));
        };
        if table.remove("command").is_some() {
            table.insert("pid".into(), Toml::Integer(pid.into()));
        }
        for (key, value) in table.iter_mut() {
            match key.as_str() {
                "xids" => *value = Toml::Array(Vec::new()),
                "latency_ms" => *value = Toml::Integer(0),
                _ => walk(value, pid),
            }
        }
    }
    let mut table: Toml = Toml::Table(scenario.parse().unwrap());
    walk(&mut table, process.pid());
    toml::to_string(&table).unwrap()
}

#[test]
fn shipped_scenarios_survive_capture() {
    let process = StandIn::start(&["python", "train.py"]);
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../fake-nvml/scenarios"));
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let scenario = fs::read_to_string(&path).unwrap();
        round_trip(path.file_name().unwrap().to_str().unwrap(), &still(&scenario, &process), &[]);
    }
}

#[test]
fn driver_faults_survive_capture() {
    let process = StandIn::start(&["python", "train.py"]);
    let listed =
        format!("[[gpu.process]]\npid = {}\nmemory_bytes = 1048576\nsm_percent = 7\ntype = 'C+G'\n", process.pid());
    let gpu =
        format!("[[gpu]]\nname = 'A'\nmemory_total_bytes = 1000\nmemory_used_bytes = 10\ntemperature_c = -3\n{listed}");
    let codes = "errors = { nvmlDeviceGetName = 999, nvmlDeviceGetMemoryInfo_v2 = 999, nvmlDeviceGetFieldValues = 4, \
                 nvmlDeviceGetGraphicsRunningProcesses_v3 = 10 }\n";
    let lost = "[[gpu]]\nerrors = { '*' = 15 }\n[[gpu]]\nerrors = { nvmlDeviceGetHandleByIndex_v2 = 4 }\n";
    let mut events = String::from("[errors]\nnvmlEventSetCreate = 3\n");
    events.push_str(&gpu);
    let garbage = "[[fault]]\nfunction = 'nvmlDeviceGetUtilizationRates'\ngarbage = true\n[[fault]]\nfunction = \
                   'nvmlDeviceGetName'\ngarbage = true\n[[fault]]\nfunction = 'nvmlDeviceGetUUID'\ngarbage = true\n";
    let mig = "mig_mode = 1\nerrors = { nvmlDeviceGetComputeRunningProcesses_v3 = 4 }\n[[gpu.mig]]\ngpu_instance = 2\n\
               compute_instance = 0\nprofile = '3g.40gb'\nplace = 3\nmemory_total_bytes = 10\nmemory_used_bytes = 3\n";
    // Instances with numbers of their own, one that gives no sample, and two in one GPU instance.
    let instance = |gpu_instance: u32, compute_instance: u32, gpm: &str| {
        format!(
            "[[gpu.mig]]\ngpu_instance = {gpu_instance}\ncompute_instance = {compute_instance}\nprofile = '1g.18gb'\n\
             memory_total_bytes = 10\nmemory_used_bytes = 3\n{gpm}"
        )
    };
    let parted = format!(
        "[[gpu]]\nname = 'H'\nmig_mode = 1\ngpm = {{ 1 = 50 }}\n{}{}{}{}",
        instance(1, 0, "gpm = { 1 = 25, 2 = { code = 3 } }\n"),
        instance(1, 1, ""),
        instance(2, 0, "gpm = { 1 = 75 }\nerrors = { nvmlGpmMetricsGet = 999 }\n"),
        instance(3, 0, "gpm = { 1 = 12.5 }\nerrors = { nvmlGpmMigSampleGet = 4 }\n"),
    );
    for (name, scenario, missing) in [
        ("codes", gpu.replace("temperature_c", &format!("{codes}temperature_c")), &[][..]),
        ("lost", format!("{gpu}{lost}"), &[]),
        ("not counted", format!("count_error = 999\n{gpu}"), &[]),
        ("not initialised", format!("init = 9\n{gpu}"), &[]),
        ("no events", events, &[]),
        ("garbage", format!("{gpu}utilization_percent = 3\n{garbage}").replace(&listed, ""), &[]),
        (
            "parted",
            gpu.replace("temperature_c", &format!("power_mw = 3\n{mig}gpu_bytes")).replace("gpu_bytes = -3\n", ""),
            &[],
        ),
        (
            "other lists",
            gpu.replace(
                "temperature_c",
                "errors = { nvmlDeviceGetComputeRunningProcesses_v3 = 3, nvmlDeviceGetProcessUtilization = 3 }\ntemperature_c",
            ),
            &[],
        ),
        ("parted, with what ran where", parted, &[]),
        ("16 bytes", format!("process_layout = 16\n{gpu}"), &[]),
        ("32 bytes", format!("process_layout = 32\n{gpu}"), &[]),
        (
            "symbols missing",
            gpu.clone(),
            &[
                "nvmlDeviceGetJpgUtilization",
                "nvmlDeviceGetTemperatureV",
                "nvmlDeviceGetMemoryInfo_v2",
                "nvmlDeviceGetComputeRunningProcesses_v3",
                "nvmlDeviceGetGraphicsRunningProcesses_v3",
                "nvmlDeviceGetCurrentClocksEventReasons",
            ],
        ),
    ] {
        round_trip(name, &scenario, missing);
    }
}

/// Differences among the parts that both captures have: a newer collector may make more or fewer calls.
fn contradictions(one: &Toml, other: &Toml, at: &str) -> Vec<String> {
    match (one, other) {
        (Toml::Table(one), Toml::Table(other)) => {
            let both = one.iter().filter_map(|(key, value)| Some((key, value, other.get(key)?)));
            // What is missing depends on what was asked for.
            let both = both.filter(|(key, ..)| *key != "missing");
            both.flat_map(|(key, one, other)| contradictions(one, other, &format!("{at}.{key}"))).collect()
        }
        (Toml::Array(ones), Toml::Array(others)) if at.ends_with("gpu") || at.ends_with("mig") => {
            if ones.len() != others.len() {
                return vec![format!("{at}: {} and {}", ones.len(), others.len())];
            }
            let pairs = ones.iter().zip(others).enumerate();
            pairs.flat_map(|(place, (one, other))| contradictions(one, other, &format!("{at}[{place}]"))).collect()
        }
        _ if one.to_string() == other.to_string() => vec![],
        _ => vec![format!("{at}: {one} and then {other}")],
    }
}

/// Captures that came with bug reports: each is played, an agent must be able to say what it sees, and a capture of it
/// must not say otherwise than the capture itself.
#[test]
fn submitted_captures_are_played() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/captures"));
    let captures = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    for path in captures.filter(|path| path.extension().is_some_and(|extension| extension == "toml")) {
        let (name, captured) = (path.display().to_string(), fs::read_to_string(&path).unwrap());
        let host = Host::playing(&captured, &[]);
        let agent = host.start().serve();
        let snapshot = eventually(&format!("{name} to be read"), || {
            let snapshot = agent.get("/api/v1/snapshot").json();
            (snapshot["collector"]["state"] != "starting").then_some(snapshot)
        });
        let gpus = data(&captured).get("gpu").and_then(Toml::as_array).map_or(0, Vec::len);
        assert_eq!(snapshot["gpus"].as_array().unwrap().len(), gpus, "{name}");
        if data(&captured).get("fault").is_none() {
            let again = Toml::Table(data(&host.whole_capture()));
            let found = contradictions(&Toml::Table(data(&captured)), &again, "");
            assert!(found.is_empty(), "{name}: {found:#?}");
        }
    }
}

#[test]
fn capture_is_anonymous() {
    let (uuid, mig, serial) =
        ("8a56a4bc-e184-a047-2620-be19fdf913d5", "55d3a3c4-0dbe-5b87-8cbf-1c2bbd3a6f4e", "1651824001000");
    let process = StandIn::start(&["python", "planted-command", "--password=planted-secret"]);
    let scenario = format!(
        "[[gpu]]\nname = 'NVIDIA A100'\nuuid = 'GPU-{uuid}'\nserial = '{serial}'\nmig_mode = 1\n[[gpu.mig]]\ngpu_instance = 1\n\
         compute_instance = 0\nprofile = '1g.5gb'\nuuid = 'MIG-{mig}'\n[[gpu.process]]\npid = {pid}\nmemory_bytes = 5\n\
         sm_percent = 3\n[[gpu]]\nname = 'NVIDIA A100'\nuuid = 'GPU-{other}'\nserial = '{serial}'\n",
        pid = process.pid(),
        other = uuid.replace('8', "9"),
    );
    let host = Host::playing(&scenario, &[]);
    // With all of `/proc` to look at, and secrets in the environment.
    let start = Start::on(&host.driver).argument("capture").variable("TOKEN", "planted-token");
    let (status, captured, said) = start.finish();
    assert!(status.success(), "{said}");
    let hostname = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).unwrap().unwrap().name;
    let home = host.driver.folder().to_str().unwrap();
    let pid = format!("[{},", process.pid());
    let other = uuid.replace('8', "9");
    for planted in [uuid, &other, mig, serial, "planted", &pid, home] {
        assert!(!captured.contains(planted) && !said.contains(planted), "{planted} in\n{captured}{said}");
    }
    // Words that may be part of others: an account called `nvml` would be no leak.
    for name in [hostname.trim(), &user] {
        let word =
            |text: &str| text.split(|letter: char| !letter.is_alphanumeric() && letter != '-').any(|word| word == name);
        assert!(!word(&captured), "{name} in\n{captured}");
    }
    assert!(captured.contains("NVIDIA A100") && captured.contains("4000001, 5"), "{captured}");
    assert_eq!(captured.matches("nvmlDeviceGetSerial = \"0000000000001\"").count(), 2, "{captured}");
}

#[test]
fn capture_of_hung_driver_is_partial_and_names_call() {
    let scenario = "[[gpu]]\nname = 'A'\npower_mw = 7\n[[gpu]]\nname = 'B'\n[[fault]]\nfunction = 'nvmlDeviceGetEccMode'\n\
                    gpu = 1\nhang = true\n";
    let host = Host::playing(scenario, &[]);
    let (status, captured, said) = host.capture(&["--timeout=6s"]);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("PARTIAL") && said.contains("nvmlDeviceGetEccMode of GPU 1"), "{said}");
    assert!(
        captured.contains("PARTIAL, the driver had not finished after 6s")
            && captured.contains("nvmlDeviceGetEccMode of GPU 1"),
        "{captured}"
    );
    let told = data(&captured);
    let fault = &told["fault"][0];
    assert_eq!((fault["function"].as_str(), fault["gpu"].as_integer()), (Some("nvmlDeviceGetEccMode"), Some(1)));
    assert_eq!(told["gpu"][0]["answers"]["nvmlDeviceGetPowerUsage"].as_integer(), Some(7), "the other GPU is whole");
    assert_eq!(told["gpu"][1]["answers"]["nvmlDeviceGetName"].as_str(), Some("B"));
    // And so it is a test of the hang.
    let played = Host::playing(&captured, &[]);
    let agent = played.start().serve();
    eventually("the hang, played back", || {
        let gpus = agent.get("/api/v1/gpus").json();
        (gpus[0]["state"] == "ok" && gpus[1]["state"] == "stale").then_some(())
    });
}

#[test]
fn capture_of_crashing_library_is_partial_and_names_call() {
    for (crash, signal) in [("segv", "SIGSEGV"), ("abort", "SIGABRT")] {
        let scenario =
            format!("[[gpu]]\nname = 'A'\n[[fault]]\nfunction = 'nvmlDeviceGetEccMode'\ncrash = '{crash}'\n");
        let (status, captured, said) = Host::playing(&scenario, &[]).capture(&[]);
        assert_eq!(status, 1, "{said}");
        assert!(said.contains(&format!("killed by {signal} in nvmlDeviceGetEccMode of GPU 0")), "{said}");
        let told = data(&captured);
        assert_eq!(told["fault"][0]["crash"].as_str(), Some(crash));
        assert_eq!(told["gpu"][0]["answers"]["nvmlDeviceGetName"].as_str(), Some("A"));
    }
}

#[test]
fn capture_file_never_overwrites() {
    let host = Host::playing("init = 9\n[[gpu]]\n", &[]);
    let file = host.root.path().join("bug.toml");
    let asked = format!("--output={}", file.display());
    let (status, out, said) = host.capture(&[&asked]);
    assert_eq!((status, out.as_str()), (0, ""), "{said}");
    assert!(said.contains("nvmlInit_v2 returned 9"), "{said}");
    assert_eq!(data(&fs::read_to_string(&file).unwrap())["init"].as_integer(), Some(9));
    let (status, _, said) = host.capture(&[&asked]);
    assert!(status == 2 && said.contains("bug.toml") && said.contains("it exists"), "{status} {said}");
    let start = Start::bare().argument("capture").argument("--nvml-library=/nowhere/libnvidia-ml.so.1");
    let (status, out, said) = start.finish();
    assert!(status.success() && said.contains("dlopen returned 12") && !out.contains("nowhere"), "{out}{said}");
}
