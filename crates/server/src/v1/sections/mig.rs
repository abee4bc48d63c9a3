//! MIG instances.

use telemetry::{
    Reading,
    snapshot::{Gpu, Mig},
};

use super::{pods::PodView, usage::UseView, utilization::ActivityView};
use crate::v1::view::{Eye, view};

view! {
    /// One MIG instance: a compute instance in a GPU instance.
    struct MigView of (eye, mig: &Mig) {
        /// The GPU instance.
        /// Source: `nvmlDeviceGetGpuInstanceId`. Lane: slow. Absent: as the GPU is.
        read gpu_instance: Option<u32> = mig.sample.gpu_instance;
        /// The compute instance.
        /// Source: `nvmlDeviceGetComputeInstanceId`. Lane: slow. Absent: as the GPU is.
        read compute_instance: Option<u32> = mig.sample.compute_instance;
        /// The profile, such as `1g.18gb`.
        /// Source: `nvmlDeviceGetName` of the instance. Lane: slow. Absent: as the GPU is.
        read profile: Option<String> = mig.sample.profile.clone();
        /// Its name for ever.
        /// Source: `nvmlDeviceGetUUID` of the instance. Lane: slow. Absent: as the GPU is.
        read uuid: Option<String> = mig.sample.uuid.clone();
        /// All of its memory.
        /// Source: `nvmlDeviceGetMemoryInfo_v2` of the instance. Lane: slow. Absent: as the GPU is.
        read memory_total_bytes: Option<u64> = mig.sample.memory.map(|memory| memory.total_bytes);
        /// What of it is in use.
        /// Source: `nvmlDeviceGetMemoryInfo_v2` of the instance. Lane: slow. Absent: as the GPU is.
        read memory_used_bytes: Option<u64> = mig.sample.memory.and_then(|memory| memory.used_bytes);
        /// What ran where on its GPU instance in the last window, by the GPU's own monitors.
        part activity: ActivityView = |eye| ActivityView::of(eye, &mig.activity());
        /// Whether it is free, and whose it is.
        part r#use: UseView = |eye| UseView::of(eye, &mig.usage);
        /// The containers to which the kubelet gave it.
        /// Source: the kubelet, `List` of `v1.PodResourcesLister`. Lane: kubelet. Absent: as the GPU's `pods`.
        people pods: Vec<PodView> = PodView::all(eye, &mig.pods);
    }
}

impl MigView {
    /// Each of a GPU; the paths of what is absent say which, as in `mig.0.uuid`.
    pub(crate) fn all(eye: &mut Eye, gpu: &Gpu) -> Reading<Vec<Self>> {
        let instances = gpu.mig.as_ref().map_err(|why| *why)?;
        let one = |(position, mig)| eye.part(format_args!("mig.{position}"), |eye| Self::of(eye, mig));
        Ok(instances.iter().enumerate().map(one).collect())
    }
}
