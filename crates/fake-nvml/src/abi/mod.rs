//! Exported functions, by subject. Each body is a few lines, because [`crate::call`] does the common part: counting,
//! the checks of state, pointers and handle, the scenario's faults and answers, and catching panics.
//!
//! The build script reads the names of the functions from this folder: each is written once, after `fn`.

#![allow(non_snake_case, reason = "NVML chose the names")]

mod device;
mod event;
mod field;
mod gpm;
mod health;
mod link;
mod lookup;
mod memory;
mod mig;
mod plain;
mod power;
mod process;
mod system;
mod thermal;
mod utilization;

/// Exports functions in one of four forms: `system` concerns no GPU, `lookup` finds one, `gpu` takes the handle of a
/// GPU, `device` that of a GPU or a MIG instance.
macro_rules! export {
    ($($form:ident fn $name:ident($call:ident $(, $target:ident)? $(; $($argument:ident: $type:ty),*)?) $body:block)*) => {
        $($crate::abi::export!(@$form $name, $call, ($($target)?), ($($($argument: $type),*)?), $body);)*
    };
    (@system $name:ident, $call:ident, (), ($($argument:ident: $type:ty),*), $body:block) => {
        #[unsafe(no_mangle)]
        extern "C" fn $name($($argument: $type),*) -> u32 {
            $crate::call::on_system($crate::function::Function::$name, &[$(&$argument),*], |$call| $body)
        }
    };
    (@lookup $name:ident, $call:ident, (), ($($argument:ident: $type:ty),*), $body:block) => {
        #[unsafe(no_mangle)]
        extern "C" fn $name($($argument: $type),*) -> u32 {
            $crate::call::on_lookup($crate::function::Function::$name, &[$(&$argument),*], |$call| $body)
        }
    };
    (@gpu $name:ident, $call:ident, ($target:ident), ($($argument:ident: $type:ty),*), $body:block) => {
        #[unsafe(no_mangle)]
        extern "C" fn $name(device: $crate::handle::Device, $($argument: $type),*) -> u32 {
            $crate::call::on_gpu($crate::function::Function::$name, device, &[$(&$argument),*], |$call, $target| $body)
        }
    };
    (@device $name:ident, $call:ident, ($target:ident), ($($argument:ident: $type:ty),*), $body:block) => {
        #[unsafe(no_mangle)]
        extern "C" fn $name(device: $crate::handle::Device, $($argument: $type),*) -> u32 {
            $crate::call::on_device($crate::function::Function::$name, device, &[$(&$argument),*], |$call, $target| $body)
        }
    };
}
pub(crate) use export;
