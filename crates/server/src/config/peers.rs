//! Other hosts for the page: `NAME=PATH` or `NAME=URL`, separated by commas.
//!
//! The agent sends them no requests. The page requests those under a path of its own origin, and links to the others.

use std::str::FromStr;

use http_server::{Prefix, PrefixError};
use hyper::Uri;

/// Maximum length of a name, in characters.
const MAX_NAME_CHARS: usize = 64;

/// Another host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) name: String,
    /// A path with a slash at both ends, or an HTTP URL.
    pub(crate) url: String,
}

/// Other hosts; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peers(Vec<Peer>);

/// An invalid list of hosts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeersError {
    /// An entry without `=`.
    #[error("expected NAME=PATH or NAME=URL, such as gpu02=/server2, got {entry:?}")]
    Shape {
        /// The entry.
        entry: String,
    },
    /// A name that is empty, too long, or has control characters.
    #[error("invalid name {name:?}: use 1 to {MAX_NAME_CHARS} characters, no control characters")]
    Name {
        /// The name.
        name: String,
    },
    /// A name that occurs twice.
    #[error("duplicate name {name:?}; give each host its own")]
    Twice {
        /// The name.
        name: String,
    },
    /// An address that is neither a path nor an HTTP URL.
    #[error("expected a path such as /server2, or a URL with http:// or https://, got {url:?}")]
    Place {
        /// The address.
        url: String,
    },
    /// An address with a user name, and possibly a password.
    #[error("the address of {name:?} contains a user, which everyone would see; remove the part before the @")]
    Secret {
        /// The name of the host. The address is not shown.
        name: String,
    },
    /// An invalid path.
    #[error("path of {name:?}: {error}")]
    Path {
        /// The name of the host.
        name: String,
        /// The error of the path.
        error: PrefixError,
    },
}

impl FromStr for Peers {
    type Err = PeersError;

    fn from_str(text: &str) -> Result<Self, PeersError> {
        let mut peers = Vec::<Peer>::new();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (name, place) =
                entry.split_once('=').ok_or_else(|| PeersError::Shape { entry: without_user(entry).into() })?;
            let (name, place) = (name.trim(), place.trim());
            if name.is_empty() || name.chars().count() > MAX_NAME_CHARS || name.contains(char::is_control) {
                return Err(PeersError::Name { name: name.into() });
            }
            if peers.iter().any(|peer| peer.name == name) {
                return Err(PeersError::Twice { name: name.into() });
            }
            peers.push(Peer { name: name.into(), url: url(name, place)? });
        }
        Ok(Self(peers))
    }
}

/// The part of an entry after any user name and password.
fn without_user(entry: &str) -> &str {
    entry.rsplit('@').next().unwrap_or_default()
}

/// The page's address; a path ends in a slash, because the page does.
fn url(name: &str, place: &str) -> Result<String, PeersError> {
    // As URL_PREFIX reads it: slashes at the ends are optional. Without the first one, a name with a dot or a port is
    // rather a host whose scheme is missing.
    let first = place.split('/').next().unwrap_or_default();
    if !place.is_empty() && !first.contains(['.', ':']) && !place.starts_with("//") {
        let path: Prefix = place.parse().map_err(|error| PeersError::Path { name: name.into(), error })?;
        return Ok(format!("{path}/"));
    }
    let uri: Option<Uri> = place.parse().ok().filter(|uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")));
    let authority = uri.as_ref().and_then(Uri::authority);
    match authority {
        Some(authority) if authority.as_str().contains('@') => Err(PeersError::Secret { name: name.into() }),
        Some(authority) if !authority.host().is_empty() => Ok(place.into()),
        _ => Err(PeersError::Place { url: without_user(place).into() }),
    }
}

impl Peers {
    /// The hosts, in the order of the configuration.
    pub(crate) fn list(&self) -> &[Peer] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn urls(text: &str) -> Vec<(String, String)> {
        let Peers(peers) = text.parse().unwrap();
        peers.into_iter().map(|peer| (peer.name, peer.url)).collect()
    }

    #[test]
    fn peers_parsed_from_paths_and_addresses() {
        let expected = [
            ("gpu02", "/server2/"),
            ("gpu03", "/server3/"),
            ("über", "/a/b/"),
            ("root", "/"),
            ("far", "https://gpu9.example:8443/x/?y#z"),
        ];
        let expected = expected.map(|(name, url)| (name.to_owned(), url.to_owned()));
        assert_eq!(
            urls(" gpu02=/server2,gpu03=server3, über = a/b/ ,root=/,far=https://gpu9.example:8443/x/?y#z,"),
            expected
        );
        assert_eq!(urls(""), []);
    }

    #[test]
    fn rejected_value_is_named() {
        for (text, part) in [
            ("gpu02", "NAME=PATH"),
            ("=/x", "invalid name"),
            ("a=/x,a=/y", "duplicate name \"a\""),
            ("a=x:80/y", "got \"x:80/y\""),
            ("a=x/../y", "\"..\""),
            ("a=gpu09.example/x", "http://"),
            ("a=//x/y", "expected a path"),
            ("a=javascript:alert(1)", "expected a path"),
            ("a=ftp://x/", "expected a path"),
            ("a=https://", "expected a path"),
            ("a=/x/../y", "\"..\""),
            ("a=/x?y", "'?'"),
            ("a=", "expected a path"),
        ] {
            let message = text.parse::<Peers>().unwrap_err().to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
        assert!("x".repeat(65).parse::<Peers>().is_err());
    }

    #[test]
    fn peer_password_rejected_and_hidden() {
        for text in ["a=https://u:planted@x/", "a=ftp://u:planted@x/", "https://u:planted@x/"] {
            let message = text.parse::<Peers>().unwrap_err().to_string();
            assert!(!message.contains("planted"), "{message}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_peer_is_harmless(text in "[a-z=/:,.@ \\PC]{0,60}") {
            for (name, url) in text.parse().map(|Peers(peers)| peers).unwrap_or_default().into_iter().map(|peer| (peer.name, peer.url)) {
                prop_assert!(!name.is_empty());
                prop_assert!(url.starts_with("http://") || url.starts_with("https://") || (url.starts_with('/') && !url.starts_with("//")));
            }
        }
    }
}
