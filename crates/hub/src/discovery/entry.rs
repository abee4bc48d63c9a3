//! One listed target: its address and labels, by Prometheus' rules.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use http_server::{Prefix, PrefixError};

use super::notes::{Notes, quoted};
use crate::target::{Endpoint, Scheme, is_ssh_host};

/// Longest host name, in bytes, as in DNS.
pub(super) const MAX_HOST: usize = 253;
/// Most labels of a target.
const MAX_LABELS: usize = 64;
/// Longest name of a label, in bytes.
const MAX_LABEL_NAME: usize = 128;
/// Longest value of a label, in bytes.
const MAX_LABEL_VALUE: usize = 1024;
/// Longest path of metrics, in bytes.
const MAX_PATH: usize = 1024;
/// Most notes about the labels of a target; the others are counted.
const MAX_NOTES: usize = 3;
/// Longest name of a host, in bytes.
pub(super) const MAX_NAME: usize = 253;

/// A listed target before its name is made unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) endpoint: Endpoint,
    pub(super) group: Arc<Shared>,
}

/// Properties that the targets of a group share: a group can have many targets and many labels.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Shared {
    scheme: Scheme,
    prefix: Box<str>,
    /// The name that each asks for; none to be called by its address.
    pub(super) name: Option<Box<str>>,
    pub(super) labels: Arc<BTreeMap<Box<str>, Box<str>>>,
    pub(super) ssh_host: Option<Box<str>>,
    pub(super) notes: Vec<Arc<str>>,
}

impl Shared {
    /// Reads the labels of a group.
    ///
    /// # Errors
    /// The reason why its targets are left out.
    pub(super) fn new(labels: &BTreeMap<String, String>) -> Result<Self, String> {
        // As in Prometheus, a label without a value is no label.
        let label = |name: &str| labels.get(name).map(String::as_str).filter(|value| !value.is_empty());
        let scheme = match label("__scheme__") {
            None => Scheme::Http,
            Some(text) => {
                scheme(text).ok_or_else(|| format!("expected the scheme http or https, got {}", quoted(text)))?
            }
        };
        let prefix = prefix(label("__metrics_path__").unwrap_or("/metrics"))?.as_str().into();
        let mut notes = Notes::new(MAX_NOTES);
        let name = read_name(label("name").or_else(|| label("instance")), &mut notes);
        let ssh_host = label("ssh_host").filter(|ssh_host| {
            let is_valid = is_ssh_host(ssh_host);
            if !is_valid {
                notes.add(|| format!("the label ssh_host is not used: {} is no name for a command", quoted(ssh_host)));
            }
            is_valid
        });
        let mut kept = BTreeMap::new();
        for (name, value) in labels {
            if let Err(problem) = add_label(&mut kept, name, value) {
                notes.add(|| format!("the label {} is left out: {problem}", quoted(name)));
            }
        }
        let notes = notes.finish().into_iter().map(Arc::from).collect();
        Ok(Self { scheme, prefix, name, labels: Arc::new(kept), ssh_host: ssh_host.map(Box::from), notes })
    }
}

impl Entry {
    /// A target without labels.
    pub(super) fn plain(endpoint: Endpoint) -> Self {
        Self { endpoint, group: Arc::default() }
    }

    /// Reads a target of a group.
    ///
    /// # Errors
    /// The reason why it is left out.
    pub(super) fn of(group: &Arc<Shared>, address_text: &str) -> Result<Self, String> {
        let scheme = group.scheme;
        let (host, port) = address(address_text, scheme)?;
        Ok(Self { endpoint: Endpoint { scheme, host, port, prefix: group.prefix.clone() }, group: Arc::clone(group) })
    }

    #[cfg(test)]
    pub(super) fn new(address_text: &str, labels: &BTreeMap<String, String>) -> Result<Self, String> {
        Self::of(&Arc::new(Shared::new(labels)?), address_text)
    }
}

fn read_name(wanted: Option<&str>, notes: &mut Notes) -> Option<Box<str>> {
    let wanted = wanted?;
    if is_name(wanted) {
        return Some(wanted.into());
    }
    notes.add(|| {
        let wanted = quoted(wanted);
        format!("it is called by its address: {wanted} is no name of a host; use letters, digits and ._:[]-")
    });
    None
}

/// Adds a label, unless it is reserved.
///
/// # Errors
/// The reason why it is left out.
fn add_label(to: &mut BTreeMap<Box<str>, Box<str>>, name: &str, value: &str) -> Result<(), &'static str> {
    if value.is_empty() || name.starts_with("__") || ["name", "ssh_host"].contains(&name) {
        return Ok(());
    }
    if !is_label_name(name) {
        return Err("its name is not of letters, digits and underscores");
    }
    if name.len() > MAX_LABEL_NAME || value.len() > MAX_LABEL_VALUE {
        return Err("it is too long");
    }
    if to.len() == MAX_LABELS {
        return Err("there are too many");
    }
    to.insert(name.into(), value.into());
    Ok(())
}

/// Reads a scheme, in any case as Prometheus does.
pub(super) fn scheme(text: &str) -> Option<Scheme> {
    [Scheme::Http, Scheme::Https].into_iter().find(|scheme| scheme.as_str().eq_ignore_ascii_case(text))
}

/// Reads a port.
pub(super) fn port(text: &str) -> Option<u16> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| is_number && *port > 0)
}

/// Reads `HOST:PORT`, or `HOST` with the scheme's own port. Names are in lower case, and addresses in their usual form.
///
/// # Errors
/// The problem.
pub(super) fn address(text: &str, scheme: Scheme) -> Result<(Box<str>, u16), String> {
    if text.contains("://") || text.contains('/') {
        return Err(
            "expected HOST:PORT, got a URL or a path: write these into the labels __scheme__ and __metrics_path__"
                .into(),
        );
    }
    let (host, rest) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']').ok_or_else(|| "expected ] after an IPv6 address".to_owned())?,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port = match rest.strip_prefix(':') {
        None if rest.is_empty() => match scheme {
            Scheme::Http => 80,
            Scheme::Https => 443,
        },
        Some(rest) if !text.starts_with('[') && rest.contains(':') => {
            return Err("expected an IPv6 address in brackets, such as [::1]:8000".into());
        }
        port_text => port_text
            .and_then(port)
            .ok_or_else(|| "expected a port from 1 to 65535 after the host, such as gpu01:8000".to_owned())?,
    };
    let host = if text.starts_with('[') {
        host.parse::<std::net::Ipv6Addr>().ok().map(|address| IpAddr::from(address).to_canonical().to_string())
    } else {
        host.parse::<IpAddr>().ok().map(|address| address.to_string()).or_else(|| host_name(host))
    };
    host.map(|host| (host.into(), port))
        .ok_or_else(|| "expected the name or the address of a host, such as gpu01:8000".into())
}

/// A name or an IPv4 address of a host, as a name server may have it.
pub(super) fn named_host(text: &str) -> Option<String> {
    text.parse::<Ipv4Addr>().ok().map(|address| address.to_string()).or_else(|| host_name(text))
}

/// A host name in lower case, without the dot at its end. A last label of a number is no name: the C library reads `127.1`
/// and `0x7f000001` as addresses, which no pattern of a token names.
fn host_name(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_number = |text: &str| text.strip_prefix("0x").unwrap_or(text).bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_numeric = last.starts_with(|first: char| first.is_ascii_digit()) && is_number(last);
    (name.len() <= MAX_HOST && name.split('.').all(is_label) && !is_numeric).then_some(name)
}

/// The directory of the path at which Prometheus reads metrics.
fn prefix(metrics_path: &str) -> Result<Prefix, String> {
    if metrics_path.len() > MAX_PATH {
        return Err(format!("__metrics_path__: expected at most {MAX_PATH} bytes, got {}", metrics_path.len()));
    }
    let directory = metrics_path.rsplit_once('/').map_or("", |(directory, _)| directory);
    directory.parse().map_err(|error| {
        let got = quoted(metrics_path);
        match error {
            PrefixError::EmptySegment { .. } => format!("__metrics_path__: {got} has two slashes in a row"),
            PrefixError::DotSegment { .. } => format!("__metrics_path__: {got} has the segment . or .."),
            _ => format!("__metrics_path__: {got} has a character that no path may have"),
        }
    })
}

/// True for a name by which a host can be called: `[A-Za-z0-9\[][A-Za-z0-9._:\[\]-]{0,252}`.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME
        && text.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '[')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:[]-".contains(&byte))
}

fn is_label_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(address: &str, labels: &[(&str, &str)]) -> Result<Entry, String> {
        Entry::new(address, &labels.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    fn url(address: &str, labels: &[(&str, &str)]) -> String {
        entry(address, labels).unwrap().endpoint.to_string()
    }

    #[test]
    fn address_forms_read() {
        for (text, expected) in [
            ("gpu01:8000", "http://gpu01:8000"),
            ("GPU01.Example.:8000", "http://gpu01.example:8000"),
            ("gpu_01:8000", "http://gpu_01:8000"),
            ("gpu01", "http://gpu01:80"),
            ("10.0.0.1:9000", "http://10.0.0.1:9000"),
            ("[::1]:8000", "http://[::1]:8000"),
            ("[0:0::1]", "http://[::1]:80"),
            ("[::ffff:10.0.0.1]:80", "http://10.0.0.1:80"),
            ("4gpu.example:1", "http://4gpu.example:1"),
        ] {
            assert_eq!(url(text, &[]), expected, "{text}");
        }
        assert_eq!(url("gpu01", &[("__scheme__", "HTTPS")]), "https://gpu01:443");
    }

    #[test]
    fn address_invalid_left_out() {
        for text in [
            "",
            ":8000",
            "a:",
            "a:0",
            "a:65536",
            "a:+80",
            "a:8 0",
            "a b:80",
            "::1",
            "::1:8000",
            "[::1",
            "[::1]8000",
            "[a]:1",
            "http://a:80",
            "a:80/metrics",
            "a/b",
            "user@a:80",
            "a..b:80",
            "-a:80",
            "ä:80",
            "127.1:80",
            "0x7f000001:80",
            "2130706433:80",
            "a.0x7f:1",
            "[fe80::1%eth0]:80",
            "a\n:80",
            "..:80",
            ".:80",
            "a?x:80",
            "a#x:80",
        ] {
            assert!(entry(text, &[]).is_err(), "{text:?}: {:?}", entry(text, &[]));
        }
        for (name, value) in [
            ("__scheme__", "ftp"),
            ("__metrics_path__", "/../metrics"),
            ("__metrics_path__", "/a//b/m"),
            ("__metrics_path__", "/a?b/m"),
        ] {
            assert!(entry("a:1", &[(name, value)]).is_err(), "{value}");
        }
    }

    #[test]
    fn prefix_is_directory_of_metrics_path() {
        for (path, expected) in [
            ("/metrics", "http://a:1"),
            ("metrics", "http://a:1"),
            ("/gpu01/metrics", "http://a:1/gpu01"),
            ("gpu/01/metrics", "http://a:1/gpu/01"),
            ("/gpu01/", "http://a:1/gpu01"),
            ("/", "http://a:1"),
            ("", "http://a:1"),
        ] {
            assert_eq!(url("a:1", &[("__metrics_path__", path)]), expected, "{path}");
        }
    }

    #[test]
    fn address_label_has_no_effect() {
        assert_eq!(url("a:1", &[("__address__", "b:2")]), "http://a:1");
    }

    #[test]
    fn name_is_label_then_instance_then_address() {
        let name = |labels: &[(&str, &str)]| {
            let group = entry("a:1", labels).unwrap().group;
            (group.name.as_deref().map(String::from), group.notes.len())
        };
        assert_eq!(name(&[]), (None, 0));
        assert_eq!(name(&[("instance", "i")]), (Some("i".into()), 0));
        assert_eq!(name(&[("instance", "i"), ("name", "n")]), (Some("n".into()), 0));
        assert_eq!(name(&[("instance", "i"), ("name", "")]), (Some("i".into()), 0));
        for wrong in ["a b", "-a", ".a", "../x", "a/b", "é", "<b>", "a\n", &"a".repeat(254)] {
            assert_eq!(name(&[("name", wrong)]), (None, 1), "{wrong}");
            assert_eq!(name(&[("instance", wrong)]), (None, 1), "{wrong}");
        }
        for right in ["gpu01", "[::1]:8000", "a.b:1", "0", &"a".repeat(253)] {
            assert_eq!(name(&[("name", right)]), (Some(right.to_owned()), 0), "{right}");
        }
    }

    #[test]
    fn ssh_host_invalid_dropped_with_note() {
        for (text, expected) in [
            ("gpu01", true),
            ("_a@b.c", true),
            ("-oProxyCommand=x", false),
            ("a b", false),
            ("a;b", false),
            ("@a", false),
        ] {
            let entry = entry("a:1", &[("ssh_host", text)]).unwrap().group;
            assert_eq!((entry.ssh_host.is_some(), entry.notes.is_empty()), (expected, expected), "{text}");
        }
    }

    #[test]
    fn labels_kept_unless_reserved_or_invalid() {
        let many: Vec<String> = (0..70).map(|number| format!("l{number:02}")).collect();
        let labels = [
            ("rack", "a1"),
            ("__meta_x", "x"),
            ("empty", ""),
            ("a-b", "x"),
            ("instance", "i"),
            ("name", "n"),
            ("ssh_host", "s"),
        ];
        let found = entry("a:1", &labels).unwrap().group;
        assert_eq!(found.labels.keys().map(|name| &**name).collect::<Vec<_>>(), ["instance", "rack"]);
        assert_eq!(found.notes.len(), 1);
        let labels: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "x")).collect();
        let found = entry("a:1", &labels).unwrap().group;
        assert_eq!((found.labels.len(), found.notes.len()), (64, 4));
        assert_eq!(&*found.notes[3], "and 3 more");
        let found = entry("a:1", &[("a", &"x".repeat(1025))]).unwrap().group;
        assert_eq!((found.labels.len(), found.notes.len()), (0, 1));
    }

    #[test]
    fn notes_and_errors_short_for_any_text() {
        let long = "x ".repeat(100_000);
        let labels = [("name", long.as_str()), ("ssh_host", &long), (&long, "x")];
        let found = entry("a:1", &labels).unwrap().group;
        assert_eq!(found.notes.len(), 3);
        assert!(found.notes.iter().all(|note| note.len() < 250), "{:?}", found.notes);
        for name in ["__scheme__", "__metrics_path__"] {
            for text in [format!("/{long}"), "/".repeat(1000), format!("/../{}", "a".repeat(1000))] {
                let error = entry("a:1", &[(name, &text)]).unwrap_err();
                assert!(error.len() < 250, "{error}");
            }
        }
        assert!(entry(&long, &[]).unwrap_err().len() < 250);
    }

    proptest! {
        #[test]
        fn address_of_any_text_is_canonical_or_refused(text in "(http://)?[a-zA-Z0-9.:\\[\\]/@%_ -]{0,20}(:[0-9]{1,5})?") {
            if let Ok(entry) = entry(&text, &[]) {
                let authority = entry.endpoint.authority();
                prop_assert_eq!(super::address(&authority, Scheme::Http), Ok((entry.endpoint.host.clone(), entry.endpoint.port)));
                prop_assert!(format!("http://{authority}/").parse::<hyper::Uri>().is_ok(), "{}", authority);
            }
        }
    }
}
