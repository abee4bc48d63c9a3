//! Processes.

use telemetry::{
    Absence, Reading,
    snapshot::{Gpu, PodName, Process},
};

use crate::{
    config::commands::Commands,
    v1::{
        view::{Absent, Why, view},
        word::{ProcessKindWord, Word},
    },
};

view! {
    /// One process on one GPU (and MIG instance).
    struct ProcessView of (eye, gpu: &Gpu, process: &Process) {
        /// The GPU's index.
        /// Source: `nvmlDeviceGetHandleByIndex_v2`. Lane: at the handle. Absent: never.
        value gpu: u32 = gpu.index;
        /// The GPU's UUID.
        /// Source: `nvmlDeviceGetUUID`. Lane: at the handle. Absent: where it never told.
        read gpu_uuid: Option<String> = gpu.identity.uuid.clone();
        /// In the host's PID namespace.
        /// Source: `nvmlDeviceGetComputeRunningProcesses_v3`, `nvmlDeviceGetGraphicsRunningProcesses_v3` or older, else `nvmlDeviceGetRunningProcessDetailList`. Lane: fast. Absent: `hidden`.
        own pid: Option<u32> = Ok(process.pid);
        /// `C` (it computes), `G` (it draws) or `C+G`.
        /// Source: which list it stands in. Lane: fast. Absent: never.
        value r#type: ProcessKindWord = Word::of(process.kind);
        /// Its owner's name, or the uid in digits where it has none.
        /// Source: `getpwuid_r`. Lane: processes. Absent: `hidden`, or as `uid`.
        own user: Option<String> = user(process);
        /// Its owner's real user id.
        /// Source: `/proc/PID/status`, `Uid`. Lane: processes. Absent: `hidden`, `denied`, or `error` if it has exited.
        own uid: Option<u32> = process.uid.map_err(Why::from);
        /// What it calls itself, at most 15 bytes.
        /// Source: `/proc/PID/comm`. Lane: processes. Absent: `hidden`, also by `--commands hidden`.
        own name: Option<String> = name(eye.commands, process);
        /// Its arguments as one line, with obvious secrets as `***`; empty for a kernel thread.
        /// Source: `/proc/PID/cmdline`. Lane: processes. Absent: `hidden`, also by `--commands name` and `hidden`.
        own command: Option<String> = command(eye.commands, process);
        /// When it started, Unix time in milliseconds.
        /// Source: `/proc/PID/stat`, field 22. Lane: processes. Absent: `denied`, or `error` if it has exited.
        read started_at: Option<u64> = process.started_at_ms;
        /// Memory in use on the GPU; the graphics list's where it stands in both.
        /// Source: as `pid`. Lane: fast. Absent: `not_supported` where the driver does not tell.
        read gpu_memory_bytes: Option<u64> = process.gpu_memory_bytes;
        /// Its part of the SMs, in %.
        /// Source: `nvmlDeviceGetProcessUtilization`, else `nvmlDeviceGetProcessesUtilizationInfo`. Lane: fast. Absent: `not_supported` with MIG and on some boards.
        read sm_percent: Option<u32> = process.share.map(|share| share.sm_percent);
        /// Its part of the memory's time, in %.
        /// Source: as `sm_percent`. Lane: fast. Absent: as `sm_percent`.
        read memory_percent: Option<u32> = process.share.map(|share| share.memory_percent);
        /// Its part of the encoder, in %.
        /// Source: as `sm_percent`. Lane: fast. Absent: as `sm_percent`.
        read encoder_percent: Option<u32> = process.share.map(|share| share.encoder_percent);
        /// Its part of the decoder, in %.
        /// Source: as `sm_percent`. Lane: fast. Absent: as `sm_percent`.
        read decoder_percent: Option<u32> = process.share.map(|share| share.decoder_percent);
        /// How much of one processor it used since the sample before, in %; may exceed 100.
        /// Source: `/proc/PID/stat`, fields 14 and 15. Lane: processes. Absent: `timeout` at the first sample.
        read cpu_percent: Option<f64> = process.cpu_percent;
        /// Host memory that is resident.
        /// Source: `/proc/PID/stat`, field 24. Lane: processes. Absent: `denied`, or `error` if it has exited.
        read host_memory_bytes: Option<u64> = process.host_memory_bytes;
        /// MIG's GPU instance; null without MIG.
        /// Source: as `pid`. Lane: fast. Absent: null without MIG.
        null gpu_instance: Option<u32> = process.gpu_instance;
        /// MIG's compute instance; null without MIG.
        /// Source: as `pid`. Lane: fast. Absent: null without MIG.
        null compute_instance: Option<u32> = process.compute_instance;
        /// The id of the container that it runs in; null outside of one.
        /// Source: `/proc/PID/cgroup`. Lane: processes. Absent: `hidden`, or as the cgroup is, `denied` or `error`; null outside of one.
        maybe container: Option<String> = placed(process, |process| Some(process.container.as_ref()?.id.clone()));
        /// What that container is called: in a pod as the kubelet names it, else as the container engine does.
        /// Source: the kubelet, `List`, else `GET /containers/{id}/json`, `Name`. Lane: containers, kubelet. Absent: `hidden`; null as `container` is; `not_supported` without `--container-socket` or where it does not know the container, `timeout` until it answers, `denied` or `error` as the socket is.
        perhaps container_name: Option<String> =
            placed(process, |process| Some(process.container.as_ref()?.name.clone()));
        /// The Kubernetes pod's uid; null outside of one.
        /// Source: `/proc/PID/cgroup`. Lane: processes. Absent: `hidden`, or as the cgroup is, `denied` or `error`; null outside of one.
        maybe pod: Option<String> = placed(process, |process| Some(process.pod.as_ref()?.uid.clone()));
        /// That pod's namespace.
        /// Source: the kubelet, `List`, by the GPU or MIG instance that this pod alone has. Lane: kubelet. Absent: `hidden`; null as `pod` is; `not_supported` without `--kubelet-socket` or where several pods have the GPU, else as the GPU's `pods`.
        perhaps pod_namespace: Option<String> = placed(process, |process| pod_name(process, |name| &name.namespace));
        /// That pod's name.
        /// Source: as `pod_namespace`. Lane: kubelet. Absent: as `pod_namespace`.
        perhaps pod_name: Option<String> = placed(process, |process| pod_name(process, |name| &name.name));
        /// The Slurm job; null outside of one.
        /// Source: `/proc/PID/cgroup`. Lane: processes. Absent: `hidden`, or as the cgroup is, `denied` or `error`; null outside of one.
        maybe job: Option<String> = placed(process, |process| process.job.clone());
        /// Why a value of this process is null, by its name.
        value absent: Absent = eye.absent();
    }
}

/// The owner as it is shown: a uid without a name in digits.
pub(crate) fn user(process: &Process) -> Result<String, Why> {
    match &process.user {
        Some(name) => Ok(name.clone()),
        None => Ok(process.uid?.to_string()),
    }
}

/// What its cgroup tells, if that was read.
fn placed<T>(process: &Process, told: impl FnOnce(&Process) -> Option<T>) -> Reading<Option<T>> {
    process.placed.map(|()| told(process))
}

/// A part of what the process's pod is called, if it runs in one.
fn pod_name(process: &Process, part: impl Fn(&PodName) -> &String) -> Option<Reading<String>> {
    let name = &process.pod.as_ref()?.name;
    Some(name.as_ref().map(|name| part(name).clone()).map_err(|why| *why))
}

fn name(commands: Commands, process: &Process) -> Result<String, Why> {
    let name = process.name.as_ref().map_err(|why| *why)?;
    commands.name(name).ok_or(Why::Hidden)
}

fn command(commands: Commands, process: &Process) -> Result<String, Why> {
    // What is not shown is hidden even where it was not read, so that its absence tells nothing of it.
    if !commands.shows_lines() {
        return Err(Why::Hidden);
    }
    let arguments = process.arguments.as_ref().map_err(|why: &Absence| *why)?;
    commands.line(arguments).ok_or(Why::Hidden)
}
