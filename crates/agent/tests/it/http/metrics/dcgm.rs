//! dcgm-exporter's names on a Hopper board: the golden file, and the questions that its dashboard asks.

use std::fs;

use super::host::{CUT, HOPPER};
use crate::support::{Agent, Driver, Monitor, Start, Target, eventually, repository};

/// Per version: the set of names, the golden file, the names of its default set, and how many there are.
const VERSIONS: [(&str, &str, &str, usize); 2] = [
    ("dcgm", "fixtures/metrics/dcgm.txt", "fixtures/metrics/dcgm-default.csv", 26),
    ("dcgm4.9", "fixtures/metrics/dcgm4.9.txt", "fixtures/metrics/dcgm4.9-default.csv", 27),
];

/// A `/proc` in which the host has a name that is always the same.
fn proc_root() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("sys/kernel")).unwrap();
    fs::write(root.path().join("sys/kernel/hostname"), "gpu01\n").unwrap();
    root
}

/// Metrics under DCGM's names, once the GPU's own monitors have values, `others` more are read, and the Xid was
/// received.
fn served(agent: &Agent, names: &str, others: usize) -> String {
    eventually("all of it", || {
        let text = agent.get(&format!("/metrics?names={names}")).text().to_owned();
        let whole = text.matches("DCGM_FI_PROF_GR_ENGINE_").count() > others + 2 && text.contains("err_code=\"31\"");
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
    for (names, golden, default, count) in VERSIONS {
        let text = served(&agent, names, 1);
        if std::env::var_os("RENEW_GOLDEN").is_some() {
            fs::create_dir_all(repository("fixtures/metrics")).unwrap();
            fs::write(repository(golden), &text).unwrap();
        }
        let expected = fs::read_to_string(repository(golden)).unwrap_or_default();
        assert!(text == expected, "{golden} has another answer; if this one is right: RENEW_GOLDEN=1\n{text}");
        // The default set, by dcgm-exporter's own list.
        let default = fs::read_to_string(repository(default)).unwrap();
        let lines = default.lines().filter(|line| !line.starts_with('#'));
        let lines: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(", ")).collect();
        assert_eq!(lines.len(), count, "metrics and a label");
        for (name, rest) in lines {
            match rest.split(',').next() {
                Some("label") => assert!(text.contains(&format!(",{name}=\"")), "{name}"),
                Some(kind) => {
                    assert!(text.contains(&format!("{name}{{gpu=\"0\",")), "{name}");
                    assert!(text.contains(&format!("# TYPE {name} {kind}\n")), "{name}");
                }
                None => panic!("{name} has no type"),
            }
        }
    }
}

/// Values of a board in the units of both versions, as Prometheus reads them back: the names that are served, and those that
/// the rules record on hosts of the other version.
#[test]
fn dcgm_mapping_rules_read_back() {
    let driver = Driver::new(HOPPER);
    let agent = Start::on(&driver).serve().ready();
    for (names, ..) in VERSIONS {
        served(&agent, names, 0);
    }
    let rules =
        ["dcgm-4.8-to-4.9.yml", "dcgm-4.9-to-4.8.yml"].map(|name| repository(&format!("deploy/prometheus/{name}")));
    let targets = [
        Target::new("old", &agent).with(&["params:", "  names: [dcgm]"]),
        Target::new("new", &agent).with(&["params:", "  names: [dcgm4.9]"]),
        Target::new("both", &agent).with(&["params:", "  names: [dcgm, dcgm4.9]"]),
    ];
    let monitor = Monitor::prometheus(&targets, &[rules[0].as_path(), rules[1].as_path()]);
    for (until48, since49, one, other) in [
        ("SM_CLOCK", "SM_CLOCK_HERTZ", 1965.0, 1.965e9),
        ("MEM_CLOCK", "MEMORY_CLOCK_HERTZ", 3201.0, 3.201e9),
        ("MEMORY_TEMP", "MEMORY_TEMP_CELSIUS", 42.0, 42.0),
        ("GPU_TEMP", "GPU_TEMP_CELSIUS", 41.0, 41.0),
        ("POWER_USAGE", "BOARD_POWER_WATTS", 118.923, 118.923),
        // A joule that is not whole is lost on the way back.
        ("TOTAL_ENERGY_CONSUMPTION", "GPU_ENERGY_JOULES_TOTAL", 123_456_789_012.0, 123_456_789.0),
        ("PCIE_REPLAY_COUNTER", "PCIE_REPLAY_TOTAL", 7.0, 7.0),
        ("GPU_UTIL", "GPU_UTIL_RATIO", 61.0, 0.61),
        ("MEM_COPY_UTIL", "MEMORY_UTIL_RATIO", 62.0, 0.62),
        ("ENC_UTIL", "ENC_UTIL_RATIO", 63.0, 0.63),
        ("DEC_UTIL", "DEC_UTIL_RATIO", 64.0, 0.64),
        ("XID_ERRORS", "XID_ERROR", 31.0, 31.0),
        // What is not a whole MiB is lost on the way to the bytes.
        ("FB_USED", "FB_USED_BYTES", 90_000.0, 94_371_840_000.0),
        ("FB_FREE", "FB_FREE_BYTES", 53_282.0, 55_870_226_432.0),
        ("FB_RESERVED", "FB_RESERVED_BYTES", 489.0, 512_753_664.0),
        // 4.8 has the whole in its parts only.
        ("FB_FREE", "FB_CAPACITY_BYTES", 53_282.0, 150_754_820_096.0),
        ("NVLINK_BANDWIDTH_TOTAL", "NVLINK_THROUGHPUT_BYTES_PER_SECOND", 2252.0, 2200.0 * 1_048_576.0),
        ("UNCORRECTABLE_REMAPPED_ROWS", "ROW_REMAP_UNCORRECTABLE_TOTAL", 2.0, 2.0),
        ("CORRECTABLE_REMAPPED_ROWS", "ROW_REMAP_CORRECTABLE_TOTAL", 3.0, 3.0),
        ("ROW_REMAP_FAILURE", "ROW_REMAP_FAILED", 0.0, 0.0),
        ("PROF_GR_ENGINE_ACTIVE", "PROF_GR_ENGINE_UTIL_RATIO", 0.985, 0.985),
        ("PROF_PIPE_TENSOR_ACTIVE", "PROF_TENSOR_UTIL_RATIO", 0.555, 0.555),
        ("PROF_DRAM_ACTIVE", "PROF_DRAM_UTIL_RATIO", 0.6, 0.6),
    ] {
        let full = |name: &str| {
            if name.starts_with("PROF_") { format!("DCGM_FI_{name}") } else { format!("DCGM_FI_DEV_{name}") }
        };
        let old_labels = "Hostname!='', hostname='', DCGM_FI_DRIVER_VERSION!='', DCGM_FI_SYSTEM_DRIVER_VERSION=''";
        let new_labels = "Hostname='', hostname!='', DCGM_FI_DRIVER_VERSION='', DCGM_FI_SYSTEM_DRIVER_VERSION!=''";
        for (name, value, labels, own, mark) in
            [(full(until48), one, old_labels, "old", "4.9"), (full(since49), other, new_labels, "new", "4.8")]
        {
            let there = if own == "old" { "new" } else { "old" };
            for (job, mark) in [(own, ""), ("both", ""), (there, mark)] {
                let of =
                    format!("{name}{{job='{job}', {labels}, mapped_from='{mark}', gpu='0', UUID!='', modelName!=''}}");
                let shown = monitor.value(&of);
                // A part of a MiB of each of three, and what is less than an integer of the other unit.
                let tolerance = if mark.is_empty() { 1e-9 } else { 1e-3 };
                assert!((shown - value).abs() <= value.abs() * tolerance, "{of}: {shown} is not {value}");
            }
            assert_eq!(monitor.values(&format!("count({name}{{job='both'}})")), [1.0], "{name} of a host with both");
        }
    }
}

/// The facts that Grafana's dashboard 12239 asks for, in its form: a value by `instance` and `gpu`.
#[test]
fn dcgm_dashboard_12239_has_data() {
    let driver = Driver::new(HOPPER);
    let agent = Start::on(&driver).serve().ready();
    served(&agent, "dcgm", 0);
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
