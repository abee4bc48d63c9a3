//! MIG instances.

use telemetry::{
    Reading,
    snapshot::{Gpu, Mig, mig_labels},
};

use super::{
    claim::{ClaimView, conflicts},
    pods::PodView,
    readings::{ActivityView, Readings},
    usage::UseView,
};
use crate::v1::view::{ViewContext, view};

view! {
    /// MIG instance: a compute instance in a GPU instance.
    struct MigView of (context, mig: &Mig, label: String) {
        /// Name on this GPU: the profile, followed by the instance's IDs if several instances have the same profile, such as `1g.18gb (GI 9)`. The page and `/summary.txt` write it after the index, as `0 · 1g.18gb`.
        /// Source: derived from the profile and the IDs. Read: derived. Absent: never.
        value label: String = label;
        /// GPU instance ID.
        /// Source: `nvmlDeviceGetGpuInstanceId`. Read: 10 ticks. Absent: as the GPU is.
        read gpu_instance: Option<u32> = mig.sample.gpu_instance;
        /// Compute instance ID.
        /// Source: `nvmlDeviceGetComputeInstanceId`. Read: 10 ticks. Absent: as the GPU is.
        read compute_instance: Option<u32> = mig.sample.compute_instance;
        /// Profile, such as `1g.18gb`.
        /// Source: `nvmlDeviceGetName` of the instance. Read: 10 ticks. Absent: as the GPU is.
        read profile: Option<String> = mig.sample.profile.clone();
        /// UUID.
        /// Source: `nvmlDeviceGetUUID` of the instance. Read: 10 ticks. Absent: as the GPU is.
        read uuid: Option<String> = mig.sample.uuid.clone();
        /// Total memory.
        /// Source: `nvmlDeviceGetMemoryInfo_v2` of the instance. Read: 10 ticks. Absent: as the GPU is.
        read memory_total_bytes: Option<u64> = mig.sample.memory.map(|memory| memory.total_bytes);
        /// Used memory.
        /// Source: `nvmlDeviceGetMemoryInfo_v2` of the instance. Read: 10 ticks. Absent: as the GPU is.
        read memory_used_bytes: Option<u64> = mig.sample.memory.and_then(|memory| memory.used_bytes);
        /// Activity of its GPU instance in the last window.
        part activity: ActivityView = |context| Readings::of(context, &mig.activity());
        /// Use, and its users.
        part r#use: UseView = |context| UseView::of(context, &mig.usage);
        /// Claim of it; null without one. A claim of its GPU counts.
        /// Source: `claim` and `run`. Read: derived. Absent: null where there is none.
        null claim: Option<ClaimView> = ClaimView::seen(context, mig.claim.as_ref());
        /// Users who compute on it although another has claimed it, as in `use`. Processes that only draw and monitors of root do not count.
        /// Source: derived from the processes. Read: derived. Absent: `hidden`; then the list is empty.
        private_list claim_conflicts: Vec<String> = conflicts(mig.claim.as_ref());
        /// Containers to which the kubelet assigned it.
        /// Source: the kubelet, `List` of `v1.PodResourcesLister`. Read: kubelet. Absent: as the GPU's `pods`.
        private_list_read pods: Vec<PodView> = PodView::all(context, &mig.pods);
    }
}

impl MigView {
    /// All instances of a GPU; absent values have paths such as `mig.0.uuid`.
    pub(crate) fn all(context: &mut ViewContext, gpu: &Gpu) -> Reading<Vec<Self>> {
        let instances = gpu.mig.as_ref().map_err(|why| *why)?;
        let one = |(position, (mig, label))| {
            context.part(format_args!("mig.{position}"), |context| Self::of(context, mig, label))
        };
        Ok(instances.iter().zip(mig_labels(instances)).enumerate().map(one).collect())
    }
}
