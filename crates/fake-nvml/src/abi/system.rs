//! Starting, stopping, and what concerns the machine as a whole.

use std::ffi::{c_char, c_int, c_uint};

use super::{Function, export};
use crate::call::Call;
use crate::code::{self, SUCCESS};
use crate::engine::{engine, enter};
use crate::pointer::{Out, Room, Text};

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

/// The one function that answers before init, and with a text.
#[unsafe(no_mangle)]
extern "C" fn nvmlErrorString(result: c_uint) -> *const c_char {
    enter(Function::nvmlErrorString, || Ok(()));
    code::text(result).as_ptr()
}

/// CUDA's version as both functions tell it.
fn cuda_version(call: &Call, version: Out<c_int>) -> code::Done {
    call.put(version, call.scenario().cuda_version)
}

/// The number of GPUs as both functions tell it.
fn count(call: &Call, count: Out<c_uint>) -> code::Done {
    let scenario = call.scenario();
    match scenario.count_error {
        SUCCESS => call.put(count, scenario.count.unwrap_or(scenario.gpu.len() as c_uint)),
        code => Err(code),
    }
}

export! {
    system fn nvmlShutdown(_call) { engine().shutdown() }

    system fn nvmlSystemGetDriverVersion(call; version: Text, length: Room) {
        call.put_text(&version, length, call.scenario().driver_version.as_bytes())
    }

    system fn nvmlSystemGetNVMLVersion(call; version: Text, length: Room) {
        call.tell_text(&version, length, call.scenario().nvml_version.as_deref())
    }

    system fn nvmlSystemGetCudaDriverVersion(call; version: Out<c_int>) { cuda_version(call, version) }

    system fn nvmlSystemGetCudaDriverVersion_v2(call; version: Out<c_int>) { cuda_version(call, version) }

    system fn nvmlDeviceGetCount(call; number: Out<c_uint>) { count(call, number) }

    system fn nvmlDeviceGetCount_v2(call; number: Out<c_uint>) { count(call, number) }
}
