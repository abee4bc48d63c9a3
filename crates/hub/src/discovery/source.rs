//! Sources of targets: values of `--hosts`.

use std::{fmt, path::PathBuf, str::FromStr};

use hyper::Uri;

use super::{entry, notes::quoted};
use crate::target::{Endpoint, Scheme};

/// Accepted forms, for errors.
const FORMS: &str = "a file of targets (/etc/hub/*.json, .yml or .yaml), a URL that serves one (https://host/targets), \
                     dns+a://NAME:PORT, dns+srv://NAME, or static:HOST:PORT,HOST:PORT";
/// Endings of the names of `file_sd` files, as Prometheus has them.
const FILE_ENDINGS: [&str; 3] = [".json", ".yml", ".yaml"];

/// A source of targets.
#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    /// Files in Prometheus' `file_sd` format: a path, or a pattern with `*`, `?` and `[…]`.
    Files(PathBuf),
    /// A URL in Prometheus' `http_sd` format. The path of the endpoint is in `path`.
    Http {
        /// The server.
        server: Endpoint,
        /// Path and query.
        path: String,
    },
    /// A record A, or AAAA if there is none, for each host.
    DnsA {
        /// Name.
        name: String,
        /// Port of each host.
        port: u16,
    },
    /// A record SRV for each host.
    DnsSrv {
        /// Name.
        name: String,
    },
    /// Listed hosts.
    Static(Vec<Endpoint>),
}

/// A text that names no source of targets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(String);

impl Source {
    /// True if whoever controls the network or the name service can add targets.
    #[must_use]
    pub const fn is_spoofable(&self) -> bool {
        match self {
            Self::Http { server, .. } => matches!(server.scheme, Scheme::Http),
            Self::DnsA { .. } | Self::DnsSrv { .. } => true,
            Self::Files(_) | Self::Static(_) => false,
        }
    }
}

impl FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        let wrong = |why: String| SourceError(format!("{why}, got {}", quoted(&without_secrets(text))));
        if let Some(list) = text.strip_prefix("static:") {
            let hosts = list.split(',').map(str::trim).filter(|host| !host.is_empty());
            let hosts: Vec<Endpoint> = hosts.map(static_host).collect::<Result<_, _>>().map_err(wrong)?;
            return if hosts.is_empty() { Err(wrong("expected HOST:PORT".into())) } else { Ok(Self::Static(hosts)) };
        }
        if let Some(rest) = text.strip_prefix("dns+a://") {
            let named = rest.rsplit_once(':').and_then(|(name, port)| Some((dns_name(name)?, entry::port(port)?)));
            let (name, port) = named.ok_or_else(|| wrong("expected dns+a://NAME:PORT".into()))?;
            return Ok(Self::DnsA { name, port });
        }
        if let Some(rest) = text.strip_prefix("dns+srv://") {
            let name = dns_name(rest).ok_or_else(|| wrong("expected dns+srv://NAME".into()))?;
            return Ok(Self::DnsSrv { name });
        }
        if text.starts_with("http://") || text.starts_with("https://") {
            return url(text).map_err(wrong);
        }
        let path = text.strip_prefix("file:").unwrap_or(text);
        let lower = path.to_ascii_lowercase();
        let is_file = FILE_ENDINGS.iter().any(|ending| lower.ends_with(ending)) && !path.contains("://");
        if !is_file {
            let is_host = entry::address(text, Scheme::Http).is_ok() && text.contains(':');
            let hint = match text {
                _ if is_host => format!("; for this host write static:{text}"),
                _ if std::path::Path::new(path).is_dir() => {
                    format!("; for all files of this directory write {}/*.json", path.trim_end_matches('/'))
                }
                _ => String::new(),
            };
            return Err(wrong(format!("expected {FORMS}{hint}")));
        }
        glob::Pattern::new(path).map_err(|error| wrong(format!("invalid pattern: {}", error.msg)))?;
        Ok(Self::Files(path.into()))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files(path) => write!(to, "{}", path.display()),
            // A query often has a key.
            Self::Http { server, path } => match path.split_once('?') {
                Some((path, _)) => write!(to, "{server}{path}?…"),
                None => write!(to, "{server}{path}"),
            },
            Self::DnsA { name, port } => write!(to, "dns+a://{name}:{port}"),
            Self::DnsSrv { name } => write!(to, "dns+srv://{name}"),
            Self::Static(hosts) if hosts.len() == 1 => to.write_str("static: (1 host)"),
            Self::Static(hosts) => write!(to, "static: ({} hosts)", hosts.len()),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "Source({self})")
    }
}

/// Sources as they are displayed: of each URL without its query, and without a user and a password.
#[must_use]
pub fn without_secrets(sources: &str) -> String {
    let shown = sources.split_inclusive(char::is_whitespace).map(|word| {
        let text = word.trim_end();
        let space = word.get(text.len()..).unwrap_or_default();
        match text.strip_prefix("static:") {
            Some(hosts) => format!("static:{}{space}", hosts.split(',').map(shown_url).collect::<Vec<_>>().join(",")),
            None => shown_url(text) + space,
        }
    });
    shown.collect()
}

fn shown_url(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let (rest, query) = rest.split_once(['?', '#']).map_or((rest, ""), |(rest, _)| (rest, "?…"));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let authority = authority.rsplit_once('@').map_or_else(|| authority.to_owned(), |(_, host)| format!("…@{host}"));
    format!("{scheme}://{authority}{path}{query}")
}

/// A host of a static list: `HOST:PORT`, or with a scheme and a prefix, which other lists have as labels.
fn static_host(text: &str) -> Result<Endpoint, String> {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (entry::scheme(scheme).ok_or_else(|| "expected http:// or https://".to_owned())?, rest),
        None => (Scheme::Http, text),
    };
    let (address, prefix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    // A list of Prometheus' has its default ports, which no agent has by itself.
    if !text.contains("://") && !address.rsplit(']').next().unwrap_or_default().contains(':') {
        return Err("expected HOST:PORT, such as gpu01:8000".into());
    }
    let (host, port) = entry::address(address, scheme)?;
    let prefix: http_server::Prefix = prefix.parse().map_err(|error: http_server::PrefixError| error.to_string())?;
    Ok(Endpoint { scheme, host, port, prefix: prefix.as_str().into() })
}

/// A URL of a list. A user and a password would be visible in the list of processes.
fn url(text: &str) -> Result<Source, String> {
    let uri: Uri = text.parse().map_err(|error| format!("expected a URL such as https://host/targets: {error}"))?;
    let scheme = uri.scheme_str().and_then(entry::scheme).ok_or_else(|| "expected http or https".to_owned())?;
    let authority = uri.authority().ok_or_else(|| "expected a host".to_owned())?.as_str();
    if authority.contains('@') {
        return Err("expected no user and password: list a token for this host in --agent-token-file".into());
    }
    let (host, port) = entry::address(authority, scheme)?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    Ok(Source::Http { server: Endpoint { scheme, host, port, prefix: "".into() }, path })
}

/// A name for a query, which may have a service in front, as in `_http._tcp.agents.example`.
fn dns_name(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    (name.len() <= entry::MAX_HOST && name.split('.').all(is_label)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_spellings_parsed() {
        for (text, shown) in [
            ("/etc/hub/*.json", "/etc/hub/*.json"),
            ("targets.yml", "targets.yml"),
            ("file:a/b[0-9].YAML", "a/b[0-9].YAML"),
            ("http://list:9000/sd?key=secret", "http://list:9000/sd?…"),
            ("https://[::1]/sd", "https://[::1]:443/sd"),
            ("http://List.Example", "http://list.example:80/"),
            ("dns+a://agents.gpu.svc:8000", "dns+a://agents.gpu.svc:8000"),
            ("dns+srv://_http._tcp.agents.gpu.svc.", "dns+srv://_http._tcp.agents.gpu.svc."),
            ("static:a:8000, b:8000,", "static: (2 hosts)"),
        ] {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), shown, "{text}");
        }
        let Source::Static(hosts) = "static:a:8000,https://[::1]:8443/gpu/b".parse().unwrap() else { panic!() };
        let shown: Vec<String> = hosts.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["http://a:8000", "https://[::1]:8443/gpu/b"]);
    }

    #[test]
    fn source_invalid_named_with_forms() {
        for (text, part) in [
            ("gpu01:8000,gpu02:8000", "static:HOST:PORT"),
            ("gpu01:8000", "write static:gpu01:8000"),
            ("/etc/", "write /etc/*.json"),
            ("static:a", "HOST:PORT, such as gpu01:8000"),
            ("static:[::1]", "HOST:PORT, such as"),
            ("http://", "https://host/targets"),
            ("hosts.txt", ".yaml"),
            ("", "static:"),
            ("static:", "HOST:PORT"),
            ("static:a:0", "port"),
            ("static:ftp://a:1", "http://"),
            ("static:a:1/x?y", "prefix"),
            ("dns+a://agents", "dns+a://NAME:PORT"),
            ("dns+a://:80", "dns+a://NAME:PORT"),
            ("dns+srv://a..b", "dns+srv://NAME"),
            ("dns+mx://a.yml", "dns+srv"),
            ("https://user:secret@list/sd", "--agent-token-file"),
            ("https:///sd?secret", "got"),
            ("https://list:0/sd?key=secret", "port"),
            ("ftp://user:secret@list/a", "expected"),
            ("https://user:secret@li st/sd", "got"),
            ("a[.json", "pattern"),
        ] {
            let error = text.parse::<Source>().unwrap_err().to_string();
            let shown = without_secrets(text);
            assert!(error.contains(part) && error.contains(&format!("{shown:?}")), "{text}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn secrets_of_urls_not_displayed() {
        for (text, shown) in [
            ("https://list/sd?key=secret,a b.json", "https://list/sd?… b.json"),
            ("https://user:secret@list:1/sd#secret", "https://…@list:1/sd?…"),
            ("a.json  HTTP://list?secret\n", "a.json  HTTP://list?…\n"),
            ("static:a:1,https://user:secret@b:2/x,c:1", "static:a:1,https://…@b:2/x,c:1"),
            ("static:a:1,https://b:2/gpu dns+a://a:1", "static:a:1,https://b:2/gpu dns+a://a:1"),
            ("", ""),
        ] {
            assert_eq!(without_secrets(text), shown, "{text}");
        }
        let shown = format!("{:?}", "https://list/sd?secret".parse::<Source>().unwrap());
        assert!(!shown.contains("secret"), "{shown}");
    }

    #[test]
    fn lists_of_others_are_spoofable() {
        for (text, expected) in [
            ("a.json", false),
            ("static:a:1", false),
            ("https://list/sd", false),
            ("http://list/sd", true),
            ("dns+a://a:1", true),
            ("dns+srv://a", true),
        ] {
            assert_eq!(text.parse::<Source>().unwrap().is_spoofable(), expected, "{text}");
        }
    }
}
