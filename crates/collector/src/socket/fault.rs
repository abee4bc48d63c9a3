//! Why a socket told nothing, in words that name the remedy, and said once for as long as it is so.

use std::{io, os::unix::fs::FileTypeExt as _, time::Duration};

use telemetry::Absence;

use crate::socket::{Kind, Socket};

/// Why a socket told nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The reason of what is therefore absent.
    pub(crate) why: Absence,
    pub(crate) text: String,
}

impl Fault {
    /// It answered, but not what it should have.
    pub(crate) fn error(text: impl Into<String>) -> Self {
        Self { why: Absence::Error, text: text.into() }
    }

    /// It answered that this may not be asked.
    pub(crate) fn denied(text: impl Into<String>) -> Self {
        Self { why: Absence::Denied, text: text.into() }
    }

    pub(crate) fn late(limit: Duration) -> Self {
        let text = format!("has not answered within {} s", limit.as_secs_f64());
        Self { why: Absence::Timeout, text }
    }

    /// No connection came about.
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

    /// The same with the socket's name before it.
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

/// How a socket was last found. What is wrong is logged when it changes, and is a note for as long as it is so.
#[derive(Debug, Default)]
pub(crate) struct Health {
    answered: bool,
    fault: Option<String>,
}

impl Health {
    /// Takes in how a question went.
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

    /// What is wrong, if anything is.
    pub(crate) fn note(&self) -> Option<String> {
        self.fault.clone()
    }

    /// Whether it was heard of at all, for better or worse.
    pub(crate) const fn is_known(&self) -> bool {
        self.answered || self.fault.is_some()
    }
}
