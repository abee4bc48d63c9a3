//! File of `--agent-ca`: the authorities by which a hub authenticates agents, and the servers of lists.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use hub::ClientTls;
use tokio::sync::watch;
use tokio_rustls::rustls::ClientConfig;

use super::{
    agent_tokens::previous,
    files::{FileState, Watched, file_states},
};
use crate::{notes, tls};

/// Topic of the note while the file is invalid.
const NOTE: &str = "agent authorities";

/// The file, and the TLS configurations with its authorities.
#[derive(Debug)]
pub(crate) struct AgentCaFile {
    path: PathBuf,
    /// For agents: these authorities alone.
    agents: Arc<watch::Sender<Arc<ClientConfig>>>,
    /// For lists and the engine: also those of this host.
    lists: Arc<watch::Sender<Arc<ClientConfig>>>,
    seen: Vec<FileState>,
}

impl AgentCaFile {
    /// Reads it.
    ///
    /// # Errors
    /// It cannot be read, or has no certificate.
    pub(crate) fn open(path: PathBuf) -> io::Result<Self> {
        let seen = file_states(&[&path]);
        let [agents, lists] = read(&path)?.map(|config| Arc::new(watch::channel(config).0));
        Ok(Self { path, agents, lists, seen })
    }

    /// TLS configuration for agents.
    pub(crate) fn agents(&self) -> ClientTls {
        ClientTls::new(self.agents.subscribe())
    }

    /// TLS configuration for lists of hosts and the engine.
    pub(crate) fn lists(&self) -> ClientTls {
        ClientTls::new(self.lists.subscribe())
    }

    pub(crate) fn watched(&self) -> Watched {
        let (path, agents, lists) = (self.path.clone(), Arc::clone(&self.agents), Arc::clone(&self.lists));
        let read = Box::new(move || match read(&path) {
            Ok([for_agents, for_lists]) => {
                agents.send_replace(for_agents);
                lists.send_replace(for_lists);
                notes::clear(NOTE);
                tracing::info!(path = %path.display(), "reloaded the authorities of agents");
            }
            Err(error) => {
                tracing::error!("keeping the previous authorities of agents: {error}");
                notes::set(NOTE, previous("file of --agent-ca", &path, "authorities"));
            }
        });
        Watched { paths: vec![self.path.clone()], seen: self.seen.clone(), read }
    }
}

fn read(path: &Path) -> io::Result<[Arc<ClientConfig>; 2]> {
    let failed = |error| io::Error::other(format!("--agent-ca: {error}"));
    Ok([tls::rooted(Some(path)).map_err(failed)?, tls::rooted_also(Some(path)).map_err(failed)?])
}
