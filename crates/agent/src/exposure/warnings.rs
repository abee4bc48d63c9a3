//! What is said at the start, and by `check`, of a door that is open wider than it may be meant.

use server::{Anonymous, Scope};

use super::{Certificates, Exposure};

/// A token with fewer bytes may be guessed, since a right one is never slowed.
const SHORT: usize = 16;

/// The warnings, each with its remedy.
pub(crate) fn warnings(exposure: &Exposure) -> Vec<String> {
    [
        openness(exposure),
        plain_text(exposure),
        public_file(exposure),
        public_key(exposure),
        short(exposure),
        unsendable(exposure),
        unused_hosts(exposure),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The original's warning, if everyone may read.
fn openness(exposure: &Exposure) -> Option<String> {
    let cause = match exposure.anonymous {
        Anonymous::Unsaid if !exposure.has_tokens() => "TOKEN is not set",
        Anonymous::Sees(Scope::Read) if !exposure.has_tokens() => "TOKEN is not set",
        Anonymous::Sees(Scope::Read) => "--anonymous read is set",
        _ => return None,
    };
    let reach = match &exposure.certificates {
        Some(certificates) if Certificates::wants_clients_certificates(certificates) => return None,
        _ if exposure.is_local() => "on this host",
        _ => "who can reach this host",
    };
    Some(format!("{cause}: the API is open to public access, to everyone {reach}"))
}

fn plain_text(exposure: &Exposure) -> Option<String> {
    let plain = exposure.has_tokens() && exposure.certificates.is_none();
    let far = exposure.binds.iter().find(|bind| !bind.is_local()).filter(|_| plain)?;
    Some(format!(
        "tokens cross the network in plain text to {far}: give --tls-cert and --tls-key, or --bind 127.0.0.1 or \
         unix:/path behind a proxy that speaks HTTPS"
    ))
}

fn public_file(exposure: &Exposure) -> Option<String> {
    let file = exposure.file.as_ref().filter(|file| file.is_public())?;
    let path = file.path().display();
    Some(format!("everyone on this host can read the token file {path}: chmod o= {path}"))
}

fn public_key(exposure: &Exposure) -> Option<String> {
    let path = exposure.certificates.as_ref().and_then(Certificates::public_key)?.display();
    Some(format!("everyone on this host can read the private key {path}: chmod o= {path}"))
}

fn unsendable(exposure: &Exposure) -> Option<String> {
    exposure.own.as_ref().filter(|own| !own.can_be_sent())?;
    Some(
        "TOKEN has white space at an end or control characters, which no client can send: nobody is let in by it; mend it \
         where it is set"
            .into(),
    )
}

fn short(exposure: &Exposure) -> Option<String> {
    exposure.own.as_ref().filter(|own| own.len() < SHORT)?;
    Some(format!(
        "TOKEN has fewer than {SHORT} characters and may be guessed; `openssl rand -hex 24` makes a better one"
    ))
}

fn unused_hosts(exposure: &Exposure) -> Option<String> {
    let checked = !exposure.has_tokens() || exposure.anonymous != Anonymous::Unsaid;
    (exposure.names_hosts && !checked)
        .then(|| "--allowed-hosts does nothing: names are looked at only where no token is wanted".into())
}
