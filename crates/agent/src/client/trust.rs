//! Check of the listener's owner before the token is sent.
//!
//! Any account can bind a port above 1023. While the agent is down, another account could listen there and collect the
//! token of a command.

use std::{
    net::{SocketAddr, TcpStream},
    os::unix::{fs::MetadataExt as _, net::UnixStream},
};

use nix::{
    sys::socket::{getsockopt, sockopt::PeerCredentials},
    unistd::{Uid, User, geteuid},
};

use crate::{service, tcp_table::Row};

/// Uids of the peer of a connection within this host; none if the kernel does not list it.
pub(super) fn port_owners(stream: &TcpStream, rows: &[Row]) -> Vec<u32> {
    let (Ok(server), Ok(client)) = (stream.peer_addr(), stream.local_addr()) else { return Vec::new() };
    owners(server, client, rows)
}

/// Owners of the listener and of the accepted connection, which can differ. None if there is no listener.
fn owners(server: SocketAddr, client: SocketAddr, rows: &[Row]) -> Vec<u32> {
    let listens = |row: &&Row| {
        let ip = row.local.ip();
        row.listens && row.local.port() == server.port() && (ip == server.ip() || ip.is_unspecified())
    };
    let listening: Vec<u32> = rows.iter().filter(listens).map(|row| row.uid).collect();
    let accepted = rows.iter().filter(|row| row.local == server && row.remote == client).map(|row| row.uid);
    if listening.is_empty() { listening } else { listening.into_iter().chain(accepted).collect() }
}

/// Uid that listens on a socket file.
pub(super) fn socket_owner(stream: &UnixStream) -> Vec<u32> {
    getsockopt(stream, PeerCredentials).map(|peer| peer.uid()).into_iter().collect()
}

/// Checks that all owners may have the token: root, this account and the installed service's.
///
/// # Errors
/// Names another owner.
pub(super) fn check(owners: &[u32]) -> Result<(), String> {
    let service = service::folder().metadata().ok().map(|folder| folder.uid());
    check_against(owners, &[Some(0), Some(geteuid().as_raw()), service])
}

fn check_against(owners: &[u32], trusted: &[Option<u32>]) -> Result<(), String> {
    if owners.is_empty() {
        return Err("its owner is unknown".into());
    }
    match owners.iter().find(|uid| !trusted.contains(&Some(**uid))) {
        None => Ok(()),
        Some(other) => Err(format!("it belongs to {}", account(*other))),
    }
}

fn account(uid: u32) -> String {
    let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    user.map_or_else(|| format!("uid {uid}"), |user| format!("{} (uid {uid})", user.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(local: &str, remote: &str, listens: bool, uid: u32) -> Row {
        Row { local: local.parse().unwrap(), remote: remote.parse().unwrap(), listens, uid, inode: 1 }
    }

    #[test]
    fn peer_owner_from_listener_and_accepted_socket() {
        let [server, client] = ["127.0.0.1:8000", "127.0.0.1:40000"].map(|text| text.parse().unwrap());
        let rows = [
            row("127.0.0.1:8000", "0.0.0.0:0", true, 1),
            row("[::]:8000", "[::]:0", true, 2),
            row("127.0.0.1:8000", "127.0.0.1:40000", false, 3),
            // Of another address, another port, and our own end.
            row("127.0.0.2:8000", "0.0.0.0:0", true, 7),
            row("127.0.0.1:8001", "0.0.0.0:0", true, 8),
            row("127.0.0.1:40000", "127.0.0.1:8000", false, 9),
        ];
        assert_eq!(owners(server, client, &rows), [1, 2, 3]);
        assert!(owners(server, client, &rows[2..]).is_empty(), "no listener on this host");
    }

    #[test]
    fn peer_untrusted_if_any_owner_is_foreign() {
        let trusted = [Some(0), Some(1000), None];
        assert_eq!(check_against(&[1000, 0], &trusted), Ok(()));
        assert!(check_against(&[], &trusted).unwrap_err().contains("unknown"));
        assert!(check_against(&[0, 4_000_000], &trusted).unwrap_err().contains("uid 4000000"));
    }
}
