//! Sources of readings: GPM, counters, events, MIG, timings, and functions that replace others. `catalogue.rs` tests each
//! plain reading.

use telemetry::{Absence, frame::Message, readings::Readings, sample::Sample};

use crate::{lifecycle::collector::collect, support::Driver};

/// A GPU on which everything is read, and every value is `n` more than something.
fn scenario(n: u64) -> String {
    let flag = n % 2;
    format!(
        "[[gpu]]
name = 'GPU {n}'
uuid = 'GPU-{n:08}-0000-0000-0000-000000000000'
serial = 'S{n}'
vbios_version = '96.00.0{n}'
minor_number = {n}
architecture = 9
compute_capability = [9, {n}]
temperature_c = {t}
memory_temperature_c = {t}
slowdown_temperature_c = {t}
margin_temperature_c = {t}
shutdown_temperature_c = {t}
power_mw = {w}
power_limit_mw = {w}
enforced_limit_mw = {w}
default_limit_mw = {w}
energy_mj = {w}
utilization_percent = {n}
memory_utilization_percent = {n}
encoder_percent = {n}
decoder_percent = {n}
jpeg_percent = {n}
ofa_percent = {n}
memory_total_bytes = {b}
memory_used_bytes = {n}
memory_reserved_bytes = {n}
bar1_total_bytes = {b}
bar1_used_bytes = {n}
graphics_clock_mhz = {w}
sm_clock_mhz = {w}
memory_clock_mhz = {w}
video_clock_mhz = {w}
max_graphics_clock_mhz = {w}
max_sm_clock_mhz = {w}
max_memory_clock_mhz = {w}
clocks_event_reasons = {n}
performance_state = {n}
fan_percent = {n}
fan_speeds = [{n}, {n}]
pcie_generation = {n}
pcie_width = {n}
pcie_max_generation = {n}
pcie_max_width = {n}
pcie_replays = {n}
nvlinks = {n}
nvlinks_total = 18
nvlink_errors = {n}
fabric_state = 3
fabric_status = {n}
ecc_enabled = {flag}
ecc_volatile_corrected = {n}
ecc_volatile_uncorrected = {n}
ecc_aggregate_corrected = {n}
ecc_aggregate_uncorrected = {n}
remapped_correctable = {n}
remapped_uncorrectable = {n}
remapped_pending = {flag}
remapped_failed = {flag}
persistence = {flag}
compute_mode = {n}
mig_mode = 0
display_active = {flag}
vgpu_licensed = {flag}
fields = {{ 74 = {n}, 75 = {n}, 230 = {n} }}
gpm = {{ 1 = {n}, 2 = {n}, 3 = {n}, 5 = {n}, 10 = {n}, 11 = {n}, 12 = {n}, 13 = {n}, 20 = {n}, 21 = {n}, 60 = {n}, 61 = {n} }}
xids = []
[[gpu.process]]
pid = 1
type = 'C+G'
memory_bytes = {n}
sm_percent = {n}
memory_percent = {n}
encoder_percent = {n}
decoder_percent = {n}
[[gpu.process]]
pid = {n}
type = 'M'
",
        t = 40 + n,
        w = 1000 + n,
        b = 1_000_000 + n,
    )
}

#[test]
fn gpm_gives_activity_and_rates() {
    let driver = Driver::new(&scenario(4));
    let mut first = None;
    let mut last = None;
    collect(&driver, "100ms", |message| {
        let Message::Sample(sample) = message else { return false };
        let Some(gpu) = sample.gpus.into_iter().next() else { return false };
        first.get_or_insert(gpu.readings.activity.sm_ratio);
        let over = gpu.readings.activity.sm_ratio.is_ok();
        last = Some(gpu);
        over
    });
    assert_eq!(first, Some(Err(Absence::Timeout)), "there is no window yet");
    let gpu = last.unwrap();
    let ratios = [
        gpu.readings.activity.graphics_ratio,
        gpu.readings.activity.sm_ratio,
        gpu.readings.activity.sm_occupancy_ratio,
        gpu.readings.activity.tensor_ratio,
        gpu.readings.activity.dram_ratio,
        gpu.readings.activity.fp64_ratio,
        gpu.readings.activity.fp32_ratio,
        gpu.readings.activity.fp16_ratio,
    ];
    assert!(ratios.iter().all(|ratio| *ratio == Ok(0.04)), "{ratios:?}");
    assert_eq!(gpu.readings.pcie.tx_bytes_per_second, Ok(4 << 20));
    assert_eq!(gpu.readings.nvlink.rx_bytes_per_second, Ok(4 << 20));
    assert!(gpu.xid_since.is_ok());
    assert_eq!(driver.calls("nvmlGpmSampleAlloc"), driver.calls("nvmlGpmSampleFree"), "each is freed before the end");
}

#[test]
fn gpm_read_per_gpu_instance() {
    let instance = |gpu_instance: u32, compute_instance: u32, gpm: &str| {
        format!("[[gpu.mig]]\ngpu_instance = {gpu_instance}\ncompute_instance = {compute_instance}\n{gpm}")
    };
    let gpu = |second: &str| {
        let first = instance(1, 0, "gpm = { 1 = 25, 2 = { code = 3 }, 10 = 37100 }\n");
        format!("[[gpu]]\nmig_mode = 1\ngpm = {{ 1 = 50 }}\n{first}{}{second}", instance(1, 1, ""))
    };
    let driver = Driver::new(&gpu(&instance(2, 0, "gpm = { 1 = 75 }\n")));
    let (mut begun, mut told) = (false, Vec::new());
    collect(&driver, "100ms", |message| {
        let Message::Sample(sample) = message else { return false };
        let Some(gpu_now) = sample.gpus.into_iter().next() else { return false };
        let mig = gpu_now.mig.unwrap_or_default();
        told = mig.iter().map(|one| one.activity.clone().map(|activity| activity.graphics_ratio)).collect();
        let read = |ratio: &telemetry::Reading<telemetry::Reading<f64>>| matches!(ratio, Ok(Ok(_)));
        if !begun && !told.is_empty() && told.iter().all(read) {
            assert_eq!(
                told,
                [Ok(Ok(0.25)), Ok(Ok(0.25)), Ok(Ok(0.75))],
                "compute instances share their GPU instance's"
            );
            assert_eq!(gpu_now.readings.activity.graphics_ratio, Ok(0.5), "the GPU's own");
            let first = mig[0].activity.clone().unwrap();
            assert_eq!((first.sm_ratio, first.dram_ratio), (Err(Absence::NotSupported), Err(Absence::Error)));
            begun = true;
            driver.play(&gpu(&instance(3, 0, "")));
        }
        // An instance that is new and gives no sample, in place of one that is gone.
        begun && told.last() == Some(&Ok(Err(Absence::NotSupported)))
    });
    assert_eq!(told.len(), 3);
    assert_eq!(driver.calls("nvmlGpmSampleAlloc"), driver.calls("nvmlGpmSampleFree"), "each is freed before the end");
    assert!(driver.calls("nvmlGpmMigSampleGet") > 0);
}

#[test]
fn handle_retries_back_off_for_failing_call() {
    let driver = Driver::new("[[gpu]]\npower_mw = 1000\nerrors = { nvmlDeviceGetPowerUsage = 999 }\n");
    let mut frames = 0;
    collect(&driver, "100ms", |message| {
        let Message::Sample(sample) = message else { return false };
        frames += u32::from(!sample.gpus.is_empty());
        frames == 25
    });
    let (handles, ticks) = (driver.calls("nvmlDeviceGetHandleByIndex_v2"), driver.calls("nvmlDeviceGetPowerUsage"));
    // The first, one at once, and one after each second or more.
    assert!((3..=5).contains(&handles), "{handles} handles in {ticks} ticks");
}

#[test]
fn handle_refusal_reports_driver_text() {
    let driver = Driver::new("[[gpu]]\nerrors = { nvmlDeviceGetHandleByIndex_v2 = 17 }\n");
    let mut refusal = None;
    collect(&driver, "100ms", |message| {
        let Message::Sample(sample) = message else { return false };
        refusal = sample.gpus.into_iter().next().and_then(|gpu| gpu.refusal);
        refusal.is_some()
    });
    let refusal = refusal.unwrap();
    assert_eq!((refusal.function.as_str(), refusal.code), ("nvmlDeviceGetHandleByIndex_v2", 17));
    assert!(refusal.text.contains("operating system"), "{refusal:?}");
}

#[test]
fn gpm_unsupported_asked_once() {
    let driver = Driver::new("[[gpu]]\nmig_mode = 0\n");
    let mut frames = 0;
    collect(&driver, "100ms", |message| {
        let Message::Sample(sample) = message else { return false };
        frames += u32::from(!sample.gpus.is_empty());
        frames == 5
    });
    assert_eq!(driver.calls("nvmlGpmQueryDeviceSupport"), 1);
}

#[test]
fn rates_before_hopper_come_from_counters() {
    let driver = Driver::new(
        "[[gpu]]\nname = 'A100'\nnvlinks = 12\nfields = { 197 = { count_from = 0, per_s = 1000000 }, 198 = 4294967296, \
         138 = { count_from = 0, per_s = 1000 } }\n",
    );
    let mut last = None;
    collect(&driver, "100ms", |message| {
        let Message::Sample(sample) = message else { return false };
        let Some(gpu) = sample.gpus.into_iter().next() else { return false };
        let over = gpu.readings.pcie.tx_bytes_per_second.is_ok();
        last = Some(gpu.readings);
        over
    });
    let Readings { pcie, nvlink, .. } = last.unwrap();
    let near = |rate: telemetry::Reading<u64>, expected: f64| (rate.unwrap() as f64 / expected - 1.0).abs() < 0.2;
    assert!(near(pcie.tx_bytes_per_second, 1e6), "{pcie:?}");
    assert_eq!(pcie.rx_bytes_per_second, Ok(0));
    assert!(near(nvlink.tx_bytes_per_second, 1024e3), "{nvlink:?}");
    assert_eq!(nvlink.rx_bytes_per_second, Err(Absence::NotSupported));
}

#[test]
fn pcie_counter_of_32_bits_used_only_on_slow_link() {
    let gpu = |generation: u32, width: u32| {
        format!(
            "[[gpu]]\npcie_max_generation = {generation}\npcie_max_width = {width}\npcie_counters_wrap = true\n\
             fields = {{ 197 = {{ count_from = 4294900000, per_s = 1000000 }}, 198 = 5 }}\n"
        )
    };
    let driver = Driver::new(&format!("{}{}", gpu(1, 8), gpu(4, 16)));
    let mut rates = Vec::new();
    collect(&driver, "100ms", |message| {
        let Message::Sample(sample) = message else { return false };
        let told = sample.gpus.iter().map(|gpu| gpu.readings.pcie.tx_bytes_per_second);
        rates = told.collect::<Vec<telemetry::Reading<u64>>>();
        !rates.is_empty() && rates.iter().all(|rate| *rate != Err(Absence::Timeout))
    });
    assert!((rates[0].unwrap() as f64 / 1e6 - 1.0).abs() < 0.2, "it came around: {rates:?}");
    assert_eq!(rates[1], Err(Absence::NotSupported), "too fast a link");
}

#[test]
fn mig_instances_added_and_removed() {
    let gpu = "[[gpu]]\nname = 'NVIDIA A100'\nmemory_total_bytes = 42949672960\nmemory_used_bytes = 0\n";
    let instance = |number: u32| {
        format!(
            "[[gpu.mig]]\ngpu_instance = {number}\ncompute_instance = 0\nprofile = '1g.5gb'\n\
             memory_total_bytes = 5368709120\nmemory_used_bytes = {number}\n"
        )
    };
    let driver = Driver::new(&format!("{gpu}mig_mode = 1\n{}{}", instance(1), instance(2)));
    let mut stage = 0;
    collect(&driver, "100ms", |message| {
        let Message::Sample(sample) = message else { return false };
        let Some(Ok(mig)) = sample.gpus.into_iter().next().map(|gpu| gpu.mig) else { return false };
        let ids: Vec<u32> = mig.iter().map(|instance| instance.gpu_instance.unwrap()).collect();
        match stage {
            0 if ids == [1, 2] => {
                assert_eq!(mig[1].profile.as_deref(), Ok("1g.5gb"));
                assert_eq!(mig[1].memory.unwrap().used_bytes, Ok(2));
                assert!(mig[1].uuid.as_ref().unwrap().starts_with("MIG-"));
                driver.play(&format!("{gpu}mig_mode = 1\n{}", instance(3)));
                stage = 1;
            }
            1 if ids == [3] => {
                driver.play(&format!("{gpu}mig_mode = 0\n"));
                stage = 2;
            }
            2 if ids.is_empty() => stage = 3,
            _ => {}
        }
        stage == 3
    });
}

#[test]
fn calls_timed_by_function() {
    let fault = "[[fault]]\nfunction = 'nvmlDeviceGetPowerUsage'\nlatency_ms = 20\n";
    let driver = Driver::new(&format!("{}{fault}", scenario(3)));
    let (mut began, mut before) = (None, 0);
    collect(&driver, "100ms", |message| {
        let Message::Sample(sample) = message else { return false };
        let of = |name: &str| sample.calls.iter().find(|times| times.function == name);
        let Some(power) = of("nvmlDeviceGetPowerUsage") else { return false };
        assert_eq!(*began.get_or_insert(sample.began), sample.began, "one collector has begun once");
        let count = power.counts.iter().sum::<u64>();
        assert!(count >= before, "{count} after {before}");
        before = count;
        assert_eq!(power.counts[..5], [0; 5], "none takes less than 20 ms");
        assert!(power.sum_ns >= 20_000_000 * count, "{power:?}");
        assert!(of("nvmlInit_v2").is_some_and(|times| times.counts.iter().sum::<u64>() == 1));
        assert!(of("nvmlEventSetWait_v2").is_none(), "waiting is what it does");
        // The slow set is read after the first frame; and long enough for a wait for events to come back.
        assert!(count < 8 || sample.calls.len() > 50, "{}", sample.calls.len());
        count >= 8
    });
    assert!(driver.calls("nvmlEventSetWait_v2") > 0);
}

/// Collects until the power has been read so often, and returns the last sample.
fn after_ticks(driver: &Driver, ticks: u64) -> Sample {
    let mut last = None;
    collect(driver, "50ms", |message| {
        if let Message::Sample(sample) = message {
            last = Some(*sample);
        }
        driver.calls("nvmlDeviceGetPowerUsage") >= ticks
    });
    last.unwrap()
}

#[test]
fn fields_equal_to_functions_read_with_one_call_per_tick() {
    let gpu = "[[gpu]]\npower_mw = 9\nenergy_mj = 5\npcie_replays = 6\necc_volatile_corrected = 7\n";
    let replaced = ["TotalEnergyConsumption", "PcieReplayCounter", "TotalEccErrors", "RemappedRows"];
    let driver = Driver::new(&format!(
        "{gpu}remapped_correctable = 8\nremapped_uncorrectable = 0\nremapped_pending = false\nremapped_failed = false\necc_volatile_uncorrected = 0\necc_aggregate_corrected = 0\necc_aggregate_uncorrected = 0\n"
    ));
    let readings = after_ticks(&driver, 25).gpus.remove(0).readings;
    assert_eq!(readings.power.energy_mj, Ok(5));
    assert_eq!((readings.pcie.replays, readings.ecc.volatile_corrected), (Ok(6), Ok(7)));
    assert_eq!(readings.remapped_rows.correctable, Ok(8));
    for function in replaced {
        assert_eq!(driver.calls(&format!("nvmlDeviceGet{function}")), 0, "{function}");
    }
    let (ticks, calls) = (driver.calls("nvmlDeviceGetPowerUsage"), driver.calls("nvmlDeviceGetFieldValues"));
    assert!(calls <= ticks + 1, "{calls} in {ticks} ticks");
    // Refused fields: their functions step in.
    let driver = Driver::new(&format!("field_equivalents = false\n{gpu}"));
    let readings = after_ticks(&driver, 25).gpus.remove(0).readings;
    assert_eq!(readings.power.energy_mj, Ok(5));
    assert_eq!((readings.pcie.replays, readings.ecc.volatile_corrected), (Ok(6), Ok(7)));
    assert!(driver.calls("nvmlDeviceGetTotalEnergyConsumption") >= 25);
}

#[test]
fn slow_calls_delay_each_tick_by_one_at_most() {
    let refused = "fields = { 161 = { code = 3 }, 162 = { code = 3 }, 163 = { code = 3 }, 165 = { code = 3 } }";
    let slow = |function: &str| format!("[[fault]]\nfunction = '{function}'\nlatency_ms = 100\n");
    let driver = Driver::new(&format!(
        "[[gpu]]\npower_mw = 9\nnvlinks = 8\nnvlink_errors = 7\n{refused}\n{}{}",
        slow("nvmlDeviceGetNvLinkState"),
        slow("nvmlDeviceGetNvLinkErrorCounter"),
    ));
    let sample = after_ticks(&driver, 25);
    let links = driver.calls("nvmlDeviceGetNvLinkState") + driver.calls("nvmlDeviceGetNvLinkErrorCounter");
    let ticks = driver.calls("nvmlDeviceGetPowerUsage");
    // The collector may end within a tick, and begin another before its power is read.
    assert!(links > 8 && links <= ticks + 2, "{links} calls about links in {ticks} ticks");
    assert_eq!(sample.gpus[0].readings.power.draw_mw, Ok(9));
}

#[test]
fn unsupported_calls_not_repeated_on_every_tick() {
    let driver = Driver::new("[[gpu]]\npower_mw = 9\n");
    after_ticks(&driver, 25);
    for function in ["FanSpeed", "EncoderUtilization", "PerformanceState", "MaxPcieLinkWidth", "NvLinkErrorCounter"] {
        assert!(driver.calls(&format!("nvmlDeviceGet{function}")) <= 1, "{function}");
    }
}

/// The first GPU's NVLink errors, once its slow set was read.
fn nvlink_errors(scenario: &str) -> telemetry::Reading<u64> {
    let driver = Driver::new(scenario);
    let mut errors = Err(Absence::Timeout);
    collect(&driver, "100ms", |message| {
        let Message::Sample(sample) = message else { return false };
        errors = sample.gpus.first().map_or(Err(Absence::Timeout), |gpu| gpu.readings.nvlink.errors);
        errors != Err(Absence::Timeout)
    });
    errors
}

#[test]
fn nvlink_errors_read_from_every_source() {
    let counted = "[[gpu]]\nnvlinks = 2\nnvlink_errors = 7\n";
    assert_eq!(nvlink_errors(counted), Ok(7));
    let refused = "fields = { 161 = { code = 3 }, 162 = { code = 3 }, 163 = { code = 3 } }\n";
    assert_eq!(nvlink_errors(&format!("{counted}{refused}")), Ok(7), "counters of each link");
    // As on Blackwell: the older counters are not supported, and the newer ones count for all links.
    let blackwell =
        "[[gpu]]\nnvlinks = 2\nfields = { '208:4294967295' = 5, '215:4294967295' = 6, '221:4294967295' = 900 }\n";
    assert_eq!(nvlink_errors(blackwell), Ok(11), "fields of all links");
    assert_eq!(nvlink_errors("[[gpu]]\nnvlinks = 2\n"), Err(Absence::NotSupported));
    let older = "[[gpu]]\nnvlinks = 2\nfields = { '206:4294967295' = { code = 2 }, '208:4294967295' = 3 }\n";
    assert_eq!(nvlink_errors(older), Ok(3), "a field that the driver does not know");
    assert_eq!(nvlink_errors("[[gpu]]\n"), Err(Absence::NotSupported), "no links");
    let others = "answers = { 'nvmlDeviceGetNvLinkErrorCounter(0,3)' = 30, 'nvmlDeviceGetNvLinkErrorCounter(1,3)' = 5, \
                  'nvmlDeviceGetNvLinkErrorCounter(0,4)' = 400 }\n";
    assert_eq!(nvlink_errors(&format!("{counted}{others}")), Ok(442), "errors of data, by functions of each link");
    assert_eq!(nvlink_errors(&format!("{counted}fields = {{ 45 = 35, 160 = 400 }}\n")), Ok(442), "by fields of all");
    let failing = format!("{counted}{refused}errors = {{ nvmlDeviceGetNvLinkErrorCounter = 999 }}\n");
    assert_eq!(nvlink_errors(&failing), Err(Absence::Error), "failing counters");
    let failing = format!("{counted}fields = {{ '162:1' = {{ code = 999 }} }}\n");
    assert_eq!(nvlink_errors(&failing), Err(Absence::Error), "a failing field");
}

#[test]
fn processes_found_by_blackwell_functions() {
    let gpu = |errors: &str| {
        format!(
            "[[gpu]]\nname = 'B'\nerrors = {{ {errors} }}\n[[gpu.process]]\npid = 7\ntype = 'C+G'\nmemory_bytes = 5\n\
             sm_percent = 37\nencoder_percent = 3\n"
        )
    };
    let usual = "nvmlDeviceGetComputeRunningProcesses_v3 = 3, nvmlDeviceGetGraphicsRunningProcesses_v3 = 3, \
                 nvmlDeviceGetMPSComputeRunningProcesses_v3 = 3";
    let lacking = ["_v3", "_v2", ""].map(|version| format!("nvmlDeviceGetComputeRunningProcesses{version} = 13"));
    for errors in [
        "nvmlDeviceGetProcessUtilization = 3".to_owned(),
        "nvmlDeviceGetProcessUtilization = 13".to_owned(),
        usual.to_owned(),
        lacking.join(", "),
        // Neither way, and a way that fails.
        format!("{usual}, nvmlDeviceGetRunningProcessDetailList = 3, nvmlDeviceGetProcessUtilization = 999"),
    ] {
        let driver = Driver::new(&gpu(&errors));
        let mut lists = None;
        collect(&driver, "100ms", |message| {
            let Message::Sample(sample) = message else { return false };
            lists = sample.gpus.into_iter().next().map(|gpu| gpu.lists);
            lists.is_some()
        });
        let lists = lists.unwrap();
        if errors.contains("DetailList") {
            assert_eq!((&lists.compute, &lists.graphics), (&Err(Absence::NotSupported), &Err(Absence::NotSupported)));
            assert_eq!(lists.shares, Err(Absence::Error));
            continue;
        }
        for list in [&lists.compute, &lists.graphics] {
            let listed = list.as_ref().unwrap_or_else(|why| panic!("{errors}: {why:?}"));
            assert_eq!(
                listed.iter().map(|one| (one.pid, one.memory_bytes)).collect::<Vec<_>>(),
                [(7, Ok(5))],
                "{errors}"
            );
        }
        assert_eq!(lists.mps, Ok(Vec::new()), "{errors}");
        let shares = lists.shares.unwrap();
        let share = shares[0].share.unwrap();
        assert_eq!((shares[0].pid, share.sm_percent, share.encoder_percent), (7, 37, 3), "{errors}");
    }
}
