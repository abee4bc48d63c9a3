//! Bodies of agents' answers on their way to a viewer. Nothing is kept: a part is read from the agent once the viewer's
//! connection takes it, so a slow viewer slows the agent down.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::stream::unfold;
use http_body_util::BodyExt as _;
use http_server::{Aborted, Body, auth::Revocation, net::StreamPermit};
use hyper::body::Incoming;
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use super::permits::Permit;
use crate::target::{Target, TargetList};

/// Most bytes of an answer that is no stream. A year of usage by user and day, 50,000 rows, is a tenth of it.
pub(super) const MAX_BYTES: u64 = 256 << 20;
/// Time in all that an answer may wait for its agent. The time in which the viewer reads does not count.
const PATIENCE: Duration = Duration::from_secs(60);
/// Time without a byte after which a stream ends: agents send at least a comment each 15 s.
const SILENCE: Duration = Duration::from_secs(60);
/// Bytes of a stream in a second, beyond which it waits for the next one. A snapshot with 2,000 processes has 1 MB.
const BYTES_PER_SECOND: usize = 8 << 20;
const SECOND: Duration = Duration::from_secs(1);

/// Reasons to end a body early that are ours.
pub(super) struct Leave {
    /// End of the viewer's token.
    pub(super) revocation: Revocation,
    /// Lists since the request began.
    pub(super) targets: watch::Receiver<TargetList>,
    /// The host.
    pub(super) target: Arc<Target>,
}

/// Body of an answer.
struct Relay {
    body: Incoming,
    leave: Leave,
    limit: Limit,
    _permit: Permit,
}

enum Limit {
    /// Bytes and time that are left.
    Data { bytes: u64, patience: Duration },
    /// The permit, and the bytes of the second that began then.
    Stream { permit: StreamPermit, second: Instant, bytes: usize },
}

/// Next step of a body.
enum Next {
    Part(Option<Result<Bytes, Aborted>>),
    Late,
    Left,
}

impl Leave {
    /// Resolves when the viewer may no longer read, or the host is no longer listed.
    async fn wait(&mut self) {
        tokio::select! {
            () = self.revocation.revoked() => {}
            () = unlisted(&mut self.targets, &self.target) => {}
        }
    }
}

/// Resolves when the target is no longer listed under this name.
async fn unlisted(targets: &mut watch::Receiver<TargetList>, target: &Target) {
    while targets.changed().await.is_ok() {
        let list = targets.borrow_and_update();
        let same = |other: &&Arc<Target>| other.name == target.name && other.endpoint == target.endpoint;
        if list.targets.iter().find(same).is_none() {
            return;
        }
    }
    // Nobody changes the list any more.
    std::future::pending::<()>().await;
}

/// Body for the viewer of an answer that ends, of this length, if it is known.
pub(super) fn data(body: Incoming, length: Option<u64>, leave: Leave, permit: Permit) -> Body {
    let limit = Limit::Data { bytes: MAX_BYTES, patience: PATIENCE };
    relayed(Relay { body, leave, limit, _permit: permit }, length)
}

/// Body for the viewer of a stream.
pub(super) fn events(body: Incoming, stream: StreamPermit, leave: Leave, permit: Permit) -> Body {
    let limit = Limit::Stream { permit: stream, second: Instant::now(), bytes: 0 };
    relayed(Relay { body, leave, limit, _permit: permit }, None)
}

fn relayed(relay: Relay, length: Option<u64>) -> Body {
    Body::relayed(unfold(Some(relay), |relay| async { relay?.next().await }), length)
}

impl Relay {
    /// The next part, with what is left to send.
    async fn next(mut self) -> Option<(Result<Bytes, Aborted>, Option<Self>)> {
        let begun = Instant::now();
        match self.wait().await {
            Next::Part(Some(Ok(part))) => match self.limit.takes(part.len(), begun.elapsed()) {
                Ok(()) => Some((Ok(part), Some(self))),
                Err(aborted) => Some((Err(aborted), None)),
            },
            // A stream has no end that is too early.
            Next::Part(None) => None,
            Next::Left if matches!(self.limit, Limit::Stream { .. }) => None,
            Next::Part(Some(Err(_))) | Next::Late | Next::Left => Some((Err(Aborted), None)),
        }
    }

    async fn wait(&mut self) -> Next {
        let (pause, patience) = self.limit.times();
        let read = async {
            if let Some(until) = pause {
                sleep_until(until).await;
            }
            part(&mut self.body).await
        };
        let closed = async {
            match &self.limit {
                Limit::Stream { permit, .. } => permit.closed().await,
                Limit::Data { .. } => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = closed => Next::Left,
            () = self.leave.wait() => Next::Left,
            part = read => Next::Part(part),
            () = sleep(patience) => Next::Late,
        }
    }
}

impl Limit {
    /// The end of a pause, if there is one now, and the longest wait.
    fn times(&self) -> (Option<Instant>, Duration) {
        match self {
            Self::Data { patience, .. } => (None, *patience),
            Self::Stream { second, bytes, .. } => {
                let pause = (*bytes >= BYTES_PER_SECOND).then(|| *second + SECOND);
                (pause.filter(|until| *until > Instant::now()), SILENCE)
            }
        }
    }

    /// Counts a part that was waited for.
    fn takes(&mut self, part: usize, waited: Duration) -> Result<(), Aborted> {
        match self {
            Self::Data { bytes, patience } => {
                *patience = patience.saturating_sub(waited);
                *bytes = bytes.checked_sub(part as u64).ok_or(Aborted)?;
            }
            Self::Stream { second, bytes, .. } => {
                if second.elapsed() >= SECOND {
                    (*second, *bytes) = (Instant::now(), 0);
                }
                *bytes += part;
            }
        }
        Ok(())
    }
}

/// The next bytes of a body; its trailers are left out.
async fn part(body: &mut Incoming) -> Option<Result<Bytes, Aborted>> {
    loop {
        match body.frame().await? {
            Ok(frame) => {
                if let Ok(bytes) = frame.into_data() {
                    return Some(Ok(bytes));
                }
            }
            Err(error) => {
                tracing::debug!(%error, "the body of an agent's answer is not complete");
                return Some(Err(Aborted));
            }
        }
    }
}
