//! Parser of cgroup paths: container, Kubernetes pod and Slurm job of a process. A pure function of the bytes.
//!
//! Nothing is guessed: only the exact names that runtimes give their cgroups count, not similar ones of administrators
//! or programs.

use telemetry::{Absence, sample::Container};

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

/// Container, pod and job of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Placement {
    pub(super) container: Option<Container>,
    /// UID of the Kubernetes pod, as the API server writes it.
    pub(super) pod: Option<String>,
    /// Number of the Slurm job.
    pub(super) job: Option<String>,
}

/// Parses `/proc/PID/cgroup`: a line `number:controllers:path` per hierarchy. With cgroup v1 there are several, and not
/// every runtime uses every one of them, so the lines complement each other.
pub(super) fn placement(bytes: &[u8]) -> Placement {
    let text = String::from_utf8_lossy(bytes);
    let mut all = Placement::default();
    for path in text.lines().filter_map(|line| line.splitn(3, ':').nth(2)) {
        let one = of_path(path);
        let tells_runtime = |container: &Option<Container>| container.as_ref().is_some_and(|it| it.runtime.is_some());
        if all.container.is_none() || (!tells_runtime(&all.container) && tells_runtime(&one.container)) {
            all.container = one.container;
        }
        all.pod = all.pod.or(one.pod);
        all.job = all.job.or(one.job);
    }
    all
}

/// Parses a path. With nested containers, as in a cluster made of containers, the innermost counts.
fn of_path(path: &str) -> Placement {
    // The kernel appends this to a cgroup that was removed while the process was in it.
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    let segments: Vec<&str> = path.split('/').collect();
    let mut found = Placement::default();
    for (position, segment) in segments.iter().enumerate() {
        let before = &segments[..position];
        found.container = container(segment, before.last().copied()).or(found.container);
        found.pod = pod(segment).or(found.pod);
        found.job = job(segment, before).or(found.job);
    }
    found
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
    Container { id: id.to_owned(), runtime: runtime.map(str::to_owned), name: Err(Absence::NotSupported) }
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

/// Returns the job in Slurm's `slurm/uid_<uid>/job_<id>` (cgroup v1) and `slurmstepd.scope/job_<id>` (v2). On a host
/// with several daemons the first part contains the node's name.
fn job(segment: &str, before: &[&str]) -> Option<String> {
    let id = segment.strip_prefix("job_").filter(|id| is_number(id))?;
    let of_slurm = match before {
        [.., root, user] if user.strip_prefix("uid_").is_some_and(is_number) => {
            *root == "slurm" || root.starts_with("slurm_")
        }
        [.., scope] => *scope == "slurmstepd.scope" || scope.ends_with("_slurmstepd.scope"),
        [] => false,
    };
    of_slurm.then(|| id.to_owned())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
