//! Other hosts, as the administrator names them to the page: `NAME=PATH` or `NAME=URL`, with commas between them.
//!
//! Nobody here asks them for anything. The page asks those that live under a path of its own origin, and links the rest.

use std::str::FromStr;

use http_server::{Prefix, PrefixError};
use hyper::Uri;

/// The longest name, in characters: so many a row of hosts can show.
const LONGEST_NAME: usize = 64;

/// Another host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) name: String,
    /// A path with a slash at both ends, or an address of HTTP.
    pub(crate) url: String,
}

/// Other hosts; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peers(Vec<Peer>);

/// Why a text names no hosts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeersError {
    /// There is no `=` in it.
    #[error("{entry:?} is no NAME=PATH, such as gpu02=/server2, and no NAME=URL")]
    Shape {
        /// One of the texts between the commas.
        entry: String,
    },
    /// It is empty, too long, or has control characters.
    #[error("{name:?} is no name of a host: one has 1 to {LONGEST_NAME} characters, none of them a control character")]
    Name {
        /// What stands before the `=`.
        name: String,
    },
    /// Two have one name.
    #[error("the name {name:?} stands twice")]
    Twice {
        /// The name.
        name: String,
    },
    /// It is neither a path nor an address of HTTP.
    #[error("{url:?} is neither a path, such as /server2, nor an address that begins with http:// or https://")]
    Place {
        /// What stands after the `=`.
        url: String,
    },
    /// It has a user's name, and maybe a password.
    #[error("the address of {name:?} has a user in it: everyone would be shown it, so leave out what is before the @")]
    Secret {
        /// Whose address it is. The address itself is not said.
        name: String,
    },
    /// The path cannot be one.
    #[error("of {name:?}: {error}")]
    Path {
        /// Whose path it is.
        name: String,
        /// What is wrong with it.
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
            if name.is_empty() || name.chars().count() > LONGEST_NAME || name.contains(char::is_control) {
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

/// What is said of a text that may hold a password.
fn without_user(entry: &str) -> &str {
    entry.rsplit('@').next().unwrap_or_default()
}

/// The page's address: of a path with a slash at its end, since that is where a page is.
fn url(name: &str, place: &str) -> Result<String, PeersError> {
    if place.starts_with('/') && !place.starts_with("//") {
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
        let expected =
            [("gpu02", "/server2/"), ("über", "/a/b/"), ("root", "/"), ("far", "https://gpu9.example:8443/x/?y#z")];
        let expected = expected.map(|(name, url)| (name.to_owned(), url.to_owned()));
        assert_eq!(urls(" gpu02=/server2, über = /a/b/ ,root=/,far=https://gpu9.example:8443/x/?y#z,"), expected);
        assert_eq!(urls(""), []);
    }

    #[test]
    fn rejected_value_is_named() {
        for (text, part) in [
            ("gpu02", "NAME=PATH"),
            ("=/x", "no name"),
            ("a=/x,a=/y", "\"a\" stands twice"),
            ("a=x", "\"x\" is neither"),
            ("a=//x/y", "neither"),
            ("a=javascript:alert(1)", "neither"),
            ("a=ftp://x/", "neither"),
            ("a=https://", "neither"),
            ("a=/x/../y", "\"..\""),
            ("a=/x?y", "'?'"),
            ("a=", "neither"),
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
