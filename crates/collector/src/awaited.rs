//! Wait for a kernel module, once the library has found none: each initialization without a module costs as much as
//! reading eight GPUs, creates a device file as root, and starts a setuid program as another user, which would undo
//! `modprobe -r`.

use std::{
    io::Write,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use telemetry::{
    frame::FrameError,
    sample::{Driver, LibraryFile},
};

use crate::{assemble::Assembler, nvml::file_identity};

/// Shortest interval between two checks, so that a frame comes in time for any interval between readings.
const SHORTEST: Duration = Duration::from_millis(700);
/// Longest interval between two checks: a driver is read within five seconds.
const LONGEST: Duration = Duration::from_millis(1250);

/// Signs of a driver that the library could use.
pub(crate) struct DriverWait {
    library: LibraryFile,
    signs: [PathBuf; 4],
}

impl DriverWait {
    pub(crate) fn new(library: LibraryFile, proc_root: &Path, sys_root: &Path) -> Self {
        let signs = [
            sys_root.join("module/nvidia"),
            proc_root.join("driver/nvidia/version"),
            // The Tegra module, and the device of WSL.
            sys_root.join("module/nvgpu"),
            "/dev/dxg".into(),
        ];
        Self { library, signs }
    }

    /// Checks whether there is a driver, or another library.
    fn is_over(&self) -> bool {
        self.signs.iter().any(|sign| sign.exists())
            || file_identity(self.library.path.as_ref()) != self.library.identity
    }

    /// Waits for a driver, and reports that in frames.
    pub(crate) fn wait<W: Write>(&self, assembler: &mut Assembler<W>) -> Result<(), FrameError> {
        // A frame as often as the parent publishes, so that it needs no timeout, and no heartbeats in between.
        let pause = (assembler.interval * 5 / 4).clamp(SHORTEST, LONGEST);
        assembler.host.without_driver(true);
        while !self.is_over() {
            assembler.write(Driver::Awaiting)?;
            thread::sleep(pause);
        }
        assembler.host.without_driver(false);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::nvml::library_file;

    #[test]
    fn driver_wait_ends_with_module_or_other_library() {
        for sign in ["sys/module/nvidia", "sys/module/nvgpu", "proc/driver/nvidia/version", "library"] {
            let root = tempfile::tempdir().unwrap();
            let path = root.path().join("library");
            fs::write(&path, "one").unwrap();
            let wait = DriverWait::new(library_file(&path, None), &root.path().join("proc"), &root.path().join("sys"));
            assert!(!wait.is_over());
            let sign = root.path().join(sign);
            fs::create_dir_all(sign.parent().unwrap()).unwrap();
            fs::write(&sign, "another").unwrap();
            assert!(wait.is_over(), "{}", sign.display());
        }
    }

    #[test]
    fn library_that_starts_modprobe_needs_module() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("library");
        fs::write(&path, "a library").unwrap();
        assert!(!library_file(&path, None).needs_module);
        fs::write(&path, "\0/usr/bin/nvidia-modprobe\0").unwrap();
        let found = library_file(&path, None);
        assert!(found.needs_module);
        let seen = LibraryFile { needs_module: false, ..found };
        assert_eq!(library_file(&path, Some(&seen)), seen, "a known file is not read again");
        fs::write(&path, "nvidia-modprobe, another").unwrap();
        assert!(library_file(&path, Some(&seen)).needs_module);
    }
}
