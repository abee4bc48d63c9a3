//! Pods that have a GPU or a MIG instance.

use telemetry::{Reading, sample::PodContainer};

use crate::v1::view::{ViewContext, view};

view! {
    /// A container of a Kubernetes pod.
    struct PodView of (_eye, pod: &PodContainer) {
        /// Namespace of the pod.
        /// Source: the kubelet, `List`. Read: kubelet. Absent: never.
        value namespace: String = pod.namespace.clone();
        /// Name of the pod.
        /// Source: the kubelet, `List`. Read: kubelet. Absent: never.
        value name: String = pod.pod.clone();
        /// Name of the container in the pod.
        /// Source: the kubelet, `List`. Read: kubelet. Absent: never.
        value container: String = pod.container.clone();
    }
}

impl PodView {
    pub(crate) fn all(context: &mut ViewContext, pods: &Reading<Vec<PodContainer>>) -> Reading<Vec<Self>> {
        let pods = pods.as_ref().map_err(|why| *why)?;
        Ok(pods.iter().map(|pod| Self::of(context, pod)).collect())
    }
}
