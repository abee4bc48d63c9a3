//! MIG instances.

use telemetry::{
    Reading,
    sample::MigSample,
    snapshot::{Gpu, Mig},
};

use super::{
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
        Ok(instances.iter().zip(labels(instances)).enumerate().map(one).collect())
    }
}

/// The name of each of a GPU's instances: the shortest that no other has.
pub(super) fn labels(instances: &[Mig]) -> Vec<String> {
    let forms: Vec<[Option<String>; 3]> = instances.iter().map(forms).collect();
    let shortest = |(position, own): (usize, &[Option<String>; 3])| {
        let is_unique = |form: usize| forms.iter().filter(|other| other[form] == own[form]).count() == 1;
        let unique = (0..own.len()).filter(|form| is_unique(*form)).find_map(|form| own[form].clone());
        let profile = own[0].as_deref().unwrap_or(NO_PROFILE);
        unique.unwrap_or_else(|| format!("{profile} #{position}"))
    };
    forms.iter().enumerate().map(shortest).collect()
}

/// Name of an instance whose profile was not read.
const NO_PROFILE: &str = "instance";

/// Names of an instance, the shortest first: `1g.10gb`, `1g.10gb (GI 9)`, `1g.10gb (GI 9, CI 0)`.
fn forms(mig: &Mig) -> [Option<String>; 3] {
    let MigSample { profile, gpu_instance, compute_instance, .. } = &mig.sample;
    let name = profile.as_deref().unwrap_or(NO_PROFILE);
    let (gpu, compute) = (gpu_instance.ok(), compute_instance.ok());
    [
        profile.clone().ok(),
        gpu.map(|gpu| format!("{name} (GI {gpu})")),
        gpu.zip(compute).map(|(gpu, compute)| format!("{name} (GI {gpu}, CI {compute})")),
    ]
}

#[cfg(test)]
mod tests {
    use telemetry::{Absence, Reading, fixtures::hosts};

    use super::*;

    fn instance(profile: Reading<&str>, gpu: Reading<u32>, compute: Reading<u32>) -> Mig {
        let mut mig = hosts::mig().mig.unwrap().remove(0);
        mig.sample.profile = profile.map(Into::into);
        (mig.sample.gpu_instance, mig.sample.compute_instance) = (gpu, compute);
        mig
    }

    #[test]
    fn label_is_profile_with_ids_where_needed() {
        let instances = [
            instance(Ok("3g.40gb"), Ok(2), Ok(0)),
            instance(Ok("1g.10gb"), Ok(9), Ok(0)),
            instance(Ok("1g.10gb"), Ok(10), Ok(0)),
            instance(Ok("1c.2g.20gb"), Ok(3), Ok(0)),
            instance(Ok("1c.2g.20gb"), Ok(3), Ok(1)),
            instance(Err(Absence::Denied), Ok(4), Ok(0)),
            instance(Err(Absence::Denied), Err(Absence::Denied), Ok(0)),
            instance(Ok("1g.10gb"), Err(Absence::Error), Ok(0)),
        ];
        let expected = [
            "3g.40gb",
            "1g.10gb (GI 9)",
            "1g.10gb (GI 10)",
            "1c.2g.20gb (GI 3, CI 0)",
            "1c.2g.20gb (GI 3, CI 1)",
            "instance (GI 4)",
            "instance #6",
            "1g.10gb #7",
        ];
        assert_eq!(labels(&instances), expected);
        assert_eq!(labels(&[]), Vec::<String>::new());
    }
}
