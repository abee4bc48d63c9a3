//! What systemd is told: that the page is up, that it lives, how the collector is, that it ends.
//!
//! A few lines of our own: the socket is opened once, so that a ping never fails for lack of a file descriptor, and
//! the environment is left as it is, since the collector does not get these variables anyway.

use std::{
    convert::Infallible,
    env,
    ffi::OsStr,
    future, io,
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            ffi::OsStrExt as _,
            net::{SocketAddr, UnixDatagram},
        },
    },
    sync::Arc,
    time::Duration,
};

use server::Published;
use telemetry::snapshot::{Collector, CollectorState, Snapshot};
use tokio::{sync::watch, time::sleep};

/// Where systemd listens; nothing is told where it does not.
#[derive(Debug)]
pub(crate) struct Notify(Option<Manager>);

#[derive(Debug)]
struct Manager {
    socket: UnixDatagram,
    address: SocketAddr,
    /// The time between two pings: half of what systemd waits for one.
    ping: Option<Duration>,
}

impl Notify {
    /// From `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`.
    pub(crate) fn from_environment() -> Self {
        let Some(name) = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else { return Self(None) };
        match Manager::new(&name) {
            Ok(manager) => Self(Some(manager)),
            Err(error) => {
                tracing::warn!("systemd cannot be told anything: NOTIFY_SOCKET={}: {error}", name.display());
                Self(None)
            }
        }
    }

    /// The listener is bound: the page is there, whatever the driver does.
    pub(crate) fn ready(&self) {
        self.send("READY=1");
    }

    /// The end has begun.
    pub(crate) fn stopping(&self) {
        self.send("STOPPING=1\nSTATUS=stopping");
    }

    /// Tells what there is to tell, as long as the loop that runs this turns.
    pub(crate) async fn follow(&self, newest: watch::Receiver<Arc<Published>>) -> Infallible {
        if let Some(manager) = &self.0 {
            tokio::join!(self.ping(manager.ping, newest.clone()), self.tell_states(newest));
        }
        future::pending().await
    }

    /// Pings systemd. A ping says that both loops turn: this one, since it runs, and the supervisor's, since it has
    /// published a snapshot after the ping before. Snapshots come by the supervisor's own clock, frames or none, so a
    /// driver that hangs stops no ping.
    async fn ping(&self, every: Option<Duration>, mut newest: watch::Receiver<Arc<Published>>) {
        let Some(every) = every else { return };
        loop {
            newest.mark_unchanged();
            self.send("WATCHDOG=1");
            sleep(every).await;
            if newest.changed().await.is_err() {
                tracing::error!("the supervisor has ended; systemd is not pinged any more");
                return;
            }
        }
    }

    async fn tell_states(&self, mut newest: watch::Receiver<Arc<Published>>) {
        let mut told = String::new();
        loop {
            let status = status(&newest.borrow_and_update().snapshot);
            if status != told {
                self.send(&format!("STATUS={status}"));
                told = status;
            }
            if newest.changed().await.is_err() {
                return;
            }
        }
    }

    fn send(&self, message: &str) {
        let Some(manager) = &self.0 else { return };
        // A full queue must not hold up the page; systemd will hear the next.
        if let Err(error) = manager.socket.send_to_addr(message.as_bytes(), &manager.address) {
            tracing::debug!(%error, message, "systemd cannot be told");
        }
    }
}

impl Manager {
    fn new(name: &OsStr) -> io::Result<Self> {
        let address = address(name)?;
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        let variable = |name| env::var(name).ok();
        let ping = ping(variable("WATCHDOG_USEC"), variable("WATCHDOG_PID"), std::process::id());
        Ok(Self { socket, address, ping })
    }
}

/// A path, or after `@` a name in the abstract name space.
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes() {
        [b'@', abstract_name @ ..] => SocketAddr::from_abstract_name(abstract_name),
        [b'/', ..] => SocketAddr::from_pathname(name),
        _ => Err(io::Error::other("only a path and an abstract socket (@...) are understood")),
    }
}

/// Half of what systemd waits; none if it waits for none of this process.
fn ping(microseconds: Option<String>, pid: Option<String>, own: u32) -> Option<Duration> {
    if pid.is_some_and(|pid| pid.parse() != Ok(own)) {
        return None;
    }
    let microseconds = microseconds?.parse().ok().filter(|microseconds| *microseconds > 0)?;
    Some(Duration::from_micros(microseconds) / 2)
}

/// The collector's state in one line. Nothing that changes every second is in it.
fn status(snapshot: &Snapshot) -> String {
    let Collector { state, detail, .. } = &snapshot.collector;
    let more = match state {
        CollectorState::Ok => Some(format!("GPUs: {}", snapshot.gpus.len())),
        CollectorState::NoDriver { text } => Some(text.clone()),
        CollectorState::Released => detail.clone(),
        CollectorState::Starting | CollectorState::Stalled | CollectorState::Restarting => None,
    };
    let line = more.map_or_else(|| state.as_str().to_owned(), |more| format!("{}, {more}", state.as_str()));
    // A line break would begin another assignment.
    line.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use server::Publisher;
    use telemetry::Stamp;

    #[test]
    fn notify_addresses_parsed_and_invalid_named() {
        assert_eq!(address(OsStr::new("@a/b")).unwrap().as_abstract_name(), Some(&b"a/b"[..]));
        assert!(address(OsStr::new("/run/notify")).unwrap().as_pathname().is_some());
        for name in ["vsock:2:1", "relative"] {
            assert!(address(OsStr::new(name)).unwrap_err().to_string().contains("abstract"), "{name}");
        }
    }

    #[test]
    fn watchdog_interval_is_halved() {
        let of = |microseconds: &str, pid: Option<&str>| ping(Some(microseconds.into()), pid.map(Into::into), 7);
        assert_eq!(of("30000000", None), Some(Duration::from_secs(15)));
        assert_eq!(of("30000000", Some("7")), Some(Duration::from_secs(15)));
        for (microseconds, pid) in [("30000000", Some("8")), ("0", None), ("x", None), ("-1", None)] {
            assert_eq!(of(microseconds, pid), None, "{microseconds} {pid:?}");
        }
        assert_eq!(ping(None, None, 7), None);
    }

    #[test]
    fn notify_state_is_one_line() {
        let newest = Publisher::new(Stamp::default()).subscribe();
        let mut snapshot = Snapshot::clone(&newest.borrow().snapshot);
        assert_eq!(status(&snapshot), "starting");
        snapshot.collector.state = CollectorState::NoDriver { text: "Driver\nREADY=1".into() };
        assert_eq!(status(&snapshot), "no_driver, Driver READY=1");
        snapshot.collector.state = CollectorState::Ok;
        assert_eq!(status(&snapshot), "ok, GPUs: 0");
        snapshot.collector.state = CollectorState::Released;
        snapshot.collector.detail = Some("until then".into());
        assert_eq!(status(&snapshot), "released, until then");
        snapshot.collector.state = CollectorState::Stalled;
        assert_eq!(status(&snapshot), "stalled", "seconds that count up are not told");
    }
}
