//! Other hosts.

use crate::{config::peers::Peer, v1::view::view};

view! {
    /// Another host that the administrator has named.
    struct PeerView of (_eye, peer: &Peer) {
        /// What it is called.
        /// Source: `--peers`. Lane: none. Absent: never.
        value name: String = peer.name.clone();
        /// Where its page is: a path that begins with a slash, at the origin where this agent is seen, or a whole address.
        /// Source: `--peers`. Lane: none. Absent: never.
        value url: String = peer.url.clone();
    }
}
