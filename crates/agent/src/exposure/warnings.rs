//! Warnings about access that may be more open than intended, logged at the start and printed by `check`.

use server::{Anonymous, Scope};

use super::{Certificates, Exposure};

/// A shorter token, in bytes, can be guessed.
const MIN_TOKEN_BYTES: usize = 16;

/// Lists the warnings, each with its fix.
pub(crate) fn warnings(exposure: &Exposure) -> Vec<String> {
    [
        public_access(exposure),
        plain_text(exposure),
        world_readable_file(exposure),
        world_readable_key(exposure),
        short(exposure),
        unsendable(exposure),
        unused_hosts(exposure),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Repeats the Python agent's warning, if everyone can read.
fn public_access(exposure: &Exposure) -> Option<String> {
    let cause = match exposure.anonymous {
        Anonymous::Unsaid if !exposure.has_tokens() => "TOKEN is not set",
        Anonymous::Sees(Scope::Read) if !exposure.has_tokens() => "TOKEN is not set",
        Anonymous::Sees(Scope::Read) => "--anonymous read is set",
        _ => return None,
    };
    let reach = match &exposure.certificates {
        Some(certificates) if Certificates::requires_client_certificates(certificates) => return None,
        _ if exposure.is_local() => "on this host",
        _ => "who can reach this host",
    };
    Some(format!("{cause}: the API is open to public access, to everyone {reach}"))
}

fn plain_text(exposure: &Exposure) -> Option<String> {
    let plain = exposure.has_tokens() && exposure.certificates.is_none();
    let far = exposure.binds.iter().find(|bind| !bind.is_local()).filter(|_| plain)?;
    Some(format!(
        "tokens cross the network unencrypted to {far}: set --tls-cert and --tls-key, or --bind 127.0.0.1 or unix:/path \
         behind an HTTPS proxy"
    ))
}

fn world_readable_file(exposure: &Exposure) -> Option<String> {
    let file = exposure.file.as_ref().filter(|file| file.is_world_readable())?;
    let path = file.path().display();
    Some(format!("every account of this host can read the token file {path}; run chmod o= {path}"))
}

fn world_readable_key(exposure: &Exposure) -> Option<String> {
    let path = exposure.certificates.as_ref().and_then(Certificates::world_readable_key)?.display();
    Some(format!("every account of this host can read the private key {path}; run chmod o= {path}"))
}

fn unsendable(exposure: &Exposure) -> Option<String> {
    exposure.own.as_ref().filter(|own| !own.can_be_sent())?;
    Some(
        "TOKEN starts or ends with white space, or has control characters, which no client can send; correct it where it is \
         set"
            .into(),
    )
}

fn short(exposure: &Exposure) -> Option<String> {
    exposure.own.as_ref().filter(|own| own.len() < MIN_TOKEN_BYTES)?;
    Some(format!(
        "TOKEN has fewer than {MIN_TOKEN_BYTES} characters and can be guessed; `openssl rand -hex 24` makes a better one"
    ))
}

fn unused_hosts(exposure: &Exposure) -> Option<String> {
    let checked = !exposure.has_tokens() || exposure.anonymous != Anonymous::Unsaid;
    (exposure.names_hosts && !checked)
        .then(|| "--allowed-hosts has no effect: Host names are checked only where no token is required".into())
}
