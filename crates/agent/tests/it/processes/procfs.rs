//! Reading `/proc`: many processes, and a file that blocks.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::support::{Driver, StandIn, Start};

#[test]
fn processes_10000_served_without_missed_tick() {
    let crowd = "[[gpu.process]]\ncount = 10000\nfirst_pid = 100000\ntype = 'C'\nmemory_bytes = 1048576\n";
    let driver = Driver::new(&format!("[[gpu]]\nname = 'A'\npower_mw = 1\n{crowd}[[gpu]]\nname = 'B'\npower_mw = 1\n"));
    let agent = Start::on(&driver).serve().ready();
    let data = agent.status();
    assert_eq!(data["processes"].as_array().unwrap().len(), 10_000);
    // Sixteen readings follow, and the last of them is as long after the first as the interval says.
    let begun = data["devices"][1]["ts"].as_u64().unwrap();
    let before = driver.calls("nvmlDeviceGetPowerUsage");
    let later = agent.until("later readings", |data| data["devices"][1]["ts"].as_u64().unwrap() > begun + 1600);
    let readings = (driver.calls("nvmlDeviceGetPowerUsage") - before) / 2;
    let time = later["devices"][1]["ts"].as_u64().unwrap() - begun;
    assert!(readings * 200 > time, "{readings} readings in {time} ms");
}

#[test]
fn proc_file_blocking_costs_only_its_row() {
    let root = tempfile::tempdir().unwrap();
    let free = StandIn::start(&["python", "free"]);
    for pid in [4242, free.pid()] {
        let from = format!("/proc/{}", free.pid());
        let to = root.path().join(pid.to_string());
        fs::create_dir(&to).unwrap();
        for file in ["stat", "status", "cmdline"] {
            fs::write(to.join(file), fs::read(Path::new(&from).join(file)).unwrap()).unwrap();
        }
    }
    let line = root.path().join("4242/cmdline");
    fs::remove_file(&line).unwrap();
    nix::unistd::mkfifo(&line, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let list = |pid: u32| format!("[[gpu.process]]\npid = {pid}\ntype = 'C'\n");
    let driver = Driver::new(&format!("[[gpu]]\nname = 'A'\n{}{}", list(4242), list(free.pid())));
    let agent = Start::on(&driver).argument("--proc-root").argument(root.path().to_str().unwrap()).serve().ready();
    let row = |data: &Value, pid: u32| {
        data["processes"].as_array().unwrap().iter().find(|row| row["pid"] == json!(pid)).unwrap().clone()
    };
    let data = agent.until("the free one's command", |data| row(data, free.pid())["command"] == json!("python free"));
    let stuck = row(&data, 4242);
    assert_eq!(stuck["command"], json!("N/A"));
    assert_eq!(stuck["username"], row(&data, free.pid())["username"], "what does not block is there");
    let ts = data["devices"][0]["ts"].clone();
    agent.until("the next reading", |data| data["devices"][0]["ts"] != ts);
}
