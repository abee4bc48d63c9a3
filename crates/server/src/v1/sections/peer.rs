//! Other hosts.

use crate::{config::peers::Peer, v1::view::view};

view! {
    /// Another host that the administrator has configured.
    struct PeerView of (_eye, peer: &Peer) {
        /// Name.
        /// Source: `--peers`. Read: not read. Absent: never.
        value name: String = peer.name.clone();
        /// Address of its page: a path that begins with a slash, at the origin of this agent, or a whole URL.
        /// Source: `--peers`. Read: not read. Absent: never.
        value url: String = peer.url.clone();
    }
}
