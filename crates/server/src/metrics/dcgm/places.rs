//! Subjects of samples under dcgm-exporter's names: a GPU, or each of its GPU instances; one sample per job and pod on
//! it.

use telemetry::snapshot::{Gpu, Mig};

use super::{DcgmSettings, fields::Version, known_labels};
use crate::metrics::{
    table::Seen,
    text::{label_into, labels},
};

/// A GPU or a GPU instance.
pub(super) struct Place<'a> {
    pub(super) gpu: &'a Gpu,
    /// The GPU instance: one of its compute instances, which all share its memory.
    pub(super) mig: Option<&'a Mig>,
    /// Labels that all its samples begin with, for the versions whose names a sample has.
    bases: Vec<(Vec<Version>, String)>,
    /// Further labels: one list per sample.
    owners: Vec<Vec<(&'static str, String)>>,
}

impl Place<'_> {
    /// The labels of each of its samples under names of these versions, with those that the sample alone has. They
    /// stand in alphabetical order after the first ones, as there.
    pub(super) fn labels(&self, versions: &[Version], own: &[(&'static str, String)]) -> impl Iterator<Item = String> {
        let base = self.bases.iter().find(|(of, _)| of == versions).map_or("", |(_, base)| base.as_str());
        self.owners.iter().map(move |owner| {
            let mut attributes = [owner.as_slice(), own].concat();
            attributes.sort_by_key(|(name, _)| *name);
            let mut text = base.to_owned();
            for (name, value) in attributes {
                label_into(&mut text, name, &value);
            }
            text
        })
    }
}

/// All places, in the GPUs' order.
pub(super) fn places<'a>(seen: &Seen<'a>, settings: &DcgmSettings, versions: &[Version]) -> Vec<Place<'a>> {
    let place = |gpu, mig| place(seen, settings, versions, gpu, mig);
    let mut all = Vec::new();
    for gpu in &seen.snapshot.gpus {
        let instances = gpu_instances(gpu);
        if instances.is_empty() {
            all.push(place(gpu, None));
        }
        all.extend(instances.into_iter().map(|mig| place(gpu, Some(mig))));
    }
    all
}

/// The first compute instance of each GPU instance.
fn gpu_instances(gpu: &Gpu) -> Vec<&Mig> {
    let mut found: Vec<&Mig> = Vec::new();
    for mig in gpu.mig.iter().flatten().filter(|mig| mig.sample.gpu_instance.is_ok()) {
        if !found.iter().any(|other| other.sample.gpu_instance == mig.sample.gpu_instance) {
            found.push(mig);
        }
    }
    found
}

fn place<'a>(
    seen: &Seen<'a>,
    settings: &DcgmSettings,
    versions: &[Version],
    gpu: &'a Gpu,
    mig: Option<&'a Mig>,
) -> Place<'a> {
    let identity = &gpu.identity;
    let known = |text: &'a Result<String, _>| text.as_deref().unwrap_or_default();
    let mut common = labels(&[
        ("gpu", &gpu.index.to_string()),
        ("UUID", known(&identity.uuid)),
        ("pci_bus_id", known(&identity.pci_bus_id)),
        // Its index, whatever the number of its device file.
        ("device", &format!("nvidia{}", gpu.index)),
        ("modelName", known(&identity.name)),
    ]);
    if let Some(mig) = mig {
        label_into(&mut common, "GPU_I_PROFILE", gpu_profile(known(&mig.sample.profile)));
        label_into(&mut common, "GPU_I_ID", &mig.sample.gpu_instance.map(|id| id.to_string()).unwrap_or_default());
    }
    let base = |versions: &[Version]| {
        let mut base = common.clone();
        if let Ok(hostname) = &seen.snapshot.host.hostname {
            for label in hostname_labels(settings, versions) {
                label_into(&mut base, label, hostname);
            }
        }
        known_labels(seen, gpu, settings.counters.labels(), versions, &mut base);
        base
    };
    let each = versions.iter().map(|version| vec![*version]);
    let together = (versions.len() > 1).then(|| versions.to_vec());
    let bases = each.chain(together).map(|versions| (versions.clone(), base(&versions))).collect();
    Place { gpu, mig, bases, owners: owners(seen, gpu, mig) }
}

/// Names of the label with the host's name.
fn hostname_labels<'a>(settings: &'a DcgmSettings, versions: &[Version]) -> Vec<&'a str> {
    if let Some(label) = &settings.hostname_label {
        return vec![label];
    }
    let of = |version: &Version| match version {
        Version::Until48 => "Hostname",
        Version::Since49 => "hostname",
    };
    versions.iter().map(of).collect()
}

/// The profile of the GPU instance in that of a compute instance: `1c.3g.40gb` is a part of `3g.40gb`.
fn gpu_profile(profile: &str) -> &str {
    match profile.split_once('.') {
        Some((part, rest)) if part.ends_with('c') => rest,
        _ => profile,
    }
}

/// Labels of its owners: a list per job on it, or one if there is none. Jobs come from the scheduler's folder, else from
/// Slurm's cgroups of the processes.
fn owners(seen: &Seen<'_>, gpu: &Gpu, mig: Option<&Mig>) -> Vec<Vec<(&'static str, String)>> {
    if !seen.scope.sees_work() {
        return vec![Vec::new()];
    }
    let pod = pod(gpu, mig);
    let jobs = or_none(jobs(gpu, mig).into_iter().map(Some));
    let all = jobs.into_iter().map(|job| pod.iter().cloned().chain(job.map(|job| ("hpc_job", job))).collect());
    all.collect()
}

/// At least one element, so that a GPU without owner has a sample.
fn or_none<T: Default>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut all: Vec<T> = all.collect();
    if all.is_empty() {
        all.push(T::default());
    }
    all
}

fn jobs(gpu: &Gpu, mig: Option<&Mig>) -> Vec<String> {
    let instance = mig.and_then(|mig| mig.sample.gpu_instance.ok());
    if let Some(files) = &gpu.jobs {
        // The GPU's own file counts for an instance without one.
        let of = |instance: Option<u32>| files.iter().find(|file| file.instance == instance);
        let file = of(instance).or_else(|| of(None));
        return file.map(|file| file.jobs.clone()).unwrap_or_default();
    }
    let on = gpu.processes.iter().filter(|process| mig.is_none() || process.gpu_instance == instance);
    let mut jobs: Vec<String> =
        on.filter_map(|process| Some(process.job.as_ref().ok()?.as_ref()?.id.clone())).collect();
    jobs.sort();
    jobs.dedup();
    jobs
}

/// The pod that the kubelet has allocated it to, if there is exactly one. A shared GPU has no pod label, because a series per
/// pod would count its power and memory several times.
fn pod(gpu: &Gpu, mig: Option<&Mig>) -> Vec<(&'static str, String)> {
    let instance = |other: &&Mig| mig.is_some_and(|mig| other.sample.gpu_instance == mig.sample.gpu_instance);
    let only = match mig {
        None => gpu.only_pod(),
        // Its compute instances may be several pods'.
        Some(_) => {
            let given = |mig: &&Mig| mig.pods.as_ref().is_ok_and(|pods| !pods.is_empty());
            let mut given = gpu.mig.iter().flatten().filter(instance).filter(given).map(Mig::only_pod);
            given.next().flatten().filter(|first| given.all(|other| other == Some(*first)))
        }
    };
    let Some(only) = only else { return Vec::new() };
    let container = only.container.map(|name| ("container", name.to_owned()));
    let named = [("namespace", only.namespace.to_owned()), ("pod", only.name.to_owned())];
    container.into_iter().chain(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profile_is_that_of_gpu_instance() {
        for (told, profile) in [("1g.5gb", "1g.5gb"), ("1c.3g.40gb", "3g.40gb"), ("", ""), ("2g.10gb+me", "2g.10gb+me")]
        {
            assert_eq!(gpu_profile(told), profile);
        }
    }
}
