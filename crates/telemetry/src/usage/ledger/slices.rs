//! Compute slices of MIG instances, which are their parts of the GPU.

use crate::snapshot::Gpu;

/// Slices of the GPUs that have others than [`SLICES`], by a word or words of the model's name. NVML does not report their
/// number without administrator's rights; NVIDIA's MIG user guide does.
const OTHERS: [(&str, u64); 4] = [("A30", 4), ("RTX PRO 6000", 4), ("RTX PRO 5000", 2), ("RTX PRO 4500", 2)];
/// Slices of a GPU with MIG.
const SLICES: u64 = 7;

/// Slices of a GPU by its name.
pub(super) fn of_gpu(gpu: &Gpu) -> u64 {
    let name = gpu.identity.name.as_deref().unwrap_or_default();
    let is_in = |words: &str| {
        let mut found = name.match_indices(words).map(|(at, _)| (&name[..at], &name[at + words.len()..]));
        let is_end = |text: Option<char>| !text.is_some_and(char::is_alphanumeric);
        found.any(|(before, after)| is_end(before.chars().next_back()) && is_end(after.chars().next()))
    };
    OTHERS.iter().find(|(words, _)| is_in(words)).map_or(SLICES, |(_, slices)| *slices)
}

/// Compute slices by a profile: 3 of `3g.40gb`, 1 of `1c.3g.20gb`; none of a text of another form.
pub(super) fn of_profile(profile: &str) -> Option<u64> {
    let first = profile.split('.').next()?.trim();
    let digits = first.strip_suffix(['c', 'g'])?;
    digits.parse().ok().filter(|slices| (1..=64).contains(slices))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn slices_by_profile() {
        for (profile, slices) in [
            ("1g.5gb", Some(1)),
            ("3g.40gb", Some(3)),
            ("7g.80gb", Some(7)),
            ("1c.3g.20gb", Some(1)),
            ("2c.7g.80gb", Some(2)),
            ("1g.10gb+me", Some(1)),
            ("1g.12gb+gfx", Some(1)),
            ("4g.96gb+me.all", Some(4)),
            ("2g.48gb-me", Some(2)),
            ("", None),
            ("g.5gb", None),
            ("0g.5gb", None),
            ("-1g.5gb", None),
            ("99999999999999999999g.5gb", None),
            ("big", None),
        ] {
            assert_eq!(of_profile(profile), slices, "{profile}");
        }
    }

    #[test]
    fn slices_by_model() {
        for (name, slices) in [
            ("NVIDIA A100-SXM4-40GB", 7),
            ("NVIDIA H200", 7),
            ("NVIDIA A30", 4),
            ("NVIDIA A30-24Q", 4),
            ("NVIDIA A300", 7),
            ("NVIDIA RTX PRO 6000 Blackwell Server Edition", 4),
            ("NVIDIA RTX PRO 5000 Blackwell", 2),
            ("", 7),
        ] {
            let mut gpu = fixtures::gpu(0);
            gpu.identity.name = Ok(name.into());
            assert_eq!(of_gpu(&gpu), slices, "{name}");
        }
    }
}
