//! The options for metrics, and what is said when they are wrong.

use super::host::{HOPPER, process};
use crate::support::{Driver, StandIn, Start};

#[test]
fn option_invalid_is_one_line_and_status_2() {
    for (argument, parts) in [
        ("--metrics-names=prometheus", &["prometheus", "native", "dcgm", "NVSMI_METRICS_NAMES"][..]),
        ("--dcgm-counters=/nowhere/counters.csv", &["/nowhere/counters.csv", "--dcgm-counters"]),
        ("--dcgm-hostname-label=host-name", &["host-name", "letters"]),
        ("--dcgm-hostname-label=err_code", &["err_code", "another label"]),
        ("--dcgm-hostname-label=DCGM_FI_DEV_SERIAL", &["DCGM_FI_DEV_SERIAL", "another label"]),
    ] {
        let (status, _, error) = Start::bare().argument(argument).finish();
        assert_eq!(status.code(), Some(2), "{error}");
        assert_eq!(error.trim_end().lines().count(), 1, "{error:?}");
        for part in parts {
            assert!(error.contains(part), "{error:?} lacks {part:?}");
        }
    }
}

#[test]
fn counters_file_invalid_line_is_named() {
    let start = Start::bare().file("counters.csv", "# x\nDCGM_FI_DEV_GPU_TEMP, guage, Heat\n");
    let (status, _, error) = start.argument("--dcgm-counters=counters.csv").finish();
    assert_eq!(status.code(), Some(2));
    for part in ["counters.csv", "line 2", "guage", "gauge, counter and label"] {
        assert!(error.contains(part), "{error:?} lacks {part:?}");
    }
}

#[test]
fn check_lists_unavailable_counters() {
    let counters = "DCGM_FI_DEV_GPU_TEMP, gauge, Heat\nDCGM_FI_DRIVER_VERSION, label, V\n\
                    DCGM_EXP_XID_ERRORS_COUNT, gauge, x\nDCGM_FI_DEV_NVSWITCH_TEMPERATURE_CURRENT, gauge, x\n";
    let driver = Driver::new(HOPPER);
    let start = Start::on(&driver).file("counters.csv", counters).variable("NVSMI_DCGM_COUNTERS", "counters.csv");
    let (status, out, _) = start
        .variable("NVSMI_BIND", "127.0.0.1")
        .variable("PORT", "18765")
        .argument("check")
        .argument("--all")
        .finish();
    assert!(status.success(), "{out}");
    let line = |parts: &[&str]| out.lines().any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(line(&["2 of 4"]), "{out}");
    assert!(line(&["warning", "line 3", "DCGM_EXP_XID_ERRORS_COUNT"]), "{out}");
    assert!(line(&["warning", "line 4", "NVSwitch"]), "{out}");
    assert!(line(&["metrics-names", "native", "default"]), "{out}");
}

#[test]
fn counters_select_metrics_and_log_the_rest() {
    let driver = Driver::new(HOPPER);
    let counters = "DCGM_FI_DEV_GPU_TEMP, gauge, Heat\nDCGM_FI_DEV_RETIRED_SBE, counter, x\n";
    let start = Start::on(&driver).file("counters.csv", counters).argument("--dcgm-counters=counters.csv");
    let agent = start.argument("--metrics-names=dcgm").serve().ready();
    let text = agent.get("/metrics").text().to_owned();
    let ours: Vec<&str> = text.lines().filter(|line| line.starts_with("# TYPE DCGM_")).collect();
    assert_eq!(ours, ["# TYPE DCGM_FI_DEV_GPU_TEMP gauge"]);
    assert!(!text.contains("DCGM_FI_DRIVER_VERSION"), "the file asks for no label");
    agent.logged("DCGM_FI_DEV_RETIRED_SBE");
}

#[test]
fn process_series_only_when_enabled() {
    let worker = StandIn::start(&["python", "train.py"]);
    let driver = Driver::new(&format!("{HOPPER}{}", process(&worker)));
    let pid = format!("pid=\"{}\"", worker.pid());
    let told = |arguments: &[&str]| {
        let start = arguments.iter().fold(Start::on(&driver), |start, argument| start.argument(argument));
        let text = start.serve().ready().get("/metrics").text().to_owned();
        (
            text.contains(&pid),
            text.lines().find(|line| line.starts_with("nvsmi_agent_metrics_processes_left_out ")).map(String::from),
        )
    };
    let left_out = |count: u32| Some(format!("nvsmi_agent_metrics_processes_left_out {count}"));
    assert_eq!(told(&[]), (false, None));
    assert_eq!(told(&["--metrics-processes"]), (true, left_out(0)));
    assert_eq!(told(&["--metrics-processes", "--metrics-processes-max=0"]), (false, left_out(1)));
}

#[test]
fn metrics_use_the_api_token() {
    let driver = Driver::new(HOPPER);
    let agent = Start::on(&driver).variable("TOKEN", "changeme").variable("URL_PREFIX", "gpu").serve();
    let status = |headers: &[(&str, &str)]| agent.request("/gpu/metrics", headers).status;
    assert_eq!(status(&[]), 401);
    assert_eq!(status(&[("Authorization", "Bearer wrong")]), 401);
    assert_eq!(status(&[("Authorization", "Bearer changeme")]), 200);
    assert_eq!(status(&[("Authorization", "changeme")]), 200);
}
