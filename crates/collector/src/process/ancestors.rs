//! Evidence of a process's ancestors, where its cgroup does not show a container or a job: Slurm without cgroups
//! (`proctrack/linuxproc`, `proctrack/pgid`), systemd-nspawn with `--keep-unit`, and containerd's plain namespaces.
//!
//! Only processes of the host's root count, outside containers: others may give themselves any name.

use telemetry::sample::SlurmJob;

use crate::process::{
    cgroup::{self, Placement},
    parse,
    procfs::ProcFs,
    slurm,
};

/// Ancestors that are read at most.
const MOST: usize = 64;

/// Sets what the ancestors show and the cgroup does not.
pub(super) fn complete(proc: &ProcFs, pid: u32, cgroup: &[u8], placement: &mut Placement) {
    let mut child = pid;
    let mut started = u64::MAX;
    for _ in 0..MOST {
        let Some(stat) = stat(proc, child) else { return };
        // A later process got the PID of a parent that has ended.
        if stat.started > started {
            return;
        }
        if child != pid {
            look(proc, child, &stat.name, cgroup, placement);
        }
        if stat.parent == 0 || stat.parent == child {
            return;
        }
        (child, started) = (stat.parent, stat.started);
    }
}

struct Stat {
    name: Vec<u8>,
    parent: u32,
    /// In clock ticks since boot.
    started: u64,
}

fn stat(proc: &ProcFs, pid: u32) -> Option<Stat> {
    let bytes = proc.read(pid, "stat").ok().flatten()?;
    let stat = parse::stat(&bytes)?;
    Some(Stat { name: parse::stat_name(&bytes)?.to_owned(), parent: stat.parent, started: stat.start_ticks })
}

fn look(proc: &ProcFs, pid: u32, name: &[u8], cgroup: &[u8], placement: &mut Placement) {
    match name {
        name if placement.job.is_none() && std::str::from_utf8(name).is_ok_and(slurm::is_step_daemon) => {
            placement.job = step(proc, pid);
        }
        b"systemd-nspawn" if placement.system_container.is_none() && cgroup::is_payload(cgroup) => {
            let Some(arguments) = arguments_of_root(proc, pid) else { return };
            let machine = machine(&arguments).unwrap_or("systemd-nspawn");
            let machine = cgroup::named(machine, "systemd-nspawn");
            placement.container.get_or_insert_with(|| machine.clone());
            placement.system_container = Some(machine);
        }
        // The name is cut at 15 bytes: containerd-shim-runc-v2.
        b"containerd-shim" if placement.container.is_none() => {
            let Some(arguments) = arguments_of_root(proc, pid) else { return };
            let (Some(namespace), Some(id)) = (value(&arguments, "-namespace"), value(&arguments, "-id")) else {
                return;
            };
            if cgroup::is_plain_task(cgroup, namespace, id) {
                placement.container = Some(cgroup::named(id, "containerd"));
            }
        }
        _ => {}
    }
}

/// Returns the job and step in the title of a `slurmstepd`, if this is one of the host's root.
pub(super) fn step(proc: &ProcFs, pid: u32) -> Option<SlurmJob> {
    let arguments = arguments_of_root(proc, pid)?;
    slurm::step_in_title(arguments.first()?)
}

/// Returns the arguments of a process of the host's root, outside containers.
fn arguments_of_root(proc: &ProcFs, pid: u32) -> Option<Vec<String>> {
    let cgroup = proc.read(pid, "cgroup").ok().flatten()?;
    let is_inside = cgroup::placement(&cgroup).container.is_some();
    if proc.real_uid(pid) != Ok(0) || is_inside {
        return None;
    }
    Some(proc.arguments(pid).ok()?.iter().map(str::to_owned).collect())
}

/// Options of systemd-nspawn that take no value in the next argument, also those whose value is optional.
const FLAGS: [&str; 15] = [
    "--as-pid2",
    "--boot",
    "--cleanup",
    "--ephemeral",
    "--keep-unit",
    "--network-veth",
    "--no-pager",
    "--pipe",
    "--private-network",
    "--private-users",
    "--private-users-chown",
    "--quiet",
    "--read-only",
    "--share-system",
    "--volatile",
];
/// Short options of systemd-nspawn that take a value.
const SHORT_WITH_VALUE: &str = "DuLMSZipE";

/// Returns the name of a machine, as systemd-nspawn derives it from its arguments: that of its option, else of the
/// folder or image. What follows the first argument that is no option belongs to the payload.
fn machine(arguments: &[String]) -> Option<&str> {
    let (mut machine, mut path) = (None, None);
    let mut rest = arguments.iter().skip(1).map(String::as_str);
    while let Some(argument) = rest.next().filter(|argument| argument.starts_with('-') && *argument != "--") {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) if argument.starts_with("--") => (name, Some(value)),
            _ if FLAGS.contains(&argument) => (argument, None),
            _ if argument.starts_with("--") => (argument, rest.next()),
            _ => match argument.find(|letter| SHORT_WITH_VALUE.contains(letter)) {
                Some(at) => {
                    let (letter, attached) = argument[at..].split_at(1);
                    (letter, if attached.is_empty() { rest.next() } else { Some(attached) })
                }
                None => (argument, None),
            },
        };
        match name {
            "--machine" | "M" => machine = value,
            "--directory" | "D" | "--image" | "i" | "--template" => path = value,
            _ => {}
        }
    }
    machine.or_else(|| {
        let name = path?.trim_end_matches('/').rsplit('/').next().filter(|name| !name.is_empty())?;
        Some(name.strip_suffix(".raw").unwrap_or(name))
    })
}

/// Returns the value of a flag of a Go program: `-flag value` or `-flag=value`.
fn value<'a>(arguments: &'a [String], flag: &str) -> Option<&'a str> {
    let at = arguments.iter().position(|argument| {
        argument.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    })?;
    match arguments[at].split_once('=') {
        Some((_, value)) => Some(value),
        None => arguments.get(at + 1).map(String::as_str),
    }
}

#[cfg(test)]
mod tests;
