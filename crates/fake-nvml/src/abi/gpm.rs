//! GPU Performance Monitoring (GPM): profiling metrics from two samples.

use std::collections::BTreeMap;
use std::ffi::{c_char, c_uint};
use std::mem::offset_of;

use nvml_wrapper_sys::bindings::{
    self as sys, nvmlGpmMetric_t, nvmlGpmMetric_t__bindgen_ty_1, nvmlGpmMetricsGet_t, nvmlGpmSupport_t,
};

use super::export;
use crate::code::{self, INVALID_ARGUMENT, NOT_SUPPORTED, VERSION_MISMATCH};
use crate::function::Function;
use crate::gpm::{Sample, Window, samples};
use crate::pointer::{Fields, List, Out};
use crate::scenario::{Metric, MetricId};

/// Largest accepted number of metrics; every header has fewer.
const MAX_METRICS: c_uint = 4_096;

/// Value of a metric at the end of a window, or an error code.
fn metric(metrics: &Option<BTreeMap<MetricId, Metric>>, window: Window, id: c_uint) -> Result<f64, u32> {
    match metrics.as_ref().and_then(|metrics| metrics.get(&MetricId(id))).ok_or(NOT_SUPPORTED)? {
        Metric::Code(code) => Err(*code),
        Metric::Value(_) if window.is_empty => Ok(f64::NAN),
        Metric::Value(value) => Ok(value.at(window.seconds)),
    }
}

export! {
    gpu fn nvmlGpmQueryDeviceSupport(call, gpu; support: Out<nvmlGpmSupport_t>) {
        if support.get().version != sys::NVML_GPM_SUPPORT_VERSION {
            return Err(VERSION_MISMATCH);
        }
        call.put(support, nvmlGpmSupport_t { version: sys::NVML_GPM_SUPPORT_VERSION, isSupportedDevice: c_uint::from(gpu.gpm.is_some()) })
    }

    system fn nvmlGpmSampleAlloc(call; sample: Out<Sample>) { call.put(sample, samples().allocate()) }

    system fn nvmlGpmSampleFree(_call; sample: Sample) { samples().free(sample) }

    device fn nvmlGpmSampleGet(call, target; sample: Sample) {
        if call.gpu(target)?.gpm.is_none() {
            return Err(NOT_SUPPORTED);
        }
        samples().take(sample, target, call.seconds)
    }

    device fn nvmlGpmMigSampleGet(call, target; gpu_instance: c_uint, sample: Sample) {
        let gpu = call.gpu(target)?;
        let place = gpu.mig.iter().position(|mig| mig.gpu_instance == gpu_instance).ok_or(INVALID_ARGUMENT)?;
        gpu.mig[place].errors.check(Function::nvmlGpmMigSampleGet)?;
        if gpu.mig[place].gpm.is_none() {
            return Err(NOT_SUPPORTED);
        }
        samples().take(sample, crate::handle::Target { gpu: target.gpu, mig: Some(place) }, call.seconds)
    }

    // Newer headers have longer arrays in this structure, so that only the requested metrics are accessed.
    system fn nvmlGpmMetricsGet(call; request: Fields<nvmlGpmMetricsGet_t>) {
        let version: c_uint = request.field(offset_of!(nvmlGpmMetricsGet_t, version)).get();
        if version != sys::NVML_GPM_METRICS_GET_VERSION {
            return Err(VERSION_MISMATCH);
        }
        let number: c_uint = request.field(offset_of!(nvmlGpmMetricsGet_t, numMetrics)).get();
        if number > MAX_METRICS {
            return Err(INVALID_ARGUMENT);
        }
        let first = request.field(offset_of!(nvmlGpmMetricsGet_t, sample1)).get();
        let second = request.field(offset_of!(nvmlGpmMetricsGet_t, sample2)).get();
        let window = samples().between(first, second)?;
        // This function takes no device handle, so that errors of the device are applied here.
        let (errors, of) = match call.mig(window.target)? {
            Some(mig) => (&mig.errors, &mig.gpm),
            None => {
                let gpu = call.gpu(window.target)?;
                (&gpu.errors, &gpu.gpm)
            }
        };
        errors.check(Function::nvmlGpmMetricsGet)?;
        let metrics: List<nvmlGpmMetric_t> = request.field::<nvmlGpmMetric_t>(offset_of!(nvmlGpmMetricsGet_t, metrics)).list();
        for index in 0..number as usize {
            let entry = metrics.at(index).fields();
            let value = metric(of, window, entry.field(offset_of!(nvmlGpmMetric_t, metricId)).get());
            entry.field(offset_of!(nvmlGpmMetric_t, nvmlReturn)).put(value.err().filter(|_| !call.garbage).unwrap_or(code::SUCCESS));
            call.put(entry.field(offset_of!(nvmlGpmMetric_t, value)), value.unwrap_or(0.0))?;
            entry.field(offset_of!(nvmlGpmMetric_t, metricInfo)).put(names());
        }
        Ok(())
    }
}

/// Names of a metric, which clients may print. The scenario has only ids.
fn names() -> nvmlGpmMetric_t__bindgen_ty_1 {
    let text: *mut c_char = c"metric".as_ptr().cast_mut();
    nvmlGpmMetric_t__bindgen_ty_1 { shortName: text, longName: text, unit: c"".as_ptr().cast_mut() }
}
