//! The sets of metric names.

use std::str::FromStr;

/// Names of the GPUs' metrics: native, those of dcgm-exporter 4.8 or 4.9, or several of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names {
    pub(crate) native: bool,
    pub(crate) dcgm: DcgmNames,
}

/// Sets of dcgm-exporter's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DcgmNames {
    /// None.
    No,
    /// Names of dcgm-exporter up to 4.8.
    Until48,
    /// Names since 4.9.
    Since49,
    /// Both, for the time of a migration.
    Both,
}

impl DcgmNames {
    fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, one) | (one, Self::No) => one,
            (one, same) if one == same => one,
            _ => Self::Both,
        }
    }
}

impl Names {
    /// Native names: `nvsmi_gpu_*`.
    pub const NATIVE: Self = Self { native: true, dcgm: DcgmNames::No };

    /// True if there are native names alone.
    #[must_use]
    pub fn is_native(self) -> bool {
        self.dcgm == DcgmNames::No
    }
}

impl Default for Names {
    fn default() -> Self {
        Self::NATIVE
    }
}

/// An invalid list of names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a list of native, dcgm and dcgm4.9, such as native,dcgm, got {0:?}")]
pub struct NamesError(String);

impl FromStr for Names {
    type Err = NamesError;

    /// Parses a list separated by commas: `native`, `dcgm`, `dcgm4.9`, `native,dcgm`.
    fn from_str(list: &str) -> Result<Self, NamesError> {
        let mut names = Self { native: false, dcgm: DcgmNames::No };
        for name in list.split(',') {
            match name.trim() {
                "native" => names.native = true,
                "dcgm" => names.dcgm = names.dcgm.with(DcgmNames::Until48),
                "dcgm4.9" => names.dcgm = names.dcgm.with(DcgmNames::Since49),
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
        let names = |native, dcgm| Names { native, dcgm };
        for (list, names) in [
            ("native", Names::NATIVE),
            ("dcgm", names(false, DcgmNames::Until48)),
            ("dcgm4.9", names(false, DcgmNames::Since49)),
            ("dcgm4.9,dcgm", names(false, DcgmNames::Both)),
            ("native,dcgm", names(true, DcgmNames::Until48)),
            ("dcgm, native,dcgm", names(true, DcgmNames::Until48)),
            ("dcgm,dcgm4.9,dcgm,native", names(true, DcgmNames::Both)),
        ] {
            assert_eq!(list.parse(), Ok(names), "{list}");
        }
        for (list, wrong) in [
            ("", ""),
            ("native,", ""),
            ("Native", "Native"),
            ("all", "all"),
            ("dcgm4.8", "dcgm4.8"),
            ("dcgm49", "dcgm49"),
        ] {
            assert_eq!(list.parse::<Names>(), Err(NamesError(wrong.into())), "{list}");
        }
    }
}
