//! Driver library: search, loading, and the functions about the driver as a whole.

use std::{
    ffi::{CStr, c_char},
    path::{Path, PathBuf},
};

use nvml_wrapper_sys::bindings::NvmlLib;
use telemetry::{Absence, Reading, sample::Failure};

use crate::{call_table::CallSlot, nvml::Code};

/// Paths at which the library is searched, in this order. A bare name is resolved by the dynamic loader.
const CANDIDATES: [&str; 8] = [
    "libnvidia-ml.so.1",
    "/usr/lib/wsl/lib/libnvidia-ml.so.1",
    "/run/opengl-driver/lib/libnvidia-ml.so.1",
    "/usr/lib64/libnvidia-ml.so.1",
    "/run/nvidia/driver/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1",
    "/run/nvidia/driver/usr/lib/aarch64-linux-gnu/libnvidia-ml.so.1",
    "/run/nvidia/driver/usr/lib64/libnvidia-ml.so.1",
    "libnvidia-ml.so",
];

/// Longest version string with its NUL (`NVML_SYSTEM_NVML_VERSION_BUFFER_SIZE`).
const VERSION_BYTES: usize = 80;

/// GPUs that are counted at most; no host has as many.
const MAX_GPUS: u32 = 1024;

/// Loaded library. It is never unloaded, since a call that hangs may still be in it.
#[derive(Clone, Copy)]
pub(crate) struct Library(&'static Loaded);

struct Loaded {
    functions: NvmlLib,
    /// Path by which it was loaded.
    path: PathBuf,
}

/// Loads the library from the path given, or from the first of [`CANDIDATES`] that loads.
///
/// A given path is the only one that is tried, since another library would hide the mistake.
pub(crate) fn find(given: Option<&Path>, slot: &CallSlot) -> Result<Library, Failure> {
    let candidates: Vec<PathBuf> = match given {
        Some(path) => vec![path.to_path_buf()],
        None => CANDIDATES.iter().map(PathBuf::from).collect(),
    };
    let mut first_reason = None;
    for path in &candidates {
        if path.components().count() > 1
            && let Ok(found) = path.metadata()
            && !found.is_file()
        {
            // The loader would wait for the writer of a FIFO.
            first_reason = first_reason.or_else(|| Some(format!("{} is no regular file", path.display())));
            continue;
        }
        // SAFETY: loading runs the library's initialisers. If they misbehave, only this process is affected.
        match slot.note("dlopen", || unsafe { NvmlLib::new(path) }) {
            Ok(functions) => {
                tracing::debug!(path = %path.display(), "loaded the driver library");
                return Ok(Library(Box::leak(Box::new(Loaded { functions, path: path.clone() }))));
            }
            Err(error) => first_reason = first_reason.or_else(|| Some(error.to_string())),
        }
    }
    Err(Failure {
        function: "dlopen".into(),
        code: Code::LIBRARY_NOT_FOUND.0,
        text: Code::LIBRARY_NOT_FOUND.text().unwrap_or_default().into(),
        hint: Some(without_library(given, first_reason)),
    })
}

/// The loader's reason, and what to do about it.
fn without_library(given: Option<&Path>, reason: Option<String>) -> String {
    let reason = reason.map(|reason| format!("{reason}; ")).unwrap_or_default();
    match given {
        Some(_) => format!("{reason}check --nvml-library (NVSMI_NVML_LIBRARY): only this file is tried"),
        None => format!(
            "{reason}does nvidia-smi work here? If not, install the NVIDIA driver, or start the container with its GPUs (Docker: \
             --gpus all, Kubernetes: runtimeClassName nvidia). If so, name its libnvidia-ml.so.1 with --nvml-library"
        ),
    }
}

/// Calls an optional symbol through a call slot, counts its duration, and returns its code as a `Result<(), Code>`.
macro_rules! call {
    ($library:expr, $slot:expr, $function:ident ( $($argument:expr),* $(,)? )) => {
        match $library.raw().$function.as_ref() {
            Ok(function) => {
                static METER: $crate::meter::Meter = $crate::meter::Meter::new(stringify!($function));
                let code = $slot.call(stringify!($function), ($($argument,)*), |arguments| {
                    METER.time(|| {
                        // SAFETY: the symbol has the signature that the header gives it; pointers are to live, writable
                        // values of the types that it names, and a device handle is one that the library gave.
                        unsafe { $crate::nvml::Callable::call(*function, arguments) }
                    })
                });
                if code == 0 { Ok(()) } else { Err($crate::nvml::Code(code)) }
            }
            Err(_) => {
                $slot.lacks(stringify!($function));
                Err($crate::nvml::Code::FUNCTION_NOT_FOUND)
            }
        }
    };
}
pub(crate) use call;

/// Calls a function about a device, whose handle is the first argument, unless that call is known to be unsupported
/// ([`Support`](crate::nvml::support::Support)).
///
/// A function whose other arguments decide whether it is supported gets a site for each of their values.
macro_rules! ask {
    ($device:expr, $function:ident ( $($argument:expr),* $(,)? )) => {{
        static SITE: $crate::nvml::CallSite = $crate::nvml::CallSite::new();
        $crate::nvml::library::ask!($device, &SITE, $function($($argument),*))
    }};
    ($device:expr, $site:expr, $function:ident ( $($argument:expr),* $(,)? )) => {{
        let device = $device;
        device.support.call($site, || {
            $crate::nvml::library::call!(device.library, device.slot, $function(device.handle, $($argument),*))
        })
    }};
}
pub(crate) use ask;

/// Reads the number that a function about a device writes as its last argument.
macro_rules! number {
    ($device:expr, $function:ident ( $($argument:expr),* )) => {{
        let mut value = 0;
        let result = $crate::nvml::library::ask!($device, $function($($argument,)* &raw mut value));
        $device.reading(result).map(|()| value)
    }};
}
pub(crate) use number;

/// Converts a number that is 0 or 1. Any other is garbage, such as all ones in place of an answer.
pub(crate) const fn as_flag(number: u32) -> Reading<bool> {
    match number {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Absence::Error),
    }
}

/// Reads the flag that a function about a device writes.
macro_rules! flag {
    ($device:expr, $function:ident ()) => {
        $crate::nvml::number!($device, $function()).and_then($crate::nvml::as_flag)
    };
}
pub(crate) use flag;

/// Reads the first of two numbers that a function about a device writes: a value with its sampling period, or a current
/// mode with the pending one.
macro_rules! first_of_two {
    ($device:expr, $function:ident ()) => {{
        let (mut value, mut second) = (0, 0);
        let result = $crate::nvml::library::ask!($device, $function(&raw mut value, &raw mut second));
        $device.reading(result).map(|()| value)
    }};
}
pub(crate) use first_of_two;

impl Library {
    pub(crate) fn raw(&self) -> &'static NvmlLib {
        &self.0.functions
    }

    /// Initialises the library: `nvmlInit_v2`.
    pub(crate) fn init(&self, slot: &CallSlot) -> Result<(), Code> {
        call!(self, slot, nvmlInit_v2())
    }

    /// Shuts the library down: `nvmlShutdown`. No call may be in flight, since this frees memory that it uses.
    pub(crate) fn shutdown(&self, slot: &CallSlot) -> Result<(), Code> {
        call!(self, slot, nvmlShutdown())
    }

    /// Number of GPUs, including those whose handle is refused: `nvmlDeviceGetCount_v2`. An absurd number is an error,
    /// since each GPU gets a thread.
    pub(crate) fn count(&self, slot: &CallSlot) -> Result<u32, Code> {
        let mut count = 0;
        call!(self, slot, nvmlDeviceGetCount_v2(&raw mut count))?;
        if count > MAX_GPUS { Err(Code::UNKNOWN) } else { Ok(count) }
    }

    /// Driver version: `nvmlSystemGetDriverVersion`.
    pub(crate) fn driver_version(&self, slot: &CallSlot) -> Reading<String> {
        text::<VERSION_BYTES>(|buffer, length| call!(self, slot, nvmlSystemGetDriverVersion(buffer, length)))
    }

    /// NVML version: `nvmlSystemGetNVMLVersion`.
    pub(crate) fn nvml_version(&self, slot: &CallSlot) -> Reading<String> {
        text::<VERSION_BYTES>(|buffer, length| call!(self, slot, nvmlSystemGetNVMLVersion(buffer, length)))
    }

    /// CUDA version, 1000 × major + 10 × minor: `nvmlSystemGetCudaDriverVersion_v2`.
    pub(crate) fn cuda_version(&self, slot: &CallSlot) -> Reading<i32> {
        let mut version = 0;
        call!(self, slot, nvmlSystemGetCudaDriverVersion_v2(&raw mut version)).map_err(Code::absence)?;
        if (1000..=1_000_000).contains(&version) { Ok(version) } else { Err(Absence::Error) }
    }

    /// Creates the failure of a function, with the driver's text.
    pub(crate) fn failure(&self, function: &str, code: Code, slot: &CallSlot) -> Failure {
        let text = match code.text() {
            Some(text) => text.to_owned(),
            None => self.error_string(code, slot).unwrap_or_else(|| format!("Error {}", code.0)),
        };
        let hint = match code {
            Code::FUNCTION_NOT_FOUND => Some(self.lacks(function)),
            _ => code.hint().map(Into::into),
        };
        Failure { function: function.into(), code: code.0, text, hint }
    }

    /// Names a function that the library does not have, and its file.
    fn lacks(&self, function: &str) -> String {
        format!(
            "{} has no function {function}: it is not NVIDIA's libnvidia-ml.so.1, or older than driver 390; \
             reinstall the driver's libraries, or correct --nvml-library",
            self.0.path.display()
        )
    }

    fn error_string(&self, code: Code, slot: &CallSlot) -> Option<String> {
        let function = self.raw().nvmlErrorString.as_ref().ok()?;
        // SAFETY: it accepts any number, and returns a string that lives as long as the library.
        let text = slot.note("nvmlErrorString", || unsafe { function(code.0) });
        if text.is_null() {
            return None;
        }
        // SAFETY: not null, and NUL-terminated according to the header.
        Some(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
    }
}

/// Reads a string of at most `N` bytes including its NUL. Invalid UTF-8 becomes U+FFFD; a missing NUL is tolerated.
pub(super) fn text<const N: usize>(read: impl FnOnce(*mut c_char, u32) -> Result<(), Code>) -> Reading<String> {
    let mut buffer = [0_u8; N];
    read(buffer.as_mut_ptr().cast(), u32::try_from(N).unwrap_or(u32::MAX)).map_err(Code::absence)?;
    Ok(until_nul(&buffer))
}

/// Returns the text before the first NUL.
pub(super) fn until_nul(bytes: &[u8]) -> String {
    let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn library_missing_hint_names_containers() {
        let hint = without_library(None, Some("libnvidia-ml.so.1: cannot open shared object file".into()));
        let parts = ["libnvidia-ml.so.1: cannot", "nvidia-smi", "--gpus all", "runtimeClassName", "--nvml-library"];
        assert!(parts.iter().all(|part| hint.contains(part)), "{hint}");
    }
}
