//! Samples: readings of the collector, as they were read. Nothing here is derived.

mod gpu;
mod pods;

use std::ffi::OsString;

use serde::{Deserialize, Serialize};

use crate::{Absence, Arguments, BootTime, Reading, Stamp};

pub use gpu::{GpuSample, MigSample, ProcessLists, ProcessShare, SampledProcess, SlowCall};
pub use pods::{Allocation, Device, PodContainer};

pub use crate::readings::Memory;

/// One frame's content: the newest finished reading of every GPU, and the facts of the processes they list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// When the frame was put together. A GPU's own time is [`GpuSample::read_at`].
    pub assembled: Stamp,
    /// State of the driver as the collector sees it.
    pub driver: Driver,
    /// The driver library as far as it is known before the driver is ready; none before it is loaded.
    pub library: Option<LibraryFacts>,
    /// In NVML's order; `gpus[i].index == i`. Empty until the driver is [`Driver::Ready`].
    pub gpus: Vec<GpuSample>,
    /// One entry for each PID that any GPU lists.
    pub processes: Vec<ProcessFacts>,
    /// Devices that the kubelet allocated to containers: `List` of its PodResources service. Not supported where it is
    /// not to be asked.
    pub allocations: Reading<Vec<Allocation>>,
    /// The host.
    pub host: HostSample,
    /// Notes on what the collector cannot see, each with its remedy.
    pub notes: Vec<String>,
    /// The Xid errors since the frame before.
    pub xids: Vec<XidSample>,
    /// From the tick until the last reader that was not late had reported, in microseconds.
    pub duration_us: u32,
    /// Start of the collector: it separates its counts from those of the one before it.
    pub began: BootTime,
    /// Durations of its calls into the driver, since it started; one entry per function.
    pub calls: Vec<CallTimes>,
    /// Jobs by the directory of job files; none without such a directory.
    pub jobs: Option<Vec<GpuJobs>>,
}

impl Sample {
    /// A sample that says how far the collector came, and has no GPUs.
    #[must_use]
    pub const fn of(driver: Driver, assembled: Stamp) -> Self {
        Self {
            assembled,
            driver,
            library: None,
            gpus: Vec::new(),
            processes: Vec::new(),
            allocations: Err(Absence::NotSupported),
            host: HostSample::absent(Absence::Timeout),
            notes: Vec::new(),
            xids: Vec::new(),
            duration_us: 0,
            began: BootTime(0),
            calls: Vec::new(),
            jobs: None,
        }
    }
}

gpu::readings! {
    /// The host.
    pub struct HostSample {
        /// `/proc/sys/kernel/hostname`.
        hostname: String,
        /// `/proc/stat`, `btime`: Unix time in milliseconds.
        booted_at_ms: u64,
        /// `/proc/stat`, `cpu`: ticks since boot.
        cpu: CpuTicks,
        /// `/proc/loadavg`.
        load_1m: f64,
        /// `/proc/meminfo`, `MemTotal`.
        memory_total_bytes: u64,
        /// `/proc/meminfo`, `MemAvailable`.
        memory_available_bytes: u64,
    }
}

/// CPU time of all processors since boot, in clock ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuTicks {
    /// On anything but idling and waiting for disks.
    pub busy: u64,
    /// On everything.
    pub total: u64,
}

/// An Xid error: what the driver writes to the kernel's log when a GPU, or a program on it, is in trouble.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct XidSample {
    /// NVML's index of the GPU.
    pub gpu: u32,
    /// Its UUID.
    pub uuid: Reading<String>,
    /// NVIDIA's number.
    pub code: u64,
    /// Time of the error; the newest of those that this entry counts.
    pub at: Stamp,
    /// Number of equal errors that this entry counts: more than one only in a flood.
    pub times: u64,
    /// MIG's GPU instance, if it is about one.
    pub gpu_instance: Option<u32>,
    /// MIG's compute instance, if it is about one.
    pub compute_instance: Option<u32>,
}

/// State of the driver as the collector sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Driver {
    /// Another collector still holds the lock in the runtime directory.
    Waiting {
        /// Reason for the wait.
        detail: String,
    },
    /// Loading, initialising or counting.
    Starting {
        /// The call that is being waited for, if one is in flight.
        call: Option<Call>,
    },
    /// The driver cannot be read. The collector leaves after this frame; a fresh one tries again.
    Failed(Failure),
    /// An earlier collector's library found no kernel module. This one waits until there is one, without the library,
    /// and loads it then.
    Awaiting,
    /// Every GPU is idle and may be suspended. The collector leaves after this frame, so that they can be; the next is
    /// started so that it watches them without loading the library.
    Suspending {
        /// The GPUs' PCI bus ids.
        buses: Vec<String>,
    },
    /// The GPUs were let go, and the library is not loaded.
    Suspended,
    /// The GPUs were let go in vain: they do not suspend. They are taken up again now.
    SuspendFailed,
    /// Another driver was installed meanwhile. The collector leaves after this frame; a fresh one loads it.
    Replaced {
        /// The part that was replaced.
        detail: String,
    },
    /// GPUs are being read.
    Ready(DriverFacts),
}

/// The driver library, without the driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LibraryFacts {
    /// `nvmlSystemGetNVMLVersion`, which libraries since 535 answer before they are initialized.
    pub nvml_version: Reading<String>,
    /// Its file, once the initialization has failed for want of a kernel module.
    pub file: Option<LibraryFile>,
}

/// File of the driver library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LibraryFile {
    /// Path, with symbolic links.
    pub path: OsString,
    /// Identity of the file; none if it is not there.
    pub identity: Option<FileIdentity>,
    /// It is NVIDIA's library for discrete GPUs: it can do nothing without a kernel module, and starts
    /// `nvidia-modprobe` or creates device files to get one. Found by the name of that program in the file.
    pub needs_module: bool,
}

/// Device, inode, size, and time of change in seconds and nanoseconds.
pub type FileIdentity = (u64, u64, u64, i64, i64);

/// Why the driver cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The NVML function that failed, or `dlopen`.
    pub function: String,
    /// NVML's return code.
    pub code: u32,
    /// The driver's text for it, as the original agent words it.
    pub text: String,
    /// Hint for the administrator.
    pub hint: Option<String>,
}

/// Facts about the driver as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriverFacts {
    /// `nvmlSystemGetDriverVersion`.
    pub driver_version: Reading<String>,
    /// `nvmlSystemGetNVMLVersion`.
    pub nvml_version: Reading<String>,
    /// `nvmlSystemGetCudaDriverVersion_v2`: 1000 × major + 10 × minor.
    pub cuda_version: Reading<i32>,
    /// Duration of loading and `nvmlInit`, in milliseconds.
    pub init_ms: u32,
}

/// A call into the driver that has not come back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The NVML function.
    pub function: String,
    /// NVML's index of the GPU, where the call is about one.
    pub gpu: Option<u32>,
    /// When it began.
    pub since: BootTime,
}

/// The bounds of [`CallTimes::counts`], in nanoseconds, each included in its bucket. Most calls take 20 to 900 µs,
/// where two bounds to a decade show a driver that gets slower; above, where a call is slow anyway, one does, since
/// each bound is a line per function in `/metrics`.
pub const CALL_BOUNDS_NS: [u64; 7] = [30_000, 100_000, 300_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

/// Durations of the finished calls of one function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallTimes {
    /// The NVML function.
    pub function: String,
    /// Number of calls in each bucket: at most that of [`CALL_BOUNDS_NS`] and more than the one before; the last, more
    /// than all.
    pub counts: [u64; CALL_BOUNDS_NS.len() + 1],
    /// All of them together, in nanoseconds.
    pub sum_ns: u64,
}

/// Jobs on a GPU or GPU instance by a file of the scheduler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuJobs {
    /// NVML's index.
    pub gpu: u32,
    /// ID of the GPU instance; none if the file is the whole GPU's.
    pub instance: Option<u32>,
    /// The jobs, in the file's order.
    pub jobs: Vec<String>,
}

/// One entry of a process list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedProcess {
    /// In the host's PID namespace; may be one that cannot exist.
    pub pid: u32,
    /// Memory in use on the GPU; absent where the driver does not report it (all ones).
    pub memory_bytes: Reading<u64>,
    /// MIG's GPU instance, if any.
    pub gpu_instance: Option<u32>,
    /// MIG's compute instance, if any.
    pub compute_instance: Option<u32>,
}

/// Facts of `/proc` about a listed process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessFacts {
    /// The process.
    pub pid: u32,
    /// Running, a zombie, or gone.
    pub life: Life,
    /// Its owner's real user id: `/proc/PID/status`, `Uid`.
    pub uid: Reading<u32>,
    /// The owner's name; none if the uid has no name, or it is not resolved yet.
    pub user: Option<String>,
    /// When it started: `/proc/PID/stat`, field 22.
    pub started: Reading<BootTime>,
    /// Its arguments, cut at [`crate::command::MAX_BYTES`] in all: `/proc/PID/cmdline`. What is not UTF-8 is U+FFFD.
    /// Empty for a kernel thread.
    pub arguments: Reading<Arguments>,
    /// Name, at most 15 bytes: `/proc/PID/comm`. Bytes that are not UTF-8 are U+FFFD.
    pub name: Reading<String>,
    /// When `cpu_ms` and `host_memory_bytes` were read: two frames may carry one reading, so a rate is over the time
    /// between readings and not between frames. None if they never were.
    pub read_at: Option<BootTime>,
    /// Processor time that it used so far, all its threads together, in milliseconds: `/proc/PID/stat`, fields 14 and
    /// 15.
    pub cpu_ms: Reading<u64>,
    /// Host memory that is resident: `/proc/PID/stat`, field 24.
    pub host_memory_bytes: Reading<u64>,
    /// Result of reading its cgroup, which gives all of the below: `/proc/PID/cgroup`.
    pub placed: Reading<()>,
    /// The innermost container that it runs in, by its cgroup or its ancestors.
    pub container: Option<Box<Container>>,
    /// The outermost system container that it runs in, which has accounts of its own; the same as `container` if it is
    /// in no other.
    pub system_container: Option<Box<Container>>,
    /// The Kubernetes pod's uid, by its cgroup.
    pub pod: Option<String>,
    /// The ID of Podman's pod, by its cgroup: 64 hexadecimal digits.
    pub podman_pod: Option<Box<str>>,
    /// The Slurm job, by its cgroup or its ancestor `slurmstepd`; none outside a job. Not supported where jobs of this
    /// host have no cgroup and the process no such ancestor.
    pub job: Reading<Option<Box<SlurmJob>>>,
}

impl ProcessFacts {
    /// Nothing known of a process, for one reason.
    #[must_use]
    pub const fn unread(pid: u32, why: Absence) -> Self {
        Self {
            pid,
            life: Life::Unknown,
            uid: Err(why),
            user: None,
            started: Err(why),
            arguments: Err(why),
            name: Err(why),
            read_at: None,
            cpu_ms: Err(why),
            host_memory_bytes: Err(why),
            placed: Err(why),
            container: None,
            system_container: None,
            pod: None,
            podman_pod: None,
            job: Err(why),
        }
    }
}

/// A container, by a cgroup's path and the container engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Its id: usually 64 hexadecimal digits; the name where the runtime has no other id.
    pub id: String,
    /// `docker`, `containerd`, `cri-o`, `podman`, `lxc`, `systemd-nspawn`; none if the path does not show it.
    pub runtime: Option<String>,
    /// Its name, as the container engine reports it: `GET /containers/{id}/json`, `Name`. Not supported where that is
    /// not to be asked, or does not know the container.
    pub name: Reading<String>,
    /// Its cgroup is below the slice of an account, which may create any cgroup there.
    pub rootless: bool,
}

/// A Slurm job and step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlurmJob {
    /// Raw number of the job, in digits: `squeue -o %A`.
    pub id: String,
    /// `batch`, `interactive`, `extern` or the step's number; none if the source does not show it.
    pub step: Option<String>,
    /// The number that `squeue` shows: `2_3` for a task of an array, `10+1` for a component of a heterogeneous job, else
    /// as `id`. By the environment of the process: `/proc/PID/environ`. Not supported where that does not agree with
    /// `id`.
    pub shown: Reading<String>,
}

/// State of a process's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Life {
    /// It does.
    Running,
    /// It has exited and was not waited for.
    Zombie,
    /// There is no such process.
    Gone,
    /// `/proc` was not asked, or has not answered yet.
    Unknown,
}
