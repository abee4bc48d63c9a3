//! A name server with faults, for a few names.

use std::{
    io,
    net::{Ipv4Addr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    thread,
    time::Duration,
};

/// Fault of the name server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum DnsFault {
    None,
    /// `SERVFAIL`.
    Failing,
    /// No answer.
    Silent,
    /// An answer that is none.
    Garbage,
    /// `REFUSED`.
    Refusing,
}

impl DnsFault {
    pub(super) const ALL: [Self; 4] = [Self::Failing, Self::Silent, Self::Garbage, Self::Refusing];
}

/// Address of the server, in the place of the system's.
pub(super) const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 53);
const RECORD_A: u16 = 1;
const TTL: u32 = 5;

/// A running name server.
pub(super) struct NameServer {
    fault: Arc<AtomicU8>,
}

impl NameServer {
    /// Serves these names with their addresses, on port 53.
    pub(super) fn start(names: Vec<(&'static str, Vec<Ipv4Addr>)>) -> io::Result<Self> {
        let socket = UdpSocket::bind((ADDRESS, 53))?;
        let fault = Arc::new(AtomicU8::new(0));
        let set = Arc::clone(&fault);
        thread::spawn(move || {
            let mut buffer = [0; 1500];
            while let Ok((length, client)) = socket.recv_from(&mut buffer) {
                let Some(query) = buffer.get(..length) else { continue };
                if let Some(answer) = answer(query, set.load(Ordering::Relaxed), &names) {
                    // A client that went away asks again.
                    let _ = socket.send_to(&answer, client);
                }
                thread::sleep(Duration::from_millis(1));
            }
        });
        Ok(Self { fault })
    }

    pub(super) fn set(&self, fault: DnsFault) {
        self.fault.store(fault as u8, Ordering::Relaxed);
    }
}

/// Answer to a query; none if there is none.
fn answer(query: &[u8], fault: u8, names: &[(&str, Vec<Ipv4Addr>)]) -> Option<Vec<u8>> {
    let (name, end) = question(query)?;
    let kind = u16::from_be_bytes([*query.get(end)?, *query.get(end + 1)?]);
    let code = match fault {
        fault if fault == DnsFault::Failing as u8 => 2,
        fault if fault == DnsFault::Refusing as u8 => 5,
        fault if fault == DnsFault::Silent as u8 => return None,
        fault if fault == DnsFault::Garbage as u8 => {
            // The header promises records that are not there.
            let mut text = query.get(..2)?.to_vec();
            text.extend_from_slice(&[0x81, 0x80, 0, 1, 0xff, 0xff, 0, 0, 0, 0, 0xc0]);
            return Some(text);
        }
        _ => 0,
    };
    let known = names.iter().find(|(known, _)| name.trim_end_matches('.').eq_ignore_ascii_case(known));
    let code = if code == 0 && known.is_none() { 3 } else { code };
    let addresses = known.filter(|_| code == 0 && kind == RECORD_A).map_or(&[][..], |(_, addresses)| addresses);
    let mut text = query.get(..2)?.to_vec();
    text.extend_from_slice(&[0x81, 0x80 | code, 0, 1]);
    text.extend_from_slice(&u16::try_from(addresses.len()).ok()?.to_be_bytes());
    text.extend_from_slice(&[0, 0, 0, 0]);
    text.extend_from_slice(query.get(12..end + 4)?);
    for address in addresses {
        // The name is that of the question.
        text.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1]);
        text.extend_from_slice(&TTL.to_be_bytes());
        text.extend_from_slice(&[0, 4]);
        text.extend_from_slice(&address.octets());
    }
    Some(text)
}

/// Name of a query, and the place after it.
fn question(query: &[u8]) -> Option<(String, usize)> {
    let (mut name, mut at) = (String::new(), 12);
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            return Some((name, at));
        }
        let label = query.get(at..at + length)?;
        name.push_str(&String::from_utf8_lossy(label));
        name.push('.');
        at += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_answered_or_failed() {
        let mut query = vec![7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        query.extend_from_slice(b"\x06agents\x04test\x00\x00\x01\x00\x01");
        let names = [("agents.test", vec![Ipv4Addr::new(127, 9, 0, 1)])];
        let good = answer(&query, DnsFault::None as u8, &names).unwrap();
        assert_eq!((good[3] & 15, good[7]), (0, 1));
        assert!(good.ends_with(&[127, 9, 0, 1]));
        assert_eq!(answer(&query, DnsFault::Failing as u8, &names).unwrap()[3] & 15, 2);
        assert_eq!(answer(&query, DnsFault::Silent as u8, &names), None);
        assert_eq!(answer(&query, DnsFault::None as u8, &[]).unwrap()[3] & 15, 3);
        assert_eq!(answer(&query[..14], DnsFault::None as u8, &names), None);
    }
}
