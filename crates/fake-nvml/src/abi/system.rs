//! Init, shutdown, versions and the number of GPUs.

use std::ffi::{c_char, c_int, c_uint};

use super::export;
use crate::call::Call;
use crate::code::{self, Outcome, SUCCESS};
use crate::engine::{engine, enter};
use crate::function::Function;
use crate::pointer::{Out, Size, TextOut};

fn init(function: Function) -> u32 {
    enter(function, || {
        Call::before_init(function)?;
        engine().init()
    })
}

#[unsafe(no_mangle)]
extern "C" fn nvmlInit() -> u32 {
    init(Function::nvmlInit)
}

#[unsafe(no_mangle)]
extern "C" fn nvmlInit_v2() -> u32 {
    init(Function::nvmlInit_v2)
}

#[unsafe(no_mangle)]
extern "C" fn nvmlInitWithFlags(_flags: c_uint) -> u32 {
    init(Function::nvmlInitWithFlags)
}

/// The only function that works before init and returns a text.
#[unsafe(no_mangle)]
extern "C" fn nvmlErrorString(result: c_uint) -> *const c_char {
    enter(Function::nvmlErrorString, || Ok(()));
    code::text(result).as_ptr()
}

/// CUDA version, for both versions of the function.
fn cuda_version(call: &Call, version: Out<c_int>) -> Outcome {
    call.put(version, call.scenario().cuda_version)
}

/// Number of GPUs, for both versions of the function.
fn count(call: &Call, count: Out<c_uint>) -> Outcome {
    let scenario = call.scenario();
    match scenario.count_error {
        SUCCESS => call.put(count, scenario.count.unwrap_or(scenario.gpu.len() as c_uint)),
        code => Err(code),
    }
}

export! {
    system fn nvmlShutdown(_call) { engine().shutdown() }

    system fn nvmlSystemGetDriverVersion(call; version: TextOut, length: Size) {
        call.put_text(&version, length, call.scenario().driver_version.as_bytes())
    }

    system fn nvmlSystemGetNVMLVersion(call; version: TextOut, length: Size) {
        call.put_optional_text(&version, length, call.scenario().nvml_version.as_deref())
    }

    system fn nvmlSystemGetCudaDriverVersion(call; version: Out<c_int>) { cuda_version(call, version) }

    system fn nvmlSystemGetCudaDriverVersion_v2(call; version: Out<c_int>) { cuda_version(call, version) }

    system fn nvmlDeviceGetCount(call; number: Out<c_uint>) { count(call, number) }

    system fn nvmlDeviceGetCount_v2(call; number: Out<c_uint>) { count(call, number) }
}
