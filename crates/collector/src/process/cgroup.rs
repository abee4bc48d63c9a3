//! What a cgroup's path tells of where a process runs: container, Kubernetes pod, Slurm job. Pure: bytes in, what is
//! told out.
//!
//! Nothing is guessed. An id is told only by the names that a runtime itself gives its cgroups; what an administrator
//! or a program may have named likewise, but not just so, tells nothing.

use telemetry::{Absence, sample::Container};

/// The prefixes that runtimes give the names of their cgroups, before `-<id>.scope` (systemd) or `-<id>`.
const PREFIXES: [(&str, &str); 6] = [
    ("docker", "docker"),
    ("cri-containerd", "containerd"),
    ("nerdctl", "containerd"),
    ("crio", "cri-o"),
    ("libpod", "podman"),
    ("libpod-payload", "podman"),
];
/// The folders in which a runtime keeps cgroups that are named by the id alone.
const FOLDERS: [(&str, &str); 2] = [("docker", "docker"), ("k8s.io", "containerd")];

/// Where a process runs, as far as its cgroup tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Placement {
    pub(super) container: Option<Container>,
    /// The uid of the Kubernetes pod, as the API server writes it.
    pub(super) pod: Option<String>,
    /// The number of the Slurm job.
    pub(super) job: Option<String>,
}

/// `/proc/PID/cgroup`: a line `number:controllers:path` for each hierarchy. With cgroup v1 there are several, and not
/// each runtime uses each of them, so what one line leaves open another may tell.
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

/// Where containers are nested, as in a cluster made of containers, the process runs in the innermost.
fn of_path(path: &str) -> Placement {
    // The kernel adds this to a cgroup that was removed while the process was still in it.
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
    // `slice:prefix:id` is systemd's notation, which runc takes for a plain path when it is not told to use systemd.
    let (prefix, id) = match segment.rsplit_once(':') {
        Some((rest, id)) => (rest.rsplit_once(':')?.1, id),
        None => segment.strip_suffix(".scope").unwrap_or(segment).rsplit_once('-')?,
    };
    let (_, runtime) = PREFIXES.iter().find(|(name, _)| *name == prefix)?;
    is_id(id).then(|| found(id, Some(runtime)))
}

/// A path does not tell what a container is called.
fn found(id: &str, runtime: Option<&str>) -> Container {
    Container { id: id.to_owned(), runtime: runtime.map(str::to_owned), name: Err(Absence::NotSupported) }
}

/// The runtimes' ids are 256 bits in lower-case hexadecimal digits.
fn is_id(text: &str) -> bool {
    text.len() == 64 && is_hex(text)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The kubelet names a pod's cgroup `pod<uid>`, or with systemd `kubepods[-<quality of service>]-pod<uid>.slice`, in
/// which the uid's hyphens are underscores since a slice's own hyphens separate its parents.
fn pod(segment: &str) -> Option<String> {
    let slice = segment.split_once(':').map_or(segment, |(slice, _)| slice);
    if let Some(name) = slice.strip_suffix(".slice") {
        let (parents, uid) = name.rsplit_once("-pod")?;
        let of_the_kubelet = parents.split('-').any(|parent| parent == "kubepods");
        return uid_of(uid, '_').filter(|_| of_the_kubelet);
    }
    uid_of(segment.strip_prefix("pod")?, '-')
}

/// A UUID with this separator, or the hash of 32 digits that a static pod has for one.
fn uid_of(text: &str, separator: char) -> Option<String> {
    if text.len() == 32 && is_hex(text) {
        return Some(text.to_owned());
    }
    let groups: Vec<&str> = text.split(separator).collect();
    let shaped = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]);
    (shaped && groups.iter().all(|group| is_hex(group))).then(|| groups.join("-"))
}

/// Slurm's `slurm/uid_<uid>/job_<id>` (cgroup v1) and `slurmstepd.scope/job_<id>` (v2). A host with several daemons
/// has the node's name in the first part.
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
