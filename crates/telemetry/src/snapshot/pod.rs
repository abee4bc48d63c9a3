//! Which Kubernetes pods have a GPU, and in which a process runs.

use crate::{
    Absence, Reading,
    sample::{Container, PodContainer},
    snapshot::{Gpu, Mig, Process},
};

/// Number of digits of a container's id that are shown, as container tools do.
const SHORT_ID: usize = 12;

/// The Kubernetes pod in which a process runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its uid, by the process's cgroup.
    pub uid: String,
    /// Its name. [`crate::Absence::NotSupported`] where no source has it, or where the GPU does not determine it,
    /// since several pods have that.
    pub name: Reading<PodName>,
}

/// Name of a pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodName {
    /// Its namespace.
    pub namespace: String,
    /// Its name in that.
    pub name: String,
}

/// Processes that count for the container that they run in, and not for their account. Those in a system container
/// always do, because it has accounts of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContainerCount {
    /// Processes of root: root in a container is whoever may start containers, and seldom the host's root.
    #[default]
    Account,
    /// All processes, except below the slice of an account, where that account may create any cgroup.
    Container,
}

/// The one pod that has a GPU or a MIG instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnlyPod<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name in that.
    pub name: &'a str,
    /// The container that has it; none if several of the pod do.
    pub container: Option<&'a str>,
}

impl Gpu {
    /// The MIG instance that a process runs in, if it is one of the GPU's.
    #[must_use]
    pub fn instance_of(&self, process: &Process) -> Option<&Mig> {
        let place = (Some(process.gpu_instance?), process.compute_instance);
        let mut instances = self.mig.as_deref().unwrap_or_default().iter();
        instances.find(|mig| place == (mig.sample.gpu_instance.ok(), mig.sample.compute_instance.ok()))
    }

    /// The pod that has the whole GPU, if there is exactly one.
    #[must_use]
    pub fn only_pod(&self) -> Option<OnlyPod<'_>> {
        only(&self.pods)
    }
}

impl Mig {
    /// The pod that has the instance, if there is exactly one.
    #[must_use]
    pub fn only_pod(&self) -> Option<OnlyPod<'_>> {
        only(&self.pods)
    }
}

fn only(pods: &Reading<Vec<PodContainer>>) -> Option<OnlyPod<'_>> {
    let (first, others) = pods.as_deref().ok()?.split_first()?;
    let same_pod = |other: &PodContainer| (&other.namespace, &other.pod) == (&first.namespace, &first.pod);
    others.iter().all(same_pod).then(|| OnlyPod {
        namespace: &first.namespace,
        name: &first.pod,
        container: others.iter().all(|other| other.container == first.container).then_some(&*first.container),
    })
}

impl Process {
    /// The container that a process counts for, and not its account, by [`ContainerCount`].
    #[must_use]
    pub fn counts_for_container(&self) -> Option<&Container> {
        self.system_container.as_deref().or_else(|| {
            let counts =
                |container: &&Container| self.uid == Ok(0) || self.all_count_for_containers() && !container.rootless;
            self.container.as_deref().filter(counts)
        })
    }

    /// Why it is not known whether a process counts for a container: its cgroup was not read.
    #[must_use]
    pub fn is_unplaced(&self) -> Option<Absence> {
        self.placed.err().filter(|_| self.uid == Ok(0) || self.all_count_for_containers())
    }

    fn all_count_for_containers(&self) -> bool {
        self.container_count == ContainerCount::Container
    }

    /// Name of the container that a process counts for: its name, with namespace and pod before it where they
    /// are known, else the first digits of its id.
    #[must_use]
    pub fn container_label(&self) -> Option<String> {
        Some(self.label_of(self.counts_for_container()?))
    }

    /// The same of the container that it runs in, for which it may count or not.
    #[must_use]
    pub fn any_container_label(&self) -> Option<String> {
        Some(self.label_of(self.system_container.as_deref().or(self.container.as_deref())?))
    }

    fn label_of(&self, container: &Container) -> String {
        let pod = self.pod.as_ref().and_then(|pod| pod.name.as_ref().ok()).filter(|_| self.system_container.is_none());
        match (&container.name, pod) {
            (Ok(name), Some(pod)) => format!("{}/{}/{name}", pod.namespace, pod.name),
            (Ok(name), None) => name.clone(),
            (Err(_), _) => container.id.chars().take(SHORT_ID).collect(),
        }
    }

    /// Name of the process's account on this host: the uid in digits if it has no name. Not supported in a system
    /// container, whose accounts are its own.
    ///
    /// # Errors
    /// Why there is none.
    pub fn account(&self) -> Reading<String> {
        if self.system_container.is_some() {
            return Err(Absence::NotSupported);
        }
        let uid = self.uid?;
        Ok(self.user.clone().unwrap_or_else(|| uid.to_string()))
    }

    /// Container or account that the process counts for.
    ///
    /// # Errors
    /// Why it is not known.
    pub fn owner(&self) -> Reading<String> {
        self.is_unplaced().map_or(Ok(()), Err)?;
        self.container_label().map_or_else(|| self.account(), Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Absence, Stamp, fixtures::blank};

    fn of(pod: &str, container: &str) -> PodContainer {
        PodContainer { namespace: "ml".into(), pod: pod.into(), container: container.into() }
    }

    #[test]
    fn gpu_has_one_pod_or_none() {
        let gpu = |pods| Gpu { pods, ..blank::gpu("A", Stamp::default()) };
        let reported = |pods| gpu(pods).only_pod().map(|pod| (pod.name.to_owned(), pod.container.map(str::to_owned)));
        let named = |pod: &str, container: Option<&str>| Some((pod.to_owned(), container.map(str::to_owned)));
        assert_eq!(reported(Ok(vec![of("a", "main")])), named("a", Some("main")));
        assert_eq!(reported(Ok(vec![of("a", "main"), of("a", "side")])), named("a", None));
        assert_eq!(reported(Ok(vec![of("a", "main"), of("b", "main")])), None);
        assert_eq!(reported(Ok(vec![])), None);
        assert_eq!(reported(Err(Absence::Timeout)), None);
        let elsewhere = PodContainer { namespace: "other".into(), ..of("a", "main") };
        assert_eq!(reported(Ok(vec![of("a", "main"), elsewhere])), None, "the same name in another namespace");
    }

    #[test]
    fn container_of_root_labelled_by_best_name() {
        let id = "0123456789abcdef".repeat(4);
        let name = PodName { namespace: "ml".into(), name: "train-0".into() };
        let pod = |name| Some(Pod { uid: "u".into(), name });
        for (uid, container, pod, expected) in [
            (Ok(0), Ok("trainer"), None, Some("trainer")),
            (Ok(0), Err(Absence::Timeout), None, Some("0123456789ab")),
            (Ok(0), Ok("main"), pod(Ok(name.clone())), Some("ml/train-0/main")),
            (Ok(0), Ok("k8s_main"), pod(Err(Absence::NotSupported)), Some("k8s_main")),
            (Ok(0), Err(Absence::NotSupported), pod(Ok(name)), Some("0123456789ab")),
            (Ok(1001), Ok("trainer"), None, None),
            (Err(Absence::Denied), Ok("trainer"), None, None),
        ] {
            let container =
                Container { id: id.clone(), runtime: None, name: container.map(str::to_owned), rootless: false };
            let process =
                Process { uid, container: Some(Box::new(container)), pod: pod.map(Box::new), ..blank::process(1) };
            assert_eq!(process.container_label().as_deref(), expected);
        }
        assert_eq!(Process { uid: Ok(0), ..blank::process(1) }.container_label(), None);
    }

    #[test]
    fn processes_count_for_account_or_container() {
        use ContainerCount::{Account, Container as All};
        let of = |id: &str, rootless| {
            Some(Box::new(Container { id: id.into(), runtime: None, name: Ok(id.into()), rootless }))
        };
        let process = |uid, container_count, container: Option<&str>, system: Option<&str>| Process {
            uid: Ok(uid),
            user: Some(if uid == 0 { "root" } else { "alice" }.into()),
            container_count,
            container: container.and_then(|id| of(id, id == "rootless")),
            system_container: system.and_then(|id| of(id, false)),
            ..blank::process(1)
        };
        for (uid, rule, container, system, owner) in [
            (0, Account, Some("docker"), None, "docker"),
            (1001, Account, Some("docker"), None, "alice"),
            (1001, All, Some("docker"), None, "docker"),
            (0, All, Some("docker"), None, "docker"),
            (1001, All, None, None, "alice"),
            // An account may create any cgroup below its slice, so that is no way to count for something else.
            (1001, All, Some("rootless"), None, "alice"),
            // A system container has accounts of its own, and so has Docker in it.
            (0, Account, Some("lxc"), Some("lxc"), "lxc"),
            (1001, Account, Some("lxc"), Some("lxc"), "lxc"),
            (1001, All, Some("docker"), Some("lxc"), "lxc"),
            (0, Account, Some("docker"), Some("lxc"), "lxc"),
            (1001, Account, Some("rootless"), Some("lxc"), "lxc"),
        ] {
            let process = process(uid, rule, container, system);
            assert_eq!(process.owner().as_deref(), Ok(owner), "{uid} {rule:?} {container:?} {system:?}");
            assert_eq!(process.account().is_err(), system.is_some());
        }
        let unread = |uid, container_count| Process {
            placed: Err(Absence::Denied),
            ..process(uid, container_count, None, None)
        };
        assert_eq!(unread(1001, Account).owner().as_deref(), Ok("alice"));
        for unread in [unread(0, Account), unread(1001, All)] {
            assert_eq!(unread.owner(), Err(Absence::Denied), "it may be in a container");
        }
        let lost = Process { uid: Err(Absence::Error), ..process(0, All, Some("docker"), None) };
        assert_eq!((lost.owner().as_deref(), lost.account()), (Ok("docker"), Err(Absence::Error)));
    }
}
