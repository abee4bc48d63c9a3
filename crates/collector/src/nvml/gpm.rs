//! GPM: what ran where, by the GPU's own monitors, on Hopper and newer.
//!
//! A metric is the difference of two samples, so one is kept from reading to reading. NVML wants one caller per
//! process and GPU, which a lane is, samples that are not too close, and every sample freed before it is shut down.

use std::time::{Duration, Instant};

use nvml_wrapper_sys::bindings::{nvmlGpmMetricsGet_t, nvmlGpmSample_t, nvmlGpmSupport_t};
use telemetry::{
    Absence, Reading,
    sample::{Activity, Traffic},
};

use crate::{
    board::Desk,
    nvml::{Code, Device, Library, library::call},
};

/// The shortest window that a metric is told over.
const SHORTEST_WINDOW: Duration = Duration::from_millis(900);
/// `NVML_GPM_METRICS_GET_VERSION` and `NVML_GPM_SUPPORT_VERSION`.
const VERSION: u32 = 1;
/// What is asked for: the metrics of [`Activity`] in its order, in %, then PCIe and NVLink in MiB/s.
const METRICS: [u32; 12] = [1, 2, 3, 5, 10, 11, 12, 13, 20, 21, 61, 60];
const MEBIBYTE: f64 = 1_048_576.0;

/// One GPU's samples and the newest values.
#[derive(Debug, Default)]
pub(crate) struct Gpm {
    before: Option<Sample>,
    /// None before the first window; then the values of the last, or why there are none.
    values: Option<Reading<[Reading<f64>; METRICS.len()]>>,
}

#[derive(Debug)]
struct Sample {
    sample: nvmlGpmSample_t,
    at: Instant,
}

impl Gpm {
    /// Takes a sample, if the last window is over, and works out the values of the time since the one before.
    pub(crate) fn read(&mut self, device: &Device<'_>) {
        let now = Instant::now();
        if self.before.as_ref().is_some_and(|before| now.duration_since(before.at) < SHORTEST_WINDOW) {
            return;
        }
        if self.before.is_none() && !matches!(device.has_gpm(), Ok(true)) {
            self.values = Some(Err(device.has_gpm().err().unwrap_or(Absence::NotSupported)));
            return;
        }
        match device.gpm_sample(now) {
            Ok(sample) => {
                if let Some(before) = self.before.replace(sample) {
                    self.values = Some(
                        self.before
                            .as_ref()
                            .map_or(Err(Absence::Error), |newer| metrics(device.library, device.desk, &before, newer)),
                    );
                    before.free(device.library, device.desk);
                }
            }
            Err(code) => {
                self.values = Some(Err(code.absence()));
                self.release(device);
            }
        }
    }

    /// Frees what is kept: before the library is shut down, and before the handle is given up.
    pub(crate) fn release(&mut self, device: &Device<'_>) {
        if let Some(before) = self.before.take() {
            before.free(device.library, device.desk);
        }
    }

    /// The activity of the last window.
    pub(crate) fn activity(&self) -> Activity {
        let ratio = |which: usize| self.value(which).map(|percent| (percent / 100.0).clamp(0.0, 1.0));
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

    /// The rates of the last window; none where the GPU has no GPM, so that counters step in.
    pub(crate) fn traffic(&self) -> Option<Traffic> {
        if !matches!(self.values, Some(Ok(_))) {
            return None;
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "never below zero; saturates")]
        let rate = |which: usize| self.value(which).map(|mebibytes| (mebibytes.max(0.0) * MEBIBYTE) as u64);
        Some(Traffic {
            pcie_tx_bytes_per_second: rate(8),
            pcie_rx_bytes_per_second: rate(9),
            nvlink_tx_bytes_per_second: rate(10),
            nvlink_rx_bytes_per_second: rate(11),
        })
    }

    fn value(&self, which: usize) -> Reading<f64> {
        match &self.values {
            // The first window is not over.
            None => Err(Absence::Timeout),
            Some(Err(why)) => Err(*why),
            Some(Ok(values)) => values[which],
        }
    }
}

impl Sample {
    /// `nvmlGpmSampleFree`.
    fn free(self, library: Library, desk: &Desk) {
        // A sample that cannot be freed is lost; there is nothing else to do with it.
        let _ = call!(library, desk, nvmlGpmSampleFree(self.sample));
    }
}

impl Device<'_> {
    /// `nvmlGpmQueryDeviceSupport`.
    fn has_gpm(&self) -> Reading<bool> {
        let mut support = nvmlGpmSupport_t { version: VERSION, isSupportedDevice: 0 };
        self.reading(call!(self.library, self.desk, nvmlGpmQueryDeviceSupport(self.handle, &raw mut support)))?;
        Ok(support.isSupportedDevice != 0)
    }

    /// `nvmlGpmSampleAlloc` and `nvmlGpmSampleGet`.
    fn gpm_sample(&self, now: Instant) -> Result<Sample, Code> {
        let mut sample: nvmlGpmSample_t = std::ptr::null_mut();
        self.seen(call!(self.library, self.desk, nvmlGpmSampleAlloc(&raw mut sample)))?;
        if sample.is_null() {
            return Err(Code::UNKNOWN);
        }
        let taken = Sample { sample, at: now };
        match self.seen(call!(self.library, self.desk, nvmlGpmSampleGet(self.handle, sample))) {
            Ok(()) => Ok(taken),
            Err(code) => {
                taken.free(self.library, self.desk);
                Err(code)
            }
        }
    }
}

/// `nvmlGpmMetricsGet` of two samples. What is not a number is dropped.
fn metrics(library: Library, desk: &Desk, older: &Sample, newer: &Sample) -> Reading<[Reading<f64>; METRICS.len()]> {
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
    call!(library, desk, nvmlGpmMetricsGet(&raw mut *request)).map_err(Code::absence)?;
    Ok(std::array::from_fn(|which| match &request.metrics[which] {
        metric if metric.nvmlReturn != 0 => Err(Code(metric.nvmlReturn).absence()),
        metric if !metric.value.is_finite() => Err(Absence::Timeout),
        metric => Ok(metric.value),
    }))
}
