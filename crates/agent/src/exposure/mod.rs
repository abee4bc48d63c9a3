//! Who may reach the agent and what is read without a token: the files of tokens and certificates, read at the start
//! and again whenever they change, and the warnings that tell of a door left open.

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
    bind::Bind,
    cli::{self, Cli, given},
};
use certificates::Certificates;
pub(crate) use tokens::TokenFile;
pub(crate) use warnings::warnings;

/// Where it is listened, and who is let in.
#[derive(Debug)]
pub(crate) struct Exposure {
    pub(crate) binds: Vec<Bind>,
    pub(crate) own: Option<Token>,
    pub(crate) file: Option<TokenFile>,
    pub(crate) anonymous: Anonymous,
    pub(crate) certificates: Option<Certificates>,
    /// Whether host names were given that requests may be for.
    pub(crate) names_hosts: bool,
}

impl Exposure {
    /// Reads the files.
    ///
    /// # Errors
    /// What is wrong, in one line with the remedy: an option that lacks another, or a file that cannot be used.
    pub(crate) fn new(cli: &Cli) -> io::Result<Self> {
        let options = &cli.options;
        let own = cli.token.as_ref().and_then(|token| Token::new(token.as_bytes()));
        let file = given(options.token_file.as_ref()).map(|path| TokenFile::open(path, own.clone())).transpose()?;
        let anonymous = match options.anonymous {
            None => Anonymous::Unsaid,
            Some(cli::Anonymous::None) => Anonymous::Nothing,
            Some(cli::Anonymous::Metrics) => Anonymous::Sees(server::Scope::Metrics),
            Some(cli::Anonymous::Summary) => Anonymous::Sees(server::Scope::Summary),
            Some(cli::Anonymous::Read) => Anonymous::Sees(server::Scope::Read),
        };
        if anonymous == Anonymous::Nothing && own.is_none() && file.is_none() {
            return Err(io::Error::other(
                "--anonymous none and no token: nobody could read anything; set TOKEN or --token-file",
            ));
        }
        Ok(Self {
            binds: binds(options)?,
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

    /// Whether there are tokens.
    pub(crate) const fn has_tokens(&self) -> bool {
        self.own.is_some() || self.file.is_some()
    }

    /// Whether there is anything in memory that others may not see.
    pub(crate) const fn has_secrets(&self) -> bool {
        self.has_tokens() || self.certificates.is_some()
    }

    /// Whether only this host can reach it.
    pub(crate) fn is_local(&self) -> bool {
        self.binds.iter().all(Bind::is_local)
    }

    /// The TLS of every address.
    pub(crate) fn tls(&self) -> Option<Arc<Tls>> {
        self.certificates.as_ref().map(Certificates::tls)
    }

    /// Looks after the files from now on, in a thread of its own: a file may lie where reading it takes long.
    pub(crate) fn watch(&self) -> io::Result<()> {
        let tokens = self.file.as_ref().map(TokenFile::watched);
        let certificates = self.certificates.as_ref().map(Certificates::watched);
        files::watch(tokens.into_iter().chain(certificates).collect())
    }
}

/// The places to listen on, each with its port.
pub(crate) fn binds(options: &cli::Options) -> io::Result<Vec<Bind>> {
    let all = options.bind.iter().flat_map(|binds| &binds.0).cloned();
    let all: Vec<Bind> = all.map(|bind| bind.with_port(options.port)).collect();
    let twice = all.iter().enumerate().find(|(position, bind)| all[..*position].contains(bind));
    match twice {
        Some((_, bind)) => Err(io::Error::other(format!("--bind names {bind} twice; name each place once"))),
        None => Ok(all),
    }
}

/// Whether everybody on this host can read a file.
fn is_public(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.permissions().mode() & 0o004 != 0)
}
