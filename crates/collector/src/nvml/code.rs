//! NVML's return codes: the absence of a reading that each means, and the original agent's texts for them.

use telemetry::Absence;

/// Return code. Success occurs only in structures that the library writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code(pub(crate) u32);

impl Code {
    pub(crate) const SUCCESS: Self = Self(0);
    pub(crate) const UNINITIALIZED: Self = Self(1);
    pub(crate) const INVALID_ARGUMENT: Self = Self(2);
    pub(crate) const NOT_SUPPORTED: Self = Self(3);
    pub(crate) const NO_PERMISSION: Self = Self(4);
    pub(crate) const NOT_FOUND: Self = Self(6);
    pub(crate) const INSUFFICIENT_SIZE: Self = Self(7);
    pub(crate) const DRIVER_NOT_LOADED: Self = Self(9);
    pub(crate) const TIMEOUT: Self = Self(10);
    pub(crate) const LIBRARY_NOT_FOUND: Self = Self(12);
    pub(crate) const FUNCTION_NOT_FOUND: Self = Self(13);
    pub(crate) const GPU_IS_LOST: Self = Self(15);
    pub(crate) const RESET_REQUIRED: Self = Self(16);
    pub(crate) const VERSION_MISMATCH: Self = Self(18);
    pub(crate) const NO_DATA: Self = Self(21);
    /// Not supported by a virtual GPU while ECC is enabled.
    pub(crate) const VGPU_ECC_NOT_SUPPORTED: Self = Self(22);
    /// The GPU has no such clock.
    pub(crate) const FREQ_NOT_SUPPORTED: Self = Self(24);
    pub(crate) const ARGUMENT_VERSION_MISMATCH: Self = Self(25);
    pub(crate) const DEPRECATED: Self = Self(26);
    pub(crate) const UNKNOWN: Self = Self(999);

    /// Returns the reason of absence of the value that was to be read.
    pub(crate) const fn absence(self) -> Absence {
        match self {
            Self::NOT_SUPPORTED
            | Self::FUNCTION_NOT_FOUND
            | Self::NO_DATA
            | Self::VGPU_ECC_NOT_SUPPORTED
            | Self::FREQ_NOT_SUPPORTED
            | Self::ARGUMENT_VERSION_MISMATCH
            | Self::DEPRECATED => Absence::NotSupported,
            Self::NO_PERMISSION => Absence::Denied,
            Self::GPU_IS_LOST => Absence::Lost,
            Self::TIMEOUT => Absence::Timeout,
            _ => Absence::Error,
        }
    }

    /// Returns whether the device's handle may be stale, as after a reset.
    pub(crate) const fn makes_handle_stale(self) -> bool {
        matches!(self, Self::GPU_IS_LOST | Self::UNKNOWN) || self.means_driver_gone()
    }

    /// Returns whether the code means that this process has lost the driver, for every GPU. Only a new process can load
    /// it again.
    pub(crate) const fn means_driver_gone(self) -> bool {
        matches!(self, Self::UNINITIALIZED | Self::DRIVER_NOT_LOADED | Self::VERSION_MISMATCH)
    }

    /// Returns the text that the original agent's clients expect. Its Python binding has a table of its own, which
    /// takes precedence over `nvmlErrorString`; none for a code outside of it.
    pub(crate) const fn text(self) -> Option<&'static str> {
        Some(match self.0 {
            1 => "Uninitialized",
            2 => "Invalid Argument",
            3 => "Not Supported",
            4 => "Insufficient Permissions",
            5 => "Already Initialized",
            6 => "Not Found",
            7 => "Insufficient Size",
            8 => "Insufficient External Power",
            9 => "Driver Not Loaded",
            10 => "Timeout",
            11 => "Interrupt Request Issue",
            12 => "NVML Shared Library Not Found",
            13 => "Function Not Found",
            14 => "Corrupted infoROM",
            15 => "GPU is lost",
            16 => "GPU requires restart",
            17 => "The operating system has blocked the request.",
            18 => "RM has detected an NVML/RM version mismatch.",
            20 => "Insufficient Memory",
            999 => "Unknown Error",
            _ => return None,
        })
    }

    /// Returns advice for the administrator.
    pub(crate) const fn hint(self) -> Option<&'static str> {
        match self {
            Self::VERSION_MISMATCH => Some(
                "Driver/library version mismatch: the driver was upgraded and its kernel module was not; reload the module \
                 or reboot (compare /proc/driver/nvidia/version)",
            ),
            Self::UNKNOWN => Some(
                "in a container this is what is left after the host reloaded its service manager: \
                 the container lost its devices and must be created again",
            ),
            Self::NO_PERMISSION => Some(
                "this account may not open /dev/nvidiactl: add it to the group that owns the file, or in a container pass the \
                 GPUs with the container engine (--gpus all) and not as single devices",
            ),
            Self::DRIVER_NOT_LOADED => Some(
                "the kernel module is not loaded: run nvidia-smi, which loads it; if that fails too, `modprobe nvidia` and dmesg \
                 show the reason",
            ),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn return_code_maps_to_absence() {
        for (code, absence) in [
            (3, Absence::NotSupported),
            (13, Absence::NotSupported),
            (22, Absence::NotSupported),
            (24, Absence::NotSupported),
            (25, Absence::NotSupported),
            (4, Absence::Denied),
            (15, Absence::Lost),
            (10, Absence::Timeout),
            (2, Absence::Error),
            (999, Absence::Error),
            (12345, Absence::Error),
        ] {
            assert_eq!(Code(code).absence(), absence, "{code}");
        }
    }
}
