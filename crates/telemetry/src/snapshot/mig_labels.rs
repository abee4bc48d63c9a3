//! Names of a GPU's MIG instances.

use crate::{sample::MigSample, snapshot::Mig};

/// The name of each of a GPU's instances: the shortest that no other has.
#[must_use]
pub fn mig_labels(instances: &[Mig]) -> Vec<String> {
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
    use super::*;
    use crate::{Absence, Reading, fixtures::hosts};

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
        assert_eq!(mig_labels(&instances), expected);
        assert_eq!(mig_labels(&[]), Vec::<String>::new());
    }
}
