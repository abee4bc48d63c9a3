//! dcgm-exporter's names.

use telemetry::{
    sample::{GpuJobs, Memory, SlurmJob},
    snapshot::Mig,
};

use super::*;

/// The lines of DCGM's metrics alone.
fn lines(snapshot: &Snapshot, settings: MetricsSettings) -> Vec<String> {
    let text = text_of(snapshot, settings, Scope::Read, Commands::Masked);
    read(&text);
    text.lines().filter(|line| line.starts_with("DCGM_")).map(String::from).collect()
}

fn of<'a>(lines: &'a [String], name: &str) -> Vec<&'a str> {
    lines.iter().filter(|line| line.split('{').next() == Some(name)).map(String::as_str).collect()
}

fn one() -> Snapshot {
    let mut snapshot = full();
    snapshot.gpus.truncate(1);
    snapshot.gpus[0].processes.clear();
    snapshot.gpus[0].pods = Ok(Vec::new());
    snapshot
}

const BASE: &str =
    "gpu=\"0\",UUID=\"GPU-0\",pci_bus_id=\"00000000:18:00.0\",device=\"nvidia0\",modelName=\"NVIDIA H200\"";
const END: &str = "Hostname=\"gpu01\",DCGM_FI_DRIVER_VERSION=\"580.159.04\"";

#[test]
fn dcgm_labels_order_and_value_format() {
    let lines = lines(&one(), settings("dcgm"));
    for (name, value) in [
        ("DCGM_FI_DEV_SM_CLOCK", "1980"),
        ("DCGM_FI_DEV_POWER_USAGE", "118.923000"),
        ("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "123456789"),
        ("DCGM_FI_DEV_FB_USED", "11728"),
        ("DCGM_FI_DEV_FB_RESERVED", "323"),
        ("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "0.980000"),
        ("DCGM_FI_PROF_PCIE_RX_BYTES", "2147483648"),
        // 12 GiB/s as DCGM works it out: 12582912 KiB, divided by a thousand.
        ("DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL", "12582"),
        ("DCGM_FI_DEV_POWER_VIOLATION", "1500000000"),
        ("DCGM_FI_DEV_VGPU_LICENSE_STATUS", "0"),
        ("DCGM_FI_DEV_ROW_REMAP_FAILURE", "0"),
    ] {
        assert_eq!(of(&lines, name), [format!("{name}{{{BASE},{END}}} {value}")]);
    }
    let xid = of(&lines, "DCGM_FI_DEV_XID_ERRORS");
    assert!(xid[0].contains(&format!("{{{BASE},{END},err_code=\"79\",err_msg=\"the GPU fell off the bus")), "{xid:?}");
    assert!(xid[0].ends_with("\"} 79"));
}

const END_49: &str = "hostname=\"gpu01\",DCGM_FI_SYSTEM_DRIVER_VERSION=\"580.159.04\"";

#[test]
fn dcgm_4_9_names_labels_and_units() {
    let mut snapshot = one();
    snapshot.gpus[0].totals.clock_events[2] = 3;
    let lines = lines(&snapshot, settings("dcgm4.9"));
    for (name, value) in [
        ("DCGM_FI_DEV_SM_CLOCK_HERTZ", "1980000000"),
        ("DCGM_FI_DEV_BOARD_POWER_WATTS", "118.923000"),
        ("DCGM_FI_DEV_GPU_ENERGY_JOULES_TOTAL", "123456"),
        ("DCGM_FI_DEV_GPU_UTIL_RATIO", "0.050000"),
        ("DCGM_FI_DEV_FB_USED_BYTES", "12297699328"),
        ("DCGM_FI_DEV_FB_CAPACITY_BYTES", "25769803776"),
        ("DCGM_FI_PROF_GR_ENGINE_UTIL_RATIO", "0.980000"),
        ("DCGM_FI_PROF_PCIE_RX_BYTES", "2147483648"),
        ("DCGM_FI_DEV_NVLINK_THROUGHPUT_BYTES_PER_SECOND", "12884901888"),
        ("DCGM_FI_DEV_GPU_POWER_THROTTLE_SECONDS_TOTAL", "1.500000"),
        ("DCGM_FI_DEV_VGPU_LICENSE_STATUS", "0"),
        ("DCGM_FI_DEV_ROW_REMAP_FAILED", "0"),
    ] {
        assert_eq!(of(&lines, name), [format!("{name}{{{BASE},{END_49}}} {value}")]);
    }
    for (name, label, value) in [
        ("DCGM_EXP_XID_ERRORS_TOTAL", "xid=\"79\"", "1"),
        ("DCGM_EXP_CLOCK_EVENTS_TOTAL", "clock_event=\"power_cap\"", "3"),
    ] {
        assert_eq!(of(&lines, name), [format!("{name}{{{BASE},{END_49},{label}}} {value}")]);
    }
    assert!(of(&lines, "DCGM_FI_DEV_XID_ERROR")[0].ends_with("\"} 79"));
    for old in ["DCGM_FI_DEV_SM_CLOCK", "DCGM_FI_DEV_XID_ERRORS", "DCGM_FI_DEV_FB_TOTAL", "DCGM_FI_DEV_POWER_USAGE"] {
        assert!(of(&lines, old).is_empty(), "{old}");
    }
}

/// For the time of a migration: each old and each new name once, and one that both versions have with the labels of both.
#[test]
fn dcgm_names_of_both_versions_side_by_side() {
    let both = lines(&one(), settings("dcgm,dcgm4.9"));
    for (names, end) in [("dcgm", END), ("dcgm4.9", END_49)] {
        for line in lines(&one(), settings(names)) {
            let is_shared = ["DCGM_FI_PROF_PCIE_", "DCGM_FI_DEV_VGPU_", "DCGM_FI_DEV_ECC_"];
            let is_shared = is_shared.iter().any(|beginning| line.starts_with(beginning));
            let shared = "Hostname=\"gpu01\",hostname=\"gpu01\",DCGM_FI_DRIVER_VERSION=\"580.159.04\",DCGM_FI_SYSTEM_DRIVER_VERSION=\"580.159.04\"";
            let line = if is_shared { line.replace(end, shared) } else { line };
            assert_eq!(both.iter().filter(|other| **other == line).count(), 1, "{line}");
        }
    }
    let named = |names: &str| lines(&one(), settings(names)).len();
    // Two of PCIe, four of ECC, and the licence.
    assert_eq!(both.len(), named("dcgm") + named("dcgm4.9") - 7);
}

#[test]
fn dcgm_xid_zero_without_error_absent_without_events() {
    let mut snapshot = one();
    snapshot.gpus[0].xid.last = None;
    let lines_now = lines(&snapshot, settings("dcgm"));
    let xid = of(&lines_now, "DCGM_FI_DEV_XID_ERRORS");
    assert!(xid[0].ends_with(",err_code=\"0\",err_msg=\"no error\"} 0"), "{xid:?}");
    without_xids(&mut snapshot.gpus[0]);
    assert!(of(&lines(&snapshot, settings("dcgm")), "DCGM_FI_DEV_XID_ERRORS").is_empty());
}

#[test]
fn dcgm_hostname_label_is_configurable() {
    let mut settings = settings("dcgm");
    settings.dcgm.hostname_label = Some("hostname".into());
    let lines = lines(&one(), settings);
    assert!(lines.iter().all(|line| line.contains(",hostname=\"gpu01\",") && !line.contains("Hostname")), "{lines:?}");
}

#[test]
fn dcgm_job_label_one_series_per_job() {
    let job = |pid, job: Option<&str>| telemetry::snapshot::Process {
        job: Ok(job.map(|id| Box::new(SlurmJob { id: id.into(), step: None, shown: Err(Absence::Timeout) }))),
        ..hosts::process(pid, telemetry::snapshot::ProcessKind::Compute)
    };
    let mut snapshot = one();
    snapshot.gpus[0].processes = vec![job(1, Some("77")), job(2, None), job(3, Some("76")), job(4, Some("77"))];
    let power = |snapshot: &Snapshot| -> Vec<String> {
        let lines = lines(snapshot, settings("dcgm"));
        of(&lines, "DCGM_FI_DEV_POWER_USAGE").iter().map(|line| line.split(END).nth(1).unwrap().to_owned()).collect()
    };
    assert_eq!(power(&snapshot), [",hpc_job=\"76\"} 118.923000", ",hpc_job=\"77\"} 118.923000"]);
    let lines_now = lines(&snapshot, settings("dcgm"));
    let xid = of(&lines_now, "DCGM_FI_DEV_XID_ERRORS");
    assert!(xid[0].contains("err_code=\"79\",err_msg=\"") && xid[0].ends_with(",hpc_job=\"76\"} 79"), "{xid:?}");
    // The scheduler's folder is believed alone.
    let file = |instance, job: &str| GpuJobs { gpu: 0, instance, jobs: vec![job.into()] };
    snapshot.gpus[0].jobs = Some(vec![file(None, "a\"b"), file(Some(2), "of an instance")]);
    assert_eq!(power(&snapshot), [",hpc_job=\"a\\\"b\"} 118.923000"]);
    snapshot.gpus[0].jobs = Some(vec![]);
    assert_eq!(power(&snapshot), ["} 118.923000"]);
}

#[test]
fn dcgm_pod_label_only_for_single_pod() {
    let ends = |snapshot: &Snapshot| -> Vec<String> {
        let lines = lines(snapshot, settings("dcgm"));
        of(&lines, "DCGM_FI_DEV_GPU_TEMP").iter().map(|line| line.split(END).nth(1).unwrap().to_owned()).collect()
    };
    let mut snapshot = one();
    for (pods, end) in [
        (vec![pod("train-0", "main")], ",container=\"main\",namespace=\"ml\",pod=\"train-0\"} 55"),
        (vec![pod("train-0", "main"), pod("train-0", "side")], ",namespace=\"ml\",pod=\"train-0\"} 55"),
        (vec![pod("train-0", "main"), pod("train-1", "main")], "} 55"),
        (vec![], "} 55"),
    ] {
        snapshot.gpus[0].pods = Ok(pods);
        assert_eq!(ends(&snapshot), [end]);
    }
    let given = |mut mig: Mig, pods: &[&str]| {
        mig.pods = Ok(pods.iter().map(|name| pod(name, "main")).collect());
        mig
    };
    let cut = |pods: [&[&str]; 3]| {
        let mut snapshot = one();
        let all = [instance(1, 0, "1c.3g.71gb", 5), instance(1, 1, "2c.3g.71gb", 5), instance(9, 0, "1g.18gb", 7)];
        snapshot.gpus[0].mig = Ok(all.into_iter().zip(pods).map(|(mig, pods)| given(mig, pods)).collect());
        ends(&snapshot)
    };
    let of_a = ",container=\"main\",namespace=\"ml\",pod=\"a\"} 55";
    let of_b = ",container=\"main\",namespace=\"ml\",pod=\"b\"} 55";
    assert_eq!(cut([&["a"], &[], &["b"]]), [of_a, of_b]);
    assert_eq!(cut([&["a"], &["a"], &[]]), [of_a, "} 55"]);
    assert_eq!(cut([&["a"], &["b"], &["b"]]), ["} 55", of_b], "its compute instances are several pods'");
    assert_eq!(cut([&["a"], &["a", "c"], &["b"]]), ["} 55", of_b]);
}

fn instance(gpu_instance: u32, compute_instance: u32, profile: &str, used: u64) -> Mig {
    let mut mig = hosts::all().swap_remove(3).1.gpus.swap_remove(0).mig.unwrap().swap_remove(0);
    mig.pods = Ok(Vec::new());
    mig.sample.gpu_instance = Ok(gpu_instance);
    mig.sample.compute_instance = Ok(compute_instance);
    mig.sample.profile = Ok(profile.into());
    mig.sample.memory = mig.sample.memory.map(|memory| Memory { used_bytes: Ok(used << 20), ..memory });
    mig
}

#[test]
fn dcgm_mig_gpu_has_instance_series() {
    let mut snapshot = one();
    snapshot.gpus[0].mig =
        Ok(vec![instance(1, 0, "1c.3g.71gb", 5), instance(1, 1, "2c.3g.71gb", 5), instance(9, 0, "1g.18gb", 7)]);
    let lines = lines(&snapshot, settings("dcgm"));
    let first = format!("{{{BASE},GPU_I_PROFILE=\"3g.71gb\",GPU_I_ID=\"1\",{END}");
    let second = format!("{{{BASE},GPU_I_PROFILE=\"1g.18gb\",GPU_I_ID=\"9\",{END}");
    let name = "DCGM_FI_DEV_FB_USED";
    assert_eq!(of(&lines, name), [format!("{name}{first}}} 5"), format!("{name}{second}}} 7")]);
    let name = "DCGM_FI_DEV_GPU_TEMP";
    assert_eq!(of(&lines, name), [format!("{name}{first}}} 55"), format!("{name}{second}}} 55")], "the GPU's own");
    let name = "DCGM_FI_PROF_SM_ACTIVE";
    assert_eq!(
        of(&lines, name),
        [format!("{name}{first}}} 0.250000"), format!("{name}{second}}} 0.250000")],
        "theirs, and not the whole GPU's"
    );
    assert!(of(&lines, "DCGM_FI_PROF_PCIE_TX_BYTES").is_empty(), "the whole GPU's traffic is none of theirs");
}

#[test]
fn job_file_of_instance_labels_instance() {
    let mut snapshot = one();
    snapshot.gpus[0].mig =
        Ok(vec![instance(2, 0, "1c.3g.71gb", 5), instance(2, 1, "2c.3g.71gb", 5), instance(3, 0, "1g.18gb", 7)]);
    let file = |instance, job: &str| GpuJobs { gpu: 0, instance, jobs: vec![job.into()] };
    for (files, expected) in [
        (vec![file(Some(2), "1234")], [",hpc_job=\"1234\"} 55", "} 55"]),
        (vec![file(Some(2), "1"), file(Some(3), "2")], [",hpc_job=\"1\"} 55", ",hpc_job=\"2\"} 55"]),
        // A job on the whole GPU has its instances, unless they have a file of their own.
        (vec![file(None, "1"), file(Some(3), "2")], [",hpc_job=\"1\"} 55", ",hpc_job=\"2\"} 55"]),
        (vec![file(Some(13), "1")], ["} 55", "} 55"]),
        (vec![], ["} 55", "} 55"]),
    ] {
        snapshot.gpus[0].jobs = Some(files);
        let lines = lines(&snapshot, settings("dcgm"));
        let ends: Vec<&str> =
            of(&lines, "DCGM_FI_DEV_GPU_TEMP").iter().map(|line| line.split(END).nth(1).unwrap()).collect();
        assert_eq!(ends, expected, "{:?}", snapshot.gpus[0].jobs);
    }
}

#[test]
fn dcgm_omits_unified_memory_and_unsupported() {
    let mut snapshot = one();
    let gpu = &mut snapshot.gpus[0];
    gpu.readings.memory.unified = Ok(true);
    gpu.readings.utilization.gpu_percent = Err(Absence::NotSupported);
    let text = text_of(&snapshot, settings("dcgm"), Scope::Read, Commands::Masked);
    assert!(!text.contains("DCGM_FI_DEV_FB_") && !text.contains("DCGM_FI_DEV_GPU_UTIL"), "not even their heads");
}

#[test]
fn dcgm_lost_gpu_has_xid_only() {
    let mut snapshot = one();
    snapshot.gpus[0].state = telemetry::snapshot::GpuState::Lost;
    let lines = lines(&snapshot, settings("dcgm"));
    assert_eq!((lines.len(), of(&lines, "DCGM_FI_DEV_XID_ERRORS").len()), (1, 1));
    let lines = self::lines(&snapshot, settings("dcgm4.9"));
    assert_eq!((lines.len(), of(&lines, "DCGM_EXP_XID_ERRORS_TOTAL").len()), (2, 1), "{lines:?}");
}

#[test]
fn dcgm_counters_file_selects_metrics() {
    let text = "DCGM_FI_DEV_GPU_TEMP, counter, Heat\nDCGM_FI_DEV_FB_TOTAL, gauge, All \\ of it\nDCGM_FI_DEV_SERIAL, label, S\n";
    let mut settings = settings("dcgm");
    settings.dcgm.counters = DcgmCounters::parse(text).unwrap();
    let text = text_of(&one(), settings, Scope::Read, Commands::Masked);
    let ours: Vec<&str> = text.lines().filter(|line| line.contains("DCGM_")).collect();
    let end = "Hostname=\"gpu01\",DCGM_FI_DEV_SERIAL=\"1650\"";
    assert_eq!(
        ours,
        [
            "# HELP DCGM_FI_DEV_GPU_TEMP Heat",
            "# TYPE DCGM_FI_DEV_GPU_TEMP counter",
            &format!("DCGM_FI_DEV_GPU_TEMP{{{BASE},{end}}} 55"),
            "# HELP DCGM_FI_DEV_FB_TOTAL All \\\\ of it",
            "# TYPE DCGM_FI_DEV_FB_TOTAL gauge",
            &format!("DCGM_FI_DEV_FB_TOTAL{{{BASE},{end}}} 24576"),
        ]
    );
}
