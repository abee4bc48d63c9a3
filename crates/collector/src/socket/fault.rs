//! Failures of a socket, with the remedy, logged once while they last.

use std::{io, os::unix::fs::FileTypeExt as _, time::Duration};

use telemetry::Absence;

use crate::socket::{Kind, Socket};

/// Failure of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Reason of the readings that are absent because of it.
    pub(crate) why: Absence,
    pub(crate) text: String,
}

impl Fault {
    /// Creates a failure for an unexpected response.
    pub(crate) fn error(text: impl Into<String>) -> Self {
        Self { why: Absence::Error, text: text.into() }
    }

    /// Creates a failure for a refused request.
    pub(crate) fn denied(text: impl Into<String>) -> Self {
        Self { why: Absence::Denied, text: text.into() }
    }

    pub(crate) fn late(limit: Duration) -> Self {
        let text = format!("has not answered within {} s", limit.as_secs_f64());
        Self { why: Absence::Timeout, text }
    }

    /// Creates a failure to connect.
    pub(super) fn unreachable(socket: &Socket, error: &io::Error) -> Self {
        let found = std::fs::metadata(&socket.path);
        let no_socket = found.is_ok_and(|found| !found.file_type().is_socket());
        match error.kind() {
            io::ErrorKind::NotFound => Self::error(format!("is not there; {}", socket.kind.where_it_is())),
            _ if no_socket => Self::error(format!("is no socket; {}", socket.kind.where_it_is())),
            io::ErrorKind::PermissionDenied => {
                Self::denied(format!("may not be opened by this account; {}", socket.kind.who_may()))
            }
            io::ErrorKind::ConnectionRefused => {
                Self::error(format!("is heard by nobody; start {}", socket.kind.program()))
            }
            io::ErrorKind::WouldBlock => Self {
                why: Absence::Timeout,
                text: format!("takes no more connections; {} seems to hang", socket.kind.program()),
            },
            _ => Self::error(format!("cannot be opened: {error}")),
        }
    }

    /// Returns the failure with the socket's name before it.
    pub(super) fn of(self, socket: &Socket) -> Self {
        Self { text: format!("the {} socket {} {}", socket.kind.word(), socket.path.display(), self.text), ..self }
    }
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Engine => "container",
            Self::Kubelet => "kubelet",
        }
    }

    const fn program(self) -> &'static str {
        match self {
            Self::Engine => "the container engine",
            Self::Kubelet => "the kubelet",
        }
    }

    const fn where_it_is(self) -> &'static str {
        match self {
            Self::Engine => {
                "start the container engine, or name its socket (usually /run/docker.sock or \
                 /run/podman/podman.sock); into a container it must be mounted"
            }
            Self::Kubelet => {
                "start the kubelet, or name its socket (usually /var/lib/kubelet/pod-resources/kubelet.sock); into a \
                 pod its folder must be mounted, since the kubelet makes the socket anew when it starts"
            }
        }
    }

    const fn who_may(self) -> &'static str {
        match self {
            Self::Engine => "run the agent in the group that owns it (often docker), or as root",
            Self::Kubelet => "run the agent as root",
        }
    }
}

/// Health of a socket. A problem is logged when it changes, and is a note while it lasts.
#[derive(Debug, Default)]
pub(crate) struct Health {
    answered: bool,
    fault: Option<String>,
}

impl Health {
    /// Stores the outcome of a request.
    pub(crate) fn found(&mut self, socket: &Socket, outcome: Result<(), &Fault>) {
        let fault = outcome.err().map(|fault| fault.text.clone());
        match &fault {
            Some(text) if self.fault.as_ref() != Some(text) => tracing::warn!("{text}"),
            None if self.fault.is_some() || !self.answered => {
                tracing::info!("the {} socket {} answers", socket.kind.word(), socket.path.display());
            }
            _ => {}
        }
        self.answered |= fault.is_none();
        self.fault = fault;
    }

    /// Returns the problem, if there is one.
    pub(crate) fn note(&self) -> Option<String> {
        self.fault.clone()
    }

    /// Returns whether any request has finished, successful or not.
    pub(crate) const fn is_known(&self) -> bool {
        self.answered || self.fault.is_some()
    }
}
