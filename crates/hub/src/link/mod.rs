//! Links: one task per listed agent, from its stream of summaries to observations.
//!
//! A link sends what it learns to the task that owns the state of the fleet, and waits while that is behind: then it
//! reads no more, the agent skips ticks, and nothing piles up in between. An agent that is slow, silent or hostile costs
//! its own link a bounded amount of memory and time, and no other link anything:
//!
//! | limit | value |
//! |---|---|
//! | head of an answer | 32 KiB, 64 fields |
//! | event of a stream | 256 KiB |
//! | GPUs of a host, MIG instances of a GPU | 64, 8 |
//! | snapshot of an agent of an earlier release, while it is read | 4 MiB |
//! | `/status` of the original agent, while it is read | 1 MiB |
//! | bytes and events of a stream | 1 MiB/s and 128/s, after a burst of 4 MiB |
//! | connections that are being opened | 64; an attempt counts for at most 250 ms, so dead hosts delay no others |
//! | agents that are being polled | 20; a poll counts for at most 250 ms: the first viewer has all polled at once |

mod budget;
mod failure;
mod follow;
mod identify;
mod lag;
mod sse;
mod timing;

#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{Semaphore, mpsc, watch},
    task::{self, AbortHandle, JoinError, JoinSet},
};

use crate::{
    client::Client,
    credentials::Credentials,
    report::Observation,
    target::{Endpoint, TargetList},
};
use follow::Link;
use timing::Timing;

/// Connections that are being opened at once: handshakes need the processor.
const MAX_OPENING: usize = 64;
/// Agents that are being polled at once: their answers are long.
const MAX_POLLING: usize = 20;
/// Delay before a link starts again that has failed because of an error in this program.
const AFTER_PANIC: Duration = Duration::from_secs(30);

/// Parts that all links share.
struct Shared {
    client: Client,
    credentials: Credentials,
    viewers: watch::Receiver<usize>,
    to: mpsc::Sender<Observation>,
    opening: Semaphore,
    polling: Semaphore,
    timing: Timing,
}

impl Shared {
    fn new(
        client: Client,
        credentials: Credentials,
        viewers: watch::Receiver<usize>,
        to: mpsc::Sender<Observation>,
        timing: Timing,
    ) -> Self {
        let [opening, polling] = [MAX_OPENING, MAX_POLLING].map(Semaphore::new);
        Self { client, credentials, viewers, to, opening, polling, timing }
    }
}

/// Runs something while it counts towards a limit, which it does for at most this long: then it waits, and needs no
/// processor.
async fn leased<T>(limit: &Semaphore, lease: Duration, work: impl Future<Output = T>) -> T {
    // It is never closed.
    let permit = limit.acquire().await.ok();
    tokio::pin!(work);
    let done = tokio::select! {
        done = &mut work => Some(done),
        () = tokio::time::sleep(lease) => None,
    };
    drop(permit);
    match done {
        Some(done) => done,
        None => work.await,
    }
}

/// Keeps a link to each listed agent, until the list or the receiver of the observations is closed.
///
/// Two targets with one endpoint have one link. `viewers` is the number of clients that watch: agents that have to be
/// polled are polled more often with a viewer.
pub async fn run(
    targets: watch::Receiver<TargetList>,
    client: Client,
    credentials: Credentials,
    viewers: watch::Receiver<usize>,
    to: mpsc::Sender<Observation>,
) {
    keep(targets, Shared::new(client, credentials, viewers, to, Timing::default())).await;
}

async fn keep(mut targets: watch::Receiver<TargetList>, shared: Shared) {
    let shared = Arc::new(shared);
    let mut links = Links { shared: Arc::clone(&shared), tasks: JoinSet::new(), running: HashMap::new() };
    loop {
        let wanted: HashSet<Endpoint> =
            targets.borrow_and_update().targets.iter().map(|target| target.endpoint.clone()).collect();
        links.keep_only(&wanted);
        tokio::select! {
            changed = targets.changed() => if changed.is_err() { return },
            ended = links.tasks.join_next_with_id(), if !links.tasks.is_empty() => links.ended(ended),
            () = shared.to.closed() => return,
        }
    }
}

/// The running links. They end when this is dropped.
struct Links {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
    running: HashMap<Arc<Endpoint>, AbortHandle>,
}

impl Links {
    fn keep_only(&mut self, wanted: &HashSet<Endpoint>) {
        self.running.retain(|endpoint, link| {
            let is_wanted = wanted.contains(&**endpoint);
            if !is_wanted {
                link.abort();
            }
            is_wanted
        });
        for endpoint in wanted {
            if !self.running.contains_key(endpoint) {
                self.start(Arc::new(endpoint.clone()), Duration::ZERO);
            }
        }
    }

    fn start(&mut self, endpoint: Arc<Endpoint>, delay: Duration) {
        let link = Link::new(Arc::clone(&endpoint), Arc::clone(&self.shared));
        let task = self.tasks.spawn(async move {
            tokio::time::sleep(delay).await;
            link.follow().await;
        });
        self.running.insert(endpoint, task);
    }

    /// A link that ends for itself has failed: a panic must not freeze the row of a host.
    fn ended(&mut self, ended: Option<Result<(task::Id, ()), JoinError>>) {
        let Some(Err(error)) = ended else { return };
        let Some(endpoint) =
            self.running.iter().find(|(_, link)| link.id() == error.id()).map(|(of, _)| Arc::clone(of))
        else {
            return;
        };
        tracing::error!(target = %endpoint, %error, "a link failed; it starts again in {AFTER_PANIC:?}");
        self.start(endpoint, AFTER_PANIC);
    }
}
