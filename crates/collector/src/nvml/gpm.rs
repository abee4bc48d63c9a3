//! GPM: activity of a GPU and of each of its GPU instances, by hardware monitors of Hopper and newer.
//!
//! A metric is the difference of two samples, so one is kept from reading to reading, and the memory of the other is
//! used again. NVML allows one caller per process and GPU, requires some time between samples, and requires that all of
//! them are freed before nvmlShutdown.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use nvml_wrapper_sys::bindings::{nvmlGpmMetricsGet_t, nvmlGpmSample_t, nvmlGpmSupport_t};
use telemetry::{Absence, Reading, readings::Activity};

use crate::{
    call_table::CallSlot,
    nvml::{
        Code, Device, Library,
        library::{ask, call},
        traffic::Traffic,
    },
};

/// Shortest window. NVML takes windows from 100 ms on. It is a bit less than a second, since ticks of a second are
/// early at times, and every other one would have nothing new.
const MIN_WINDOW: Duration = Duration::from_millis(900);
/// `NVML_GPM_METRICS_GET_VERSION` and `NVML_GPM_SUPPORT_VERSION`.
const VERSION: u32 = 1;
/// Metrics: those of [`Activity`] in its order, in %, then PCIe and NVLink in MiB/s.
const METRICS: [u32; 12] = [1, 2, 3, 5, 10, 11, 12, 13, 20, 21, 61, 60];
/// Time after which a GPU without GPM is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(60);
const MEBIBYTE: f64 = 1_048_576.0;
/// Excess over 100 % that rounding explains. More is garbage.
const ROUNDED_PERCENT: f64 = 0.5;

/// Values of one window.
type Values = Reading<[Reading<f64>; METRICS.len()]>;

/// Samples of one GPU and the newest values.
#[derive(Debug, Default)]
pub(crate) struct Gpm {
    /// Support of GPM, and when it was queried.
    support: Option<(bool, Instant)>,
    whole: Windows,
    /// Windows of each GPU instance by its id.
    instances: BTreeMap<u32, Windows>,
}

/// Samples of a GPU, or of one of its GPU instances.
#[derive(Debug, Default)]
struct Windows {
    before: Option<Sample>,
    /// Memory for the next sample.
    spare: Option<Sample>,
    /// Values of the last window; none before the first.
    values: Option<Values>,
}

#[derive(Debug)]
struct Sample {
    sample: nvmlGpmSample_t,
    at: Instant,
}

impl Gpm {
    /// Takes a sample of the GPU and of each GPU instance whose window is over, and calculates the values of the
    /// window.
    pub(crate) fn read(&mut self, device: &Device<'_>, instances: impl Iterator<Item = u32>) {
        match self.is_supported(device) {
            Ok(true) => {}
            Ok(false) => return self.fail(device, Absence::NotSupported),
            Err(why) => return self.fail(device, why),
        }
        self.whole.read(device, |sample| device.check(ask!(device, nvmlGpmSampleGet(sample))));
        let mut before = std::mem::take(&mut self.instances);
        for id in instances {
            let mut windows = before.remove(&id).unwrap_or_default();
            windows.read(device, |sample| {
                // Without `ask!`: another instance may support it.
                device.check(call!(device.library, device.slot, nvmlGpmMigSampleGet(device.handle, id, sample)))
            });
            self.instances.insert(id, windows);
        }
        before.values_mut().for_each(|gone| gone.release(device));
    }

    /// Returns whether the GPU has GPM. A no is asked again after [`ASK_AGAIN`].
    fn is_supported(&mut self, device: &Device<'_>) -> Reading<bool> {
        match self.support {
            Some((supported, when)) if supported || when.elapsed() < ASK_AGAIN => Ok(supported),
            _ => {
                let supported = device.has_gpm()?;
                self.support = Some((supported, Instant::now()));
                Ok(supported)
            }
        }
    }

    /// Forgets whether the GPU has GPM: with a new handle it is asked again.
    pub(crate) fn forget_support(&mut self) {
        self.support = None;
    }

    fn fail(&mut self, device: &Device<'_>, why: Absence) {
        self.release(device);
        self.whole.values = Some(Err(why));
    }

    /// Frees all samples: before nvmlShutdown, and before the handle is dropped.
    pub(crate) fn release(&mut self, device: &Device<'_>) {
        self.whole.release(device);
        std::mem::take(&mut self.instances).values_mut().for_each(|windows| windows.release(device));
    }

    /// Activity of the last window.
    pub(crate) fn activity(&self) -> Activity {
        self.whole.activity()
    }

    /// Activity of a GPU instance in the last window.
    pub(crate) fn activity_of(&self, gpu_instance: u32) -> Activity {
        match (self.instances.get(&gpu_instance), &self.whole.values) {
            (Some(windows), _) => windows.activity(),
            (None, Some(Err(why))) => Activity::absent(*why),
            (None, _) => Activity::absent(Absence::Timeout),
        }
    }

    /// Rates of the last window; none without GPM, so that byte counters are used.
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
        if self.before.as_ref().is_some_and(|before| now.duration_since(before.at) < MIN_WINDOW) {
            return;
        }
        match device.gpm_sample(self.spare.take(), now, take) {
            Ok(sample) => {
                if let Some(before) = self.before.take() {
                    self.values = Some(metrics(device.library, device.slot, &before, &sample));
                    self.spare = Some(before);
                }
                self.before = Some(sample);
            }
            Err(code) => {
                self.values = Some(Err(code.absence()));
                self.release(device);
            }
        }
    }

    fn release(&mut self, device: &Device<'_>) {
        for sample in [self.before.take(), self.spare.take()].into_iter().flatten() {
            sample.free(device.library, device.slot);
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
    /// Frees the sample: `nvmlGpmSampleFree`.
    fn free(self, library: Library, slot: &CallSlot) {
        // A sample that cannot be freed is leaked; there is no other way to release it.
        let _ = call!(library, slot, nvmlGpmSampleFree(self.sample));
    }
}

impl Device<'_> {
    /// Support of GPM: `nvmlGpmQueryDeviceSupport`.
    fn has_gpm(&self) -> Reading<bool> {
        let mut support = nvmlGpmSupport_t { version: VERSION, isSupportedDevice: 0 };
        self.reading(ask!(self, nvmlGpmQueryDeviceSupport(&raw mut support)))?;
        Ok(support.isSupportedDevice != 0)
    }

    /// Takes a sample by `nvmlGpmSampleGet` or `nvmlGpmMigSampleGet`, into new memory (`nvmlGpmSampleAlloc`) if there
    /// is no `spare`.
    fn gpm_sample(
        &self,
        spare: Option<Sample>,
        now: Instant,
        take: impl Fn(nvmlGpmSample_t) -> Result<(), Code>,
    ) -> Result<Sample, Code> {
        let mut sample = spare.map_or(std::ptr::null_mut(), |spare| spare.sample);
        if sample.is_null() {
            self.check(call!(self.library, self.slot, nvmlGpmSampleAlloc(&raw mut sample)))?;
        }
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

/// Calculates the metrics of two samples: `nvmlGpmMetricsGet`. A value that is not finite is absent.
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
