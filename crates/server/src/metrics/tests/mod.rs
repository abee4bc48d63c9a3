//! `/metrics` on hosts of every kind, checked by the text.

mod dcgm;
mod docs;
mod native;
mod rules;
mod scrape;
mod users;

use std::{collections::BTreeMap, sync::Arc};

use telemetry::{
    Absence, BootTime, Stamp,
    readings::Activity,
    sample::PodContainer,
    snapshot::{Gpu, Histogram, Snapshot, Timings, Totals, Xid},
};

use http_server::RequestCounters;

use super::{text::Format, *};
use crate::{
    config::commands::Commands,
    store::{cache::Demand, http_stats::HttpStats},
    v1::tests::hosts,
};

/// One sample, as a reader takes it apart.
#[derive(Clone, Debug, PartialEq)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: String,
}

impl Sample {
    fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// All samples of a complete text: each family is named and typed once before its samples, and no series appears
/// twice.
fn read(text: &str) -> Vec<Sample> {
    let mut samples: Vec<Sample> = Vec::new();
    let mut families: Vec<String> = Vec::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, _) = rest.split_once(' ').unwrap();
            assert!(!families.iter().any(|family| family == name), "{name} comes twice");
            families.push(name.to_owned());
        } else if !line.starts_with('#') {
            let sample = sample(line);
            let family = families.last().expect("a family before its samples");
            assert!(sample.name.starts_with(family.as_str()), "{line} under {family}");
            samples.push(sample);
        }
    }
    for (place, sample) in samples.iter().enumerate() {
        let same = |other: &Sample| other.name == sample.name && other.labels == sample.labels;
        assert!(!samples[..place].iter().any(same), "{sample:?} appears twice");
    }
    samples
}

fn sample(line: &str) -> Sample {
    let (head, value) = line.rsplit_once(' ').unwrap();
    let (name, inner) = head.strip_suffix('}').map_or((head, ""), |head| head.split_once('{').unwrap());
    let mut labels = BTreeMap::new();
    let mut rest = inner;
    while !rest.is_empty() {
        let (label, after) = rest.split_once("=\"").unwrap();
        let mut end = after.find('"').unwrap();
        while after[..end].ends_with('\\') {
            end += 1 + after[end + 1..].find('"').unwrap();
        }
        assert!(labels.insert(label.to_owned(), after[..end].to_owned()).is_none(), "{line}");
        rest = after[end + 1..].trim_start_matches(',');
    }
    value.parse::<f64>().unwrap_or_else(|error| panic!("{error} in {line}"));
    Sample { name: name.into(), labels, value: value.into() }
}

/// The value of the one sample of that name whose labels are among its own.
fn value<'a>(samples: &'a [Sample], name: &str, labels: &[(&str, &str)]) -> Option<&'a str> {
    let mut found = samples
        .iter()
        .filter(|sample| sample.name == name && labels.iter().all(|(label, value)| sample.label(label) == *value));
    let one = found.next()?;
    assert!(found.next().is_none(), "several {name} with {labels:?}");
    Some(&one.value)
}

fn settings(names: &str) -> MetricsSettings {
    MetricsSettings { names: names.parse().unwrap(), processes: Some(100), ..MetricsSettings::default() }
}

fn text_of(snapshot: &Snapshot, settings: MetricsSettings, scope: Scope, commands: Commands) -> String {
    let http = HttpStats::default();
    let requests = RequestCounters::new(["/status"].into_iter());
    requests.count(Some(0), StatusCode::OK);
    http.attach(Arc::new(requests), Arc::default());
    let demand = Arc::new(Demand::new(KEEP_MS));
    let views = MetricsViews::render(snapshot, commands, &Arc::new(settings), &Arc::new(http), &demand);
    let form = Form::of(views.settings.names, views.settings.set, Format::Text);
    let text = views.text(snapshot, MetricsKey { scope, form, gzip: false });
    String::from_utf8(text.to_vec()).unwrap()
}

fn samples_of(snapshot: &Snapshot, names: &str) -> Vec<Sample> {
    read(&text_of(snapshot, settings(names), Scope::Read, Commands::Masked))
}

/// A host on which everything is read that can be.
fn full() -> Snapshot {
    let mut snapshot = hosts::healthy();
    snapshot.read_at = Some(Stamp { boot: BootTime(snapshot.at.boot.0 - 250), ..snapshot.at });
    snapshot.timings = Arc::new(timings());
    for gpu in &mut snapshot.gpus {
        *gpu = full_gpu(gpu.clone());
    }
    snapshot
}

fn full_gpu(mut gpu: Gpu) -> Gpu {
    let clocks = &mut gpu.readings.clocks;
    (clocks.max_graphics_mhz, clocks.max_sm_mhz, clocks.max_memory_mhz) = (Ok(1980), Ok(1980), Ok(3201));
    (clocks.power_throttled_ns, clocks.thermal_throttled_ns) = (Ok(1_500_000_000), Ok(0));
    gpu.readings.temperature.margin_celsius = Ok(28);
    gpu.readings.fabric.problems = Ok(1);
    let ecc = &mut gpu.readings.ecc;
    (ecc.volatile_corrected, ecc.volatile_uncorrected) = (Ok(3), Ok(2));
    (ecc.aggregate_corrected, ecc.aggregate_uncorrected) = (Ok(5), Ok(4));
    gpu.readings.nvlink.errors = Ok(1);
    let modes = &mut gpu.readings.modes;
    (modes.persistence, modes.display_active, modes.mig, modes.vgpu_licensed) =
        (Ok(true), Ok(false), Ok(false), Ok(false));
    gpu.readings.power.draw_mw = Ok(118_923);
    (gpu.lists.compute, gpu.lists.graphics) = (Ok(()), Ok(()));
    gpu.readings.activity = Activity {
        graphics_ratio: Ok(0.98),
        sm_ratio: Ok(0.37),
        sm_occupancy_ratio: Ok(0.25),
        tensor_ratio: Ok(0.5),
        dram_ratio: Ok(0.125),
        fp64_ratio: Ok(0.0),
        fp32_ratio: Ok(0.01),
        fp16_ratio: Ok(0.02),
    };
    let (pcie, nvlink) = (&mut gpu.readings.pcie, &mut gpu.readings.nvlink);
    (pcie.tx_bytes_per_second, pcie.rx_bytes_per_second) = (Ok(1 << 30), Ok(2 << 30));
    (nvlink.tx_bytes_per_second, nvlink.rx_bytes_per_second) = (Ok(5 << 30), Ok(7 << 30));
    let time = |milliseconds| Ok(std::time::Duration::from_millis(milliseconds));
    gpu.pods = Ok(vec![pod("train-0", "main")]);
    gpu.totals = Totals {
        read: time(10_000),
        utilization_read: time(10_000),
        activity_read: time(10_000),
        busy: time(5500),
        sm_active: time(3700),
        tensor_active: time(1000),
        dram_active: time(500),
        drawn_uj: Ok(7_000_000),
        energy_is_counted: None,
        clock_events: [0; telemetry::readings::words::EVENT_REASONS.len()],
    };
    gpu
}

fn pod(pod: &str, container: &str) -> PodContainer {
    PodContainer { namespace: "ml".into(), pod: pod.into(), container: container.into() }
}

fn timings() -> Timings {
    let mut timings = Timings::default();
    timings.samples.add(4_125_000);
    let mut times = Histogram::of_calls();
    times.add(50_000);
    timings.calls.insert("nvmlDeviceGetPowerUsage".into(), times);
    timings
}

/// A GPU of which no Xid errors were heard.
fn without_xids(gpu: &mut Gpu) {
    gpu.xid = Xid {
        since: Err(Absence::NotSupported),
        last: None,
        count: Err(Absence::NotSupported),
        by_severity: [0; 3],
        by_code: Vec::new(),
        held: Vec::new(),
    };
}
