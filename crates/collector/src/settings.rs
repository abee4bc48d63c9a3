//! Settings of the collector process, which its parent writes to the process's standard input as the first frame.

use std::{io, os::fd::RawFd, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use telemetry::{
    frame::{self, FrameError},
    sample::LibraryFile,
};

/// Settings of a process that loads the driver library: the collector, or the child of a capture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Time between two readings.
    pub interval: Duration,
    /// Path of the driver library; none to search for `libnvidia-ml.so.1`.
    #[serde(with = "optional_path")]
    pub library: Option<PathBuf>,
    /// Resolve PIDs although this is not the host's PID namespace.
    pub resolve_pids: bool,
    /// Root of `/proc`.
    #[serde(with = "path")]
    pub proc_root: PathBuf,
    /// Docker's or Podman's socket, for container names; none to show container ids.
    #[serde(with = "optional_path")]
    pub container_socket: Option<PathBuf>,
    /// The kubelet's pod resources socket; none to report no pods.
    #[serde(with = "optional_path")]
    pub kubelet_socket: Option<PathBuf>,
    /// Time between two requests to the kubelet.
    pub kubelet_period: Duration,
    /// Name of the host; none for the kernel's.
    pub hostname: Option<String>,
    /// Folder in which the scheduler writes the jobs of each GPU.
    #[serde(with = "optional_path")]
    pub job_dir: Option<PathBuf>,
    /// Runtime directory, which has the lock that keeps out a second collector.
    #[serde(with = "optional_path")]
    pub runtime_directory: Option<PathBuf>,
    /// Descriptor of the lock's file, which the parent has opened; none without a runtime directory.
    pub lock: Option<RawFd>,
    /// Suspend the GPUs after this long without a process on any of them; never if none.
    pub sleep_after: Option<Duration>,
    /// Root of sysfs.
    #[serde(with = "path")]
    pub sys_root: PathBuf,
    /// Log level.
    #[serde(with = "level")]
    pub log: tracing::Level,
    /// Log lines begin with the time.
    pub log_time: bool,
    /// Descriptor of the call table that the parent shares ([`telemetry::call_table`]).
    pub call_table: Option<RawFd>,
    /// GPUs that are not read for now.
    pub excluded: Vec<ExcludedGpu>,
    /// The library's file, as an earlier collector of this run found it.
    pub library_seen: Option<LibraryFile>,
    /// Wait for a kernel module before the library is loaded, since an earlier collector found none.
    pub await_driver: bool,
    /// PCI bus ids of suspended GPUs: the library is loaded once another program wakes one.
    pub suspended: Vec<String>,
}

/// A GPU that is not read for now, because the library crashed in calls for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExcludedGpu {
    /// NVML index.
    pub gpu: u32,
    /// Time after which it is read again.
    pub retry_after: Duration,
}

impl Default for Settings {
    /// The defaults of the command line.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            library: None,
            resolve_pids: false,
            proc_root: "/proc".into(),
            container_socket: None,
            kubelet_socket: None,
            kubelet_period: Duration::from_secs(10),
            hostname: None,
            job_dir: None,
            runtime_directory: None,
            lock: None,
            sleep_after: Some(Duration::from_secs(60)),
            sys_root: "/sys".into(),
            log: tracing::Level::INFO,
            log_time: true,
            call_table: None,
            excluded: Vec::new(),
            library_seen: None,
            await_driver: false,
            suspended: Vec::new(),
        }
    }
}

impl Settings {
    /// Writes them to a child's standard input. It stays open after that: the child leaves when it closes.
    ///
    /// # Errors
    /// The pipe is closed.
    pub fn write(&self, to: &mut impl io::Write) -> Result<(), FrameError> {
        frame::write_settings(to, self)
    }

    /// Reads them; none if the stream ends before them.
    ///
    /// # Errors
    /// The stream does not begin with the settings of this version.
    pub fn read(from: &mut impl io::Read) -> Result<Option<Self>, FrameError> {
        frame::read_settings(from)
    }
}

/// Paths as the bytes that they are: serde's own form of a path must be UTF-8.
mod path {
    use std::{
        ffi::OsString,
        path::{Path, PathBuf},
    };

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(super) fn serialize<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
        path.as_os_str().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
        OsString::deserialize(from).map(PathBuf::from)
    }
}

mod optional_path {
    use std::{ffi::OsString, path::PathBuf};

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    #[allow(clippy::ref_option, reason = "the signature that serde calls")]
    pub(super) fn serialize<S: Serializer>(path: &Option<PathBuf>, to: S) -> Result<S::Ok, S::Error> {
        path.as_ref().map(|path| path.as_os_str()).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
        Ok(Option::<OsString>::deserialize(from)?.map(PathBuf::from))
    }
}

mod level {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};
    use tracing::Level;

    pub(super) fn serialize<S: Serializer>(level: &Level, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(level.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Level, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsString, os::unix::ffi::OsStringExt as _};

    use super::*;

    #[test]
    fn settings_arrive_as_written() {
        let settings = Settings {
            library: Some(OsString::from_vec(vec![b'/', 0xff]).into()),
            log: tracing::Level::DEBUG,
            excluded: vec![ExcludedGpu { gpu: 3, retry_after: Duration::from_millis(1) }],
            suspended: vec!["00000000:01:00.0".into()],
            ..Settings::default()
        };
        let mut pipe = Vec::new();
        settings.write(&mut pipe).unwrap();
        assert_eq!(Settings::read(&mut pipe.as_slice()).unwrap(), Some(settings));
        assert_eq!(Settings::read(&mut [].as_slice()).unwrap(), None);
    }
}
