//! Which pods have a GPU or a MIG instance.

use telemetry::{Reading, sample::PodContainer};

use crate::v1::view::{Eye, view};

view! {
    /// A container of a Kubernetes pod.
    struct PodView of (_eye, pod: &PodContainer) {
        /// The pod's namespace.
        /// Source: the kubelet, `List`. Lane: kubelet. Absent: never.
        value namespace: String = pod.namespace.clone();
        /// The pod's name.
        /// Source: the kubelet, `List`. Lane: kubelet. Absent: never.
        value name: String = pod.pod.clone();
        /// The container's name in the pod.
        /// Source: the kubelet, `List`. Lane: kubelet. Absent: never.
        value container: String = pod.container.clone();
    }
}

impl PodView {
    pub(crate) fn all(eye: &mut Eye, pods: &Reading<Vec<PodContainer>>) -> Reading<Vec<Self>> {
        let pods = pods.as_ref().map_err(|why| *why)?;
        Ok(pods.iter().map(|pod| Self::of(eye, pod)).collect())
    }
}
