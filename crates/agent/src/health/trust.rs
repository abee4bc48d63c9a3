//! To whom the token is shown.
//!
//! A port above 1023 is anybody's who comes first: while the agent is down, another account of this host may listen there
//! and wait for `health` to bring it the token. So who holds the other end is looked up first.

use std::{
    net::{SocketAddr, TcpStream},
    os::unix::{fs::MetadataExt as _, net::UnixStream},
};

use nix::{
    sys::socket::{getsockopt, sockopt::PeerCredentials},
    unistd::{Uid, User, geteuid},
};

use crate::{service, tcp_table::Row};

/// The uids that hold the other end of a connection within this host; none where the kernel does not tell of it.
pub(super) fn holders_of_port(stream: &TcpStream, rows: &[Row]) -> Vec<u32> {
    let (Ok(server), Ok(client)) = (stream.peer_addr(), stream.local_addr()) else { return Vec::new() };
    holders(server, client, rows)
}

/// Whoever listens, and whoever has accepted: the one may have come after the other. Somebody must listen.
fn holders(server: SocketAddr, client: SocketAddr, rows: &[Row]) -> Vec<u32> {
    let listens = |row: &&Row| {
        let ip = row.local.ip();
        row.listens && row.local.port() == server.port() && (ip == server.ip() || ip.is_unspecified())
    };
    let listening: Vec<u32> = rows.iter().filter(listens).map(|row| row.uid).collect();
    let accepted = rows.iter().filter(|row| row.local == server && row.remote == client).map(|row| row.uid);
    if listening.is_empty() { listening } else { listening.into_iter().chain(accepted).collect() }
}

/// The same of a socket's file: who has begun to listen there.
pub(super) fn holder_of_socket(stream: &UnixStream) -> Vec<u32> {
    getsockopt(stream, PeerCredentials).map(|peer| peer.uid()).into_iter().collect()
}

/// Whether all of them may be shown the token: root, this very account, and the installed service's. The error says who
/// it is instead.
pub(super) fn judge(holders: &[u32]) -> Result<(), String> {
    let service = service::folder().metadata().ok().map(|folder| folder.uid());
    judge_among(holders, &[Some(0), Some(geteuid().as_raw()), service])
}

fn judge_among(holders: &[u32], trusted: &[Option<u32>]) -> Result<(), String> {
    if holders.is_empty() {
        return Err("it cannot be told whose it is".into());
    }
    match holders.iter().find(|uid| !trusted.contains(&Some(**uid))) {
        None => Ok(()),
        Some(stranger) => Err(format!("it belongs to {}", named(*stranger))),
    }
}

fn named(uid: u32) -> String {
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
        assert_eq!(holders(server, client, &rows), [1, 2, 3]);
        assert!(holders(server, client, &rows[2..]).is_empty(), "nobody listens: it is not of this host");
    }

    #[test]
    fn peer_untrusted_if_any_owner_is_foreign() {
        let trusted = [Some(0), Some(1000), None];
        assert_eq!(judge_among(&[1000, 0], &trusted), Ok(()));
        assert!(judge_among(&[], &trusted).unwrap_err().contains("cannot be told"));
        assert!(judge_among(&[0, 4_000_000], &trusted).unwrap_err().contains("uid 4000000"));
    }
}
