//! TCP listeners, with errors that name the process that holds the port.

use std::{
    borrow::Cow,
    fs::{self, File},
    io::{self, Read as _},
    net::{SocketAddr, TcpListener},
    os::fd::AsRawFd as _,
    path::Path,
};

use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn6, bind, listen as nix_listen, setsockopt, socket,
    sockopt::{Ipv6V6Only, ReuseAddr},
};

use telemetry::terminal::printable_in;

use crate::tcp_table;

/// Bytes at which the kernel cuts the name of a process (`TASK_COMM_LEN` less its NUL).
const CUT: usize = 15;
/// Longest name in an error, in characters.
const MAX_NAME: usize = 64;
/// Bytes of the arguments that are read.
const MAX_ARGUMENTS: u64 = 4096;

/// Connections that the kernel keeps until they are accepted; `net.core.somaxconn` can lower it. With the 128 of std a
/// burst of clients waited a second for the second attempt of the kernel.
const BACKLOG: Backlog = Backlog::MAXCONN;

/// Binds an address.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    // A second call changes only the backlog.
    nix_listen(&listener, BACKLOG)?;
    Ok(listener)
}

/// Binds an IPv6 address without IPv4, so that `::` and 0.0.0.0 can be bound together.
pub(super) fn listen_v6_only(address: SocketAddr) -> io::Result<TcpListener> {
    let SocketAddr::V6(v6) = address else { return listen(address) };
    let listener = socket(AddressFamily::Inet6, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&listener, ReuseAddr, &true)?;
    setsockopt(&listener, Ipv6V6Only, &true)?;
    bind(listener.as_raw_fd(), &SockaddrIn6::from(v6))?;
    nix_listen(&listener, BACKLOG)?;
    Ok(listener.into())
}

/// Words an error: the address, the holder of the port if `/proc` shows it, and the remedy. `port` and `bind` say how the
/// port and the address were given.
pub(super) fn explain(address: SocketAddr, error: &io::Error, port: &str, bind: &str) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            let holder = holder(Path::new("/proc"), address.port()).unwrap_or_else(|| "another program".to_owned());
            format!("cannot listen on {address}: {holder} already does; stop it, or choose another port with {port}")
        }
        io::ErrorKind::PermissionDenied => format!(
            "cannot listen on {address}: ports below 1024 are reserved for root; choose another port with {port}, or give \
             the program CAP_NET_BIND_SERVICE"
        ),
        io::ErrorKind::AddrNotAvailable => {
            format!("cannot listen on {address}: this host has no such address; choose another with {bind}")
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
        Some(format!("{} (PID {})", printable_in(&name(&folder)?, MAX_NAME), entry.file_name().display()))
    })
}

/// Name of a process. The kernel cuts it at 15 bytes; the whole one is usually in its arguments, or the name of its file.
fn name(process: &Path) -> Option<String> {
    let comm = fs::read(process.join("comm")).ok()?;
    let comm = String::from_utf8_lossy(comm.strip_suffix(b"\n").unwrap_or(&comm)).into_owned();
    if comm.len() < CUT {
        return Some(comm);
    }
    let mut arguments = Vec::new();
    // Another process's arguments can be unreadable; the name of its file, or the cut one, is left then.
    let _ = File::open(process.join("cmdline")).and_then(|file| file.take(MAX_ARGUMENTS).read_to_end(&mut arguments));
    let program = fs::read_link(process.join("exe")).unwrap_or_default();
    // The second argument is the script, where the first one is its interpreter.
    let arguments = arguments.split(|byte| *byte == 0).take(2).map(|argument| String::from_utf8_lossy(argument));
    let candidates = arguments.map(Cow::into_owned).chain([program.to_string_lossy().into_owned()]);
    let whole =
        candidates.filter_map(|path| path.rsplit('/').next().map(String::from)).find(|name| name.starts_with(&comm));
    Some(whole.unwrap_or_else(|| format!("{comm}…")))
}

#[cfg(test)]
mod tests {
    use std::{net::TcpStream, time::Duration};

    use super::*;

    #[test]
    fn port_in_use_names_holder() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let error = listen(address).unwrap_err();
        let error = explain(address, &error, "the variable PORT", "--bind");
        let expected = format!("(PID {})", std::process::id());
        for part in [&expected, "the variable PORT", &address.to_string()] {
            assert!(error.contains(part), "{error:?} lacks {part:?}");
        }
    }

    #[test]
    fn holder_name_is_whole() {
        let named = |comm: &str, cmdline: &str, exe: &str| {
            let process = tempfile::tempdir().unwrap();
            fs::write(process.path().join("comm"), format!("{comm}\n")).unwrap();
            fs::write(process.path().join("cmdline"), cmdline).unwrap();
            std::os::unix::fs::symlink(exe, process.path().join("exe")).unwrap();
            name(process.path()).unwrap()
        };
        for (comm, cmdline, exe, expected) in [
            ("nginx", "nginx: master process\0", "/usr/sbin/nginx", "nginx"),
            ("nvidia-smi-web-", "/usr/bin/nvidia-smi-web-agent\0--port\0", "/x", "nvidia-smi-web-agent"),
            ("nvidia-smi-web-", "title of its own", "/usr/bin/nvidia-smi-web-agent", "nvidia-smi-web-agent"),
            ("a-script-with-a", "/bin/sh\0./a-script-with-a-name\0", "/bin/dash", "a-script-with-a-name"),
            ("a-worker-thread", "python\0train.py\0", "/usr/bin/python3", "a-worker-thread…"),
            ("fifteen-letters", "", "/bin/fifteen-letters", "fifteen-letters"),
        ] {
            assert_eq!(named(comm, cmdline, exe), expected);
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
        let address = "192.0.2.1:0".parse().unwrap();
        let error = explain(address, &listen(address).unwrap_err(), "--port", "--bind");
        assert!(error.ends_with("choose another with --bind"), "{error}");
    }
}
