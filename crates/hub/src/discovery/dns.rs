//! Targets in the name service: addresses of a name, or its records SRV.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use domain::{
    base::{Message, Name, Rtype, iana::Rcode},
    rdata::{A, Aaaa, Srv},
    resolv::stub::{StubResolver, conf::ResolvConf},
};
use tokio::time::{sleep, timeout};

use super::{
    Sender,
    entry::{self, Entry},
    notes::{Notes, quoted},
};
use crate::target::{Endpoint, Scheme};

/// Bounds of the time for which an answer is used. The lower one is also the interval after an error or without a record.
const TTL: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60));
/// Timeout of a query, with the library's retries.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Query of a source.
#[derive(Clone, Copy, Debug)]
pub(super) enum Query {
    /// Records A, or AAAA if there is none: a host with both must not be two.
    Addresses {
        /// Port of each.
        port: u16,
    },
    /// Records SRV.
    Services,
}

/// Most notes of an answer; the others are counted.
const MAX_NOTES: usize = 20;

/// A valid answer, which may be empty.
#[derive(Debug, Default, PartialEq)]
struct Answer {
    hosts: Vec<(String, u16)>,
    /// Records that are left out.
    notes: Vec<String>,
    ttl: Option<Duration>,
}

/// Queries a name until nobody listens any more.
pub(super) async fn run(query: Query, name: String, news: Sender) {
    loop {
        // The configuration of this host, read again each time, so that a change has an effect.
        let (pause, is_heard) = match lookup(query, &name, ResolvConf::default()).await {
            Ok(answer) => {
                let pause = answer.pause();
                (pause, news.listed(entries(answer.hosts), answer.notes, None).await)
            }
            Err(error) => (TTL.0, news.failed(error).await),
        };
        if !is_heard {
            return;
        }
        tokio::select! {
            () = sleep(pause) => {}
            () = news.news.closed() => return,
        }
    }
}

/// Entries in an order of their own, since name servers rotate theirs.
fn entries(mut hosts: Vec<(String, u16)>) -> Vec<Entry> {
    hosts.sort_unstable();
    hosts.dedup();
    let entry = |(host, port): (String, u16)| {
        Entry::plain(Endpoint { scheme: Scheme::Http, host: host.into(), port, prefix: "".into() })
    };
    hosts.into_iter().map(entry).collect()
}

/// Queries a name as the C library would, with the search list of the host. A name that does not exist is an empty
/// answer, unless a server failed.
async fn lookup(query: Query, name: &str, configuration: ResolvConf) -> Result<Answer, String> {
    let names = candidates(name, &configuration);
    let resolver = StubResolver::from_conf(configuration);
    let mut failed = None;
    for name in names {
        let answer = match query {
            Query::Services => services(&resolver, &name).await,
            Query::Addresses { port } => addresses(&resolver, &name, port).await,
        };
        match answer {
            Ok(answer) if !answer.hosts.is_empty() => return Ok(answer),
            Ok(_) => {}
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or_else(|| Ok(Answer::default()), Err)
}

/// The names that are tried: with a dot at the end only that one.
fn candidates(name: &str, configuration: &ResolvConf) -> Vec<String> {
    if name.ends_with('.') {
        return vec![name.to_owned()];
    }
    let options = &configuration.options;
    let suffixes = options.search.as_slice().iter().map(ToString::to_string);
    let searched = suffixes.filter(|suffix| suffix != ".").map(|suffix| format!("{name}.{suffix}"));
    let as_is = format!("{name}.");
    if name.matches('.').count() >= options.ndots {
        std::iter::once(as_is).chain(searched).collect()
    } else {
        searched.chain([as_is]).collect()
    }
}

/// Services of a name. A target that cannot be the name of a host is left out: the C library could read it as an address,
/// and a list with it would have a URL.
async fn services(resolver: &StubResolver, name: &str) -> Result<Answer, String> {
    let message = ask(resolver, name, Rtype::SRV).await?;
    let (mut answer, mut notes) = (Answer::default(), Notes::new(MAX_NOTES));
    for record in message.answer().map_err(invalid)?.limit_to::<Srv<_>>() {
        let record = record.map_err(invalid)?;
        let (target, port) = (record.data().target().to_string(), record.data().port());
        // The root means that there is no such service.
        if target.trim_end_matches('.').is_empty() || port == 0 {
            continue;
        }
        match entry::named_host(&target) {
            Some(host) => answer.add(host, port, record.ttl().as_secs()),
            None => {
                notes.add(|| format!("the record SRV with {} is left out: it is no name of a host", quoted(&target)));
            }
        }
    }
    answer.notes = notes.finish();
    match answer.notes.first() {
        // Not even one is valid, so the last list stays.
        Some(note) if answer.hosts.is_empty() => Err(note.clone()),
        _ => Ok(answer),
    }
}

async fn addresses(resolver: &StubResolver, name: &str, port: u16) -> Result<Answer, String> {
    let message = ask(resolver, name, Rtype::A).await?;
    let mut answer = Answer::default();
    for record in message.answer().map_err(invalid)?.limit_to::<A>() {
        let record = record.map_err(invalid)?;
        let address: Ipv4Addr = record.data().addr();
        answer.add(IpAddr::from(address).to_string(), port, record.ttl().as_secs());
    }
    if !answer.hosts.is_empty() {
        return Ok(answer);
    }
    let message = ask(resolver, name, Rtype::AAAA).await?;
    for record in message.answer().map_err(invalid)?.limit_to::<Aaaa>() {
        let record = record.map_err(invalid)?;
        let address: Ipv6Addr = record.data().addr();
        answer.add(IpAddr::from(address).to_canonical().to_string(), port, record.ttl().as_secs());
    }
    Ok(answer)
}

impl Answer {
    /// Time until the next query.
    fn pause(&self) -> Duration {
        self.ttl.unwrap_or(TTL.0).clamp(TTL.0, TTL.1)
    }

    fn add(&mut self, host: String, port: u16, ttl: u32) {
        let ttl = Duration::from_secs(ttl.into());
        self.ttl = Some(self.ttl.map_or(ttl, |least| least.min(ttl)));
        self.hosts.push((host, port));
    }
}

/// Queries one record type of one name. `NXDOMAIN` is an answer.
async fn ask(resolver: &StubResolver, name: &str, kind: Rtype) -> Result<Message<bytes::Bytes>, String> {
    let name: Name<Vec<u8>> = name.parse().map_err(|error| format!("invalid name: {error}"))?;
    let late = |_| format!("no answer within {} s", TIMEOUT.as_secs());
    let answer = timeout(TIMEOUT, resolver.query((&name, kind))).await.map_err(late)?;
    let message = answer.map_err(|error| format!("the query for {kind} failed: {error}"))?.into_message();
    match message.header().rcode() {
        Rcode::NOERROR | Rcode::NXDOMAIN if !message.header().tc() => Ok(message),
        Rcode::NOERROR | Rcode::NXDOMAIN => Err("the answer is truncated".into()),
        code => Err(format!("the name server answered {code}")),
    }
}

fn invalid(error: impl std::fmt::Display) -> String {
    format!("expected an answer of the name service, got {error}")
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashMap,
        net::SocketAddr,
        sync::{Arc, Mutex},
    };

    use domain::resolv::stub::conf::{SearchSuffix, ServerConf, Transport};
    use tokio::net::UdpSocket;

    use super::*;

    /// Answer of a name server for one name and type.
    #[derive(Clone)]
    enum Scripted {
        /// Records with this TTL.
        Records(u32, Vec<Vec<u8>>),
        /// A response code without records.
        Code(u8),
        Silence,
    }

    const A: u16 = 1;
    const AAAA: u16 = 28;
    const SRV: u16 = 33;
    const SERVFAIL: u8 = 2;
    const NXDOMAIN: u8 = 3;

    #[derive(Clone, Default)]
    struct Zone(Arc<Mutex<HashMap<(String, u16), Scripted>>>);

    impl Zone {
        fn with(self, name: &str, kind: u16, answer: Scripted) -> Self {
            self.0.lock().unwrap().insert((name.into(), kind), answer);
            self
        }

        /// A configuration with a name server of this zone. Names that it does not have do not exist.
        async fn serve(self) -> ResolvConf {
            let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let address: SocketAddr = socket.local_addr().unwrap();
            tokio::spawn(async move {
                let mut query = [0; 512];
                loop {
                    let (length, client) = socket.recv_from(&mut query).await.unwrap();
                    if let Some(answer) = self.answer(&query[..length]) {
                        socket.send_to(&answer, client).await.unwrap();
                    }
                }
            });
            let mut configuration = ResolvConf::new();
            configuration.servers.push(ServerConf::new(address, Transport::UdpTcp));
            configuration
        }

        fn answer(&self, query: &[u8]) -> Option<Vec<u8>> {
            let (mut name, mut at) = (String::new(), 12);
            while query[at] > 0 {
                let end = at + 1 + usize::from(query[at]);
                name.push_str(std::str::from_utf8(&query[at + 1..end]).unwrap());
                name.push('.');
                at = end;
            }
            let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
            let zone = self.0.lock().unwrap();
            let has_name = zone.keys().any(|(other, _)| *other == name);
            let absent = if has_name { Scripted::Records(0, Vec::new()) } else { Scripted::Code(NXDOMAIN) };
            let (code, ttl, records) = match zone.get(&(name, kind)).cloned().unwrap_or(absent) {
                Scripted::Records(ttl, records) => (0, ttl, records),
                Scripted::Code(code) => (code, 0, Vec::new()),
                Scripted::Silence => return None,
            };
            let mut answer = query[..2].to_vec();
            answer.extend([0x81, 0x80 | code, 0, 1, 0, u8::try_from(records.len()).unwrap(), 0, 0, 0, 0]);
            answer.extend(&query[12..at + 5]);
            for data in records {
                answer.extend([0xc0, 12]);
                answer.extend(kind.to_be_bytes());
                answer.extend([0, 1]);
                answer.extend(ttl.to_be_bytes());
                answer.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
                answer.extend(data);
            }
            Some(answer)
        }
    }

    fn addresses_of(ttl: u32, last: &[u8]) -> Scripted {
        Scripted::Records(ttl, last.iter().map(|last| vec![10, 0, 0, *last]).collect())
    }

    fn service(port: u16, target: &str) -> Vec<u8> {
        let mut data = vec![0, 0, 0, 0];
        data.extend(port.to_be_bytes());
        for label in target.split('.').filter(|label| !label.is_empty()) {
            data.push(u8::try_from(label.len()).unwrap());
            data.extend(label.as_bytes());
        }
        data.push(0);
        data
    }

    fn listed(answer: Result<Answer, String>) -> Vec<String> {
        entries(answer.unwrap().hosts).iter().map(|entry| entry.endpoint.authority()).collect()
    }

    const ADDRESSES: Query = Query::Addresses { port: 8000 };

    #[tokio::test]
    async fn addresses_become_hosts_in_a_stable_order() {
        let zone = Zone::default().with("agents.svc.", A, addresses_of(7, &[3, 1, 2, 1]));
        let answer = lookup(ADDRESSES, "agents.svc", zone.serve().await).await;
        assert_eq!(answer.as_ref().unwrap().ttl, Some(Duration::from_secs(7)));
        assert_eq!(listed(answer), ["10.0.0.1:8000", "10.0.0.2:8000", "10.0.0.3:8000"]);
    }

    #[tokio::test]
    async fn host_with_both_addresses_is_one() {
        let local = Scripted::Records(9, vec![vec![0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]]);
        let zone = Zone::default()
            .with("both.", A, addresses_of(9, &[1]))
            .with("both.", AAAA, local.clone())
            .with("six.", AAAA, local);
        let configuration = zone.serve().await;
        assert_eq!(listed(lookup(ADDRESSES, "both.", configuration.clone()).await), ["10.0.0.1:8000"]);
        assert_eq!(listed(lookup(ADDRESSES, "six.", configuration).await), ["[::1]:8000"]);
    }

    #[tokio::test]
    async fn services_become_hosts_with_their_ports() {
        let records = vec![service(8001, "b.svc"), service(8000, "A.svc."), service(8000, "."), service(0, "c.svc")];
        let zone = Zone::default().with("_http._tcp.agents.", SRV, Scripted::Records(30, records));
        let answer = lookup(Query::Services, "_http._tcp.agents.", zone.serve().await).await;
        assert_eq!(listed(answer), ["a.svc:8000", "b.svc:8001"]);
    }

    /// A record whose target has these bytes as one label.
    fn label(target: &[u8]) -> Vec<u8> {
        let length = u8::try_from(target.len()).unwrap();
        [&[0, 0, 0, 0, 31, 64, length][..], target, &[0]].concat()
    }

    #[tokio::test]
    async fn service_at_no_host_left_out_with_note() {
        let bad: [&[u8]; 9] =
            [b"127.1", b"a/b", b"u@evil", b"[::1]", b"a\"b", b"a\r\nb", b"0x7f000001", b"-a", "\u{e9}".as_bytes()];
        let good = service(8000, "gpu01");
        let records = bad.iter().map(|target| label(target)).chain([service(8000, "127.1"), good]).collect();
        let zone = Zone::default().with("some.", SRV, Scripted::Records(30, records));
        let zone = zone.with("none.", SRV, Scripted::Records(30, vec![label(b"a/b")]));
        let configuration = zone.serve().await;
        let answer = lookup(Query::Services, "some.", configuration.clone()).await.unwrap();
        assert_eq!(answer.hosts, [("gpu01".to_owned(), 8000)]);
        assert_eq!(answer.notes.len(), 10, "{:?}", answer.notes);
        assert!(lookup(Query::Services, "none.", configuration).await.is_err(), "the last list stays");
    }

    #[tokio::test]
    async fn absent_name_is_empty_and_failure_is_an_error() {
        let refused = 5;
        let zone = Zone::default()
            .with("fails.", A, Scripted::Code(SERVFAIL))
            .with("refused.", A, Scripted::Code(refused))
            .with("half.", A, Scripted::Records(5, Vec::new()))
            .with("half.", AAAA, Scripted::Code(SERVFAIL))
            .with("nodata.", SRV, Scripted::Records(5, Vec::new()));
        let configuration = zone.serve().await;
        for name in ["absent.", "nodata."] {
            assert_eq!(lookup(ADDRESSES, name, configuration.clone()).await, Ok(Answer::default()), "{name}");
        }
        for name in ["fails.", "refused.", "half."] {
            assert!(lookup(ADDRESSES, name, configuration.clone()).await.is_err(), "{name}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_an_error() {
        let configuration = Zone::default().with("silent.", A, Scripted::Silence).serve().await;
        let error = lookup(ADDRESSES, "silent.", configuration).await.unwrap_err();
        assert!(!error.is_empty());
    }

    #[tokio::test]
    async fn name_completed_by_search_list() {
        let zone = Zone::default()
            .with("agents.gpu.svc.", A, addresses_of(5, &[1]))
            .with("a.b.", A, addresses_of(5, &[2]))
            .with("fails.gpu.svc.", A, Scripted::Code(SERVFAIL));
        let mut configuration = zone.serve().await;
        configuration.options.search.push("gpu.svc".parse::<SearchSuffix>().unwrap());
        assert_eq!(listed(lookup(ADDRESSES, "agents", configuration.clone()).await), ["10.0.0.1:8000"]);
        assert_eq!(listed(lookup(ADDRESSES, "a.b", configuration.clone()).await), ["10.0.0.2:8000"]);
        assert_eq!(listed(lookup(ADDRESSES, "agents.", configuration.clone()).await), [""; 0]);
        assert!(lookup(ADDRESSES, "fails", configuration).await.is_err(), "a failure hides the absence");
    }

    #[test]
    fn ttl_kept_within_bounds() {
        for (ttl, expected) in [(None, 5), (Some(0), 5), (Some(5), 5), (Some(30), 30), (Some(86_400), 60)] {
            let answer = Answer { ttl: ttl.map(Duration::from_secs), ..Answer::default() };
            assert_eq!(answer.pause(), Duration::from_secs(expected), "{ttl:?}");
        }
    }
}
