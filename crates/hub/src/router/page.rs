//! The hub's pages: of all hosts, and of each host. All files are the hub's own, never an agent's: a script on the hub's
//! origin could read every viewer's token.

use http_server::{Access, Response, percent, response};
use server::page;

use super::routes::Context;

/// Path of the page's files.
pub(super) const ASSETS: &str = "/assets/";
/// Longest name of a host.
const MAX_NAME: usize = 253;

/// A path below `/hosts/` that the hub itself answers.
#[derive(Debug, PartialEq, Eq)]
enum HostPage<'a> {
    /// The name alone, without a slash.
    Name(&'a str),
    /// The page.
    Index,
    /// A file of the page.
    Asset(&'a str),
}

/// Reads the part of a path after `/hosts/`, as it was sent; none for what is proxied. Names are not looked up: the page
/// needs no token, so it must not say which hosts there are.
fn host_page(rest: &str) -> Option<HostPage<'_>> {
    let (name, path) = rest.split_once('/').map_or((rest, None), |(name, path)| (name, Some(path)));
    if !is_name(name) {
        return None;
    }
    match path {
        None => Some(HostPage::Name(name)),
        Some("") => Some(HostPage::Index),
        Some(path) => path.strip_prefix("assets/").filter(|file| !file.contains('/')).map(HostPage::Asset),
    }
}

/// True for a name that a host can have, as browsers send it.
fn is_name(sent: &str) -> bool {
    let name = percent::decode(sent.as_bytes());
    let is_first = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'[';
    let is_other = |byte: &u8| byte.is_ascii_alphanumeric() || b"._:[]-".contains(byte);
    name.len() <= MAX_NAME && name.first().is_some_and(is_first) && name.iter().all(is_other)
}

/// Clients that may use a path below `/hosts/`, if the hub itself answers it.
pub(super) fn access(rest: &str) -> Option<Access> {
    host_page(rest).map(|_| Access::Open)
}

/// The answer to a path below `/hosts/`, unless it is proxied.
pub(super) fn below_hosts(context: &Context<'_>, rest: &str) -> Option<Response> {
    let ancestors = &context.router.state.frame_ancestors;
    let file = match host_page(rest)? {
        // Begins with a dot, because a name can contain a colon and would then read as a scheme.
        HostPage::Name(name) => return Some(response::redirect(&format!("./{name}/"), context.query)),
        HostPage::Index => page::host(ancestors, context.headers),
        HostPage::Asset(name) => page::asset(name, ancestors, context.headers),
    };
    Some(file.unwrap_or_else(|| context.not_found()))
}

/// The page of all hosts.
pub(super) fn fleet(context: &Context<'_>) -> Response {
    page::fleet(&context.router.state.frame_ancestors, context.headers).unwrap_or_else(|| context.not_found())
}

/// The page that renders the OpenAPI document.
pub(super) fn reference(context: &Context<'_>) -> Response {
    page::reference(&context.router.state.frame_ancestors, context.headers).unwrap_or_else(|| context.not_found())
}

/// A file of the page.
pub(super) fn asset(context: &Context<'_>, name: &str) -> Response {
    page::asset(name, &context.router.state.frame_ancestors, context.headers).unwrap_or_else(|| context.not_found())
}

/// Redirects from the prefix to the page: its links are relative, so its path must end in a slash.
pub(super) fn to_page(context: &Context<'_>) -> Response {
    match context.router.prefix().last_segment() {
        Some(segment) => response::redirect(&format!("./{segment}/"), context.query),
        None => context.not_found(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_pages_recognized() {
        for (rest, page) in [
            ("gpu01", HostPage::Name("gpu01")),
            ("gpu01/", HostPage::Index),
            ("%5B::1%5D:8000/", HostPage::Index),
            ("gpu01/assets/index-1a.js", HostPage::Asset("index-1a.js")),
        ] {
            assert_eq!(host_page(rest), Some(page), "{rest}");
        }
        for rest in
            ["", "/", "../", "%2e%2e/", "a%2fb/", "-a/", "a b/", "gpu01/api/v1/summary", "gpu01/assets/a/b", "gpu01//"]
        {
            assert_eq!(host_page(rest), None, "{rest}");
        }
    }
}
