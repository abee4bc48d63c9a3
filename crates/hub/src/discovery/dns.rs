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

use super::{Sender, entry::Entry};
use crate::target::{Endpoint, Scheme};

/// Bounds of the time for which an answer is used. The lower one is also the interval after an error or without a record.
const TTL: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60));
/// Timeout of a query, with the library's retries.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What is queried.
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

/// A valid answer, which may be empty.
#[derive(Debug, Default, PartialEq)]
struct Answer {
    hosts: Vec<(String, u16)>,
    ttl: Option<Duration>,
}

/// The configuration of this host. It is read for each query, so that a change has an effect.
pub(super) fn system() -> ResolvConf {
    ResolvConf::default()
}

/// Queries a name until nobody listens any more.
pub(super) async fn run(query: Query, name: String, configuration: fn() -> ResolvConf, news: Sender) {
    loop {
        let (pause, is_heard) = match lookup(query, &name, configuration()).await {
            Ok(answer) => {
                let pause = answer.ttl.unwrap_or(TTL.0).clamp(TTL.0, TTL.1);
                (pause, news.listed(entries(answer.hosts), Vec::new(), None).await)
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

async fn services(resolver: &StubResolver, name: &str) -> Result<Answer, String> {
    let message = ask(resolver, name, Rtype::SRV).await?;
    let mut answer = Answer::default();
    for record in message.answer().map_err(invalid)?.limit_to::<Srv<_>>() {
        let record = record.map_err(invalid)?;
        let target = record.data().target().to_string();
        // The root means that there is no such service.
        let target = target.trim_end_matches('.');
        if !target.is_empty() && record.data().port() > 0 {
            answer.add(target.to_ascii_lowercase(), record.data().port(), record.ttl().as_secs());
        }
    }
    Ok(answer)
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
