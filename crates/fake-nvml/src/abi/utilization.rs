//! Utilization of the engines of a GPU.

use std::ffi::c_uint;

use nvml_wrapper_sys::bindings::nvmlUtilization_t;

use super::export;
use crate::call::Call;
use crate::code::Outcome;
use crate::pointer::Out;
use crate::value::Value;

/// Sampling period that current drivers report.
const PERIOD_US: c_uint = 167_000;

fn share(call: &Call, fact: &Option<Value>, share: Out<c_uint>, period_us: Out<c_uint>) -> Outcome {
    call.put_fact(share, fact)?;
    call.put(period_us, PERIOD_US)
}

export! {
    gpu fn nvmlDeviceGetUtilizationRates(call, gpu; rates: Out<nvmlUtilization_t>) {
        let memory = gpu.memory_utilization_percent.or(Some(Value::Whole(0)));
        let rates_now = nvmlUtilization_t { gpu: call.fact(&gpu.utilization_percent)? as c_uint, memory: call.fact(&memory)? as c_uint };
        call.put(rates, rates_now)
    }

    gpu fn nvmlDeviceGetEncoderUtilization(call, gpu; percent: Out<c_uint>, period_us: Out<c_uint>) {
        share(call, &gpu.encoder_percent, percent, period_us)
    }

    gpu fn nvmlDeviceGetDecoderUtilization(call, gpu; percent: Out<c_uint>, period_us: Out<c_uint>) {
        share(call, &gpu.decoder_percent, percent, period_us)
    }

    gpu fn nvmlDeviceGetJpgUtilization(call, gpu; percent: Out<c_uint>, period_us: Out<c_uint>) {
        share(call, &gpu.jpeg_percent, percent, period_us)
    }

    gpu fn nvmlDeviceGetOfaUtilization(call, gpu; percent: Out<c_uint>, period_us: Out<c_uint>) {
        share(call, &gpu.ofa_percent, percent, period_us)
    }
}
