//! Under which names metrics are served.

use std::str::FromStr;

/// Under which names the readings of GPUs are served: ours, those of dcgm-exporter, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names {
    pub(crate) native: bool,
    pub(crate) dcgm: bool,
}

impl Names {
    /// Our own: `nvsmi_gpu_*`.
    pub const NATIVE: Self = Self { native: true, dcgm: false };
    /// Those of dcgm-exporter.
    pub const DCGM: Self = Self { native: false, dcgm: true };
}

impl Default for Names {
    fn default() -> Self {
        Self::NATIVE
    }
}

/// Not a list of names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no set of metric names; choose native, dcgm, or both with a comma between them")]
pub struct NamesError(String);

impl FromStr for Names {
    type Err = NamesError;

    /// A list with commas: `native`, `dcgm`, `native,dcgm`.
    fn from_str(list: &str) -> Result<Self, NamesError> {
        let mut names = Self { native: false, dcgm: false };
        for name in list.split(',') {
            match name.trim() {
                "native" => names.native = true,
                "dcgm" => names.dcgm = true,
                other => return Err(NamesError(other.into())),
            }
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_sets_parsed() {
        let both = Names { native: true, dcgm: true };
        for (list, names) in
            [("native", Names::NATIVE), ("dcgm", Names::DCGM), ("native,dcgm", both), ("dcgm, native,dcgm", both)]
        {
            assert_eq!(list.parse(), Ok(names), "{list}");
        }
        for (list, wrong) in [("", ""), ("native,", ""), ("Native", "Native"), ("all", "all")] {
            assert_eq!(list.parse::<Names>(), Err(NamesError(wrong.into())), "{list}");
        }
    }
}
