//! `Link` headers of answers that are passed on: the one to the accounting of usage, and to the next page of a list.
//!
//! The link to peers is left out: their addresses belong to the agent's own origin, and mean something else on the hub's.

use hyper::{
    HeaderMap,
    header::{HeaderValue, LINK},
};

static USAGE: HeaderValue = HeaderValue::from_static("<usage>; rel=\"related\"");

/// Longest link.
const MAX_LINK: usize = 4096;
/// Most links that are read.
const MAX_LINKS: usize = 8;

/// The links of an answer that the viewer's page may follow, written again.
pub(super) fn read(headers: &HeaderMap) -> Vec<HeaderValue> {
    let mut links: Vec<HeaderValue> = Vec::new();
    for link in headers.get_all(LINK).iter().take(MAX_LINKS) {
        let link = if *link == USAGE { Some(USAGE.clone()) } else { next_page(link) };
        // A second one of a kind would be somebody's trick.
        if let Some(link) = link.filter(|link| !links.contains(link)) {
            links.push(link);
        }
    }
    links
}

/// A link to another query of the same path.
fn next_page(link: &HeaderValue) -> Option<HeaderValue> {
    let text = link.to_str().ok().filter(|text| text.len() <= MAX_LINK)?;
    let query = text.strip_prefix("<?")?.strip_suffix(">; rel=\"next\"")?;
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&byte);
    let link = query.bytes().all(is_fine).then(|| format!("<?{query}>; rel=\"next\""))?;
    HeaderValue::try_from(link).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_known_places_kept() {
        let kept = |links: &[&str]| {
            let mut headers = HeaderMap::new();
            for link in links {
                headers.append(LINK, HeaderValue::from_bytes(link.as_bytes()).unwrap());
            }
            read(&headers).iter().map(|link| link.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let next = "<?limit=2&gpu=0&cursor=1700000000000-7>; rel=\"next\"";
        let usage = "<usage>; rel=\"related\"";
        assert_eq!(kept(&["<peers>; rel=\"related\"", usage, next]), [usage, next]);
        assert_eq!(kept(&[usage, usage]), [usage]);
        for link in [
            "<https://evil.example/a.css>; rel=\"stylesheet\"",
            "<//evil.example>; rel=\"preconnect\"",
            "<usage>; rel=\"preload\"; as=script",
            "<usage>; rel=\"related\", </a.js>; rel=\"modulepreload\"",
            "<?a>; rel=\"next\", <https://evil.example>; rel=\"next\"",
            "<?a>b>; rel=\"next\"",
            "<?a\">; rel=\"next\"",
            "<https://evil.example/?a>; rel=\"next\"",
            "<../other?a>; rel=\"next\"",
            "<?é>; rel=\"next\"",
            "",
        ] {
            assert_eq!(kept(&[link]), [""; 0], "{link}");
        }
        assert_eq!(kept(&[&format!("<?{}>; rel=\"next\"", "a".repeat(5000))]), [""; 0]);
    }
}
