//! The client's address, taken from the connection. Headers such as `X-Forwarded-For` are ignored, because any client
//! can forge them.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
};

/// The address of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAddr {
    /// An address and a port.
    Ip(SocketAddr),
    /// A program on this host, over a Unix socket: usually a proxy.
    Unix,
}

/// The unit of limits by address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientNet {
    /// An IPv4 address, or an IPv6 network of 64 bits, because one host can use all addresses of it.
    Ip(IpAddr),
    /// All clients over Unix sockets.
    Unix,
}

impl ClientAddr {
    /// The address or network that limits apply to.
    #[must_use]
    pub fn net(self) -> ClientNet {
        match self {
            Self::Unix => ClientNet::Unix,
            Self::Ip(address) => ClientNet::Ip(match address.ip().to_canonical() {
                IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into(),
                ip => ip,
            }),
        }
    }
}

impl ClientAddr {
    /// The address without the port.
    #[must_use]
    pub(crate) fn host(self) -> String {
        match self {
            Self::Unix => self.to_string(),
            Self::Ip(address) => address.ip().to_canonical().to_string(),
        }
    }
}

impl fmt::Display for ClientAddr {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => SocketAddr::new(address.ip().to_canonical(), address.port()).fmt(to),
            Self::Unix => to.write_str("unix"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_network_count_as_one() {
        let net = |address: &str| ClientAddr::Ip(address.parse().unwrap()).net();
        for (one, other, same) in [
            ("192.0.2.1:1", "192.0.2.1:2", true),
            ("192.0.2.1:1", "[::ffff:192.0.2.1]:1", true),
            ("192.0.2.1:1", "192.0.2.2:1", false),
            ("[2001:db8::1]:1", "[2001:db8::ffff:0:0:2]:1", true),
            ("[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1", false),
        ] {
            assert_eq!(net(one) == net(other), same, "{one} {other}");
        }
        assert_eq!(ClientAddr::Ip("[::ffff:192.0.2.1]:7".parse().unwrap()).to_string(), "192.0.2.1:7");
    }
}
