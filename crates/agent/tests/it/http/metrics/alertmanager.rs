//! The shipped alerts in a real Prometheus, and their routes in a real Alertmanager: what reaches people.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
};

use serde_json::Value;

use crate::support::{Driver, Monitor, Start, Target, eventually, repository};

/// A receiver of webhooks, which lives as long as the test.
struct Receiver {
    address: SocketAddr,
    notifications: Arc<Mutex<Vec<Value>>>,
}

impl Receiver {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, notifications) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<Value>>>::default());
        let kept = Arc::clone(&notifications);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                kept.lock().unwrap().extend(notification(connection));
            }
        });
        Self { address, notifications }
    }

    /// Notifications of alerts of a GPU.
    fn of_gpu(&self, gpu: &str) -> Vec<Value> {
        let all = self.notifications.lock().unwrap();
        all.iter().filter(|one| one["groupLabels"]["gpu"] == gpu).cloned().collect()
    }
}

fn notification(connection: TcpStream) -> Option<Value> {
    let mut reader = BufReader::new(connection);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    reader.get_mut().write_all(answer).ok()?;
    serde_json::from_slice(&body).ok()
}

/// The text with its durations a sixtieth as long: minutes become seconds.
fn hurried(text: &str) -> String {
    let mut hurried = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|character: char| character.is_ascii_digit()) {
        hurried.push_str(&rest[..start]);
        let is_in_word =
            rest[..start].ends_with(|before: char| before.is_ascii_alphanumeric() || "_.".contains(before));
        let number = rest[start..].find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len() - start);
        let (digits, after) = rest[start..].split_at(number);
        let ends = after.chars().nth(1).is_none_or(|next| !next.is_ascii_alphanumeric());
        let unit = match after.chars().next() {
            Some('m') => "s",
            Some('h') => "m",
            _ => "",
        };
        hurried.push_str(digits);
        rest = after;
        if !unit.is_empty() && ends && !is_in_word {
            hurried.push_str(unit);
            rest = &after[1..];
        }
    }
    hurried + rest
}

#[test]
fn durations_hurried() {
    let text = "group_wait: 10m\n[1d:5m] for: 3m # 2 GPUs, 12h, x5m 1e6";
    assert_eq!(hurried(text), "group_wait: 10s\n[1d:5s] for: 3s # 2 GPUs, 12m, x5m 1e6");
}

/// A copy of a shipped file, hurried.
fn hurried_file(folder: &tempfile::TempDir, name: &str) -> PathBuf {
    let text = fs::read_to_string(repository(&format!("deploy/prometheus/{name}"))).unwrap();
    let path = folder.path().join(name);
    fs::write(&path, hurried(&text)).unwrap();
    path
}

/// GPU 3 of this host raises seven alerts, for which there is one notification. The GPU that is lost has one too, and so has the
/// one that is read now and then.
#[test]
fn broken_gpu_is_one_notification_from_alertmanager() {
    let scenario = fs::read_to_string(repository("crates/fake-nvml/scenarios/sick.toml")).unwrap();
    let scenario = scenario.replace("after_s = 20,", "after_s = 1,").replace("after_s = 60,", "after_s = 3,");
    let driver = Driver::new(&scenario);
    let agent = Start::on(&driver).serve().ready();
    let (receiver, folder) = (Receiver::start(), tempfile::tempdir().unwrap());
    let routes = fs::read_to_string(repository("deploy/prometheus/alertmanager.yml")).unwrap();
    let routes = hurried(&routes).replace("127.0.0.1:9095", &receiver.address.to_string());
    let alertmanager = Monitor::alertmanager(&routes);
    let rules = ["recording.yml", "alerts.yml"].map(|name| hurried_file(&folder, name));
    let targets = [Target::new("any name", &agent)];
    let prometheus = Monitor::alerting(&targets, &[rules[0].as_path(), rules[1].as_path()], &alertmanager);
    let critical = eventually("a notification of the broken GPU", || receiver.of_gpu("3").into_iter().next());
    assert_eq!(critical["receiver"], "on-call");
    let names: Vec<&Value> =
        critical["alerts"].as_array().unwrap().iter().map(|alert| &alert["labels"]["alertname"]).collect();
    assert_eq!(names, ["GpuXidCritical"]);
    let alert = &critical["alerts"][0]["annotations"];
    for (key, part) in [
        ("summary", "GPU 3 of "),
        ("summary", "xid_48"),
        ("description", "nvidia-smi -r -i 3"),
        ("runbook_url", "https://github.com/"),
    ] {
        assert!(alert[key].as_str().is_some_and(|text| text.contains(part)), "{key}: {alert}");
    }
    // Its warnings began before those of GPU 2, whose notification shows that their turn is over.
    let slow = eventually("a notification of the slow GPU", || receiver.of_gpu("2").into_iter().next());
    assert_eq!(slow["receiver"], "team");
    eventually("four alerts of the broken GPU", || {
        (prometheus.query("ALERTS{gpu='3', alertstate='firing'}").len() >= 4).then_some(())
    });
    for gpu in ["1", "3"] {
        assert_eq!(receiver.of_gpu(gpu).len(), 1, "GPU {gpu}: {:#?}", receiver.of_gpu(gpu));
    }
    let lost = &receiver.of_gpu("1")[0]["alerts"][0];
    assert_eq!(lost["labels"]["alertname"], "GpuLost");
    assert!(!lost["annotations"].to_string().contains("()"), "{lost}");
}

/// An agent that does not answer, or reads nothing, mutes what follows from it; no two alerts mute each other.
#[test]
fn host_trouble_mutes_its_consequences_in_alertmanager() {
    let routes = fs::read_to_string(repository("deploy/prometheus/alertmanager.yml")).unwrap();
    let alertmanager = Monitor::alertmanager(&routes);
    let alert = |host: &str, name: &str, severity: &str, gpu: Option<&str>| {
        let mut labels = serde_json::json!({"alertname": name, "severity": severity, "job": "j", "instance": host});
        if let Some(gpu) = gpu {
            labels["gpu"] = gpu.into();
        }
        serde_json::json!({"labels": labels})
    };
    let alerts = [
        alert("dead", "GpuAgentDown", "warning", None),
        alert("dead", "GpuMissing", "critical", None),
        alert("dead", "GpuAgentStale", "warning", None),
        alert("dead", "GpuXidCritical", "critical", Some("0")),
        alert("blind", "GpuAgentNotReading", "warning", None),
        alert("blind", "GpuAgentStale", "warning", None),
        alert("blind", "GpuMissing", "critical", None),
        alert("broken", "GpuXidCritical", "critical", Some("0")),
        alert("broken", "GpuEccUncorrected", "warning", Some("0")),
        alert("broken", "GpuHot", "warning", Some("1")),
        alert("broken", "GpuMissing", "critical", None),
    ];
    alertmanager.post("/api/v2/alerts", &Value::from(alerts.to_vec()));
    let active = || -> Vec<String> {
        let all = alertmanager.get("/api/v2/alerts");
        let active = all.as_array().unwrap().iter().filter(|alert| alert["status"]["state"] == "active");
        let name = |alert: &Value| {
            format!("{} {}", alert["labels"]["instance"], alert["labels"]["alertname"]).replace('"', "")
        };
        let mut names: Vec<String> = active.map(name).collect();
        names.sort();
        names
    };
    let expected = [
        "blind GpuAgentNotReading",
        "broken GpuHot",
        "broken GpuMissing",
        "broken GpuXidCritical",
        "dead GpuAgentDown",
    ];
    eventually("the consequences to be muted", || (active() == expected).then_some(()));
}
