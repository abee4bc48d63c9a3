//! Thread that accepts clients and waits for all of them, for processes and for ends of claims at once.

use std::{
    io,
    os::{fd::AsFd as _, unix::net::UnixListener},
    thread,
    time::{Duration, Instant},
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{getsockopt, sockopt::PeerCredentials},
};
use telemetry::{BootTime, claims::ClaimProcess};

use super::{
    connection::{Connection, Received},
    protocol::{Answer, Request, Status, Why},
    registry::{Peer, Registry},
};

/// Most connections of a user.
const MAX_OF_USER: usize = 4;
/// Most connections of all users. The oldest that has not asked yet is closed for a new one.
const MAX_CONNECTIONS: usize = 256;
/// Pause after a failed `accept`, as without descriptors.
const ACCEPT_RETRY: Duration = Duration::from_secs(1);
/// Interval at which to look at what no event reports.
const LOOK: Duration = Duration::from_secs(1);
/// Longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// State of the thread.
struct Listening {
    listener: UnixListener,
    registry: Registry,
    connections: Vec<Connection>,
    accepts_at: Instant,
    /// User ID that the kernel shows for users without one in this user namespace.
    unmapped: u32,
}

/// Starts the thread, which ends with the process.
pub(super) fn start(listener: UnixListener, registry: Registry) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let unmapped = std::fs::read_to_string("/proc/sys/kernel/overflowuid");
    let unmapped = unmapped.ok().and_then(|uid| uid.trim().parse().ok()).unwrap_or(65_534);
    let (connections, accepts_at) = (Vec::new(), Instant::now());
    let listening = Listening { listener, registry, connections, accepts_at, unmapped };
    thread::Builder::new().name("claims".into()).spawn(move || listening.run()).map(drop)
}

/// Events of one wait.
#[derive(Default)]
struct Ready {
    accepts: bool,
    connections: Vec<bool>,
    ended: Vec<ClaimProcess>,
}

impl Listening {
    fn run(mut self) {
        loop {
            let ready = self.wait();
            if !ready.ended.is_empty() || self.registry.polls() {
                self.registry.end_processes(&ready.ended);
            }
            self.registry.tidy();
            self.serve(&ready.connections);
            if ready.accepts {
                self.accept();
            }
        }
    }

    fn wait(&self) -> Ready {
        let now = Instant::now();
        let accepts = now >= self.accepts_at;
        let watched = self.registry.watched().iter().filter(|watched| watched.descriptor().is_some());
        let watched: Vec<_> = watched.collect();
        let mut polled: Vec<PollFd<'_>> = Vec::with_capacity(1 + watched.len() + self.connections.len());
        let listens = if accepts { PollFlags::POLLIN } else { PollFlags::empty() };
        polled.push(PollFd::new(self.listener.as_fd(), listens));
        let ends = watched.iter().filter_map(|watched| watched.descriptor());
        polled.extend(ends.map(|descriptor| PollFd::new(descriptor, PollFlags::POLLIN)));
        polled.extend(self.connections.iter().map(|connection| {
            let flags = if connection.writes() { PollFlags::POLLOUT } else { PollFlags::POLLIN };
            PollFd::new(connection.stream().as_fd(), flags)
        }));
        let timeout = PollTimeout::try_from(self.timeout(now)).unwrap_or(PollTimeout::MAX);
        if let Err(error) = poll(&mut polled, timeout) {
            tracing::debug!(%error, "cannot wait for clients of the claims");
        }
        let happened: Vec<bool> = polled.iter().map(|fd| fd.revents().is_some_and(|flags| !flags.is_empty())).collect();
        let (ends, clients) = happened.get(1..).unwrap_or_default().split_at(watched.len());
        let ended = watched.iter().zip(ends).filter(|(_, ended)| **ended).map(|(watched, _)| watched.process);
        Ready {
            accepts: accepts && happened.first() == Some(&true),
            connections: clients.to_vec(),
            ended: ended.collect(),
        }
    }

    fn timeout(&self, now: Instant) -> Duration {
        let at = |time: Instant| time.saturating_duration_since(now);
        let deadlines = self.connections.iter().map(|connection| at(connection.deadline));
        let accepts = (now < self.accepts_at).then(|| at(self.accepts_at));
        let end = self.registry.next_end().map(|end| end.since(BootTime::now()));
        let look = self.registry.polls().then_some(LOOK);
        let next = deadlines.chain(accepts).chain(end).chain(look).chain([LONGEST_WAIT]).min();
        // Whole milliseconds: less would wait for nothing again and again.
        next.unwrap_or(LOOK) + Duration::from_millis(1)
    }

    /// Serves clients with news, and closes those that have taken too long.
    fn serve(&mut self, ready: &[bool]) {
        let mut kept = Vec::with_capacity(self.connections.len());
        for (at, mut connection) in std::mem::take(&mut self.connections).into_iter().enumerate() {
            let is_ready = ready.get(at) == Some(&true);
            let is_done = is_ready && self.step(&mut connection);
            if is_done {
                continue;
            }
            if Instant::now() < connection.deadline {
                kept.push(connection);
            } else if !connection.writes() {
                // Whatever the client takes of it now.
                connection.answer(&Answer::invalid("expected a request within 1 s, got a part of it"));
            }
        }
        self.connections = kept;
    }

    /// Goes on with a client; true if it is done with.
    fn step(&mut self, connection: &mut Connection) -> bool {
        if connection.writes() {
            return connection.send();
        }
        let answer = match connection.receive() {
            Received::Nothing => return false,
            Received::Broken(why) => Answer::invalid(why),
            Received::Line(line) => match Request::parse(&line) {
                Ok(request) => self.registry.execute(Peer { uid: connection.uid, pid: connection.pid }, request),
                Err(why) => Answer::invalid(why),
            },
        };
        connection.answer(&answer)
    }

    fn accept(&mut self) {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    let peer = getsockopt(&stream, PeerCredentials);
                    if let (Ok(peer), Ok(())) = (peer, stream.set_nonblocking(true)) {
                        // PIDs are positive; 0 is one of another PID namespace.
                        let pid = u32::try_from(peer.pid()).unwrap_or(0);
                        self.begin(Connection::new(stream, peer.uid(), pid));
                    }
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock) => return,
                Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted) => {
                }
                Err(error) => {
                    tracing::error!(%error, "cannot accept clients of the claims");
                    self.accepts_at = Instant::now() + ACCEPT_RETRY;
                    return;
                }
            }
        }
    }

    /// Begins with a client. An honest one has sent its request already, and needs no place among those that wait.
    fn begin(&mut self, mut connection: Connection) {
        let refusal = refuse(connection.uid, connection.pid, self.unmapped).or_else(|| {
            let own = self.connections.iter().filter(|other| other.uid == connection.uid).count();
            (own >= MAX_OF_USER).then(|| {
                Answer::new(
                    Status::Busy,
                    None,
                    format!("expected at most {MAX_OF_USER} connections of a user, got more"),
                )
            })
        });
        if let Some(refusal) = refusal {
            connection.answer(&refusal);
            return;
        }
        if self.step(&mut connection) {
            return;
        }
        if self.connections.len() >= MAX_CONNECTIONS {
            let oldest = self.connections.iter().position(|other| !other.writes()).unwrap_or(0);
            self.connections.remove(oldest);
        }
        self.connections.push(connection);
    }
}

/// Refuses a peer that the kernel cannot name here.
fn refuse(uid: u32, pid: u32, unmapped: u32) -> Option<Answer> {
    if uid == unmapped || uid == u32::MAX {
        return Some(Answer::refused(
            Why::Peer,
            format!("user {uid} has no account that the agent can see: run this as a user of the host"),
        ));
    }
    let text = "the agent cannot see the process that asks: run this in the PID namespace of the agent, or on the host";
    (pid == 0).then(|| Answer::refused(Why::Peer, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_without_identity_refused() {
        assert_eq!(refuse(1001, 7, 65_534), None);
        assert_eq!(refuse(0, 1, 65_534), None);
        for (uid, pid) in [(1001, 0), (65_534, 7), (u32::MAX, 7)] {
            let answer = refuse(uid, pid, 65_534).unwrap();
            assert_eq!((answer.status, answer.reason), (Status::Refused, Some(Why::Peer)));
        }
    }
}
