//! TCP listeners, with errors that name the process that holds the port.

use std::{
    fs, io,
    net::{SocketAddr, TcpListener},
    os::fd::AsRawFd as _,
    path::Path,
};

use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn6, bind, listen as nix_listen, setsockopt, socket,
    sockopt::{Ipv6V6Only, ReuseAddr},
};

use crate::tcp_table;

/// Connections that the kernel keeps until they are accepted; `net.core.somaxconn` can lower it. With the 128 of std a
/// burst of clients waited a second for the second attempt of the kernel.
const BACKLOG: Backlog = Backlog::MAXCONN;

/// Binds an address. The error names the address, the fix, and the holder of the port if `/proc` shows it.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let bound = || {
        let listener = TcpListener::bind(address)?;
        // A second call changes only the backlog.
        nix_listen(&listener, BACKLOG)?;
        Ok(listener)
    };
    bound().map_err(|error: io::Error| io::Error::new(error.kind(), explain(address, &error)))
}

/// Binds an IPv6 address without IPv4, so that `::` and 0.0.0.0 can be bound together.
pub(super) fn listen_v6_only(address: SocketAddr) -> io::Result<TcpListener> {
    let SocketAddr::V6(v6) = address else { return listen(address) };
    let bound = || {
        let listener = socket(AddressFamily::Inet6, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
        setsockopt(&listener, ReuseAddr, &true)?;
        setsockopt(&listener, Ipv6V6Only, &true)?;
        bind(listener.as_raw_fd(), &SockaddrIn6::from(v6))?;
        nix_listen(&listener, BACKLOG)?;
        Ok::<_, nix::Error>(listener.into())
    };
    bound().map_err(|error| {
        let error = io::Error::from(error);
        io::Error::new(error.kind(), explain(address, &error))
    })
}

fn explain(address: SocketAddr, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            let holder = holder(Path::new("/proc"), address.port()).unwrap_or_else(|| "another program".to_owned());
            format!(
                "cannot listen on {address}: {holder} already does; stop it or choose another port with PORT or --bind"
            )
        }
        io::ErrorKind::PermissionDenied => format!(
            "cannot listen on {address}: ports below 1024 are reserved for root; choose another port with PORT, or give \
             the program CAP_NET_BIND_SERVICE"
        ),
        io::ErrorKind::AddrNotAvailable => {
            format!("cannot listen on {address}: this host has no such address; choose another with --bind")
        }
        _ => format!("cannot listen on {address}: {error}"),
    }
}

/// Names the process that listens on a port, as `name (PID 123)`; none if this account cannot inspect it.
fn holder(proc: &Path, port: u16) -> Option<String> {
    let rows = tcp_table::read(proc);
    let inode = rows.iter().find(|row| row.listens && row.local.port() == port)?.inode;
    let socket = format!("socket:[{inode}]");
    let processes = fs::read_dir(proc).ok()?.flatten();
    let mut numbered = processes.filter(|entry| entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit));
    numbered.find_map(|entry| {
        let folder = entry.path();
        let mut files = fs::read_dir(folder.join("fd")).ok()?.flatten();
        files.find(|file| fs::read_link(file.path()).is_ok_and(|link| link.as_os_str() == socket.as_str()))?;
        let name = fs::read_to_string(folder.join("comm")).unwrap_or_default();
        Some(format!("{} (PID {})", name.trim_end(), entry.file_name().display()))
    })
}

#[cfg(test)]
mod tests {
    use std::{net::TcpStream, time::Duration};

    use super::*;

    #[test]
    fn port_in_use_names_holder() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let error = listen(address).unwrap_err().to_string();
        let expected = format!("(PID {})", std::process::id());
        for part in [&expected, "PORT", &address.to_string()] {
            assert!(error.contains(part), "{error:?} lacks {part:?}");
        }
    }

    #[test]
    fn burst_of_connections_waits_in_queue() {
        // Nobody accepts. A connection that the queue refuses is tried again by the kernel after a second.
        const MANY: usize = 300;
        let limit = fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
        let many = MANY.min(limit.trim().parse().unwrap());
        let [v4, v6] = ["127.0.0.1:0", "[::1]:0"].map(|address| address.parse().unwrap());
        for listener in [listen(v4).unwrap(), listen_v6_only(v6).unwrap()] {
            let address = listener.local_addr().unwrap();
            let connect = |_| TcpStream::connect_timeout(&address, Duration::from_millis(900)).unwrap();
            let open: Vec<TcpStream> = (0..many).map(connect).collect();
            assert_eq!(open.len(), many);
        }
    }

    #[test]
    fn address_of_other_host_is_explained() {
        let error = listen("192.0.2.1:0".parse().unwrap()).unwrap_err().to_string();
        assert!(error.contains("--bind"), "{error}");
    }
}
