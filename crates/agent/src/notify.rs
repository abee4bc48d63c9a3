//! Notifications to systemd: ready, watchdog, the collector's state, stopping.
//!
//! Our own code instead of `sd-notify`, which opens a socket per message: that fails when file descriptors run out, and
//! then the watchdog would restart the agent.

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

use telemetry::snapshot::{Collector, CollectorState, Snapshot};
use tokio::{sync::watch, time::sleep};

/// systemd's socket; none if the agent was not started by it.
#[derive(Debug)]
pub(crate) struct Notify(Option<Manager>);

#[derive(Debug)]
struct Manager {
    socket: UnixDatagram,
    address: SocketAddr,
    /// Watchdog interval: half of systemd's timeout.
    ping: Option<Duration>,
}

impl Notify {
    /// Reads `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`.
    pub(crate) fn from_environment() -> Self {
        let Some(name) = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else { return Self(None) };
        match Manager::new(&name) {
            Ok(manager) => Self(Some(manager)),
            Err(error) => {
                tracing::warn!("cannot notify systemd: NOTIFY_SOCKET={}: {error}", name.display());
                Self(None)
            }
        }
    }

    /// Reports that the listeners are bound, which does not depend on the driver.
    pub(crate) fn ready(&self) {
        self.send("READY=1");
    }

    /// Reports that the agent is stopping.
    pub(crate) fn stopping(&self) {
        self.send("STOPPING=1\nSTATUS=stopping");
    }

    /// Sends watchdog pings and the status of what is published, as long as the runtime polls this.
    pub(crate) async fn follow<T>(&self, newest: watch::Receiver<Arc<T>>, status: impl Fn(&T) -> String) -> Infallible {
        if let Some(manager) = &self.0 {
            tokio::join!(self.ping(manager.ping, newest.clone()), self.send_states(newest, status));
        }
        future::pending().await
    }

    /// Pings systemd. A ping proves that both loops run: this one, and that of the supervisor or of the hub's fleet, which has
    /// published since the last ping. They publish on their own clock, so a driver that hangs does not stop the pings.
    async fn ping<T>(&self, every: Option<Duration>, mut newest: watch::Receiver<Arc<T>>) {
        let Some(every) = every else { return };
        loop {
            newest.mark_unchanged();
            self.send("WATCHDOG=1");
            sleep(every).await;
            if newest.changed().await.is_err() {
                tracing::error!("nothing is published any more; no more watchdog pings");
                return;
            }
        }
    }

    async fn send_states<T>(&self, mut newest: watch::Receiver<Arc<T>>, status: impl Fn(&T) -> String) {
        let mut sent = String::new();
        loop {
            let status = status(&newest.borrow_and_update());
            if status != sent {
                self.send(&format!("STATUS={status}"));
                sent = status;
            }
            if newest.changed().await.is_err() {
                return;
            }
        }
    }

    fn send(&self, message: &str) {
        let Some(manager) = &self.0 else { return };
        // A full queue must not block the page; the next message will arrive.
        if let Err(error) = manager.socket.send_to_addr(message.as_bytes(), &manager.address) {
            tracing::debug!(%error, message, "cannot notify systemd");
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

/// Parses a path, or an abstract name after `@`.
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes() {
        [b'@', abstract_name @ ..] => SocketAddr::from_abstract_name(abstract_name),
        [b'/', ..] => SocketAddr::from_pathname(name),
        _ => Err(io::Error::other("expected a path or an abstract socket (@...)")),
    }
}

/// Half of systemd's timeout; none if it expects no pings of this process.
fn ping(microseconds: Option<String>, pid: Option<String>, own: u32) -> Option<Duration> {
    if pid.is_some_and(|pid| pid.parse() != Ok(own)) {
        return None;
    }
    let microseconds = microseconds?.parse().ok().filter(|microseconds| *microseconds > 0)?;
    Some(Duration::from_micros(microseconds) / 2)
}

/// Describes the collector's state in one line, without anything that changes every second.
pub(crate) fn status(snapshot: &Snapshot) -> String {
    let Collector { state, detail, .. } = &snapshot.collector;
    let more = match state {
        CollectorState::Ok => Some(format!("GPUs: {}", snapshot.gpus.len())),
        CollectorState::NoDriver { text } => Some(text.clone()),
        CollectorState::Released => detail.clone(),
        CollectorState::Starting | CollectorState::Stalled | CollectorState::Restarting => None,
    };
    let line = more.map_or_else(|| state.as_str().to_owned(), |more| format!("{}, {more}", state.as_str()));
    // A line break would start another assignment.
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
        assert_eq!(status(&snapshot), "stalled", "without seconds that count up");
    }
}
