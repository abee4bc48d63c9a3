//! The fake is a true NVML, and the agent reads it as others do: nvitop, gpustat and nvtop run on the same driver,
//! and what they print is compared with what the agent serves.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Agent, Driver, StandIn, Start, clients, python};

/// Two GPUs that differ in everything that all of them show, and stand still.
fn scenario(processes: &[StandIn; 3]) -> String {
    let [train, serve, desktop] = processes.each_ref().map(StandIn::pid);
    format!(
        "[[gpu]]
name = 'NVIDIA H200'
temperature_c = 61
power_mw = 562000
power_limit_mw = 700000
enforced_limit_mw = 700000
utilization_percent = 99
memory_utilization_percent = 40
memory_total_bytes = 150754820096
memory_used_bytes = 141189709824
memory_reserved_bytes = 512753664
[[gpu.process]]
pid = {train}
type = 'C'
memory_bytes = 140660178944
[[gpu]]
name = 'NVIDIA GeForce RTX 3090'
fan_percent = 51
temperature_c = 55
power_mw = 119000
power_limit_mw = 350000
enforced_limit_mw = 350000
utilization_percent = 5
memory_utilization_percent = 3
memory_total_bytes = 25769803776
memory_used_bytes = 12297699328
memory_reserved_bytes = 0
[[gpu.process]]
pid = {serve}
type = 'C'
memory_bytes = 12278824960
[[gpu.process]]
pid = {desktop}
type = 'G'
memory_bytes = 31457280
"
    )
}

struct Host {
    driver: Driver,
    agent: Agent,
    processes: [StandIn; 3],
}

fn host() -> Host {
    let processes = [
        StandIn::start(&["python", "train.py", "--rank=0"]),
        StandIn::start(&["python", "serve.py", "--model", "x"]),
        StandIn::start(&["Xorg", ":0"]),
    ];
    let driver = Driver::new(&scenario(&processes));
    std::os::unix::fs::symlink(driver.library(), driver.folder().join("libnvidia-ml.so")).unwrap();
    let agent = Start::on(&driver).serve().ready();
    Host { driver, agent, processes }
}

impl Host {
    /// Output of a client that runs on the driver.
    fn run(&self, command: &mut Command) -> String {
        let output = command
            .env("LD_LIBRARY_PATH", self.driver.folder())
            .env("FAKE_NVML_SCENARIO", self.driver.scenario())
            .env("LC_ALL", "C.UTF-8")
            .env("COLUMNS", "160")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        text
    }
}

/// The number that a text begins with.
fn number(text: &Value) -> u64 {
    text.as_str().unwrap().chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

#[test]
fn gpustat_agrees_with_agent() {
    let host = host();
    let text = host.run(Command::new(clients().join("bin/gpustat")).arg("--json"));
    let theirs: Value = serde_json::from_str(&text).unwrap();
    let ours = host.agent.status();
    assert_eq!(theirs["gpus"].as_array().unwrap().len(), 2);
    for (gpu, device) in theirs["gpus"].as_array().unwrap().iter().zip(ours["devices"].as_array().unwrap()) {
        let fan = if gpu["fan.speed"].is_null() { json!("N/A") } else { gpu["fan.speed"].clone() };
        assert_eq!(gpu["index"], device["idx"]);
        assert_eq!(gpu["name"], device["name"]);
        assert_eq!(fan, device["fan_speed"]);
        assert_eq!(gpu["temperature.gpu"], device["temperature"]);
        assert_eq!(gpu["utilization.gpu"], device["gpu_utilization"]);
        let power = format!("{}W / {}W", gpu["power.draw"], gpu["enforced.power.limit"]);
        assert_eq!(json!(power), device["power_status"]);
        assert_eq!(gpu["memory.total"], json!(number(&device["memory_total_human"])));
        // It cuts where the original rounds.
        let used = number(&device["memory_used_human"]);
        assert!(gpu["memory.used"].as_u64().unwrap().abs_diff(used) <= 1, "{gpu} {used}");
        let rows: Vec<&Value> =
            ours["processes"].as_array().unwrap().iter().filter(|row| row["idx"] == gpu["index"]).collect();
        let listed = gpu["processes"].as_array().unwrap();
        assert_eq!(listed.len(), rows.len());
        for process in listed {
            let row = rows.iter().find(|row| row["pid"] == process["pid"]).unwrap();
            assert_eq!(process["username"], row["username"]);
            assert_eq!(process["gpu_memory_usage"], json!(number(&row["gpu_memory"])));
            let command: Vec<&str> =
                process["full_command"].as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect();
            assert_eq!(json!(command.join(" ")), row["command"]);
        }
    }
}

#[test]
fn nvitop_agrees_with_agent() {
    let host = host();
    let screen = host.run(Command::new(clients().join("bin/nvitop")).arg("-1"));
    let line = |parts: &[&str]| screen.lines().any(|line| parts.iter().all(|part| line.contains(part)));
    for device in host.agent.status()["devices"].as_array().unwrap() {
        // It leaves out who made it.
        let name = device["name"].as_str().unwrap().trim_start_matches("NVIDIA ");
        assert!(line(&[&format!(" {} ", device["idx"]), name]), "{device} in\n{screen}");
        let utilization = format!("{}%", device["gpu_utilization"]);
        let temperature = format!("{}C", device["temperature"]);
        assert!(line(&[&temperature, device["power_status"].as_str().unwrap(), &utilization]), "{device} in\n{screen}");
    }
    for row in host.agent.status()["processes"].as_array().unwrap() {
        let kind = format!(" {} ", row["type"].as_str().unwrap());
        let start = row["command"].as_str().unwrap().split(' ').next().unwrap();
        assert!(
            line(&[&row["pid"].to_string(), &kind, row["username"].as_str().unwrap(), start]),
            "{row} in\n{screen}"
        );
    }
}

#[test]
fn nvtop_agrees_with_agent() {
    let host = host();
    let clients = clients();
    let screen = host.run(
        Command::new(python())
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/on-terminal"))
            .args(["200", "60", "3"])
            .arg(clients.join("bin/nvtop")),
    );
    let line = |parts: &[&str]| screen.lines().any(|line| parts.iter().all(|part| line.contains(part)));
    for device in host.agent.status()["devices"].as_array().unwrap() {
        let name = format!("Device {} [{}]", device["idx"], device["name"].as_str().unwrap());
        assert!(line(&[&name]), "{device} in\n{screen}");
        let power = device["power_status"].as_str().unwrap().replace('W', "");
        let temperature = format!("TEMP  {}", device["temperature"]);
        assert!(line(&[&temperature, &power]), "{device} in\n{screen}");
        assert!(line(&[&format!("{}%", device["gpu_utilization"])]), "{device} in\n{screen}");
    }
    for row in host.agent.status()["processes"].as_array().unwrap() {
        let kind = if row["type"] == json!("G") { "Graphic" } else { "Compute" };
        let parts =
            [&*row["pid"].to_string(), kind, row["gpu_memory"].as_str().unwrap(), row["command"].as_str().unwrap()];
        assert!(line(&parts), "{row} in\n{screen}");
    }
    assert_eq!(host.processes.len(), 3);
}
