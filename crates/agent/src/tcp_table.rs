//! TCP sockets of this network namespace, from `/proc/net/tcp` and `/proc/net/tcp6`.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    path::Path,
};

/// State of a listening socket in `/proc/net/tcp`.
const LISTENS: &str = "0A";

/// A socket. IPv4-mapped IPv6 addresses are given as IPv4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    pub(crate) listens: bool,
    /// Owner. The kernel gives root for a connection that has not been accepted yet.
    pub(crate) uid: u32,
    pub(crate) inode: u64,
}

/// Reads the sockets of both IP versions; none of a table that cannot be read.
pub(crate) fn read(proc: &Path) -> Vec<Row> {
    let tables = ["net/tcp", "net/tcp6"].map(|table| fs::read_to_string(proc.join(table)).unwrap_or_default());
    tables.iter().flat_map(|table| parse(table)).collect()
}

fn parse(table: &str) -> impl Iterator<Item = Row> {
    table.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        Some(Row {
            local: address(fields.get(1)?)?,
            remote: address(fields.get(2)?)?,
            listens: *fields.get(3)? == LISTENS,
            uid: fields.get(7)?.parse().ok()?,
            inode: fields.get(9)?.parse().ok()?,
        })
    })
}

/// Parses an address such as `0100007F:1F40`: each 32 bits as a native-endian number, in hexadecimal.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let word = |from: usize| Some(u32::from_str_radix(ip.get(from..from + 8)?, 16).ok()?.to_ne_bytes());
    let ip = match ip.len() {
        8 => IpAddr::from(word(0)?),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?];
            IpAddr::from(<[u8; 16]>::try_from(words.as_flattened()).ok()?).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tcp_table_finds_sockets_with_owner() {
        let own = nix::unistd::geteuid().as_raw();
        for bind in ["127.0.0.1:0", "[::1]:0", "[::]:0"] {
            let listener = TcpListener::bind(bind).unwrap();
            let at = listener.local_addr().unwrap();
            let ask = if bind == "[::]:0" { SocketAddr::from(([127, 0, 0, 1], at.port())) } else { at };
            let client = TcpStream::connect(ask).unwrap();
            let _accepted = listener.accept().unwrap();
            let rows = read(Path::new("/proc"));
            let listens = rows.iter().find(|row| row.local == at && row.listens).unwrap();
            assert_eq!(listens.uid, own, "{bind}");
            let served = rows.iter().find(|row| row.local == ask && row.remote == client.local_addr().unwrap());
            assert_eq!(served.map(|row| (row.uid, row.listens)), Some((own, false)), "{bind}");
        }
        assert_eq!(read(Path::new("/no/such")), []);
    }

    #[test]
    fn tcp_table_skips_invalid_rows() {
        let row = "0: 0100007F:1F40 00000000:0000 0A 0:0 0:0 0 1000 0 78 1";
        let table = |line: &str| parse(&format!("heading\n{line}")).count();
        assert_eq!(table(row), 1);
        for broken in ["", "0:", &row.replace("1F40", "1F400"), &row.replace("0100007F", "01"), &row.replace("78", "x")]
        {
            assert_eq!(table(broken), 0, "{broken}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_table_tolerated(table in any::<String>()) {
            parse(&table).count();
        }

        #[test]
        fn table_like_input_tolerated(lines in prop::collection::vec("([ :0-9A-F]{0,90}|\\PC{0,60})", 0..5)) {
            parse(&lines.join("\n")).count();
        }
    }
}
