//! Configuration of a hub, from the command line.

use std::{io, sync::Arc};

use hub::{ClientTls, Credentials, ViewerConfig, discovery::Source, engine::EngineConfig};
use server::{Anonymous, StreamPermits};

use crate::{
    cli::{self, Cli, HubArgs, LiveFrom, given},
    exposure::{AgentCaFile, AgentTokenFile, Exposure, Watched},
    logging::AccessLog,
    tls,
};

/// Configuration of a hub.
pub(super) struct Config {
    /// Listeners and access of viewers.
    pub(super) exposure: Exposure,
    pub(super) sources: Vec<Source>,
    /// Tokens for agents.
    pub(super) agent_tokens: Option<AgentTokenFile>,
    pub(super) agent_tls: ClientTls,
    pub(super) list_tls: ClientTls,
    /// Authorities of agents, if they are in a file of their own.
    agent_ca: Option<AgentCaFile>,
    pub(super) stream_clients: usize,
    /// Server with the Prometheus HTTP API.
    pub(super) engine: Option<EngineConfig>,
    pub(super) live_from: LiveFrom,
    options: cli::Options,
}

impl Config {
    /// # Errors
    /// One line with the fix: an option requires another, or its file cannot be used.
    pub(super) fn new(cli: &Cli, arguments: &HubArgs) -> io::Result<Self> {
        let sources: Vec<Source> = arguments.hosts.iter().flat_map(|sources| &sources.0).cloned().collect();
        if sources.is_empty() {
            return Err(io::Error::other(
                "expected the hosts of this hub: set --hosts or NVSMI_HUB_HOSTS, such as --hosts static:gpu01:8000,gpu02:8000",
            ));
        }
        let exposure = Exposure::new(cli)?;
        let agent_tokens = given(arguments.agent_token_file.as_ref()).map(AgentTokenFile::open).transpose()?;
        if agent_tokens.is_some() && !exposure.has_tokens() && exposure.anonymous == Anonymous::Unsaid {
            return Err(io::Error::other(
                "with --agent-token-file everyone would see through this hub what the agents show with a token: set TOKEN or \
                 --token-file for viewers, or --anonymous if that is intended",
            ));
        }
        let agent_ca = given(arguments.agent_ca.as_ref()).map(AgentCaFile::open).transpose()?;
        let (agent_tls, list_tls) = match &agent_ca {
            Some(file) => (file.agents(), file.lists()),
            None => {
                let of_host = tls::rooted_also(None).map_err(io::Error::other)?;
                (Arc::clone(&of_host).into(), of_host.into())
            }
        };
        Ok(Self {
            exposure,
            sources,
            agent_tokens,
            agent_tls,
            list_tls,
            agent_ca,
            stream_clients: cli.options.stream_clients,
            engine: arguments.engine.config()?,
            live_from: arguments.engine.live_from,
            options: cli.options.clone(),
        })
    }

    /// Tokens for agents.
    pub(super) fn credentials(&self) -> Credentials {
        self.agent_tokens.as_ref().map_or_else(Credentials::none, AgentTokenFile::credentials)
    }

    /// Files besides those of viewers that are reloaded when they change.
    pub(super) fn watched(&self) -> Vec<Watched> {
        let tokens = self.agent_tokens.as_ref().map(AgentTokenFile::watched);
        tokens.into_iter().chain(self.agent_ca.as_ref().map(AgentCaFile::watched)).collect()
    }

    pub(super) fn prefix(&self) -> &str {
        self.options.url_prefix.as_str()
    }

    /// Lists what may be more open than intended, each with its fix.
    pub(super) fn warnings(&self) -> Vec<String> {
        let Some(file) = &self.agent_tokens else { return Vec::new() };
        let path = file.path().display();
        let readable = file
            .is_world_readable()
            .then(|| format!("every account of this host can read the agent token file {path}; run chmod o= {path}"));
        let spoofable = self.sources.iter().find(|source| source.is_spoofable());
        let for_all = spoofable.filter(|_| file.tokens().has_token_for_all()).map(|source| {
            format!(
                "{path} has a token for all agents, and whoever can change {source} on its way gets it: put the addresses of \
                 the agents in front of the token"
            )
        });
        readable.into_iter().chain(for_all).collect()
    }

    /// Configuration of the viewers' side.
    pub(super) fn viewers(&self, streams: Arc<StreamPermits>) -> ViewerConfig {
        let (options, exposure) = (&self.options, &self.exposure);
        ViewerConfig {
            url_prefix: options.url_prefix.clone(),
            token: exposure.own.clone(),
            tokens: exposure.file.as_ref().map(|file| file.tokens()),
            anonymous: exposure.anonymous,
            // As for an agent.
            allowed_hosts: (exposure.is_local() || exposure.names_hosts).then(|| options.allowed_hosts.clone()),
            cors_origins: options.cors_origins.clone(),
            frame_ancestors: options.frame_ancestors.clone(),
            access_log: options.access_log != AccessLog::Off,
            streams,
        }
    }
}

/// Lines about variables that are set and that a hub does not use.
pub(super) fn ignored(cli: &Cli) -> impl Iterator<Item = String> {
    cli.ignored.iter().map(|name| format!("{name} is ignored: it concerns the GPUs of one host, and a hub has none"))
}
