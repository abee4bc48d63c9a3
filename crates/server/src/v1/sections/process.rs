//! Processes.

use telemetry::{
    Absence, Reading,
    sample::SlurmJob,
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
    /// A process on a GPU or MIG instance.
    struct ProcessView of (context, gpu: &Gpu, process: &Process) {
        /// Index of the GPU.
        /// Source: `nvmlDeviceGetHandleByIndex_v2`. Read: handle. Absent: never.
        value gpu: u32 = gpu.index;
        /// UUID of the GPU.
        /// Source: `nvmlDeviceGetUUID`. Read: handle. Absent: where the driver never reported it.
        read gpu_uuid: Option<String> = gpu.identity.uuid.clone();
        /// PID in the host's PID namespace.
        /// Source: `nvmlDeviceGetComputeRunningProcesses_v3`, `nvmlDeviceGetGraphicsRunningProcesses_v3` or older, else `nvmlDeviceGetRunningProcessDetailList`. Read: tick. Absent: `hidden`.
        private pid: Option<u32> = Ok(process.pid);
        /// Type: `C` (compute), `G` (graphics) or `C+G`.
        /// Source: the list that it is in. Read: tick. Absent: never.
        value r#type: ProcessKindWord = Word::of(process.kind);
        /// Account's name, or the uid in digits if it has none.
        /// Source: `getpwuid_r`. Read: /proc/PID. Absent: `hidden`, or as `uid`; `not_supported` in a system container, whose accounts are not this host's.
        private user: Option<String> = user(process);
        /// Real user ID, as this host sees it.
        /// Source: `/proc/PID/status`, `Uid`. Read: /proc/PID. Absent: `hidden`, `denied`, or `error` if it has exited.
        private uid: Option<u32> = process.uid.map_err(Why::from);
        /// User that it counts for: `user` of its row in `/users`, an account or a container.
        /// Source: derived. Read: derived. Absent: `hidden`, or as `uid` and `container`.
        private owner: Option<String> = process.owner().map_err(Why::from);
        /// ID of the container that it counts for: `container` of its row in `/users`; null if it counts for its account.
        /// Source: `--count-containers`. Read: derived. Absent: `hidden`, or as `container`; null for an account.
        private_opt owner_container: Option<String> = owner_container(process);
        /// Process name, at most 15 bytes.
        /// Source: `/proc/PID/comm`. Read: /proc/PID. Absent: `hidden`, also by `--commands hidden`.
        private name: Option<String> = name(context.commands, process);
        /// Command line, with obvious secrets as `***`; empty for a kernel thread.
        /// Source: `/proc/PID/cmdline`. Read: /proc/PID. Absent: `hidden`, also by `--commands name` and `hidden`.
        private command: Option<String> = command(context.commands, process);
        /// Start time, Unix time in milliseconds.
        /// Source: `/proc/PID/stat`, field 22. Read: /proc/PID. Absent: `denied`, or `error` if it has exited.
        read started_at: Option<u64> = process.started_at_ms;
        /// Used GPU memory; the graphics list's value if it is in both lists.
        /// Source: as `pid`. Read: tick. Absent: `not_supported` where the driver does not report it.
        read gpu_memory_bytes: Option<u64> = process.gpu_memory_bytes;
        /// Share of SM time, in %.
        /// Source: `nvmlDeviceGetProcessUtilization`, else `nvmlDeviceGetProcessesUtilizationInfo`. Read: tick. Absent: `not_supported` with MIG and on some boards.
        read sm_percent: Option<u32> = process.share.map(|share| share.sm_percent);
        /// Share of memory time, in %.
        /// Source: as `sm_percent`. Read: tick. Absent: as `sm_percent`.
        read memory_percent: Option<u32> = process.share.map(|share| share.memory_percent);
        /// Share of encoder time, in %.
        /// Source: as `sm_percent`. Read: tick. Absent: as `sm_percent`.
        read encoder_percent: Option<u32> = process.share.map(|share| share.encoder_percent);
        /// Share of decoder time, in %.
        /// Source: as `sm_percent`. Read: tick. Absent: as `sm_percent`.
        read decoder_percent: Option<u32> = process.share.map(|share| share.decoder_percent);
        /// CPU utilization since the previous sample, in % of one CPU; may exceed 100.
        /// Source: `/proc/PID/stat`, fields 14 and 15. Read: /proc/PID. Absent: `timeout` at the first sample.
        read cpu_percent: Option<f64> = process.cpu_percent;
        /// Resident host memory.
        /// Source: `/proc/PID/stat`, field 24. Read: /proc/PID. Absent: `denied`, or `error` if it has exited.
        read host_memory_bytes: Option<u64> = process.host_memory_bytes;
        /// MIG GPU instance ID; null without MIG.
        /// Source: as `pid`. Read: tick. Absent: null without MIG.
        null gpu_instance: Option<u32> = process.gpu_instance;
        /// MIG compute instance ID; null without MIG.
        /// Source: as `pid`. Read: tick. Absent: null without MIG.
        null compute_instance: Option<u32> = process.compute_instance;
        /// ID of the innermost container that it runs in, or its name where it has no other ID; null outside a container.
        /// Source: `/proc/PID/cgroup`, else `/proc/PID/cmdline` of an ancestor. Read: /proc/PID. Absent: `hidden`, or as the cgroup is, `denied` or `error`; null outside one.
        private_opt container: Option<String> = placed(process, |process| Some(process.container.as_ref()?.id.clone()));
        /// Runtime of that container: `docker`, `containerd`, `cri-o`, `podman`, `lxc` or `systemd-nspawn`.
        /// Source: as `container`. Read: /proc/PID. Absent: as `container`; null also where the path does not show it.
        private_opt container_runtime: Option<String> =
            placed(process, |process| process.container.as_ref()?.runtime.clone());
        /// Name of that container: the kubelet's in a pod, else the runtime's or the container engine's.
        /// Source: the kubelet, `List`, else `GET /containers/{id}/json`, `Name`. Read: container engine, kubelet. Absent: `hidden`; null as `container` is; `not_supported` without `--container-socket` or where it does not know the container, `timeout` until it answers, `denied` or `error` as the socket is.
        private_opt_read container_name: Option<String> =
            placed(process, |process| Some(process.container.as_ref()?.name.clone()));
        /// Name of the outermost system container (LXC, Incus, Proxmox, systemd-nspawn) that it runs in; null outside one.
        /// Source: as `container`. Read: /proc/PID. Absent: as `container`; null outside one.
        private_opt system_container: Option<String> =
            placed(process, |process| Some(process.system_container.as_ref()?.id.clone()));
        /// UID of the Kubernetes pod; null outside a pod.
        /// Source: `/proc/PID/cgroup`. Read: /proc/PID. Absent: `hidden`, or as the cgroup is, `denied` or `error`; null outside one.
        private_opt pod: Option<String> = placed(process, |process| Some(process.pod.as_ref()?.uid.clone()));
        /// Namespace of that pod.
        /// Source: the kubelet, `List`, by the GPU or MIG instance that this pod alone has. Read: kubelet. Absent: `hidden`; null as `pod` is; `not_supported` without `--kubelet-socket` or where several pods have the GPU, else as the GPU's `pods`.
        private_opt_read pod_namespace: Option<String> = placed(process, |process| pod_name(process, |name| &name.namespace));
        /// Name of that pod.
        /// Source: as `pod_namespace`. Read: kubelet. Absent: as `pod_namespace`.
        private_opt_read pod_name: Option<String> = placed(process, |process| pod_name(process, |name| &name.name));
        /// ID of the Podman pod; null outside one.
        /// Source: `/proc/PID/cgroup`. Read: /proc/PID. Absent: as `container`; null outside one.
        private_opt podman_pod: Option<String> = placed(process, |process| process.podman_pod.as_deref().map(str::to_owned));
        /// Raw number of the Slurm job, as `squeue -o %A` prints it; null outside a job.
        /// Source: `/proc/PID/cgroup`, else the title of its ancestor `slurmstepd`. Read: /proc/PID. Absent: `hidden`, or as the cgroup is, `denied` or `error`; `not_supported` where jobs of this host have no cgroup and it has no such ancestor, `timeout` until that is known; null outside one.
        private_opt job: Option<String> = job(process, |job| Some(job.id.clone()));
        /// Number of that job as users know it: `2_3` for a task of an array, `10+1` for a component of a heterogeneous job, else as `job`. A hint of the process itself, which may name another job's array; only `job` is proved.
        /// Source: `SLURM_*` in `/proc/PID/environ`, where it is possible for `job`. Read: /proc/PID. Absent: as `job`; `denied` without the right to read it, `not_supported` where it is not possible; null outside a job.
        private_opt_read job_display: Option<String> = job(process, |job| Some(job.shown.clone()));
        /// Step of that job: `batch`, `interactive`, `extern`, or the number of a step of `srun`.
        /// Source: as `job`. Read: /proc/PID. Absent: as `job`; null also where the source does not show it.
        private_opt job_step: Option<String> = job(process, |job| job.step.clone());
        /// Reasons why values of this process are null, by name.
        value absent: Absent = context.absent();
    }
}

/// Account's name; the uid in digits if it has no name.
pub(crate) fn user(process: &Process) -> Result<String, Why> {
    Ok(process.account()?)
}

/// ID of the container that it counts for, if that is known.
fn owner_container(process: &Process) -> Reading<Option<String>> {
    process.is_unplaced().map_or(Ok(()), Err)?;
    Ok(process.counts_for_container().map(|container| container.id.clone()))
}

/// Part of its Slurm job.
fn job<T>(process: &Process, part: impl FnOnce(&SlurmJob) -> Option<T>) -> Reading<Option<T>> {
    process.placed?;
    Ok(process.job.as_ref().map_err(|why| *why)?.as_ref().and_then(|job| part(job)))
}

/// Part of its cgroup, if that was read.
fn placed<T>(process: &Process, told: impl FnOnce(&Process) -> Option<T>) -> Reading<Option<T>> {
    process.placed.map(|()| told(process))
}

/// Part of the name of the process's pod, if it runs in one.
fn pod_name(process: &Process, part: impl Fn(&PodName) -> &String) -> Option<Reading<String>> {
    let name = &process.pod.as_ref()?.name;
    Some(name.as_ref().map(|name| part(name).clone()).map_err(|why| *why))
}

fn name(commands: Commands, process: &Process) -> Result<String, Why> {
    let name = process.name.as_ref().map_err(|why| *why)?;
    commands.name(name).ok_or(Why::Hidden)
}

fn command(commands: Commands, process: &Process) -> Result<String, Why> {
    // Hidden even where it was not read: its absence must not reveal anything.
    if !commands.shows_lines() {
        return Err(Why::Hidden);
    }
    let arguments = process.arguments.as_ref().map_err(|why: &Absence| *why)?;
    commands.line(arguments).map(str::to_owned).ok_or(Why::Hidden)
}
