//! Lookups of names: few at once, one for each name, and the last known address while a name server does not answer.

use std::{
    collections::HashMap,
    io,
    net::{SocketAddr, ToSocketAddrs as _},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, watch},
    time::timeout,
};

/// Names that are resolved at once. A resolver that does not answer holds a thread for each of them.
pub(crate) const MAX_LOOKUPS: usize = 16;
/// Addresses of a name that are tried, in the resolver's order.
const MAX_ADDRESSES: usize = 4;
/// Longest wait for the lookups of other names.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// Time after which the last known address is used.
const PATIENCE: Duration = Duration::from_secs(1);
/// Names whose addresses are known. Only listed names are looked up, but lists change.
const MAX_KNOWN: usize = 16_384;

type Resolver = Arc<dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync>;
type Found = Result<Vec<SocketAddr>, Arc<io::Error>>;

/// Lookups for one purpose, which can share what they know.
pub(crate) struct Lookups {
    resolver: Resolver,
    permits: Arc<Semaphore>,
    max_wait: Duration,
    /// Lookups by name, and some that have ended.
    running: Mutex<HashMap<Box<str>, watch::Receiver<State>>>,
    known: Arc<Mutex<HashMap<Box<str>, Vec<SocketAddr>>>>,
}

/// State of a lookup.
enum State {
    /// It waits for the lookups of other names.
    Queued,
    /// The resolver is busy.
    Asked,
    /// It is complete.
    Done(Found),
}

/// A lookup whose turn has come.
pub(crate) struct Lookup {
    state: watch::Receiver<State>,
    known: Option<Vec<SocketAddr>>,
}

impl Default for Lookups {
    fn default() -> Self {
        Self::new(Arc::new(|host| Ok((host, 0).to_socket_addrs()?.take(MAX_ADDRESSES).collect())))
    }
}

impl Lookups {
    fn new(resolver: Resolver) -> Self {
        let permits = Arc::new(Semaphore::new(MAX_LOOKUPS));
        Self { resolver, permits, max_wait: MAX_WAIT, running: Mutex::default(), known: Arc::default() }
    }

    /// Lookups that wait for none of these, but know the same addresses.
    pub(crate) fn beside(&self, max_wait: Duration) -> Self {
        Self { max_wait, known: Arc::clone(&self.known), ..Self::new(Arc::clone(&self.resolver)) }
    }

    /// A lookup of this name, once the resolver has begun with it. Requests for one name share one lookup.
    ///
    /// # Errors
    /// Its turn has not come in time.
    pub(crate) async fn begin(&self, host: &str) -> io::Result<Lookup> {
        let mut state = self.shared(host);
        let known = locked(&self.known).get(host).cloned();
        let wait = if known.is_some() { PATIENCE.min(self.max_wait) } else { self.max_wait };
        let begun = timeout(wait, state.wait_for(|state| !matches!(state, State::Queued))).await.map(drop);
        if begun.is_err() && known.is_none() {
            let why = "the lookups of other names take too long; check the name server";
            return Err(io::Error::new(io::ErrorKind::TimedOut, why));
        }
        Ok(Lookup { state, known })
    }

    fn shared(&self, host: &str) -> watch::Receiver<State> {
        let mut running = locked(&self.running);
        running.retain(|_, state| state.has_changed().is_ok() && !matches!(*state.borrow(), State::Done(_)));
        if let Some(state) = running.get(host) {
            return state.clone();
        }
        let (to, state) = watch::channel(State::Queued);
        running.insert(host.into(), state.clone());
        self.start(host.into(), to);
        state
    }

    /// Starts a lookup, which goes on if nobody waits for it any more: the next request may have its answer.
    fn start(&self, host: Box<str>, to: watch::Sender<State>) {
        let (permits, resolver, known) =
            (Arc::clone(&self.permits), Arc::clone(&self.resolver), Arc::clone(&self.known));
        tokio::spawn(async move {
            let Ok(permit) = permits.acquire_owned().await else { return };
            tokio::task::spawn_blocking(move || {
                // The thread is busy until the end of this.
                let _permit = permit;
                to.send_replace(State::Asked);
                let found = resolver(&host);
                if let Ok(addresses) = &found {
                    let mut known = locked(&known);
                    if known.len() >= MAX_KNOWN {
                        known.clear();
                    }
                    known.insert(host, addresses.clone());
                }
                to.send_replace(State::Done(found.map_err(Arc::new)));
            });
        });
    }
}

impl Lookup {
    /// Addresses of the name. While no name server answers, they are the last known ones. They are not if it answers that
    /// there is no such name: its address may be another host's by now, which must get no token.
    ///
    /// # Errors
    /// The name has no address.
    pub(crate) async fn addresses(self) -> io::Result<Vec<SocketAddr>> {
        let Self { mut state, known } = self;
        let found = async {
            match state.wait_for(|state| matches!(state, State::Done(_))).await.as_deref() {
                Ok(State::Done(found)) => found.clone(),
                _ => Err(Arc::new(io::Error::other("the lookup was interrupted"))),
            }
        };
        let found = match &known {
            Some(_) => timeout(PATIENCE, found).await.ok(),
            None => Some(found.await),
        };
        match (found, known) {
            (Some(Ok(addresses)), _) => Ok(addresses),
            (None, Some(known)) => Ok(known),
            (Some(Err(error)), Some(known)) if is_temporary(&error) => Ok(known),
            (Some(Err(error)), _) => Err(io::Error::new(error.kind(), error.to_string())),
            (None, None) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

/// True if no name server has answered. The standard library has no kind for this (`EAI_AGAIN`), only the C library's words:
/// glibc's and musl's.
fn is_temporary(error: &io::Error) -> bool {
    let text = error.to_string();
    ["Temporary failure in name resolution", "Try again"].iter().any(|words| text.ends_with(words))
}

/// The map, also after a panic: each change is one call.
fn locked<T>(map: &Mutex<T>) -> MutexGuard<'_, T> {
    map.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::{
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    };

    use super::*;

    /// A resolver whose answers for `dead…` come when this is dropped, and its number of lookups.
    fn resolver() -> (mpsc::Sender<()>, Arc<AtomicUsize>, Lookups) {
        let (open, gate) = mpsc::channel::<()>();
        let (gate, count) = (Mutex::new(gate), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&count);
        let resolve = move |host: &str| {
            counted.fetch_add(1, SeqCst);
            if host.starts_with("dead") || (host == "fading" && counted.load(SeqCst) > 1) {
                let _ = gate.lock().unwrap().recv();
            }
            Ok(vec![SocketAddr::from(([127, 0, 0, 1], 0))])
        };
        (open, count, Lookups::new(Arc::new(resolve)))
    }

    /// Begins a lookup for each permit that never ends.
    async fn take_all(lookups: &Lookups) {
        for number in 0..MAX_LOOKUPS {
            assert!(lookups.begin(&format!("dead{number}")).await.is_ok());
        }
    }

    async fn found(lookups: &Lookups, host: &str) -> Result<usize, String> {
        let found = async { lookups.begin(host).await?.addresses().await };
        found.await.map(|addresses| addresses.len()).map_err(|error: io::Error| error.to_string())
    }

    #[tokio::test]
    async fn known_name_used_while_names_are_not_answered() {
        let (open, _, lookups) = resolver();
        assert_eq!(found(&lookups, "fading").await, Ok(1));
        assert_eq!(found(&lookups, "fading").await, Ok(1), "its lookup is not answered");
        assert_eq!(found(&lookups, "gpu01").await, Ok(1));
        for number in 1..MAX_LOOKUPS {
            assert!(lookups.begin(&format!("dead{number}")).await.is_ok());
        }
        assert_eq!(found(&lookups, "gpu01").await, Ok(1), "it waits for others");
        drop(open);
    }

    #[tokio::test]
    async fn unknown_name_waits_for_its_turn() {
        let (open, _, mut lookups) = resolver();
        take_all(&lookups).await;
        lookups.max_wait = Duration::from_millis(50);
        assert!(found(&lookups, "gpu01").await.unwrap_err().contains("other names"));
        lookups.max_wait = Duration::from_secs(20);
        drop(open);
        assert_eq!(found(&lookups, "gpu01").await, Ok(1));
    }

    #[tokio::test]
    async fn one_purpose_waits_for_no_other() {
        let (open, _, links) = resolver();
        let proxy = links.beside(MAX_WAIT);
        take_all(&proxy).await;
        assert_eq!(found(&links, "gpu01").await, Ok(1));
        assert!(locked(&proxy.known).contains_key("gpu01"));
        drop(open);
    }

    #[tokio::test]
    async fn name_looked_up_once_at_a_time() {
        let (open, count, lookups) = resolver();
        let begun: Vec<_> = futures_util::future::join_all((0..100).map(|_| lookups.begin("dead"))).await;
        assert_eq!(count.load(SeqCst), 1);
        drop(open);
        for lookup in begun {
            assert_eq!(lookup.unwrap().addresses().await.unwrap().len(), 1);
        }
        assert_eq!(found(&lookups, "dead").await, Ok(1));
        assert_eq!(count.load(SeqCst), 2, "an answer is not kept while name servers answer");
    }

    #[tokio::test]
    async fn name_that_is_gone_is_not_its_last_address() {
        for (words, expected) in [
            ("Temporary failure in name resolution", Ok(1)),
            ("Try again", Ok(1)),
            ("Name or service not known", Err(())),
            ("No address associated with hostname", Err(())),
        ] {
            let first = AtomicUsize::new(0);
            let lookups = Lookups::new(Arc::new(move |_| match first.fetch_add(1, SeqCst) {
                0 => Ok(vec![SocketAddr::from(([127, 0, 0, 1], 0))]),
                _ => Err(io::Error::other(format!("failed to lookup address information: {words}"))),
            }));
            assert_eq!(found(&lookups, "gpu01").await, Ok(1));
            assert_eq!(found(&lookups, "gpu01").await.map_err(drop), expected, "{words}");
        }
    }
}
