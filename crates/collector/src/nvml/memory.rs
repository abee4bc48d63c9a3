//! Memory of a GPU, from the first of three sources that has it.

use nvml_wrapper_sys::bindings::{nvmlMemory_t, nvmlMemory_v2_t};
use telemetry::{Absence, Reading, sample::Memory};

use crate::nvml::{Code, Device, device::version_word, library::ask};

impl Device<'_> {
    /// Memory: `nvmlDeviceGetMemoryInfo_v2`, whose `used` excludes reserved memory; `nvmlDeviceGetMemoryInfo` if that is
    /// missing or fails (WSL); the host's memory if the GPU has none of its own.
    ///
    /// `host` reads the host's total and available bytes.
    pub(crate) fn memory(&self, host: impl FnOnce() -> Reading<(u64, u64)>) -> Reading<Memory> {
        let memory = match self.memory_v2() {
            Err(code) if code != Code::GPU_IS_LOST => {
                self.memory_v1().map_err(|other| if other == Code::FUNCTION_NOT_FOUND { code } else { other })
            }
            result => result,
        };
        match memory {
            Ok(memory) if memory.total_bytes > 0 => Ok(memory),
            Ok(_) => unified(host()),
            Err(code) if code.absence() == Absence::NotSupported => unified(host()),
            Err(code) => {
                self.reading(Err(code))?;
                Err(code.absence())
            }
        }
    }

    fn memory_v2(&self) -> Result<Memory, Code> {
        let mut info =
            nvmlMemory_v2_t { version: version_word::<nvmlMemory_v2_t>(2), total: 0, reserved: 0, free: 0, used: 0 };
        ask!(self, nvmlDeviceGetMemoryInfo_v2(&raw mut info))?;
        Ok(Memory {
            total_bytes: info.total,
            used_bytes: Ok(info.used),
            free_bytes: Ok(info.free),
            reserved_bytes: Ok(info.reserved),
            unified: false,
        })
    }

    pub(super) fn memory_v1(&self) -> Result<Memory, Code> {
        let mut info = nvmlMemory_t { total: 0, free: 0, used: 0 };
        ask!(self, nvmlDeviceGetMemoryInfo(&raw mut info))?;
        Ok(Memory {
            total_bytes: info.total,
            used_bytes: Ok(info.used),
            free_bytes: Ok(info.free),
            reserved_bytes: Err(Absence::NotSupported),
            unified: false,
        })
    }
}

/// Memory of the host as the GPU's: available is free, the rest is used.
fn unified(host: Reading<(u64, u64)>) -> Reading<Memory> {
    let (total_bytes, free_bytes) = host?;
    Ok(Memory {
        total_bytes,
        used_bytes: Ok(total_bytes.saturating_sub(free_bytes)),
        free_bytes: Ok(free_bytes),
        reserved_bytes: Err(Absence::NotSupported),
        unified: true,
    })
}
