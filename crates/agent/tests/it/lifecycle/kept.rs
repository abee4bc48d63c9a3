//! Runs that read nothing: their answers, and the state that they pass on to the next.

use nix::sys::signal::{Signal, kill};
use serde_json::{Value, json};

use crate::support::{Agent, Driver, Start, eventually, nix_pid};

const CONDEMNED: &str = "[[gpu]]\nuuid = 'GPU-A'\nutilization_percent = 0\nxids = [{ after_s = 0.5, code = 79 }]\n";
const QUIET: &str = "[[gpu]]\nuuid = 'GPU-A'\nutilization_percent = 0\nxids = []\n";

/// Verdict on the GPU's health, once it is read.
fn verdict(agent: &Agent) -> Value {
    eventually("a GPU", || {
        let gpu = agent.get("/api/v1/snapshot").json()["gpus"][0].clone();
        (gpu["state"] == "ok").then(|| json!([gpu["health"]["verdict"], gpu["use"]["since"]]))
    })
}

#[test]
fn condemned_gpu_stays_condemned_after_run_that_reads_nothing() {
    let driver = Driver::new(CONDEMNED);
    let state = driver.folder().join("state");
    let start = || Start::on(&driver).variable("STATE_DIRECTORY", state.to_str().unwrap());
    let agent = start().serve().ready();
    let condemned = eventually("the error", || Some(verdict(&agent)).filter(|verdict| verdict[0] == "critical"));
    agent.stop();

    // The initialisation has not returned.
    driver.play(&format!("init_hang = true\n{QUIET}"));
    let agent = start().serve();
    eventually("the call", || agent.get("/api/v1/snapshot").text().contains("nvmlInit").then_some(()));
    agent.stop();
    // The module is not loaded.
    driver.play("init = 9");
    let agent = start().serve();
    eventually("the failure", || agent.get("/status").text().contains("Driver Not Loaded").then_some(()));
    agent.stop();
    // The library is not there.
    let absent = Driver::absent();
    let agent = Start::on(&absent).variable("STATE_DIRECTORY", state.to_str().unwrap()).serve();
    eventually("the failure", || agent.get("/status").text().contains("Library Not Found").then_some(()));
    agent.stop();
    // It ends at once, often.
    for _ in 0..5 {
        start().serve().stop();
    }

    driver.play(QUIET);
    assert_eq!(verdict(&start().serve().ready()), condemned);
}

#[test]
fn gpus_not_counted_are_not_none() {
    let driver = Driver::new(&format!("init_hang = true\n{QUIET}"));
    let agent = Start::on(&driver).serve();
    let collector = eventually("a collector in the driver", || {
        let asked = agent.get("/api/v1/snapshot").text().contains("nvmlInit");
        agent.collectors().first().copied().filter(|_| asked)
    });
    kill(nix_pid(collector), Signal::SIGSTOP).unwrap();
    let failed = |text: &str| (500, json!({ "code": 2, "data": null, "error": text }));
    eventually("it to be silent", || {
        let answer = |path: &str| {
            let response = agent.get(path);
            (response.status, response.json())
        };
        let (count, status) = (answer("/count"), answer("/status"));
        assert!(
            (count.0, status.0) == (500, 500) && count.1["code"] == 2 && status.1["code"] == 2,
            "{count:?} {status:?}"
        );
        (count == failed("Collector Stalled") && status == failed("Collector Stalled")).then_some(())
    });
    let summary = agent.get("/api/v1/summary").json();
    assert_eq!((&summary["gpus_total"], &summary["absent"]["gpus_total"]), (&Value::Null, &json!("timeout")));
    assert!(agent.get("/api/v1/summary.txt").text().contains("0 of ? GPUs"));
}

#[test]
fn library_that_crashes_on_load_is_restarting_with_reason() {
    let driver = Driver::absent();
    driver.compile("int raise(int); __attribute__((constructor)) static void crash(void) { raise(7); }");
    let agent = Start::on(&driver).serve();
    let collector = || agent.get("/api/v1/snapshot").json()["collector"].clone();
    let first = eventually("the first crash", || Some(collector()).filter(|collector| collector["restarts"] != 0));
    for _ in 0..20 {
        let collector = collector();
        assert_eq!(collector["state"], "restarting", "{collector}");
        let detail = collector["detail"].as_str().unwrap();
        assert!(detail.contains("SIGBUS") && detail.contains("dlopen"), "{detail}");
        assert_eq!(agent.get("/readyz").json(), json!({ "state": "restarting" }));
        let status = agent.get("/status");
        assert_eq!((status.status, &status.json()["error"]), (500, &json!("Collector Restarting")));
    }
    eventually("another crash", || (collector()["restarts"] != first["restarts"]).then_some(()));
    assert_eq!(collector()["state"], "restarting");
    driver.play(QUIET);
    driver.install(&[]);
    agent.ready();
}

#[test]
fn library_without_functions_names_function_and_file() {
    let driver = Driver::absent();
    driver.compile("int nothing_of_nvml(void) { return 0; }");
    let agent = Start::on(&driver).serve();
    let detail = eventually("the failure", || {
        let collector = agent.get("/api/v1/snapshot").json()["collector"].clone();
        collector["detail"].as_str().map(String::from).filter(|_| collector["state"] == "no_driver")
    });
    let path = driver.library();
    for part in ["Function Not Found", "nvmlInit_v2", path.to_str().unwrap(), "--nvml-library"] {
        assert!(detail.contains(part), "{detail:?} lacks {part:?}");
    }
}
