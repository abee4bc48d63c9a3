//! The exported functions, by what they are about. Each is a few lines, since what they have in common is done around
//! them: counting, the checks of state and pointers, the handle, the scenario's faults, and catching panics.

#![allow(non_snake_case, reason = "the names of the ABI are not ours")]

mod device;
mod event;
mod field;
mod functions;
mod gpm;
mod health;
mod link;
mod lookup;
mod memory;
mod mig;
mod power;
mod process;
mod system;
mod thermal;
mod utilization;

pub(crate) use functions::Function;

/// Exports functions in one of four forms:
/// `system` concerns no GPU, `lookup` finds one, `gpu` takes a GPU's handle, `device` also a MIG instance's.
macro_rules! export {
    ($($form:ident fn $name:ident($call:ident $(, $target:ident)? $(; $($argument:ident: $type:ty),*)?) $body:block)*) => {
        $($crate::abi::export!(@$form $name, $call, ($($target)?), ($($($argument: $type),*)?), $body);)*
    };
    (@system $name:ident, $call:ident, (), ($($argument:ident: $type:ty),*), $body:block) => {
        #[unsafe(no_mangle)]
        extern "C" fn $name($($argument: $type),*) -> u32 {
            $crate::call::on_system($crate::abi::Function::$name, &[$(&$argument),*], |$call| $body)
        }
    };
    (@lookup $name:ident, $call:ident, (), ($($argument:ident: $type:ty),*), $body:block) => {
        #[unsafe(no_mangle)]
        extern "C" fn $name($($argument: $type),*) -> u32 {
            $crate::call::on_lookup($crate::abi::Function::$name, &[$(&$argument),*], |$call| $body)
        }
    };
    (@gpu $name:ident, $call:ident, ($target:ident), ($($argument:ident: $type:ty),*), $body:block) => {
        #[unsafe(no_mangle)]
        extern "C" fn $name(device: $crate::handle::Device, $($argument: $type),*) -> u32 {
            $crate::call::on_gpu($crate::abi::Function::$name, device, &[$(&$argument),*], |$call, $target| $body)
        }
    };
    (@device $name:ident, $call:ident, ($target:ident), ($($argument:ident: $type:ty),*), $body:block) => {
        #[unsafe(no_mangle)]
        extern "C" fn $name(device: $crate::handle::Device, $($argument: $type),*) -> u32 {
            $crate::call::on_device($crate::abi::Function::$name, device, &[$(&$argument),*], |$call, $target| $body)
        }
    };
}
pub(crate) use export;
