//! The sets of metric names.

use std::str::FromStr;

/// Names of the GPUs' metrics: native, dcgm-exporter's, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names {
    pub(crate) native: bool,
    pub(crate) dcgm: bool,
}

impl Names {
    /// Native names: `nvsmi_gpu_*`.
    pub const NATIVE: Self = Self { native: true, dcgm: false };
    /// Names of dcgm-exporter.
    pub const DCGM: Self = Self { native: false, dcgm: true };
}

impl Default for Names {
    fn default() -> Self {
        Self::NATIVE
    }
}

/// An invalid list of names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected native, dcgm or native,dcgm, got {0:?}")]
pub struct NamesError(String);

impl FromStr for Names {
    type Err = NamesError;

    /// Parses a list separated by commas: `native`, `dcgm`, `native,dcgm`.
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
