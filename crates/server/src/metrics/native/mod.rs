//! Metrics under our own names: base units, ratios from 0 to 1, counters that end in `_total`.

pub(crate) mod agent;
pub(crate) mod busy;
pub(crate) mod clocks;
pub(crate) mod instance;
pub(crate) mod links;
pub(crate) mod memory;
pub(crate) mod modes;
pub(crate) mod power;
pub(crate) mod process;
pub(crate) mod state;

use telemetry::snapshot::{Gpu, GpuState};

use super::{
    table::{self, Labelled, Of, Seen},
    text::{Page, labels},
};

/// Writes all metrics but those that are worked out when they are asked for.
pub(crate) fn render(seen: &Seen<'_>, page: &mut Page) {
    let gpus: Vec<(&Gpu, String)> = seen.snapshot.gpus.iter().map(|gpu| (gpu, subject(gpu))).collect();
    let instances = instance::subjects(&gpus);
    let processes = process::subjects(seen, &gpus);
    for metric in table::all() {
        let mut samples = page.begin(metric.family());
        match metric.of {
            Of::Gpu(value) => {
                for (gpu, subject) in gpus.iter().filter(|(gpu, _)| is_read(gpu)) {
                    if let Ok(value) = value(gpu) {
                        samples.push(subject, value);
                    }
                }
            }
            Of::Gpus(write) => {
                for (gpu, subject) in gpus.iter().filter(|(gpu, _)| is_read(gpu)) {
                    write(gpu, &mut Labelled::new(&mut samples, subject, metric));
                }
            }
            Of::Known(write) => {
                for (gpu, subject) in &gpus {
                    write(seen, gpu, &mut Labelled::new(&mut samples, subject, metric));
                }
            }
            Of::Instance(write) => {
                for (mig, subject) in &instances {
                    write(seen, mig, &mut Labelled::new(&mut samples, subject, metric));
                }
            }
            Of::Process(value) => {
                for (process, subject) in &processes {
                    if let Ok(value) = value(process) {
                        samples.push(subject, value);
                    }
                }
            }
            Of::Agent(write) | Of::Calls(write) => write(seen, &mut samples),
            Of::Asked => {}
        }
    }
}

/// Writes what is told of the agent under whatever names the GPUs are.
pub(crate) fn render_agent(seen: &Seen<'_>, page: &mut Page) {
    for metric in agent::METRICS {
        if let Of::Agent(write) = metric.of {
            write(seen, &mut page.begin(metric.family()));
        }
    }
}

/// Whether a GPU's readings are of the present. Those of one that is stale, lost or asleep are not shown.
pub(crate) fn is_read(gpu: &Gpu) -> bool {
    gpu.state == GpuState::Ok
}

/// The labels of a GPU.
fn subject(gpu: &Gpu) -> String {
    labels(&[("gpu", &gpu.index.to_string()), ("uuid", gpu.identity.uuid.as_deref().unwrap_or_default())])
}
