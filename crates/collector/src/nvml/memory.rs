//! Memory of a GPU, from the first of three sources that has it.

use nvml_wrapper_sys::bindings::{nvmlMemory_t, nvmlMemory_v2_t};
use telemetry::{Absence, Reading, sample::Memory};

use crate::nvml::{Code, Device, device::version_word, library::ask};

/// Words in the names of GPUs that are a part of the processor and have no memory of their own.
const INTEGRATED: [&str; 7] = ["GB10", "THOR", "ORIN", "XAVIER", "TEGRA", "JETSON", "NVGPU"];

/// True for the name of a GPU that shares the host's memory.
pub(crate) fn is_integrated(name: &Reading<String>) -> bool {
    let words = |name: &String| {
        let mut words = name.split(|letter: char| !letter.is_ascii_alphanumeric());
        words.any(|word| INTEGRATED.iter().any(|integrated| word.eq_ignore_ascii_case(integrated)))
    };
    name.as_ref().is_ok_and(words)
}

impl Device<'_> {
    /// Memory: `nvmlDeviceGetMemoryInfo_v2`, whose `used` excludes reserved memory; `nvmlDeviceGetMemoryInfo` if that
    /// is missing or fails (WSL). An integrated GPU whose driver reports none has the host's; no other GPU has, since a
    /// MIG parent, a virtual GPU or one that is failing may report none either.
    ///
    /// `host` reads the host's total and available bytes if the GPU is integrated, and is none otherwise.
    pub(crate) fn memory(&self, host: Option<&dyn Fn() -> Reading<(u64, u64)>>) -> Reading<Memory> {
        let memory = match self.memory_v2() {
            Err(code) if code != Code::GPU_IS_LOST => {
                self.memory_v1().map_err(|other| if other == Code::FUNCTION_NOT_FOUND { code } else { other })
            }
            result => result,
        };
        match (memory, host) {
            // Some drivers for integrated GPUs report the host's memory themselves.
            (Ok(memory), host) if memory.total_bytes > 0 => Ok(Memory { unified: host.is_some(), ..memory }),
            (Ok(_), None) => Err(Absence::Error),
            (Ok(_), Some(host)) => unified(host()),
            (Err(code), Some(host)) if code.absence() == Absence::NotSupported => unified(host()),
            (Err(code), _) => {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpu_integrated_by_words_of_its_name() {
        let is = |name: &str| is_integrated(&Ok(name.into()));
        for name in ["NVIDIA GB10", "NVIDIA Thor", "Orin (nvgpu)", "NVIDIA Tegra X1", "Tegra Orin (nvgpu)/integrated"] {
            assert!(is(name), "{name}");
        }
        for name in ["NVIDIA GB100", "NVIDIA GB200", "NVIDIA H200", "NVIDIA Graphics Device", "Thorium", ""] {
            assert!(!is(name), "{name}");
        }
        assert!(!is_integrated(&Err(Absence::Error)));
    }
}
