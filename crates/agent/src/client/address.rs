//! Address of an agent on this host: a port, with or without TLS, or a socket.

use std::{
    fmt,
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio_rustls::rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};

use super::{tls, trust};
use crate::{
    bind::Bind,
    cli::{self, Options},
    exposure, tcp_table,
};

/// Address of an agent.
#[derive(Clone, Debug)]
pub(crate) enum AgentAddress {
    /// A port, with the TLS configuration if it uses TLS.
    Address(SocketAddr, Option<Arc<ClientConfig>>),
    /// A Unix socket.
    Unix(PathBuf),
}

/// A connection with timeouts.
pub(super) trait Connection: Read + Write {
    /// Sets the timeout of the next read.
    fn set_timeout(&self, timeout: Duration) -> io::Result<()>;

    /// Uids of the peer; none if TLS authenticates it.
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
        }
    }

    /// Connects.
    pub(super) fn connect(&self, timeout: Duration) -> io::Result<Box<dyn Connection>> {
        let (address, tls) = match self {
            Self::Address(address, tls) => (address, tls),
            Self::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_write_timeout(Some(timeout))?;
                stream.set_read_timeout(Some(timeout))?;
                return Ok(Box::new(stream));
            }
        };
        let stream = TcpStream::connect_timeout(address, timeout)?;
        stream.set_write_timeout(Some(timeout))?;
        stream.set_read_timeout(Some(timeout))?;
        let Some(tls) = tls else { return Ok(Box::new(stream)) };
        let name = ServerName::IpAddress(address.ip().into());
        let connection = ClientConnection::new(Arc::clone(tls), name).map_err(io::Error::other)?;
        Ok(Box::new(StreamOwned::new(connection, stream)))
    }
}

impl fmt::Display for AgentAddress {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address, None) => write!(to, "http://{address}"),
            Self::Address(address, Some(_)) => write!(to, "https://{address}"),
            Self::Unix(path) => write!(to, "unix:{}", path.display()),
        }
    }
}

impl Connection for TcpStream {
    fn set_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(timeout))
    }

    fn owners(&self) -> Option<Vec<u32>> {
        Some(trust::port_owners(self, &tcp_table::read(Path::new("/proc"))))
    }
}

impl Connection for UnixStream {
    fn set_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(timeout))
    }

    fn owners(&self) -> Option<Vec<u32>> {
        Some(trust::socket_owner(self))
    }
}

impl Connection for StreamOwned<ClientConnection, TcpStream> {
    fn set_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.sock.set_read_timeout(Some(timeout))
    }

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
