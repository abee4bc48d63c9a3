//! Detection of a newly installed driver, by its files.

use std::{
    ffi::{CStr, OsStr, c_void},
    fs,
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::{Path, PathBuf},
};

use nix::libc;
use telemetry::sample::{FileIdentity, LibraryFile};

use crate::nvml::Library;

/// Identity of the library's file, and version of the kernel module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Installed {
    /// Device, inode, size and time of change; none without the file.
    library: Option<FileIdentity>,
    /// `/proc/driver/nvidia/version`; none if the module is not loaded or not visible.
    module: Option<Vec<u8>>,
}

/// Program that NVIDIA's library for discrete GPUs starts to load the kernel module.
const MODPROBE: &[u8] = b"nvidia-modprobe";

/// Reads the identity of a file; none without one.
pub(crate) fn file_identity(path: &Path) -> Option<FileIdentity> {
    let file = fs::metadata(path).ok()?;
    Some((file.dev(), file.ino(), file.size(), file.mtime(), file.mtime_nsec()))
}

/// Describes the library's file after a failed initialization. `seen` is what an earlier collector found: the file is
/// read once.
pub(crate) fn library_file(path: &Path, seen: Option<&LibraryFile>) -> LibraryFile {
    let identity = file_identity(path);
    let known = seen.filter(|seen| seen.path == path && seen.identity == identity && identity.is_some());
    known.cloned().unwrap_or_else(|| {
        let content = fs::read(path).unwrap_or_default();
        let needs_module = content.windows(MODPROBE.len()).any(|part| part == MODPROBE);
        LibraryFile { path: path.into(), identity, needs_module }
    })
}

impl Installed {
    /// Reads the current state of the files.
    pub(crate) fn look(library: &Path, proc_root: &Path) -> Self {
        Self { library: file_identity(library), module: fs::read(proc_root.join("driver/nvidia/version")).ok() }
    }

    /// Returns the part that has changed in a later state. A file that has vanished does not count: the loaded driver
    /// still works.
    pub(crate) fn outdated_by(&self, now: &Self) -> Option<&'static str> {
        if now.library.is_some() && now.library != self.library {
            return Some("the driver library's file was replaced");
        }
        if now.module.is_some() && now.module != self.module {
            return Some("the kernel module was replaced");
        }
        None
    }
}

impl Library {
    /// Path of the loaded library, with symbolic links.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        let function = *self.raw().nvmlInit_v2.as_ref().ok()?;
        let mut info = libc::Dl_info {
            dli_fname: std::ptr::null(),
            dli_fbase: std::ptr::null_mut(),
            dli_sname: std::ptr::null(),
            dli_saddr: std::ptr::null_mut(),
        };
        // SAFETY: any address is valid input, and the result is written into a live value.
        let found = unsafe { libc::dladdr(function as *const c_void, &raw mut info) };
        if found == 0 || info.dli_fname.is_null() {
            return None;
        }
        // SAFETY: not null, NUL-terminated, and kept by the loader for as long as the library is loaded.
        let name = unsafe { CStr::from_ptr(info.dli_fname) };
        Some(PathBuf::from(OsStr::from_bytes(name.to_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn library_replaced_is_newer_removed_is_not() {
        let root = tempfile::tempdir().unwrap();
        let library = root.path().join("library");
        let look = || Installed::look(&library, root.path());
        fs::write(&library, "one").unwrap();
        let first = look();
        assert_eq!(first.outdated_by(&look()), None);
        fs::write(root.path().join("staged"), "two").unwrap();
        fs::rename(root.path().join("staged"), &library).unwrap();
        assert!(first.outdated_by(&look()).unwrap().contains("library"));
        fs::remove_file(&library).unwrap();
        assert_eq!(first.outdated_by(&look()), None);
    }

    #[test]
    fn module_of_other_version_is_newer() {
        let root = tempfile::tempdir().unwrap();
        let version = root.path().join("driver/nvidia/version");
        fs::create_dir_all(version.parent().unwrap()).unwrap();
        let look = || Installed::look(&root.path().join("library"), root.path());
        fs::write(&version, "580.1").unwrap();
        let first = look();
        fs::write(&version, "580.2").unwrap();
        assert!(first.outdated_by(&look()).unwrap().contains("module"));
        fs::remove_file(&version).unwrap();
        assert_eq!(first.outdated_by(&look()), None);
    }
}
