//! Rows of processes: impossible PIDs, processes that end, command lines of any form, and every layout of NVML's lists.

use std::os::unix::ffi::OsStrExt as _;
use std::{ffi::OsStr, fs, thread};

use serde_json::{Value, json};

use crate::support::{Driver, StandIn, Start};

#[test]
fn command_line_of_any_form_is_a_row() {
    let newline = StandIn::start(&["python", "a\n\u{1b}[31mred", "tab\there"]);
    let bad = StandIn::start(&[OsStr::new("python"), OsStr::from_bytes(b"caf\xe9")]);
    // An argument cannot be longer than 128 KiB, and all of them not than 2 MiB by default.
    let mut arguments = vec!["python".to_owned()];
    arguments.extend(vec!["x".repeat(100_000); 18]);
    let long = StandIn::start(&arguments);
    let list: String = [&newline, &bad, &long]
        .map(|process| format!("[[gpu.process]]\npid = {}\ntype = 'C'\nmemory_bytes = 1048576\n", process.pid()))
        .concat();
    let driver = Driver::new(&format!("[[gpu]]\nname = 'A'\n{list}"));
    let agent = Start::on(&driver).serve().ready();
    let data = agent.until("every command", |data| {
        data["processes"].as_array().unwrap().iter().all(|row| row["command"] != json!("N/A"))
    });
    let command = |process: &StandIn| {
        let rows = data["processes"].as_array().unwrap();
        rows.iter().find(|row| row["pid"] == json!(process.pid())).unwrap()["command"].as_str().unwrap().to_owned()
    };
    assert_eq!(command(&newline), "python \"a\\n\u{1b}[31mred\" tab\there");
    assert_eq!(command(&bad), "python caf\u{FFFD}");
    assert_eq!(command(&long).len(), 32 * 1024);
}

#[test]
fn pid_impossible_is_row_of_ended_process() {
    let above = fs::read_to_string("/proc/sys/kernel/pid_max").unwrap().trim().parse::<u32>().unwrap() + 1;
    let list: String = [0, above, u32::MAX]
        .map(|pid| format!("[[gpu.process]]\npid = {pid}\ntype = 'C'\nmemory_bytes = 1048576\n"))
        .concat();
    let driver = Driver::new(&format!("[[gpu]]\nname = 'A'\n{list}"));
    let agent = Start::on(&driver).serve().ready();
    let rows = agent.status()["processes"].clone();
    let expected: Vec<Value> = [0, above, u32::MAX]
        .map(|pid| {
            json!({ "idx": 0, "pid": pid, "username": "N/A", "command": "N/A", "type": "C", "gpu_memory": "1MiB",
                    "running_time": "N/A" })
        })
        .to_vec();
    assert_eq!(rows, json!(expected));
}

#[test]
fn processes_ending_while_read_keep_rows() {
    let list = |pids: &[u32]| {
        let rows = pids.iter().map(|pid| format!("[[gpu.process]]\npid = {pid}\ntype = 'C'\n"));
        format!("[[gpu]]\nname = 'A'\n[[gpu]]\nname = 'B'\n{}", rows.collect::<String>())
    };
    let driver = Driver::new(&list(&[]));
    let agent = Start::on(&driver).serve().ready();
    for _ in 0..10 {
        let crowd: Vec<StandIn> = (0..8).map(|number| StandIn::start(&["python", &number.to_string()])).collect();
        let pids: Vec<u32> = crowd.iter().map(StandIn::pid).collect();
        driver.play(&list(&pids));
        let ending = thread::spawn(move || drop(crowd));
        agent.until("all rows", |data| data["processes"].as_array().unwrap().len() == 8);
        ending.join().unwrap();
        // One that ends between two of its files has a user name for one reading.
        agent.until("all gone", |data| {
            let rows = data["processes"].as_array().unwrap();
            rows.len() == 8 && rows.iter().all(|row| row["command"] == json!("N/A") && row["username"] == json!("N/A"))
        });
    }
}

#[test]
fn process_list_layouts_give_same_rows() {
    let processes: Vec<StandIn> = (0..17).map(|number| StandIn::start(&["python", &number.to_string()])).collect();
    let list: String = processes
        .iter()
        .map(|process| format!("[[gpu.process]]\npid = {}\ntype = 'C+G'\nmemory_bytes = 1048576\n", process.pid()))
        .collect();
    let mut seen: Vec<Value> = Vec::new();
    for (layout, missing) in [
        (16, &[][..]),
        (24, &[]),
        (32, &[]),
        (24, &["nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetGraphicsRunningProcesses_v3"]),
    ] {
        let driver = Driver::absent();
        driver.play(&format!("process_layout = {layout}\n[[gpu]]\nname = 'A'\n{list}"));
        driver.install(missing);
        let agent = Start::on(&driver).serve().ready();
        let mut rows = agent.until("all commands", |data| {
            data["processes"].as_array().unwrap().iter().all(|row| row["command"] != json!("N/A"))
        })["processes"]
            .clone();
        assert_eq!(rows.as_array().unwrap().len(), 17, "{layout}");
        // Each layout is read a moment later.
        for row in rows.as_array_mut().unwrap() {
            assert!(row["running_time"].take().is_string(), "{layout}");
        }
        seen.push(rows);
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]));
}
