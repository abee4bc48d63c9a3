//! Temperatures and fans.

use std::ffi::{c_int, c_uint};
use std::mem::offset_of;

use nvml_wrapper_sys::bindings::{self as sys, nvmlMarginTemperature_v1_t, nvmlTemperature_v1_t};

use super::export;
use crate::code::{INVALID_ARGUMENT, NOT_SUPPORTED};
use crate::pointer::{Fields, Out};
use crate::scenario::Gpu;
use crate::value::Value;

/// Speeds of all fans: `fan_speeds`, or `fan_percent` as the only fan.
fn fans(gpu: &Gpu) -> &[Value] {
    gpu.fan_speeds.as_deref().unwrap_or(gpu.fan_percent.as_slice())
}

export! {
    gpu fn nvmlDeviceGetFanSpeed(call, gpu; speed: Out<c_uint>) { call.put_fact(speed, &first_fan(gpu)) }

    gpu fn nvmlDeviceGetFanSpeed_v2(call, gpu; fan: c_uint, speed: Out<c_uint>) {
        match fans(gpu).get(fan as usize) {
            None if !fans(gpu).is_empty() => Err(INVALID_ARGUMENT),
            fan => call.put_fact(speed, &fan.copied()),
        }
    }

    gpu fn nvmlDeviceGetNumFans(call, gpu; number: Out<c_uint>) {
        if gpu.fan_speeds.is_none() {
            call.fact(&gpu.fan_percent)?;
        }
        call.put(number, fans(gpu).len() as c_uint)
    }

    gpu fn nvmlDeviceGetTemperature(call, gpu; sensor: c_uint, temperature: Out<c_int>) {
        if sensor != sys::nvmlTemperatureSensors_enum_NVML_TEMPERATURE_GPU {
            return Err(INVALID_ARGUMENT);
        }
        call.put(temperature, call.signed_fact(&gpu.temperature_c)? as c_int)
    }

    gpu fn nvmlDeviceGetTemperatureV(call, gpu; temperature: Fields<nvmlTemperature_v1_t>) {
        temperature.field::<nvmlTemperature_v1_t>(0).expect_version(1)?;
        let sensor: c_uint = temperature.field(offset_of!(nvmlTemperature_v1_t, sensorType)).get();
        if sensor != sys::nvmlTemperatureSensors_enum_NVML_TEMPERATURE_GPU {
            return Err(INVALID_ARGUMENT);
        }
        let celsius = call.signed_fact(&gpu.temperature_c)? as c_int;
        call.put(temperature.field(offset_of!(nvmlTemperature_v1_t, temperature)), celsius)
    }

    gpu fn nvmlDeviceGetMarginTemperature(call, gpu; margin: Fields<nvmlMarginTemperature_v1_t>) {
        margin.field::<nvmlMarginTemperature_v1_t>(0).expect_version(1)?;
        let celsius = call.signed_fact(&gpu.margin_temperature_c)? as c_int;
        call.put(margin.field(offset_of!(nvmlMarginTemperature_v1_t, marginTemperature)), celsius)
    }

    gpu fn nvmlDeviceGetTemperatureThreshold(call, gpu; threshold: c_uint, temperature: Out<c_uint>) {
        match threshold {
            sys::nvmlTemperatureThresholds_enum_NVML_TEMPERATURE_THRESHOLD_SHUTDOWN => call.put_fact(temperature, &gpu.shutdown_temperature_c),
            sys::nvmlTemperatureThresholds_enum_NVML_TEMPERATURE_THRESHOLD_SLOWDOWN => call.put_fact(temperature, &gpu.slowdown_temperature_c),
            known if known < sys::nvmlTemperatureThresholds_enum_NVML_TEMPERATURE_THRESHOLD_COUNT => Err(NOT_SUPPORTED),
            _ => Err(INVALID_ARGUMENT),
        }
    }
}

/// Speed for the oldest function: `fan_percent`, or the first fan's.
fn first_fan(gpu: &Gpu) -> Option<Value> {
    gpu.fan_percent.or_else(|| fans(gpu).first().copied())
}
