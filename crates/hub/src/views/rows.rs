//! The parameter `rows` of the stream: hosts whose GPUs a client shows.

use std::sync::Arc;

use crate::fleet::Published;

/// Most names in a list. A page shows fewer rows than this, and a list has to fit into an address.
const MAX_NAMES: usize = 2000;

/// Hosts whose GPUs are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    /// All.
    All,
    /// The hosts with these names, sorted.
    Named(Arc<[Box<str>]>),
    /// The hosts at these places in the order of names, the last included.
    Range(usize, usize),
}

impl Rows {
    /// Reads the parameter; all rows without it.
    ///
    /// # Errors
    /// A text that is neither a range nor a list.
    pub(crate) fn parse(text: Option<&str>) -> Result<Self, String> {
        let Some(text) = text else { return Ok(Self::All) };
        if let Some((first, last)) = range(text) {
            return match (first.parse(), last.parse()) {
                (Ok(first), Ok(last)) if first <= last => Ok(Self::Range(first, last)),
                _ => Err(format!("The parameter rows={text:?} is invalid; expected a range such as 0-49.")),
            };
        }
        let mut names: Vec<Box<str>> = text.split(',').filter(|name| !name.is_empty()).map(Box::from).collect();
        if names.len() > MAX_NAMES {
            return Err(format!("The parameter rows has {} names; expected at most {MAX_NAMES}.", names.len()));
        }
        names.sort_unstable();
        names.dedup();
        Ok(Self::Named(names.into()))
    }

    /// True if the hosts that are meant depend on which there are.
    pub(crate) const fn is_range(&self) -> bool {
        matches!(self, Self::Range(..))
    }

    /// Places of the hosts that are meant among those that are published; none if all are.
    pub(crate) fn places(&self, published: &Published) -> Arc<[usize]> {
        match self {
            Self::All => Arc::default(),
            Self::Named(names) => names.iter().filter_map(|name| published.place(name)).collect(),
            Self::Range(first, last) => (*first..last.saturating_add(1).min(published.hosts.len())).collect(),
        }
    }
}

/// The ends of a range: digits on both sides. A host with such a name is meant with a comma after it.
fn range(text: &str) -> Option<(&str, &str)> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('-').filter(|(first, last)| is_number(first) && is_number(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_parsed() {
        let named = |names: &[&str]| Ok(Rows::Named(names.iter().map(|name| Box::from(*name)).collect()));
        assert_eq!(Rows::parse(None), Ok(Rows::All));
        assert_eq!(Rows::parse(Some("0-49")), Ok(Rows::Range(0, 49)));
        assert_eq!(Rows::parse(Some("b,a,b")), named(&["a", "b"]));
        assert_eq!(Rows::parse(Some("0-49,")), named(&["0-49"]), "the host of this name");
        assert_eq!(Rows::parse(Some("gpu-1")), named(&["gpu-1"]));
        assert_eq!(Rows::parse(Some("")), named(&[]), "no GPUs at all");
        for wrong in ["5-4", "1-99999999999999999999999"] {
            assert!(Rows::parse(Some(wrong)).is_err(), "{wrong}");
        }
        assert!(Rows::parse(Some(&"a,".repeat(MAX_NAMES + 1))).is_err());
    }
}
