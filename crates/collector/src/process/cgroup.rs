//! Parser of cgroup paths: containers, Kubernetes pod and Slurm job of a process. A pure function of the bytes.
//!
//! Nothing is guessed: only the exact names that runtimes give their cgroups count, not similar ones of administrators
//! or programs, and names that anybody may choose only where root alone can create the cgroup.

mod system;

use telemetry::{
    Absence,
    sample::{Container, SlurmJob},
};

use crate::number::is_number;

/// Prefixes of the names that runtimes give their cgroups, before `-<id>.scope` (systemd) or `-<id>`.
const PREFIXES: [(&str, &str); 6] = [
    ("docker", "docker"),
    ("cri-containerd", "containerd"),
    ("nerdctl", "containerd"),
    ("crio", "cri-o"),
    ("libpod", "podman"),
    ("libpod-payload", "podman"),
];
/// Folders of runtimes that name cgroups by the id alone.
const FOLDERS: [(&str, &str); 2] = [("docker", "docker"), ("k8s.io", "containerd")];

/// Containers, pod and job of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Placement {
    /// The innermost.
    pub(super) container: Option<Container>,
    /// The outermost system container.
    pub(super) system_container: Option<Container>,
    /// UID of the Kubernetes pod, as the API server writes it.
    pub(super) pod: Option<String>,
    /// ID of Podman's pod.
    pub(super) podman_pod: Option<String>,
    pub(super) job: Option<SlurmJob>,
}

/// Returns the paths in `/proc/PID/cgroup`, which has a line `number:controllers:path` per hierarchy.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    let paths = text.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    // The kernel appends this to a cgroup that was removed while the process was in it.
    paths.map(|path| path.strip_suffix(" (deleted)").unwrap_or(path))
}

/// Parses `/proc/PID/cgroup`. With cgroup v1 there are several lines, and not every runtime uses every one of them, so
/// the lines complement each other.
pub(super) fn placement(bytes: &[u8]) -> Placement {
    let text = String::from_utf8_lossy(bytes);
    let mut all = Placement::default();
    for one in paths(&text).map(of_path) {
        // A line can know more: also the inner container, or the runtime.
        let known = |container: &Option<Container>, system: &Option<Container>| {
            let runtime = container.as_ref().map(|it| it.runtime.is_some());
            (runtime, container != system)
        };
        if known(&one.container, &one.system_container) > known(&all.container, &all.system_container) {
            all.container = one.container;
        }
        all.system_container = all.system_container.or(one.system_container);
        all.pod = all.pod.or(one.pod);
        all.podman_pod = all.podman_pod.or(one.podman_pod);
        if all.job.as_ref().is_none_or(|job| job.step.is_none()) {
            all.job = one.job.or(all.job);
        }
    }
    all
}

/// Parses a path. With nested containers, as in a cluster made of containers, the innermost counts.
fn of_path(path: &str) -> Placement {
    let segments: Vec<&str> = path.split('/').collect();
    let mut found = Placement::default();
    let mut start = 0;
    while let Some((container, end)) = system::container(&segments, start) {
        found.system_container = found.system_container.or_else(|| Some(container.clone()));
        (found.container, start) = (Some(container), end);
    }
    for (position, segment) in segments.iter().enumerate().skip(start) {
        let before = &segments[..position];
        let after = segments.get(position + 1).copied();
        match container(segment, before.last().copied()) {
            Some(_) if is_podman_pod(segment, before, after) => found.podman_pod = Some((*segment).to_owned()),
            Some(container) => found.container = Some(Container { rootless: is_accounts(before), ..container }),
            None => {}
        }
        found.podman_pod = podman_pod(segment).or(found.podman_pod);
        found.pod = pod(segment).or(found.pod);
        found.job = job(segment, before, after).or(found.job);
    }
    found
}

/// Returns whether a cgroup below these is the work of an account other than root: systemd gives it the subtree of its
/// slice, and `pam_cgfs` its folder below `user`.
fn is_accounts(before: &[&str]) -> bool {
    let slice = |segment: &&str| {
        let uid = segment.strip_prefix("user-").and_then(|rest| rest.strip_suffix(".slice"));
        uid.is_some_and(|uid| is_number(uid) && uid != "0")
    };
    before.iter().any(slice) || matches!(before, ["", "user", name, ..] if *name != "root")
}

fn container(segment: &str, parent: Option<&str>) -> Option<Container> {
    if is_id(segment) {
        let runtime = FOLDERS.iter().find(|(folder, _)| parent == Some(folder));
        return Some(found(segment, runtime.map(|(_, name)| *name)));
    }
    // `slice:prefix:id` is systemd's notation, which runc takes for a plain path without its systemd option.
    let (prefix, id) = match segment.rsplit_once(':') {
        Some((rest, id)) => (rest.rsplit_once(':')?.1, id),
        None => segment.strip_suffix(".scope").unwrap_or(segment).rsplit_once('-')?,
    };
    let (_, runtime) = PREFIXES.iter().find(|(name, _)| *name == prefix)?;
    is_id(id).then(|| found(id, Some(runtime)))
}

/// A path does not contain the name of a container.
fn found(id: &str, runtime: Option<&str>) -> Container {
    Container {
        id: id.to_owned(),
        runtime: runtime.map(str::to_owned),
        name: Err(Absence::NotSupported),
        rootless: false,
    }
}

/// A container whose name is its id.
pub(super) fn named(name: &str, runtime: &str) -> Container {
    // A terminal would execute control characters.
    let name: String =
        name.chars().map(|each| if each.is_control() { char::REPLACEMENT_CHARACTER } else { each }).collect();
    Container { name: Ok(name.clone()), ..found(&name, Some(runtime)) }
}

/// Returns whether a cgroup named by an id is Podman's pod, as with the cgroupfs driver, and not a container: its child is
/// one of Podman's.
fn is_podman_pod(segment: &str, before: &[&str], after: Option<&str>) -> bool {
    let is_folder = |parent: &&str| FOLDERS.iter().any(|(folder, _)| parent == folder);
    let child = after.and_then(|after| after.strip_prefix("libpod-"));
    is_id(segment) && child.is_some_and(is_id) && !before.last().is_some_and(is_folder)
}

/// Returns the ID in the slice of Podman's pod: `<parent>-libpod_pod_<id>.slice`.
fn podman_pod(segment: &str) -> Option<String> {
    let (parent, id) = segment.strip_suffix(".slice")?.rsplit_once("libpod_pod_")?;
    (is_id(id) && (parent.is_empty() || parent.ends_with('-'))).then(|| id.to_owned())
}

/// Returns whether a text is an id of a runtime: 256 bits in lower-case hexadecimal digits.
fn is_id(text: &str) -> bool {
    text.len() == 64 && is_hex(text)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Returns the UID in a pod's cgroup. The kubelet names it `pod<uid>`, or with systemd `kubepods[-<quality of
/// service>]-pod<uid>.slice`, in which the uid's hyphens are underscores since a slice's own hyphens separate its
/// parents.
fn pod(segment: &str) -> Option<String> {
    let slice = segment.split_once(':').map_or(segment, |(slice, _)| slice);
    if let Some(name) = slice.strip_suffix(".slice") {
        let (parents, uid) = name.rsplit_once("-pod")?;
        let of_the_kubelet = parents.split('-').any(|parent| parent == "kubepods");
        return uid_of(uid, '_').filter(|_| of_the_kubelet);
    }
    uid_of(segment.strip_prefix("pod")?, '-')
}

/// Returns a UUID with this separator, or the hash of 32 digits that a static pod has instead.
fn uid_of(text: &str, separator: char) -> Option<String> {
    if text.len() == 32 && is_hex(text) {
        return Some(text.to_owned());
    }
    let groups: Vec<&str> = text.split(separator).collect();
    let shaped = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]);
    (shaped && groups.iter().all(|group| is_hex(group))).then(|| groups.join("-"))
}

/// Returns the job in Slurm's `slurm/uid_<uid>/job_<id>` (cgroup v1) and `slurmstepd.scope/job_<id>` (v2), with the step
/// in the segment after it. On a host with several daemons the first part contains the node's name.
fn job(segment: &str, before: &[&str], after: Option<&str>) -> Option<SlurmJob> {
    let id = segment.strip_prefix("job_").filter(|id| is_number(id))?;
    let of_slurm = match before {
        [.., root, user] if user.strip_prefix("uid_").is_some_and(is_number) => {
            *root == "slurm" || root.starts_with("slurm_")
        }
        [.., scope] => *scope == "slurmstepd.scope" || scope.ends_with("_slurmstepd.scope"),
        [] => false,
    };
    let step = after.and_then(|after| after.strip_prefix("step_")).filter(|step| is_step(step));
    (of_slurm && !is_accounts(before)).then(|| slurm_job(id, step))
}

/// A job before the environment of its process was read.
pub(super) fn slurm_job(id: &str, step: Option<&str>) -> SlurmJob {
    SlurmJob { id: id.to_owned(), step: step.map(str::to_owned), shown: Err(Absence::Timeout) }
}

/// Returns whether a text is a step of a job: a number, with a heterogeneous component `+1`, or a word such as `batch`.
pub(super) fn is_step(text: &str) -> bool {
    !text.is_empty() && text.len() <= 32 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+')
}

/// Returns whether a process is in a cgroup of containerd's plain layout, `/NAMESPACE/ID`. Other programs may use the
/// same names, so this alone is no evidence.
pub(super) fn is_plain_task(bytes: &[u8], namespace: &str, id: &str) -> bool {
    let text = String::from_utf8_lossy(bytes);
    paths(&text).any(|path| {
        let mut segments = path.split('/');
        (segments.next(), segments.next(), segments.next()) == (Some(""), Some(namespace), Some(id))
    })
}

/// Returns whether a process is in a cgroup `payload`, as systemd-nspawn makes it also in a unit that it did not create
/// (`--keep-unit`). Other programs may use that name, so this alone is no evidence.
pub(super) fn is_payload(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    paths(&text).any(|path| path.split('/').any(|segment| segment == "payload"))
}

#[cfg(test)]
mod tests;
