//! Listeners, tokens and certificates: who can reach the agent, and the warnings about access that is too open. Files of
//! tokens and certificates are reloaded when they change.

mod agent_ca;
mod agent_tokens;
mod certificates;
mod files;
mod tokens;
mod warnings;

use std::{
    io,
    os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _},
    path::Path,
    sync::Arc,
};

use server::{Anonymous, Tls, Token};

use crate::{
    bind::{Bind, GivenBy},
    cli::{AnonymousScope, Cli, Options, Source, given},
};
pub(crate) use agent_ca::AgentCaFile;
pub(crate) use agent_tokens::AgentTokenFile;
use certificates::Certificates;
pub(crate) use files::{Reload, Watched};
pub(crate) use tokens::TokenFile;
pub(crate) use warnings::warnings;

/// Listeners and access.
#[derive(Debug)]
pub(crate) struct Exposure {
    pub(crate) binds: Vec<Bind>,
    /// Sources of the addresses and ports.
    pub(crate) given_by: GivenBy,
    pub(crate) own: Option<Token>,
    pub(crate) file: Option<TokenFile>,
    pub(crate) anonymous: Anonymous,
    pub(crate) certificates: Option<Certificates>,
    /// Host names were given with --allowed-hosts.
    pub(crate) names_hosts: bool,
}

impl Exposure {
    /// Reads the files.
    ///
    /// # Errors
    /// One line with the fix: an option requires another, or its file cannot be used.
    pub(crate) fn new(cli: &Cli) -> io::Result<Self> {
        let options = &cli.options;
        let own = cli.token.as_ref().and_then(|token| Token::new(token.as_bytes()));
        let file = given(options.token_file.as_ref()).map(|path| TokenFile::open(path, own.clone())).transpose()?;
        let anonymous = match options.anonymous {
            None => Anonymous::Unsaid,
            Some(AnonymousScope::None) => Anonymous::Nothing,
            Some(AnonymousScope::Metrics) => Anonymous::Sees(server::Scope::Metrics),
            Some(AnonymousScope::Summary) => Anonymous::Sees(server::Scope::Summary),
            Some(AnonymousScope::Read) => Anonymous::Sees(server::Scope::Read),
        };
        if anonymous == Anonymous::Nothing && own.is_none() && file.is_none() {
            return Err(io::Error::other("--anonymous none requires a token; set TOKEN or --token-file"));
        }
        Ok(Self {
            binds: binds(options)?,
            given_by: given_by(cli),
            own,
            file,
            anonymous,
            certificates: Certificates::open(
                given(options.tls_cert.as_ref()),
                given(options.tls_key.as_ref()),
                given(options.tls_client_ca.as_ref()),
            )?,
            names_hosts: !options.allowed_hosts.is_empty(),
        })
    }

    /// Checks whether there are tokens.
    pub(crate) const fn has_tokens(&self) -> bool {
        self.own.is_some() || self.file.is_some()
    }

    /// Checks whether tokens or keys are in memory.
    pub(crate) const fn has_secrets(&self) -> bool {
        self.has_tokens() || self.certificates.is_some()
    }

    /// Checks whether only this host can reach the agent.
    pub(crate) fn is_local(&self) -> bool {
        self.binds.iter().all(Bind::is_local)
    }

    /// TLS configuration of every TCP listener.
    pub(crate) fn tls(&self) -> Option<Arc<Tls>> {
        self.certificates.as_ref().map(Certificates::tls)
    }

    /// Reloads the files, and those of other options, when they change or on request, in a thread of its own, since reading
    /// a file can take long.
    pub(crate) fn watch(&self, others: impl IntoIterator<Item = Watched>) -> io::Result<Reload> {
        let tokens = self.file.as_ref().map(TokenFile::watched);
        let certificates = self.certificates.as_ref().map(Certificates::watched);
        files::watch(tokens.into_iter().chain(certificates).chain(others).collect())
    }
}

/// Addresses and sockets to listen on, with their ports.
pub(crate) fn binds(options: &Options) -> io::Result<Vec<Bind>> {
    let all = options.bind.iter().flat_map(|binds| &binds.0).cloned();
    let all: Vec<Bind> = all.map(|bind| bind.with_port(options.port)).collect();
    let twice = all.iter().enumerate().find(|(position, bind)| all[..*position].contains(bind));
    match twice {
        Some((_, bind)) => Err(io::Error::other(format!("--bind has {bind} twice; remove one"))),
        None => Ok(all),
    }
}

/// Names the sources of the addresses and ports, for errors.
fn given_by(cli: &Cli) -> GivenBy {
    let all = cli.options.bind.iter().flat_map(|binds| &binds.0);
    let own_ports = all.filter_map(|bind| match bind {
        Bind::Address(address) => Some(address.port()).filter(|port| *port > 0),
        Bind::Unix { .. } => None,
    });
    let of = |option: &str, variable: &str| {
        let setting = cli.settings.iter().find(|setting| setting.name == option);
        match setting.map_or(&Source::Default, |setting| &setting.source) {
            Source::Flag => format!("--{option}"),
            Source::Default => format!("--{option} or {variable}"),
            Source::Variable(name) => format!("the variable {name}"),
            Source::File(file) => format!("{variable} in {file}"),
        }
    };
    GivenBy { own_ports: own_ports.collect(), port: of("port", "PORT"), bind: of("bind", "NVSMI_BIND") }
}

/// Checks whether every account of this host can read a file.
fn is_world_readable(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.permissions().mode() & 0o004 != 0)
}
