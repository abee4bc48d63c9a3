//! Metrics under our own names: base units, ratios from 0 to 1, counters that end in `_total`.

pub(crate) mod agent;
pub(crate) mod instance;
pub(crate) mod process;
pub(crate) mod readings;
pub(crate) mod state;
pub(crate) mod totals;
pub(crate) mod users;

use telemetry::snapshot::{Gpu, GpuState};

use super::{
    table::{Labelled, Metric, Of, Seen},
    text::{Page, labels},
};
use instance::Subject;

/// All metrics under our own names, in the order in which they are served.
pub(crate) fn all() -> impl Iterator<Item = &'static Metric> {
    [
        state::METRICS,
        &readings::METRICS,
        totals::METRICS,
        instance::METRICS,
        &readings::OF_INSTANCES,
        process::METRICS,
        users::METRICS,
        agent::METRICS,
    ]
    .into_iter()
    .flatten()
}

/// Writes all native metrics.
pub(crate) fn render(seen: &Seen<'_>, page: &mut Page) {
    let gpus: Vec<(&Gpu, String)> = seen.snapshot.gpus.iter().map(|gpu| (gpu, subject(gpu))).collect();
    let instances = instance::subjects(&gpus);
    let processes = process::subjects(seen, &gpus);
    for metric in all().filter(|metric| seen.has(metric)) {
        let mut samples = page.begin(metric.family());
        match metric.of {
            Of::Gpu(value) => {
                for (gpu, subject) in gpus.iter().filter(|(gpu, _)| is_read(gpu)) {
                    samples.read(subject, value(gpu));
                }
            }
            Of::Gpus(write) => {
                for (gpu, subject) in gpus.iter().filter(|(gpu, _)| is_read(gpu)) {
                    write(gpu, &mut Labelled::new(seen, &mut samples, subject, metric));
                }
            }
            Of::Readings(fields) => {
                for (gpu, subject) in gpus.iter().filter(|(gpu, _)| is_read(gpu)) {
                    for &field in fields {
                        let reading = gpu.readings.value(field);
                        if !seen.is_fleet() || readings::has(metric.fleet, field, reading.as_ref()) {
                            readings::write(field, reading, subject, &mut samples);
                        }
                    }
                }
            }
            Of::Known(write) => {
                for (gpu, subject) in &gpus {
                    write(seen, gpu, &mut Labelled::new(seen, &mut samples, subject, metric));
                }
            }
            Of::Instance(write) => {
                for Subject { mig, labels, .. } in &instances {
                    write(seen, mig, &mut Labelled::new(seen, &mut samples, labels, metric));
                }
            }
            Of::GpuInstance(value) => {
                for Subject { mig, labels, .. } in instances.iter().filter(|instance| instance.is_first) {
                    samples.read(labels, value(mig));
                }
            }
            Of::InstanceReadings(fields) => {
                for Subject { mig, labels, .. } in &instances {
                    let activity = mig.activity();
                    for &field in fields {
                        readings::write(field, activity.value(field), labels, &mut samples);
                    }
                }
            }
            Of::Process(value) => {
                for (process, subject) in &processes {
                    samples.read(subject, value(process));
                }
            }
            Of::Users(write) | Of::Agent(write) | Of::Calls(write) => {
                write(seen, &mut Labelled::new(seen, &mut samples, "", metric));
            }
        }
    }
}

/// Writes the metrics of users and of the agent, which are served with every choice of names.
pub(crate) fn render_agent(seen: &Seen<'_>, page: &mut Page) {
    for metric in users::METRICS.iter().chain(agent::METRICS).filter(|metric| seen.has(metric)) {
        if let Of::Users(write) | Of::Agent(write) | Of::Calls(write) = metric.of {
            write(seen, &mut Labelled::new(seen, &mut page.begin(metric.family()), "", metric));
        }
    }
}

/// True if a GPU's readings are current. Those of one that is stale, lost or asleep are not exposed.
pub(crate) fn is_read(gpu: &Gpu) -> bool {
    gpu.state == GpuState::Ok
}

/// Labels of a GPU.
fn subject(gpu: &Gpu) -> String {
    labels(&[("gpu", &gpu.index.to_string()), ("uuid", gpu.identity.uuid.as_deref().unwrap_or_default())])
}
