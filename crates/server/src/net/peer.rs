//! Who is at the other end of a connection, as far as the connection itself tells. No header does: whoever is there
//! may write what he likes into `X-Forwarded-For`.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
};

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// An address and a port.
    Ip(SocketAddr),
    /// A program on this host, over a Unix socket: mostly a proxy.
    Unix,
}

/// What counts as one stranger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Origin {
    /// An address; of the sixth version what is given to one customer or one host, since he has all of them.
    Ip(IpAddr),
    Unix,
}

impl Peer {
    pub(crate) fn origin(self) -> Origin {
        match self {
            Self::Unix => Origin::Unix,
            Self::Ip(address) => Origin::Ip(match address.ip().to_canonical() {
                IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into(),
                ip => ip,
            }),
        }
    }
}

impl fmt::Display for Peer {
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
        let origin = |address: &str| Peer::Ip(address.parse().unwrap()).origin();
        for (one, other, same) in [
            ("192.0.2.1:1", "192.0.2.1:2", true),
            ("192.0.2.1:1", "[::ffff:192.0.2.1]:1", true),
            ("192.0.2.1:1", "192.0.2.2:1", false),
            ("[2001:db8::1]:1", "[2001:db8::ffff:0:0:2]:1", true),
            ("[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1", false),
        ] {
            assert_eq!(origin(one) == origin(other), same, "{one} {other}");
        }
        assert_eq!(Peer::Ip("[::ffff:192.0.2.1]:7".parse().unwrap()).to_string(), "192.0.2.1:7");
    }
}
