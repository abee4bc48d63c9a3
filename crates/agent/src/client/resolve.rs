//! Addresses of a host's name, with a timeout that the C library does not have.

use std::{
    io,
    net::{SocketAddr, ToSocketAddrs as _},
    sync::mpsc,
    thread,
    time::Duration,
};

/// Addresses of a name.
///
/// # Errors
/// There are none, or the name servers did not answer in time.
pub(super) fn resolve(name: &str, port: u16, timeout: Duration) -> io::Result<Vec<SocketAddr>> {
    let (sender, receiver) = mpsc::channel();
    let host = name.to_owned();
    // It lives on after the timeout, and ends with the program.
    thread::spawn(move || {
        let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
        // Nobody waits any longer after the timeout.
        let _ = sender.send(found);
    });
    match receiver.recv_timeout(timeout) {
        Ok(Ok(addresses)) if !addresses.is_empty() => Ok(addresses),
        Ok(Ok(_)) => Err(io::Error::other(format!("the name {name} has no address"))),
        Ok(Err(error)) => Err(io::Error::other(format!("cannot resolve the name {name}: {error}"))),
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}
