//! Each metric, as Prometheus reads it back from two agents, one of them behind a token.

use std::{collections::BTreeSet, fs};

use serde_json::json;
use telemetry::readings::SPECS;

use super::host::{CUT, HOPPER, process};
use crate::support::{Authority, Driver, Kubelet, Monitor, StandIn, Start, Target, client, eventually, repository};

/// Expected value of an expression.
enum Want {
    Is(f64),
    /// More than nothing, and no more than this.
    UpTo(f64),
}

use Want::{Is, UpTo};

/// The agents' own metrics, and those of a GPU with constant values.
#[allow(clippy::too_many_lines, reason = "one line for each metric")]
fn wanted() -> Vec<(&'static str, Want)> {
    vec![
        // GPUs, whatever their state.
        (
            "nvsmi_gpu_info{name=\"NVIDIA H200\",pci_bus_id=\"00000000:1B:00.0\",serial=\"1650000424200\",\
             vbios=\"96.00.99.00.01\",driver_version=\"580.95.05\",cuda_version=\"13.0\"}",
            Is(1.0),
        ),
        ("nvsmi_gpu_state{state=\"ok\"}", Is(1.0)),
        ("time() - nvsmi_gpu_last_read_timestamp_seconds", UpTo(20.0)),
        ("nvsmi_gpu_health{verdict=\"warning\"}", Is(1.0)),
        ("nvsmi_gpu_health_reason{code=\"row_remap_pending\",severity=\"warning\"}", Is(1.0)),
        ("nvsmi_gpu_xid_errors_total{severity=\"warning\"}", Is(1.0)),
        ("nvsmi_gpu_xid_errors_total{severity=\"critical\"}", Is(0.0)),
        ("nvsmi_gpu_last_xid", Is(31.0)),
        ("time() - nvsmi_gpu_last_xid_timestamp_seconds", UpTo(60.0)),
        ("nvsmi_gpu_use{verdict=\"busy\"}", Is(1.0)),
        ("nvsmi_gpu_held_idle_seconds", Is(0.0)),
        ("nvsmi_gpu_pod_info{namespace=\"ml\",pod=\"train-0\",container=\"main\"}", Is(1.0)),
        // Users.
        ("nvsmi_user_gpu_seconds_total", UpTo(600.0)),
        ("nvsmi_user_busy_gpu_seconds_total", UpTo(600.0)),
        ("nvsmi_user_idle_gpu_seconds_total", Is(0.0)),
        // The simulated counter of energy does not change.
        ("nvsmi_user_energy_joules_total", Is(0.0)),
        ("nvsmi_user_gpu_memory_bytes", Is(46_886_726_312.0)),
        // Readings.
        ("nvsmi_gpu_unattributed_memory_bytes", Is(94_371_840_000.0 - 46_886_726_312.0)),
        ("nvsmi_gpu_processes", Is(1.0)),
        ("nvsmi_gpu_utilization_ratio", Is(0.61)),
        ("nvsmi_gpu_memory_utilization_ratio", Is(0.62)),
        ("nvsmi_gpu_encoder_utilization_ratio", Is(0.63)),
        ("nvsmi_gpu_decoder_utilization_ratio", Is(0.64)),
        ("nvsmi_gpu_jpeg_utilization_ratio", Is(0.65)),
        ("nvsmi_gpu_ofa_utilization_ratio", Is(0.66)),
        ("nvsmi_gpu_graphics_active_ratio", Is(0.985)),
        ("nvsmi_gpu_sm_active_ratio", Is(0.8725)),
        ("nvsmi_gpu_sm_occupancy_ratio", Is(0.44)),
        ("nvsmi_gpu_tensor_active_ratio", Is(0.555)),
        ("nvsmi_gpu_dram_active_ratio", Is(0.6)),
        ("nvsmi_gpu_fp64_active_ratio", Is(0.01)),
        ("nvsmi_gpu_fp32_active_ratio", Is(0.135)),
        ("nvsmi_gpu_fp16_active_ratio", Is(0.055)),
        ("nvsmi_gpu_read_seconds_total > 0", UpTo(120.0)),
        ("nvsmi_gpu_activity_read_seconds_total > 0", UpTo(120.0)),
        ("nvsmi_gpu_busy_seconds_total / nvsmi_gpu_utilization_read_seconds_total", Is(0.61)),
        ("nvsmi_gpu_sm_active_seconds_total > 0", UpTo(120.0)),
        ("nvsmi_gpu_tensor_active_seconds_total > 0", UpTo(120.0)),
        ("nvsmi_gpu_dram_active_seconds_total > 0", UpTo(120.0)),
        // They were first read together.
        ("nvsmi_gpu_tensor_active_seconds_total / nvsmi_gpu_dram_active_seconds_total", Is(0.925)),
        ("nvsmi_gpu_sm_active_seconds_total / nvsmi_gpu_dram_active_seconds_total", Is(0.8725 / 0.6)),
        ("nvsmi_gpu_memory_total_bytes", Is(150_754_820_096.0)),
        ("nvsmi_gpu_memory_used_bytes", Is(94_371_840_000.0)),
        ("nvsmi_gpu_memory_free_bytes", Is(150_754_820_096.0 - 94_371_840_000.0 - 512_753_664.0)),
        ("nvsmi_gpu_memory_reserved_bytes", Is(512_753_664.0)),
        ("nvsmi_gpu_memory_unified", Is(0.0)),
        ("nvsmi_gpu_bar1_total_bytes", Is(274_877_906_944.0)),
        ("nvsmi_gpu_bar1_used_bytes", Is(3_145_728.0)),
        ("nvsmi_gpu_temperature_celsius", Is(41.0)),
        ("nvsmi_gpu_memory_temperature_celsius", Is(42.0)),
        ("nvsmi_gpu_slowdown_temperature_celsius", Is(91.0)),
        ("nvsmi_gpu_temperature_margin_celsius", Is(47.0)),
        ("nvsmi_gpu_shutdown_temperature_celsius", Is(94.0)),
        ("nvsmi_gpu_power_watts", Is(118.923)),
        ("nvsmi_gpu_power_limit_watts", Is(700.0)),
        ("nvsmi_gpu_enforced_power_limit_watts", Is(650.0)),
        ("nvsmi_gpu_default_power_limit_watts", Is(600.0)),
        ("nvsmi_gpu_energy_joules_total", Is(123_456_789.012)),
        ("nvsmi_gpu_fan_speed_ratio{fan=\"0\"}", Is(0.51)),
        ("nvsmi_gpu_fan_speed_ratio{fan=\"1\"}", Is(0.52)),
        ("nvsmi_gpu_graphics_clock_hertz", Is(1.98e9)),
        ("nvsmi_gpu_sm_clock_hertz", Is(1.965e9)),
        ("nvsmi_gpu_memory_clock_hertz", Is(3.201e9)),
        ("nvsmi_gpu_video_clock_hertz", Is(1.545e9)),
        ("nvsmi_gpu_max_graphics_clock_hertz", Is(1.981e9)),
        ("nvsmi_gpu_max_sm_clock_hertz", Is(1.982e9)),
        ("nvsmi_gpu_max_memory_clock_hertz", Is(3.202e9)),
        ("nvsmi_gpu_clocks_event_reason{reason=\"sw_power_cap\"}", Is(1.0)),
        ("nvsmi_gpu_clocks_event_reason{reason=\"hw_slowdown\"}", Is(0.0)),
        ("nvsmi_gpu_throttled_seconds_total{reason=\"power\"}", Is(2.5)),
        ("nvsmi_gpu_throttled_seconds_total{reason=\"thermal\"}", Is(0.5)),
        ("nvsmi_gpu_performance_state", Is(1.0)),
        ("nvsmi_gpu_pcie_generation", Is(4.0)),
        ("nvsmi_gpu_pcie_width", Is(8.0)),
        ("nvsmi_gpu_pcie_max_generation", Is(5.0)),
        ("nvsmi_gpu_pcie_max_width", Is(16.0)),
        ("nvsmi_gpu_pcie_transmit_bytes_per_second", Is(700.0 * 1_048_576.0)),
        ("nvsmi_gpu_pcie_receive_bytes_per_second", Is(3000.0 * 1_048_576.0)),
        ("nvsmi_gpu_pcie_replays_total", Is(7.0)),
        ("nvsmi_gpu_nvlink_links", Is(18.0)),
        ("nvsmi_gpu_nvlink_links_active", Is(17.0)),
        ("nvsmi_gpu_nvlink_transmit_bytes_per_second", Is(1200.0 * 1_048_576.0)),
        ("nvsmi_gpu_nvlink_receive_bytes_per_second", Is(1000.0 * 1_048_576.0)),
        ("nvsmi_gpu_nvlink_errors_total", Is(5.0)),
        ("nvsmi_gpu_fabric_state{state=\"completed\"}", Is(1.0)),
        ("nvsmi_gpu_ecc_enabled", Is(1.0)),
        ("nvsmi_gpu_ecc_errors_total{type=\"corrected\",count=\"volatile\"}", Is(11.0)),
        ("nvsmi_gpu_ecc_errors_total{type=\"uncorrected\",count=\"volatile\"}", Is(12.0)),
        ("nvsmi_gpu_ecc_errors_total{type=\"corrected\",count=\"aggregate\"}", Is(13.0)),
        ("nvsmi_gpu_ecc_errors_total{type=\"uncorrected\",count=\"aggregate\"}", Is(14.0)),
        ("nvsmi_gpu_remapped_rows_total{type=\"correctable\"}", Is(3.0)),
        ("nvsmi_gpu_remapped_rows_total{type=\"uncorrectable\"}", Is(2.0)),
        ("nvsmi_gpu_row_remap_pending", Is(1.0)),
        ("nvsmi_gpu_row_remap_failed", Is(0.0)),
        ("nvsmi_gpu_recovery_action{action=\"none\"}", Is(1.0)),
        ("nvsmi_gpu_persistence_mode", Is(1.0)),
        ("nvsmi_gpu_mig_mode", Is(0.0)),
        ("nvsmi_gpu_claimed", Is(0.0)),
        ("nvsmi_gpu_display_active", Is(0.0)),
        ("nvsmi_gpu_compute_mode{mode=\"exclusive_process\"}", Is(1.0)),
        ("nvsmi_gpu_vgpu_licensed", Is(1.0)),
        // The process.
        ("nvsmi_gpu_process_memory_bytes{name=\"stand-in\",type=\"C\"}", Is(46_886_726_312.0)),
        ("nvsmi_gpu_process_sm_ratio", Is(0.31)),
        ("nvsmi_gpu_process_memory_utilization_ratio", Is(0.32)),
        ("nvsmi_gpu_process_encoder_ratio", Is(0.33)),
        ("nvsmi_gpu_process_decoder_ratio", Is(0.34)),
        ("nvsmi_gpu_process_cpu_ratio", Is(0.0)),
        ("nvsmi_gpu_process_host_memory_bytes", UpTo(1e9)),
        ("time() - nvsmi_gpu_process_start_timestamp_seconds", UpTo(120.0)),
        // The agent.
        ("nvsmi_agent_host_info{hostname!=\"\"}", Is(1.0)),
        ("nvsmi_agent_build_info{version=\"0.2.0\"}", Is(1.0)),
        (
            "nvsmi_agent_driver_info{driver_version=\"580.95.05\",nvml_version=\"13.580.95.05\",cuda_version=\"13.0\"}",
            Is(1.0),
        ),
        ("nvsmi_agent_collector_state{state=\"ok\"}", Is(1.0)),
        ("nvsmi_agent_collector_restarts_total", Is(0.0)),
        ("nvsmi_agent_sample_duration_seconds_count", UpTo(1e4)),
        ("nvsmi_agent_sample_duration_seconds_sum", UpTo(1e3)),
        ("nvsmi_agent_sample_duration_seconds_bucket{le=\"+Inf\"}", UpTo(1e4)),
        ("nvsmi_agent_metrics_processes_left_out", Is(0.0)),
        ("nvsmi_agent_nvml_call_duration_seconds_count{function=\"nvmlDeviceGetPowerUsage\"}", UpTo(1e4)),
        ("nvsmi_agent_nvml_call_duration_seconds_sum{function=\"nvmlDeviceGetPowerUsage\"}", UpTo(1e3)),
        ("nvsmi_agent_nvml_call_duration_seconds_count{function=\"nvmlInit_v2\"}", Is(1.0)),
        ("nvsmi_agent_snapshot_timestamp_seconds", UpTo(4e9)),
        ("nvsmi_agent_interval_seconds", Is(0.1)),
        ("time() - nvsmi_gpu_use_start_timestamp_seconds", UpTo(120.0)),
        ("nvsmi_agent_http_requests_total{route=\"/metrics\",status=\"200\"}", UpTo(1e6)),
        ("nvsmi_agent_http_panics_total", Is(0.0)),
        ("nvsmi_agent_sse_clients", Is(0.0)),
    ]
}

/// Expected values of a GPU with MIG instances, which the other agent reads.
fn wanted_of_instances() -> Vec<(&'static str, Want)> {
    vec![
        (
            "nvsmi_gpu_mig_info{gpu_instance=\"2\",compute_instance=\"0\",mig_uuid=\"MIG-2\",profile=\"3g.71gb\"}",
            Is(1.0),
        ),
        ("nvsmi_gpu_mig_claimed{gpu_instance=\"9\"}", Is(0.0)),
        ("nvsmi_gpu_mig_memory_total_bytes{gpu_instance=\"9\"}", Is(18_253_611_008.0)),
        ("nvsmi_gpu_mig_memory_used_bytes{gpu_instance=\"9\"}", Is(2_097_152_000.0)),
        ("nvsmi_gpu_mig_memory_free_bytes{gpu_instance=\"9\"}", Is(18_253_611_008.0 - 2_097_152_000.0)),
        ("nvsmi_gpu_mig_graphics_active_ratio{gpu_instance=\"2\"}", Is(0.81)),
        ("nvsmi_gpu_mig_sm_active_ratio{gpu_instance=\"2\"}", Is(0.82)),
        ("nvsmi_gpu_mig_sm_occupancy_ratio{gpu_instance=\"2\"}", Is(0.83)),
        ("nvsmi_gpu_mig_tensor_active_ratio{gpu_instance=\"2\"}", Is(0.84)),
        ("nvsmi_gpu_mig_dram_active_ratio{gpu_instance=\"2\"}", Is(0.85)),
        ("nvsmi_gpu_mig_fp64_active_ratio{gpu_instance=\"2\"}", Is(0.86)),
        ("nvsmi_gpu_mig_fp32_active_ratio{gpu_instance=\"2\"}", Is(0.87)),
        ("nvsmi_gpu_mig_fp16_active_ratio{gpu_instance=\"2\"}", Is(0.88)),
        ("nvsmi_gpu_mig_use{gpu_instance=\"9\",verdict=\"busy\"}", Is(1.0)),
        ("nvsmi_gpu_mig_held_idle_seconds{gpu_instance=\"2\"}", Is(0.0)),
        ("time() - nvsmi_gpu_mig_use_start_timestamp_seconds{gpu_instance=\"2\"}", UpTo(120.0)),
        ("nvsmi_gpu_mig_pod_info{gpu_instance=\"2\",pod=\"infer-0\"}", Is(1.0)),
        // Under dcgm-exporter's names, in the same scrape.
        ("DCGM_FI_DEV_FB_FREE{GPU_I_ID=\"2\",container=\"main\",namespace=\"ml\",pod=\"infer-0\"}", Is(71_576.0)),
        ("DCGM_FI_DEV_FB_USED{GPU_I_PROFILE=\"3g.71gb\",GPU_I_ID=\"2\",UUID=~\"GPU-.*b\"}", Is(1000.0)),
        ("DCGM_FI_DEV_GPU_TEMP{GPU_I_ID=\"9\"}", Is(38.0)),
        ("DCGM_FI_PROF_GR_ENGINE_ACTIVE{GPU_I_ID=\"2\",GPU_I_PROFILE=\"3g.71gb\"}", Is(0.81)),
        ("DCGM_FI_PROF_PIPE_FP16_ACTIVE{GPU_I_ID=\"2\"}", Is(0.88)),
    ]
}

fn check(monitor: &Monitor, job: &str, wanted: Vec<(&str, Want)>) {
    for (expression, want) in wanted {
        // The expression's own selectors, and the job's.
        let of_job = eventually(expression, || {
            let values = monitor.query(expression);
            let ours = values.iter().filter(|series| series["metric"]["job"].as_str().is_none_or(|of| of == job));
            let numbers: Vec<f64> = ours.map(|series| series["value"][1].as_str().unwrap().parse().unwrap()).collect();
            let right = |number: f64| match want {
                Is(wanted) => (number - wanted).abs() <= wanted.abs() * 1e-6,
                UpTo(most) => number > 0.0 && number <= most,
            };
            match numbers.as_slice() {
                [one] if right(*one) => Some(*one),
                _ => None,
            }
        });
        assert!(of_job.is_finite(), "{expression}");
    }
}

/// The metrics that `docs/metrics.md` lists under our own names.
fn documented() -> BTreeSet<String> {
    let text = fs::read_to_string(repository("docs/metrics.md")).unwrap();
    let names = text.lines().filter_map(|line| line.strip_prefix("| `nvsmi_")?.split('`').next());
    names.map(|name| format!("nvsmi_{name}")).collect()
}

#[test]
fn prometheus_reads_every_metric_back() {
    let worker = StandIn::start(&["python", "train.py"]);
    let given = |pod: &str, uuid: &str| {
        let container = json!({"name": "main", "devices": {"nvidia.com/gpu": [uuid]}});
        json!({"namespace": "ml", "name": pod, "containers": [container]})
    };
    let kubelet =
        Kubelet::new(&json!([given("train-0", "GPU-00000000-0000-0000-0000-00000000000a"), given("infer-0", "MIG-2")]));
    let socket = format!("--kubelet-socket={}", kubelet.path().display());
    let open_driver = Driver::new(&format!("{HOPPER}{}", process(&worker)));
    let open = Start::on(&open_driver)
        .argument("--metrics-set=full")
        .argument("--metrics-processes")
        .argument("--metrics-users")
        .argument("--usage-flush=1s")
        .argument(&socket)
        .serve()
        .ready();
    let cut_driver = Driver::new(CUT);
    let guarded = Start::on(&cut_driver)
        .variable("TOKEN", "changeme")
        .variable("NVSMI_METRICS_NAMES", "native,dcgm")
        .argument("--idle-after=1h")
        .argument(&socket)
        .serve()
        .ready();
    let bearer = ["authorization:", "  credentials: changeme"];
    let authority = Authority::new();
    let pair = authority.pair("host", "ec");
    let encrypted_driver = Driver::new(HOPPER);
    let encrypted = Start::on(&encrypted_driver)
        .variable("TOKEN", "changeme")
        .variable("NVSMI_TLS_CERT", &pair.certificate.display().to_string())
        .variable("NVSMI_TLS_KEY", &pair.key.display().to_string())
        .serve();
    let trusted = format!("  ca_file: {}", authority.certificate().display());
    let over_tls = ["scheme: https", "tls_config:", &trusted, bearer[0], bearer[1]];
    let targets = [
        Target::new("open", &open),
        Target::new("guarded", &guarded).with(&bearer),
        Target::new("encrypted", &encrypted).with(&over_tls),
    ];
    let monitor = Monitor::prometheus(&targets, &[]);
    assert_eq!(monitor.value("nvsmi_gpu_power_watts{job=\"encrypted\"}"), 118.923);
    check(&monitor, "open", wanted());
    check(&monitor, "guarded", wanted_of_instances());
    let all: Vec<String> =
        wanted().into_iter().chain(wanted_of_instances()).map(|(expression, _)| expression.to_owned()).collect();
    for name in documented() {
        // `driver/catalogue.rs` tests every reading's metric.
        let is_reading = SPECS.iter().any(|spec| spec.metric.is_some_and(|metric| metric.name == name));
        let is_read_back = all.iter().any(|expression| expression.contains(&name));
        assert!(is_reading || is_read_back, "{name} is not read back");
    }
    // What Prometheus got from the first was OpenMetrics, the only format with units.
    let told = monitor.ask("/api/v1/metadata?metric=nvsmi_gpu_busy_seconds");
    let told = &told["nvsmi_gpu_busy_seconds"][0];
    assert_eq!((&told["unit"], &told["type"]), (&"seconds".into(), &"counter".into()));
    // A scrape without the token is refused, and counted as such.
    assert_eq!(guarded.get("/metrics").status, 401);
    let refused = "nvsmi_agent_http_requests_total{route=\"/metrics\",status=\"401\"}";
    assert_eq!(monitor.value(refused), 1.0);
}

#[test]
fn victoria_metrics_reads_every_metric_back() {
    let driver = Driver::new(HOPPER);
    let agent = Start::on(&driver).serve().ready();
    let monitor = Monitor::victoria(&[Target::new("open", &agent)]);
    for (expression, want) in [
        ("nvsmi_gpu_power_watts{gpu=\"0\"}", 118.923),
        ("nvsmi_gpu_energy_joules_total", 123_456_789.012),
        ("nvsmi_gpu_ecc_errors_total{type=\"uncorrected\",count=\"aggregate\"}", 14.0),
        ("nvsmi_agent_collector_state{state=\"ok\"}", 1.0),
    ] {
        assert!((monitor.value(expression) - want).abs() < 1e-6, "{expression}");
    }
}

#[test]
fn promtool_finds_no_problem() {
    let worker = StandIn::start(&["python", "train.py"]);
    let driver = Driver::new(&format!("{HOPPER}{}{CUT}", process(&worker)));
    let agent = Start::on(&driver).argument("--metrics-processes").serve().ready();
    let text = eventually("all of it", || {
        let response = agent.get("/metrics");
        assert_eq!(response.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        let text = response.text().to_owned();
        (text.contains("nvsmi_gpu_tensor_active_ratio") && text.contains("nvsmi_gpu_mig_info")).then_some(text)
    });
    promtool_accepts(&text);
}

/// Checks metrics with promtool.
pub(crate) fn promtool_accepts(text: &str) {
    use std::{
        io::Write as _,
        process::{Command, Stdio},
    };
    let mut check = Command::new(client("promtool"))
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    check.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = check.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}");
}
