//! Cost of the history: a month of sixteen GPUs in memory, and how long an answer of one series takes. Prints a line
//! for each; see `bench/README.md`.

#![allow(clippy::expect_used, reason = "a measurement that cannot go on should say where")]
use std::{fs, sync::Arc, time::Instant};

use http_body_util::BodyExt as _;
use hyper::Request;
use server::{App, Archive, Publisher, ServerConfig};
use telemetry::{
    BootTime, Stamp, fixtures as host,
    history::{Depth, History, metric},
    readings::Activity,
    snapshot::{CollectorState, Gpu, Snapshot},
};

const GPUS: u32 = 16;
const DAY: u64 = 86_400;
const MONTH: u64 = 30 * DAY;

/// A GPU with every reading that the history keeps.
fn gpu(index: u32, second: u64) -> Gpu {
    let mut gpu = host::gpu(index);
    let wave = u32::try_from(second % 97).unwrap_or(0) + index;
    (gpu.readings.utilization.gpu_percent, gpu.readings.utilization.memory_percent) = (Ok(wave), Ok(wave));
    gpu.readings.power.draw_mw = Ok(300_123 + wave * 1000);
    (gpu.readings.utilization.encoder_percent, gpu.readings.utilization.decoder_percent) = (Ok(wave), Ok(wave));
    (gpu.readings.clocks.graphics_mhz, gpu.readings.clocks.sm_mhz, gpu.readings.clocks.memory_mhz) =
        (Ok(1980), Ok(1980), Ok(3201));
    gpu.readings.temperature.memory_celsius = Ok(44);
    let ratio = f64::from(wave) / 113.0;
    gpu.readings.activity = Activity {
        sm_ratio: Ok(ratio),
        sm_occupancy_ratio: Ok(ratio),
        tensor_ratio: Ok(ratio),
        dram_ratio: Ok(ratio),
        ..gpu.readings.activity
    };
    let bytes = Ok(u64::from(wave) * 1_234_567);
    let (pcie, nvlink) = (&mut gpu.readings.pcie, &mut gpu.readings.nvlink);
    (pcie.tx_bytes_per_second, pcie.rx_bytes_per_second) = (bytes, bytes);
    (nvlink.tx_bytes_per_second, nvlink.rx_bytes_per_second) = (bytes, bytes);
    gpu
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let before = resident_kib();
    let mut history = History::new(Depth::default());
    let stamp = |second: u64| Stamp { boot: BootTime(second * 1000), unix_ms: 1_700_000_000_000 + second * 1000 };
    let mut filled = Instant::now();
    let mut last = None;
    // Before the last day every tenth second, which is enough for long steps.
    let seconds = (1..=MONTH - DAY).step_by(10).chain(MONTH - DAY + 1..=MONTH);
    for second in seconds {
        if second == MONTH - DAY + 1 {
            filled = Instant::now();
        }
        let gpus = (0..GPUS).map(|index| Gpu { read_at: stamp(second), ..gpu(index, second) }).collect();
        let snapshot = Snapshot { at: stamp(second), ..host::snapshot(CollectorState::Ok, gpus) };
        history.add(&snapshot);
        last = Some(snapshot);
    }
    let tick = filled.elapsed() / u32::try_from(DAY).unwrap_or(1);
    println!(
        "{GPUS} GPUs, {} series each, a month: {} KiB more resident, {tick:?} a tick (making the snapshot included)",
        metric::METRICS,
        resident_kib() - before
    );
    let publisher = Publisher::keeping(stamp(MONTH), server::Show::default(), Arc::new(Archive::new(history)));
    publisher.publish(last.expect("a month has seconds"));
    let app = App::new(ServerConfig::default(), publisher.subscribe());
    for query in [
        "since=-15m",
        "since=-1h",
        "since=-24h",
        "since=-24h&step=1m",
        "since=-24h&step=1m&agg=max",
        "since=-7d",
        "since=-30d",
        "since=-30d&step=30m",
        "since=-30d&step=30m&agg=max",
        "since=-30d&until=-20d",
        "since=-30d&format=csv",
    ] {
        let address = format!("/api/v1/history?metric=power.draw_watts&gpu=3&{query}");
        let mut times = Vec::new();
        let mut bytes = 0;
        for _ in 0..101 {
            let request = Request::get(&address).body(()).expect("a request");
            let begun = Instant::now();
            let answer = app.reply(None, &request).await;
            times.push(begun.elapsed());
            bytes = answer.into_body().collect().await.expect("a body").to_bytes().len();
        }
        times.sort();
        println!("{query}: {bytes} bytes in {:?} (median), {:?} (worst of 101)", times[50], times[100]);
    }
}
