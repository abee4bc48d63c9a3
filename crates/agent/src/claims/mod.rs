//! Soft claims over `claims.sock`: who says of which GPU that it is theirs.
//!
//! One thread owns the claims ([`listen`]): it serves all clients without blocking, waits for the processes of `run`, ends what is
//! over, and saves each change ([`store`]) before it answers. The supervisor takes the published list into each snapshot. A client
//! is who the kernel says it is (`SO_PEERCRED`); nothing of this is reachable over HTTP.

pub(crate) mod client;
mod connection;
mod devices;
mod listen;
pub(crate) mod protocol;
mod registry;
mod store;
mod watched;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use server::Published;
use telemetry::{
    Stamp,
    claims::{Claims, Limits},
};
use tokio::sync::watch;

use crate::{
    socket::{BoundSocket, SocketFile},
    state,
    supervisor::{SharedClaims, SupervisorControl},
};
use registry::Registry;
use store::Saver;
use watched::Watched;

/// Every user may connect.
const MODE: u32 = 0o666;

/// Settings of claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClaimSettings {
    /// Socket.
    pub(crate) socket: PathBuf,
    pub(crate) limits: Limits,
}

/// Claims of an earlier run, before the socket is open.
pub(crate) struct SavedClaims {
    claims: Claims,
    watched: Vec<Watched>,
    shared: SharedClaims,
}

impl SavedClaims {
    /// Loads them from the state directory, if there is one.
    pub(crate) fn load(folder: Option<&Path>) -> Self {
        let mut watched = Vec::new();
        let saved = folder.map(store::load).unwrap_or_default();
        let claims = Claims::restored(saved, &state::boot(), Stamp::now(), |process| {
            let again = Watched::again(process);
            let runs = again.is_some();
            watched.extend(again);
            runs
        });
        let shared = SharedClaims::default();
        shared.set(claims.list());
        Self { claims, watched, shared }
    }

    /// The list for the supervisor.
    pub(crate) fn shared(&self) -> SharedClaims {
        self.shared.clone()
    }

    /// Opens the socket and serves it in a thread of its own. The file exists until the returned value is dropped. The agent also
    /// serves without it, so a failure is a warning.
    pub(crate) fn open(
        self,
        settings: &ClaimSettings,
        state_dir: Option<PathBuf>,
        newest: watch::Receiver<Arc<Published>>,
        supervisor: SupervisorControl,
    ) -> Option<BoundSocket> {
        let Self { claims, watched, shared } = self;
        let path = &settings.socket;
        let bound = SocketFile { path, mode: MODE, option: "--claims-socket" }.bind();
        let opened = bound.map_err(|error| error.to_string()).and_then(|mut bound| {
            let started = bound.take_listener().map_or(Ok(()), |listener| {
                let saver = state_dir.map(Saver::start).transpose()?;
                let registry = Registry::new((claims, watched), settings.limits, shared, newest, supervisor, saver);
                listen::start(listener, registry)
            });
            started.map(|()| bound).map_err(|error| format!("cannot start a thread for {}: {error}", path.display()))
        });
        match opened {
            Ok(bound) => {
                tracing::debug!(path = %path.display(), "GPUs can be claimed");
                Some(bound)
            }
            Err(error) => {
                tracing::warn!("GPUs cannot be claimed: {error}");
                None
            }
        }
    }
}
