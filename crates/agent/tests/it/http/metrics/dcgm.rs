//! dcgm-exporter's names on a Hopper board: the golden file, and the questions that its dashboard asks.

use std::fs;

use super::host::{CUT, HOPPER};
use crate::support::{Agent, Driver, Monitor, Start, Target, eventually, repository};

const GOLDEN: &str = "fixtures/metrics/dcgm.txt";

/// A `/proc` in which the host has a name that is always the same.
fn proc_root() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("sys/kernel")).unwrap();
    fs::write(root.path().join("sys/kernel/hostname"), "gpu01\n").unwrap();
    root
}

/// Metrics under DCGM's names, once the GPU's own monitors have values, `others` more are read, and the Xid was
/// received.
fn served(agent: &Agent, others: usize) -> String {
    eventually("all of it", || {
        let text = agent.get("/metrics?names=dcgm").text().to_owned();
        let whole = text.matches("DCGM_FI_PROF_GR_ENGINE_ACTIVE{").count() > others && text.contains("err_code=\"31\"");
        whole.then(|| text.lines().filter(|line| line.contains("DCGM_")).map(|line| format!("{line}\n")).collect())
    })
}

#[test]
fn dcgm_default_counters_complete_on_hopper() {
    let root = proc_root();
    let driver = Driver::new(&format!("{HOPPER}{CUT}"));
    let agent = Start::on(&driver).argument(&format!("--proc-root={}", root.path().display())).serve().ready();
    eventually("the host's name", || {
        let name = agent.get("/api/v1/snapshot").json()["host"]["hostname"].clone();
        (name == "gpu01").then_some(())
    });
    let text = served(&agent, 1);
    if std::env::var_os("RENEW_GOLDEN").is_some() {
        fs::create_dir_all(repository("fixtures/metrics")).unwrap();
        fs::write(repository(GOLDEN), &text).unwrap();
    }
    let golden = fs::read_to_string(repository(GOLDEN)).unwrap_or_default();
    assert!(text == golden, "{GOLDEN} has another answer; if this one is right: RENEW_GOLDEN=1\n{text}");
    // dcgm-exporter's default set, by its own list.
    let default = fs::read_to_string(repository("fixtures/metrics/dcgm-default.csv")).unwrap();
    let names: Vec<&str> =
        default.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(',').next()).collect();
    assert_eq!(names.len(), 26, "25 metrics and a label");
    for name in names {
        assert!(text.contains(&format!("{name}{{gpu=\"0\",")) || name == "DCGM_FI_DRIVER_VERSION", "{name}");
    }
}

/// The facts that Grafana's dashboard 12239 asks for, in its form: a value by `instance` and `gpu`.
#[test]
fn dcgm_dashboard_12239_has_data() {
    let driver = Driver::new(HOPPER);
    let agent = Start::on(&driver).serve().ready();
    served(&agent, 0);
    let monitor = Monitor::prometheus(&[Target::new("dcgm", &agent).with(&["params:", "  names: [dcgm]"])], &[]);
    let instance = agent.address().to_string();
    let of = |metric: &str| format!("{metric}{{instance=~\"{instance}\", gpu=~\"0|1\"}}");
    for (expression, value) in [
        (of("DCGM_FI_DEV_GPU_TEMP"), 41.0),
        (format!("avg({})", of("DCGM_FI_DEV_GPU_TEMP")), 41.0),
        (of("DCGM_FI_DEV_POWER_USAGE"), 118.923),
        (format!("sum({})", of("DCGM_FI_DEV_POWER_USAGE")), 118.923),
        (format!("{} * 1000000", of("DCGM_FI_DEV_SM_CLOCK")), 1.965e9),
        (of("DCGM_FI_DEV_GPU_UTIL"), 61.0),
        (of("DCGM_FI_DEV_FB_USED"), 90_000.0),
        (of("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE"), 0.555),
    ] {
        assert!((monitor.value(&expression) - value).abs() < 1e-6, "{expression}");
    }
    // The values of its two variables.
    for (label, wanted) in [("instance", instance.as_str()), ("gpu", "0")] {
        let values = monitor.ask(&format!("/api/v1/label/{label}/values?match[]=DCGM_FI_DEV_GPU_TEMP"));
        assert_eq!(values, serde_json::json!([wanted]), "{label}");
    }
}

#[test]
fn job_labels_come_from_scheduler_folder() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("0"), "4711\n4712\n").unwrap();
    let driver = Driver::new(HOPPER);
    let start = Start::on(&driver).argument("--metrics-names=dcgm").argument("--dcgm-hostname-label=hostname");
    let agent = start.argument(&format!("--dcgm-job-dir={}", folder.path().display())).serve().ready();
    let temperatures = || -> Vec<String> {
        let text = agent.get("/metrics").text().to_owned();
        text.lines().filter(|line| line.starts_with("DCGM_FI_DEV_GPU_TEMP{")).map(String::from).collect()
    };
    let told = eventually("two series", || Some(temperatures()).filter(|lines| lines.len() == 2));
    assert!(told[0].contains(",hostname=\"") && told[0].ends_with(",hpc_job=\"4711\"} 41"), "{told:?}");
    assert!(told[1].ends_with(",hpc_job=\"4712\"} 41"), "{told:?}");
    fs::remove_file(folder.path().join("0")).unwrap();
    eventually("the job's end", || {
        Some(temperatures()).filter(|lines| lines.len() == 1 && !lines[0].contains("hpc_job"))
    });
    drop(folder);
    let note = eventually("a note", || {
        let notes = agent.get("/api/v1/snapshot").json()["host"]["notes"].clone();
        notes
            .as_array()
            .unwrap()
            .iter()
            .find_map(|note| note.as_str().filter(|note| note.contains("job")).map(String::from))
    });
    assert!(note.contains("--dcgm-job-dir"), "{note}");
}
