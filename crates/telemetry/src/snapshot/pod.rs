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
    /// The container that a process counts for, and not its account: where root runs in one. Root in a container is
    /// whoever may start containers, and seldom the host's root.
    #[must_use]
    pub fn counts_for_container(&self) -> Option<&Container> {
        self.container.as_deref().filter(|_| self.uid == Ok(0))
    }

    /// Why it is not known whether a process of root's counts for a container: its cgroup was not read.
    #[must_use]
    pub fn is_unplaced_root(&self) -> Option<Absence> {
        self.placed.err().filter(|_| self.uid == Ok(0))
    }

    /// Name of the container that a process counts for: its name, with namespace and pod before it where they
    /// are known, else the first digits of its id.
    #[must_use]
    pub fn container_label(&self) -> Option<String> {
        let container = self.counts_for_container()?;
        let pod = self.pod.as_ref().and_then(|pod| pod.name.as_ref().ok());
        Some(match (&container.name, pod) {
            (Ok(name), Some(pod)) => format!("{}/{}/{name}", pod.namespace, pod.name),
            (Ok(name), None) => name.clone(),
            (Err(_), _) => container.id.chars().take(SHORT_ID).collect(),
        })
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
            let container = Container { id: id.clone(), runtime: None, name: container.map(str::to_owned) };
            let process =
                Process { uid, container: Some(Box::new(container)), pod: pod.map(Box::new), ..blank::process(1) };
            assert_eq!(process.container_label().as_deref(), expected);
        }
        assert_eq!(Process { uid: Ok(0), ..blank::process(1) }.container_label(), None);
    }
}
