//! Address of an agent: a port, with or without TLS, or a socket of this host.

use std::{
    fmt,
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    os::{fd::AsFd, unix::net::UnixStream},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use nix::sys::{
    socket::{setsockopt, sockopt},
    time::{TimeVal, TimeValLike as _},
};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};

use super::{resolve, trust, url};
use crate::{
    bind::Bind,
    cli::{self, Options},
    exposure, tcp_table, tls,
};

/// Address of an agent.
#[derive(Clone, Debug)]
pub(crate) enum AgentAddress {
    /// A port, with the TLS configuration if it uses TLS.
    Address(SocketAddr, Option<Arc<ClientConfig>>),
    /// A Unix socket.
    Unix(PathBuf),
    /// A host that was named, with the TLS configuration if it uses TLS.
    Host { name: String, port: u16, tls: Option<Arc<ClientConfig>> },
}

/// A connection whose reads and writes end at a deadline.
pub(super) trait Connection: Read + Write {
    /// Uids of the peer; none if TLS authenticates it, or if it is another host that was named.
    fn owners(&self) -> Option<Vec<u32>>;
}

impl AgentAddress {
    /// Address of an agent that is started with these options: the first that it listens on, or a socket instead of TLS.
    pub(crate) fn of(options: &Options) -> Result<Self, String> {
        let binds = exposure::binds(options).map_err(|error| error.to_string())?;
        let certificate = cli::given(options.tls_cert.as_ref());
        let socket = binds.iter().find(|bind| matches!(bind, Bind::Unix { .. })).filter(|_| certificate.is_some());
        match (socket.or(binds.first()), certificate) {
            (Some(Bind::Unix { path, .. }), _) => Ok(Self::Unix(path.clone())),
            (Some(Bind::Address(_)), Some(_)) if cli::given(options.tls_client_ca.as_ref()).is_some() => Err(
                "the agent requires client certificates (--tls-client-ca), and this command has none: let the agent listen on a \
                 socket too, such as --bind 0.0.0.0,unix:/run/nvidia-smi-web-agent/health.sock"
                    .into(),
            ),
            (Some(Bind::Address(address)), certificate) => {
                let tls = certificate.map(|path| tls::pinned(&path)).transpose()?;
                Ok(Self::Address(reachable(*address), tls))
            }
            (None, _) => Err("the agent has no address; set --bind".into()),
        }
    }

    /// Value of the `Host` header.
    pub(super) fn host(&self) -> String {
        match self {
            Self::Address(address, _) => address.to_string(),
            Self::Unix(_) => "localhost".into(),
            Self::Host { name, port, tls } => url::authority(tls.is_some(), name, *port),
        }
    }

    /// Checks whether it was found by the options of the agent, and not named.
    pub(super) const fn is_discovered(&self) -> bool {
        !matches!(self, Self::Host { .. })
    }

    /// Connects. Everything that is sent and received over the connection ends at the deadline.
    pub(super) fn connect(&self, deadline: Instant) -> io::Result<Box<dyn Connection>> {
        match self {
            Self::Unix(path) => Ok(Box::new(Timed { socket: UnixStream::connect(path)?, deadline })),
            Self::Address(address, tls) => {
                let stream = connected(&[*address], deadline)?;
                let Some(tls) = tls else { return Ok(Box::new(stream)) };
                encrypted(stream, tls, ServerName::IpAddress(address.ip().into()))
            }
            Self::Host { name, port, tls } => {
                let addresses = resolve::resolve(name, *port, left(deadline)?)?;
                let stream = connected(&addresses, deadline)?;
                let Some(tls) = tls else { return Ok(Box::new(Named(stream))) };
                let server = ServerName::try_from(name.clone()).map_err(io::Error::other)?;
                encrypted(stream, tls, server)
            }
        }
    }
}

/// Time until a deadline, more than 0.
fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// Connects to the first address that accepts.
fn connected(addresses: &[SocketAddr], deadline: Instant) -> io::Result<Timed<TcpStream>> {
    let mut error = io::Error::from(io::ErrorKind::NotFound);
    for (tried, address) in addresses.iter().enumerate() {
        // An address that does not answer leaves time for the next.
        let part = left(deadline)? / u32::try_from(addresses.len() - tried).unwrap_or(1);
        match TcpStream::connect_timeout(address, part.max(Duration::from_millis(1))) {
            Ok(socket) => return Ok(Timed { socket, deadline }),
            Err(failed) => error = failed,
        }
    }
    Err(error)
}

/// A socket whose reads and writes end at a deadline, however little the peer sends at a time. TLS lies above it, because
/// its handshake and its records take many reads.
struct Timed<S> {
    socket: S,
    deadline: Instant,
}

impl<S: AsFd> Timed<S> {
    /// Time that is left, as the kernel takes it: 0 would be no timeout.
    fn timeout(&self) -> io::Result<TimeVal> {
        let left = left(self.deadline)?.max(Duration::from_millis(1));
        Ok(TimeVal::milliseconds(i64::try_from(left.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl<S: Read + AsFd> Read for Timed<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        setsockopt(&self.socket, sockopt::ReceiveTimeout, &self.timeout()?)?;
        self.socket.read(buffer)
    }
}

impl<S: Write + AsFd> Write for Timed<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        setsockopt(&self.socket, sockopt::SendTimeout, &self.timeout()?)?;
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

fn encrypted(
    stream: Timed<TcpStream>,
    tls: &Arc<ClientConfig>,
    server: ServerName<'static>,
) -> io::Result<Box<dyn Connection>> {
    let connection = ClientConnection::new(Arc::clone(tls), server).map_err(io::Error::other)?;
    Ok(Box::new(StreamOwned::new(connection, stream)))
}

impl fmt::Display for AgentAddress {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address, None) => write!(to, "http://{address}"),
            Self::Address(address, Some(_)) => write!(to, "https://{address}"),
            Self::Unix(path) => write!(to, "unix:{}", path.display()),
            Self::Host { tls, .. } => {
                write!(to, "{}://{}", if tls.is_some() { "https" } else { "http" }, self.host())
            }
        }
    }
}

/// Connection to a host that was named.
struct Named(Timed<TcpStream>);

impl Read for Named {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Named {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Connection for Named {
    /// If an account of this host listens there, for example at the end of a tunnel, it is checked as for an agent of this
    /// host. Else another host answers, and the user has named it.
    fn owners(&self) -> Option<Vec<u32>> {
        self.0.owners().filter(|owners| !owners.is_empty())
    }
}

impl Connection for Timed<TcpStream> {
    fn owners(&self) -> Option<Vec<u32>> {
        Some(trust::port_owners(&self.socket, &tcp_table::read(Path::new("/proc"))))
    }
}

impl Connection for Timed<UnixStream> {
    fn owners(&self) -> Option<Vec<u32>> {
        Some(trust::socket_owner(&self.socket))
    }
}

impl Connection for StreamOwned<ClientConnection, Timed<TcpStream>> {
    /// The peer has proved that it has the certificate's key.
    fn owners(&self) -> Option<Vec<u32>> {
        None
    }
}

/// Address by which this host reaches a listener.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let own: IpAddr = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        named => named,
    };
    SocketAddr::new(own, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcard_address_asked_on_loopback() {
        for (listens, asked) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:81", "[::1]:81"),
            ("192.0.2.1:82", "192.0.2.1:82"),
            ("[::1]:83", "[::1]:83"),
        ] {
            assert_eq!(reachable(listens.parse().unwrap()).to_string(), asked);
        }
    }
}
