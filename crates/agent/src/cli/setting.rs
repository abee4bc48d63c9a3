//! Options in effect, each with its source.

use std::fmt;

/// One option in effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) source: Source,
}

/// Source of an option's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Flag,
    /// Environment variable, by its name.
    Variable(String),
    /// File with variables.
    File(String),
    /// Nobody set it.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => to.write_str("flag"),
            Self::Variable(name) => write!(to, "variable {name}"),
            Self::File(file) => to.write_str(file),
            Self::Default => to.write_str("default"),
        }
    }
}

impl Setting {
    /// True if nobody set it.
    pub(crate) fn is_default(&self) -> bool {
        self.source == Source::Default
    }
}
