//! Pages that may embed the page in a frame: `none`, or `self` and origins, separated by commas.

use std::{fmt, str::FromStr};

/// Pages that may embed the page in a frame; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameAncestors(Vec<String>);

/// A text that is not such a list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameAncestorsError {
    /// An entry that is neither `self` nor an origin.
    #[error(
        "expected self, none or an origin such as https://grafana.example.org (no path, no wildcard), got {entry:?}"
    )]
    Entry {
        /// The entry.
        entry: String,
    },
    /// An IPv6 address, which no browser matches here.
    #[error("{entry:?} is an IPv6 address, which browsers do not match; use a host name")]
    Address {
        /// The entry.
        entry: String,
    },
    /// `none` with other entries.
    #[error("none allows no page; remove it, or the other entries")]
    NoneAndOthers,
}

impl FromStr for FrameAncestors {
    type Err = FrameAncestorsError;

    fn from_str(text: &str) -> Result<Self, FrameAncestorsError> {
        let entries: Vec<&str> = text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).collect();
        if entries.contains(&"none") {
            return if entries.len() == 1 { Ok(Self::default()) } else { Err(FrameAncestorsError::NoneAndOthers) };
        }
        entries.into_iter().map(source).collect::<Result<_, _>>().map(Self)
    }
}

/// An entry as the policy writes it.
fn source(entry: &str) -> Result<String, FrameAncestorsError> {
    let refused = || FrameAncestorsError::Entry { entry: entry.into() };
    if entry == "self" {
        return Ok("'self'".into());
    }
    let text = entry.strip_suffix('/').unwrap_or(entry).to_ascii_lowercase();
    let (scheme, authority) = text.split_once("://").ok_or_else(refused)?;
    if authority.starts_with('[') {
        return Err(FrameAncestorsError::Address { entry: entry.into() });
    }
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    // These characters end neither a source nor a directive of the policy.
    let is_host = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    let is_port =
        |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    if matches!(scheme, "http" | "https") && is_host && port.is_none_or(is_port) { Ok(text) } else { Err(refused()) }
}

impl fmt::Display for FrameAncestors {
    /// The sources of the directive `frame-ancestors`.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { to.write_str("'none'") } else { to.write_str(&self.0.join(" ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn frame_ancestors_become_sources() {
        for (text, sources) in [
            ("", "'none'"),
            ("none", "'none'"),
            (" , ", "'none'"),
            ("self", "'self'"),
            ("https://Grafana.Example.org/", "https://grafana.example.org"),
            ("self, http://wiki:8080,https://10.0.0.1", "'self' http://wiki:8080 https://10.0.0.1"),
        ] {
            assert_eq!(text.parse::<FrameAncestors>().unwrap().to_string(), sources, "{text}");
        }
    }

    #[test]
    fn rejected_ancestor_is_named() {
        for text in [
            "*",
            "https://*.example.org",
            "grafana.example.org",
            "'self'",
            "https://a/b",
            "https://a b",
            "https://a;script-src *",
            "https://",
            "https://a:",
            "https://a:0",
            "https://a:70000",
            "https://a:+1",
            "https://u@a",
            "ftp://a",
            "data:",
            "https://\u{fc}ber.example",
            "https://a\r\nx: y",
        ] {
            let error = text.parse::<FrameAncestors>().unwrap_err();
            assert_eq!(error, FrameAncestorsError::Entry { entry: text.trim().into() }, "{text}");
        }
        let error = "https://[::1]:3000".parse::<FrameAncestors>().unwrap_err();
        assert!(matches!(error, FrameAncestorsError::Address { .. }), "{error}");
        assert_eq!("none,self".parse::<FrameAncestors>(), Err(FrameAncestorsError::NoneAndOthers));
    }

    proptest! {
        #[test]
        fn arbitrary_ancestors_stay_in_directive(text in "[a-z:/.,;' *\\PC]{0,60}") {
            if let Ok(ancestors) = text.parse::<FrameAncestors>() {
                let sources = ancestors.to_string();
                prop_assert!(!sources.contains([';', ',', '*', '\r', '\n']) && sources.is_ascii(), "{sources}");
            }
        }
    }
}
