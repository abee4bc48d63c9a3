//! `--bind`: addresses and Unix sockets to listen on.

mod tcp;

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    str::FromStr,
};

use crate::socket::{BindError, BoundSocket, SocketFile};

/// Default mode of a socket's file: its owner and group can connect.
const MODE: u32 = 0o660;
/// Accepted forms, for errors.
const FORMS: &str = "an IP address such as 0.0.0.0, 127.0.0.1 or ::1, with its own port as in 127.0.0.1:9000 or \
                     [::1]:9000, or unix:/path/of/a.sock,mode=0660";

/// One address or socket to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Bind {
    /// A TCP address; port 0 if none is given.
    Address(SocketAddr),
    /// A Unix socket.
    Unix { path: PathBuf, mode: u32 },
}

/// Comma-separated addresses and sockets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Binds(pub(crate) Vec<Bind>);

/// Sources of the addresses and ports, for errors: a flag, a variable, or a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GivenBy {
    /// Source of the port of addresses without their own.
    pub(crate) port: String,
    /// Source of the addresses.
    pub(crate) bind: String,
    /// Ports that are part of an address.
    pub(crate) own_ports: Vec<u16>,
}

/// A bound listener.
#[derive(Debug)]
pub(crate) enum Listening {
    Address(TcpListener),
    Unix(BoundSocket),
}

impl Bind {
    /// Sets the port, unless it has its own.
    pub(crate) fn with_port(self, port: u16) -> Self {
        match self {
            Self::Address(mut address) if address.port() == 0 => {
                address.set_port(port);
                Self::Address(address)
            }
            other => other,
        }
    }

    /// Checks whether only this host can reach it.
    pub(crate) const fn is_local(&self) -> bool {
        match self {
            Self::Address(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix { .. } => true,
        }
    }

    /// Binds it. `all` are the other addresses that will be bound, `named` says how they were given, for errors.
    pub(crate) fn listen(&self, all: &[Self], named: &GivenBy) -> io::Result<Listening> {
        match self {
            Self::Unix { path, mode } => {
                let bound = SocketFile { path, mode: *mode, option: &named.bind }.bind();
                bound.map(Listening::Unix).map_err(BindError::into_io)
            }
            Self::Address(address) => {
                let ipv4 = Self::Address(SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port())));
                let v6_only = address.is_ipv6() && address.ip().is_unspecified() && all.contains(&ipv4);
                let bound = if v6_only { tcp::listen_v6_only(*address) } else { tcp::listen(*address) };
                let listener = bound.map_err(|error| {
                    let port = if named.own_ports.contains(&address.port()) { &named.bind } else { &named.port };
                    io::Error::new(error.kind(), tcp::explain(*address, &error, port, &named.bind))
                });
                listener.map(Listening::Address)
            }
        }
    }
}

impl fmt::Display for Bind {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) if address.port() == 0 => address.ip().fmt(to),
            Self::Address(address) => address.fmt(to),
            Self::Unix { path, mode } => write!(to, "unix:{},mode={mode:04o}", path.display()),
        }
    }
}

impl FromStr for Binds {
    type Err = String;

    /// Parses a list. An empty one is 0.0.0.0, as in the Python agent.
    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self(vec![Bind::Address((Ipv4Addr::UNSPECIFIED, 0).into())]));
        }
        let mut all: Vec<Bind> = Vec::new();
        for part in text.split(',').map(str::trim) {
            match (part.strip_prefix("mode="), all.last_mut()) {
                (Some(octal), Some(Bind::Unix { mode, .. })) => *mode = mode_of(octal)?,
                (Some(_), _) => return Err(format!("expected unix:/path before {part:?}")),
                (None, _) => all.push(place(part)?),
            }
        }
        Ok(Self(all))
    }
}

fn place(text: &str) -> Result<Bind, String> {
    if let Some(path) = text.strip_prefix("unix:") {
        let path = Path::new(path);
        if !path.is_absolute() || path.ends_with("..") || text.ends_with('/') {
            return Err(format!("expected an absolute path after unix:, such as /run/gpu.sock, got {text:?}"));
        }
        return Ok(Bind::Unix { path: path.into(), mode: MODE });
    }
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Ok(ip) = bracketed.unwrap_or(text).parse::<IpAddr>()
        && (bracketed.is_none() || ip.is_ipv6())
    {
        return Ok(Bind::Address(SocketAddr::new(ip, 0)));
    }
    match text.parse::<SocketAddr>() {
        Ok(address) if address.port() > 0 => Ok(Bind::Address(address)),
        _ => Err(format!("expected {FORMS}, got {text:?}")),
    }
}

fn mode_of(octal: &str) -> Result<u32, String> {
    let digits = octal.len() <= 4 && octal.bytes().all(|byte| byte.is_ascii_digit());
    let mode = u32::from_str_radix(octal, 8).ok().filter(|mode| digits && (0o200..=0o777).contains(mode));
    mode.ok_or_else(|| format!("expected a mode of a socket such as 0600, 0660 or 0666, got {octal:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<String, String> {
        text.parse::<Binds>().map(|binds| binds.0.iter().map(Bind::to_string).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn listen_address_forms_are_parsed() {
        for (text, expected) in [
            ("", "0.0.0.0"),
            ("0.0.0.0", "0.0.0.0"),
            ("127.0.0.1:9000, ::1", "127.0.0.1:9000 ::1"),
            ("[::1]:9000,[::]", "[::1]:9000 ::"),
            ("[fe80::1%2]:8000", "[fe80::1%2]:8000"),
            ("unix:/run/a.sock", "unix:/run/a.sock,mode=0660"),
            ("unix:/run/a.sock,mode=600,127.0.0.1", "unix:/run/a.sock,mode=0600 127.0.0.1"),
            ("::1,unix:/a b,mode=0666,unix:/c", "::1 unix:/a b,mode=0666 unix:/c,mode=0660"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn listen_address_invalid_is_named_with_valid_forms() {
        for (text, parts) in [
            ("localhost", ["\"localhost\"", "127.0.0.1"]),
            ("0.0.0.0,", ["\"\"", "0.0.0.0"]),
            ("127.0.0.1:0", ["127.0.0.1:0", "9000"]),
            ("[127.0.0.1]", ["[127.0.0.1]", "[::1]:9000"]),
            ("unix:a.sock", ["unix:a.sock", "absolute path"]),
            ("unix:/run/", ["unix:/run/", "absolute path"]),
            ("127.0.0.1,mode=0660", ["mode=0660", "unix:/path"]),
            ("mode=0660,unix:/a", ["mode=0660", "unix:/path"]),
            ("unix:/a,mode=rw", ["\"rw\"", "0660"]),
            ("unix:/a,mode=01000", ["\"01000\"", "0660"]),
            ("unix:/a,mode=0000", ["\"0000\"", "0660"]),
            ("unix:/a,mode=+660", ["\"+660\"", "0660"]),
        ] {
            let error = read(text).unwrap_err();
            for part in parts {
                assert!(error.contains(part), "{text}: {error:?} lacks {part:?}");
            }
        }
    }

    #[test]
    fn port_option_fills_missing_port() {
        let with = |text: &str| place(text).unwrap().with_port(8000).to_string();
        assert_eq!([with("::1"), with("127.0.0.1:9")], ["[::1]:8000", "127.0.0.1:9"]);
        assert_eq!(with("unix:/a"), "unix:/a,mode=0660");
    }

    #[test]
    fn loopback_and_sockets_are_local() {
        for (text, local) in [
            ("127.0.0.1", true),
            ("127.9.9.9:1", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("unix:/a", true),
            ("0.0.0.0", false),
            ("::", false),
            ("192.0.2.1", false),
        ] {
            assert_eq!(place(text).unwrap().is_local(), local, "{text}");
        }
    }

    fn given_by() -> GivenBy {
        GivenBy { port: "--port".into(), bind: "NVSMI_BIND".into(), own_ports: vec![] }
    }

    #[test]
    fn listen_error_names_given_option() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let bind = Bind::Address(taken.local_addr().unwrap());
        let own = GivenBy { own_ports: vec![taken.local_addr().unwrap().port()], ..given_by() };
        for (given_by, remedy) in [(given_by(), "another port with --port"), (own, "another port with NVSMI_BIND")] {
            let error = bind.listen(std::slice::from_ref(&bind), &given_by).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
            let error = error.to_string();
            assert!(error.contains(&format!("(PID {})", std::process::id())) && error.ends_with(remedy), "{error}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("not-a-socket");
        std::fs::write(&path, "").unwrap();
        let error = Bind::Unix { path, mode: MODE }.listen(&[], &given_by()).unwrap_err().to_string();
        assert!(error.contains("NVSMI_BIND"), "{error}");
    }

    #[test]
    fn ipv4_and_ipv6_bind_side_by_side() {
        // A port that is free now, for both versions.
        let port = TcpListener::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port();
        let all: Vec<Bind> =
            "0.0.0.0,::".parse::<Binds>().unwrap().0.into_iter().map(|bind| bind.with_port(port)).collect();
        let listening: Vec<Listening> = all.iter().map(|bind| bind.listen(&all, &given_by()).unwrap()).collect();
        assert_eq!(listening.len(), 2);
    }

    proptest! {
        #[test]
        fn parsed_value_round_trips(text in "([0-9.:\\[\\],]|unix:/|mode=|a| |%){0,12}") {
            if let Ok(binds) = text.parse::<Binds>() {
                let written = binds.0.iter().map(Bind::to_string).collect::<Vec<_>>().join(",");
                prop_assert_eq!(written.parse::<Binds>(), Ok(binds));
            }
        }

        #[test]
        fn arbitrary_address_and_port_parsed(ip in any::<IpAddr>(), port in 1..=u16::MAX) {
            let address = SocketAddr::new(ip, port);
            prop_assert_eq!(address.to_string().parse(), Ok(Binds(vec![Bind::Address(address)])));
            prop_assert_eq!(ip.to_string().parse(), Ok(Binds(vec![Bind::Address(SocketAddr::new(ip, 0))])));
        }
    }
}
