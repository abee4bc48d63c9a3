//! GPM: what ran where, by the GPU's own monitors, on Hopper and newer; of a GPU as a whole, and of each of its GPU
//! instances.
//!
//! A metric is the difference of two samples, so one is kept from reading to reading. NVML wants one caller per
//! process and GPU, which a reader is, samples that are not too close, and every sample freed before it is shut down.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use nvml_wrapper_sys::bindings::{nvmlGpmMetricsGet_t, nvmlGpmSample_t, nvmlGpmSupport_t};
use telemetry::{Absence, Reading, readings::Activity};

use crate::{
    call_table::CallSlot,
    nvml::{Code, Device, Library, library::call, link::Traffic},
};

/// The shortest window that a metric is told over. NVML takes windows from 100 ms on. A second is what is wanted, less
/// what ticks of a second are early at times: else every other one would tell nothing new.
const SHORTEST_WINDOW: Duration = Duration::from_millis(900);
/// `NVML_GPM_METRICS_GET_VERSION` and `NVML_GPM_SUPPORT_VERSION`.
const VERSION: u32 = 1;
/// What is asked for: the metrics of [`Activity`] in its order, in %, then PCIe and NVLink in MiB/s.
const METRICS: [u32; 12] = [1, 2, 3, 5, 10, 11, 12, 13, 20, 21, 61, 60];
const MEBIBYTE: f64 = 1_048_576.0;
/// What rounding may add to 100 %. More is garbage.
const ROUNDED_PERCENT: f64 = 0.5;

/// The values of one window, or why there is none.
type Values = Reading<[Reading<f64>; METRICS.len()]>;

/// One GPU's samples and the newest values.
#[derive(Debug, Default)]
pub(crate) struct Gpm {
    /// Whether it has GPM, once it has said so.
    supported: Option<bool>,
    whole: Windows,
    /// Of each GPU instance, by its id.
    instances: BTreeMap<u32, Windows>,
}

/// The samples of a GPU, or of one of its GPU instances.
#[derive(Debug, Default)]
struct Windows {
    before: Option<Sample>,
    /// None before the first window; then the values of the last, or why there are none.
    values: Option<Values>,
}

#[derive(Debug)]
struct Sample {
    sample: nvmlGpmSample_t,
    at: Instant,
}

impl Gpm {
    /// Takes samples of the GPU and of those of its GPU instances, where the last window is over, and works out the values
    /// of the time since the ones before.
    pub(crate) fn read(&mut self, device: &Device<'_>, instances: impl Iterator<Item = u32>) {
        match self.supported.map_or_else(|| device.has_gpm(), Ok) {
            Ok(supported) => self.supported = Some(supported),
            Err(why) => return self.fail(device, why),
        }
        if self.supported == Some(false) {
            return self.fail(device, Absence::NotSupported);
        }
        self.whole.read(device, |sample| {
            device.seen(call!(device.library, device.slot, nvmlGpmSampleGet(device.handle, sample)))
        });
        let mut before = std::mem::take(&mut self.instances);
        for id in instances {
            let mut windows = before.remove(&id).unwrap_or_default();
            windows.read(device, |sample| {
                device.seen(call!(device.library, device.slot, nvmlGpmMigSampleGet(device.handle, id, sample)))
            });
            self.instances.insert(id, windows);
        }
        before.values_mut().for_each(|gone| gone.release(device));
    }

    fn fail(&mut self, device: &Device<'_>, why: Absence) {
        self.release(device);
        self.whole.values = Some(Err(why));
    }

    /// Frees what is kept: before the library is shut down, and before the handle is given up.
    pub(crate) fn release(&mut self, device: &Device<'_>) {
        self.whole.release(device);
        std::mem::take(&mut self.instances).values_mut().for_each(|windows| windows.release(device));
    }

    /// The activity of the last window.
    pub(crate) fn activity(&self) -> Activity {
        self.whole.activity()
    }

    /// That of a GPU instance.
    pub(crate) fn activity_of(&self, gpu_instance: u32) -> Activity {
        match (self.instances.get(&gpu_instance), &self.whole.values) {
            (Some(windows), _) => windows.activity(),
            (None, Some(Err(why))) => Activity::absent(*why),
            (None, _) => Activity::absent(Absence::Timeout),
        }
    }

    /// The rates of the last window; none where the GPU has no GPM, so that counters step in.
    pub(crate) fn traffic(&self) -> Option<Traffic> {
        let Some(Ok(values)) = &self.whole.values else { return None };
        Some(Traffic {
            pcie_tx_bytes_per_second: rate(values[8]),
            pcie_rx_bytes_per_second: rate(values[9]),
            nvlink_tx_bytes_per_second: rate(values[10]),
            nvlink_rx_bytes_per_second: rate(values[11]),
        })
    }
}

impl Windows {
    fn read(&mut self, device: &Device<'_>, take: impl Fn(nvmlGpmSample_t) -> Result<(), Code>) {
        let now = Instant::now();
        if self.before.as_ref().is_some_and(|before| now.duration_since(before.at) < SHORTEST_WINDOW) {
            return;
        }
        match device.gpm_sample(now, take) {
            Ok(sample) => {
                if let Some(before) = self.before.replace(sample) {
                    let newer = self.before.as_ref();
                    let values = newer.map(|newer| metrics(device.library, device.slot, &before, newer));
                    self.values = values.or(Some(Err(Absence::Error)));
                    before.free(device.library, device.slot);
                }
            }
            Err(code) => {
                self.values = Some(Err(code.absence()));
                self.release(device);
            }
        }
    }

    fn release(&mut self, device: &Device<'_>) {
        if let Some(before) = self.before.take() {
            before.free(device.library, device.slot);
        }
    }

    fn activity(&self) -> Activity {
        let ratio = |which: usize| match &self.values {
            // The first window is not over.
            None => Err(Absence::Timeout),
            Some(Err(why)) => Err(*why),
            Some(Ok(values)) => ratio(values[which]),
        };
        Activity {
            graphics_ratio: ratio(0),
            sm_ratio: ratio(1),
            sm_occupancy_ratio: ratio(2),
            tensor_ratio: ratio(3),
            dram_ratio: ratio(4),
            fp64_ratio: ratio(5),
            fp32_ratio: ratio(6),
            fp16_ratio: ratio(7),
        }
    }
}

fn ratio(percent: Reading<f64>) -> Reading<f64> {
    let percent = percent?;
    let credible = (0.0..=100.0 + ROUNDED_PERCENT).contains(&percent);
    if credible { Ok(percent.min(100.0) / 100.0) } else { Err(Absence::Error) }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not below zero; saturates")]
fn rate(mebibytes: Reading<f64>) -> Reading<u64> {
    let mebibytes = mebibytes?;
    if mebibytes >= 0.0 { Ok((mebibytes * MEBIBYTE) as u64) } else { Err(Absence::Error) }
}

impl Sample {
    /// `nvmlGpmSampleFree`.
    fn free(self, library: Library, slot: &CallSlot) {
        // A sample that cannot be freed is lost; there is nothing else to do with it.
        let _ = call!(library, slot, nvmlGpmSampleFree(self.sample));
    }
}

impl Device<'_> {
    /// `nvmlGpmQueryDeviceSupport`.
    fn has_gpm(&self) -> Reading<bool> {
        let mut support = nvmlGpmSupport_t { version: VERSION, isSupportedDevice: 0 };
        self.reading(call!(self.library, self.slot, nvmlGpmQueryDeviceSupport(self.handle, &raw mut support)))?;
        Ok(support.isSupportedDevice != 0)
    }

    /// `nvmlGpmSampleAlloc`, and what takes a sample: `nvmlGpmSampleGet` or `nvmlGpmMigSampleGet`.
    fn gpm_sample(&self, now: Instant, take: impl Fn(nvmlGpmSample_t) -> Result<(), Code>) -> Result<Sample, Code> {
        let mut sample: nvmlGpmSample_t = std::ptr::null_mut();
        self.seen(call!(self.library, self.slot, nvmlGpmSampleAlloc(&raw mut sample)))?;
        if sample.is_null() {
            return Err(Code::UNKNOWN);
        }
        let taken = Sample { sample, at: now };
        match take(sample) {
            Ok(()) => Ok(taken),
            Err(code) => {
                taken.free(self.library, self.slot);
                Err(code)
            }
        }
    }
}

/// `nvmlGpmMetricsGet` of two samples. What is not a number is dropped.
fn metrics(library: Library, slot: &CallSlot, older: &Sample, newer: &Sample) -> Values {
    // SAFETY: numbers, null pointers and arrays of them, for which all zeroes are a value. On the heap, since it is
    // large for a stack.
    let mut request: Box<nvmlGpmMetricsGet_t> = unsafe { Box::new(std::mem::zeroed()) };
    request.version = VERSION;
    request.numMetrics = u32::try_from(METRICS.len()).map_err(|_| Absence::Error)?;
    request.sample1 = older.sample;
    request.sample2 = newer.sample;
    for (metric, id) in request.metrics.iter_mut().zip(METRICS) {
        metric.metricId = id;
        metric.nvmlReturn = Code::NOT_SUPPORTED.0;
    }
    call!(library, slot, nvmlGpmMetricsGet(&raw mut *request)).map_err(Code::absence)?;
    Ok(std::array::from_fn(|which| match &request.metrics[which] {
        metric if metric.nvmlReturn != 0 => Err(Code(metric.nvmlReturn).absence()),
        metric if !metric.value.is_finite() => Err(Absence::Timeout),
        metric => Ok(metric.value),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpm_garbage_is_absent() {
        let garbage = Err(Absence::Error);
        for (percent, expected) in [
            (0.0, Ok(0.0)),
            (37.5, Ok(0.375)),
            (100.000_01, Ok(1.0)),
            (101.0, garbage),
            (37_100.0, garbage),
            (-0.1, garbage),
            (f64::NAN, garbage),
        ] {
            assert_eq!(ratio(Ok(percent)), expected, "{percent}");
        }
        assert_eq!(ratio(Err(Absence::Timeout)), Err(Absence::Timeout));
        assert_eq!(
            [rate(Ok(2.0)), rate(Ok(-1.0)), rate(Ok(f64::NAN))],
            [Ok(2 << 20), garbage.map(|_: f64| 0), Err(Absence::Error)]
        );
    }
}
