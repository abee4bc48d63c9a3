//! Choice of the agent that a command asks.

use std::{env, ffi::OsString};

use super::{
    AgentAddress, Client,
    config::{self, ClientConfig},
    url,
    url::Url,
};
use crate::{
    cli::{Cli, ClientArgs, Source},
    say, tls,
};

/// Variable with the token to send.
const TOKEN_VARIABLE: &str = "NVSMI_TOKEN";

/// Chooses the agent: the one that is named by --url or `NVSMI_URL`, else the default of the configuration file, else the
/// one of this host.
///
/// A named target gets its own token. `NVSMI_TOKEN` is for agents without one: else a token in the environment would be
/// sent to every target. TOKEN and the settings of the service are for this host's agent only.
///
/// # Errors
/// One line: an option, a variable or a file is wrong.
pub(crate) fn select(cli: &Cli, arguments: &ClientArgs) -> Result<Client, String> {
    refuse_server_tokens(cli)?;
    let given = arguments.url.as_deref().map(str::trim).filter(|url| !url.is_empty());
    // An address needs no file, so a broken one is no obstacle.
    let named_file = arguments.config.as_deref();
    let mut config = match given {
        Some(given) if given.contains([':', '/']) && named_file.is_none() => ClientConfig::default(),
        _ => ClientConfig::read(named_file)?,
    };
    let name = given.map(str::to_owned).or_else(|| config.default.clone());
    let flagged = match &arguments.send_token_file {
        Some(path) if !path.as_os_str().is_empty() => {
            let (token, warning) = config::token_in(path)?;
            config.warnings.extend(warning);
            Some(token)
        }
        _ => None,
    };
    let own = name.as_deref().map(|name| config.token(name)).transpose()?.flatten();
    let token = match flagged.or(own) {
        Some(token) => Some(token.into()),
        None => token_of_environment()?,
    };
    for warning in &config.warnings {
        say::error(&format!("warning: {warning}"));
    }
    let Some(name) = name else { return of_this_host(cli, token) };
    let target = config.targets.get(&name);
    let ca_file = target.and_then(|target| config.ca_file(target));
    match url::parse(target.map_or(&name, |target| &target.url))? {
        Url::Unix(path) => {
            Ok(Client::new(AgentAddress::Unix(path), cli.options.url_prefix.as_str(), token.or(cli.token.clone())))
        }
        Url::Host { tls, name, port, prefix } => {
            let tls = tls.then(|| tls::rooted(ca_file.as_deref())).transpose()?;
            Ok(Client::new(AgentAddress::Host { name, port, tls }, &prefix, token))
        }
    }
}

/// Agent of this host, according to its own options.
fn of_this_host(cli: &Cli, token: Option<OsString>) -> Result<Client, String> {
    let address = AgentAddress::of(&cli.options)?;
    Ok(Client::new(address, cli.options.url_prefix.as_str(), token.or_else(|| cli.token.clone())))
}

fn token_of_environment() -> Result<Option<OsString>, String> {
    let Some(token) = env::var_os(TOKEN_VARIABLE).filter(|token| !token.is_empty()) else { return Ok(None) };
    let token = token.to_str().ok_or_else(|| format!("expected UTF-8 in the variable {TOKEN_VARIABLE}"))?;
    config::checked(token, &format!("variable {TOKEN_VARIABLE}")).map(|token| Some(token.into()))
}

/// Refuses --token-file, which has another meaning: a file of the tokens that an agent accepts must not be sent.
fn refuse_server_tokens(cli: &Cli) -> Result<(), String> {
    let is_flag =
        |name: &str| cli.settings.iter().any(|setting| setting.name == name && setting.source == Source::Flag);
    if is_flag("token-file") {
        return Err(
            "--token-file is the file of the tokens that an agent accepts; to send a token, name a file that has it \
                    alone with --send-token-file, or set NVSMI_TOKEN"
                .into(),
        );
    }
    Ok(())
}
