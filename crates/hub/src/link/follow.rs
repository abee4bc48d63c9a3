//! The life of a link: sessions with an agent, and the pauses between them.

use std::{net::IpAddr, sync::Arc, time::Duration};

use http_body_util::BodyExt as _;
use hyper::{StatusCode, body::Incoming, header::HeaderValue};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until, timeout_at},
};

use super::{
    Shared,
    budget::{self, Budget},
    failure::unreachable,
    identify::{Found, Poll},
    lag::Lag,
    sse::{Event, Parser, TooLong},
    timing::Timing,
};
use crate::{
    client::{ClientError, ClientTls},
    credentials::Credentials,
    report::{Failure, Observation, Report, Seen, Source},
    target::{Endpoint, Scheme},
    wire,
};

/// Longest event. A host with 16 GPUs in seven instances each has about 50 kB.
const MAX_EVENT: usize = 256 << 10;

/// Link to an agent.
pub(super) struct Link {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) shared: Arc<Shared>,
    credentials: Credentials,
    tls: ClientTls,
    viewers: watch::Receiver<usize>,
    /// The newest request.
    pub(super) sent: Option<Sent>,
    /// Status of the newest answer.
    pub(super) last_status: Option<StatusCode>,
    /// True once this session has had a report.
    has_reported: bool,
}

/// Peer and token of the newest request.
pub(super) struct Sent {
    pub(super) peer: IpAddr,
    pub(super) token: Option<HeaderValue>,
}

/// End of a session.
enum End {
    /// There are no more reports, for this reason.
    Failed(Failure),
    /// It gets another token.
    TokenChanged,
    /// It is of another release than before.
    Again,
    /// Old events arrive: a new stream begins with the present.
    Late,
    /// An agent of an earlier release, which streams whole snapshots.
    Older,
    /// Nobody takes observations any more.
    Closed,
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Link {
    pub(super) fn new(endpoint: Arc<Endpoint>, shared: Arc<Shared>) -> Self {
        let (credentials, viewers) = (shared.credentials.clone(), shared.viewers.clone());
        let tls = shared.client.tls();
        Self { endpoint, shared, credentials, tls, viewers, sent: None, last_status: None, has_reported: false }
    }

    pub(super) fn has_token(&self) -> bool {
        self.sent.as_ref().is_some_and(|sent| sent.token.is_some())
    }

    /// Follows the agent until the list drops it.
    pub(super) async fn follow(mut self) {
        let mut failures = 0;
        loop {
            let began = Instant::now();
            self.has_reported = false;
            let end = match self.session().await {
                Ok(end) => end,
                Err(failure) => End::Failed(failure),
            };
            if self.has_reported && began.elapsed() >= self.shared.timing.stable {
                failures = 0;
            }
            match end {
                End::Closed => return,
                End::TokenChanged => continue,
                // A second one in a row waits, so that no agent makes the link turn in circles.
                End::Again | End::Late | End::Older if failures == 0 => {}
                End::Again | End::Late | End::Older => self.pause(failures).await,
                End::Failed(failure) => {
                    tracing::debug!(target = %self.endpoint, ?failure, "no reports");
                    if self.send(Seen::Failed(failure), Instant::now()).await.is_err() {
                        return;
                    }
                    self.pause(failures).await;
                }
            }
            failures += 1;
        }
    }

    /// Waits before the next session, or for another token or other authorities, with which it may succeed.
    async fn pause(&mut self, failures: u32) {
        let delay = self.shared.timing.retry(failures);
        let is_over_tls = self.endpoint.scheme == Scheme::Https;
        tokio::select! {
            () = sleep(delay) => {}
            () = self.tls.changed(), if is_over_tls => {}
            () = token_changed(&mut self.credentials, &self.endpoint, self.sent.as_ref()) => {}
        }
    }

    async fn session(&mut self) -> Result<End, Failure> {
        match self.identify().await? {
            Found::Stream(body) => match self.read(body).await {
                End::Older => {
                    let report = self.poll(Poll::Older).await?;
                    self.keep_polling(Poll::Older, report).await
                }
                end => Ok(end),
            },
            Found::Polled(poll, report) => self.keep_polling(poll, *report).await,
        }
    }

    /// Reads a stream until it ends.
    async fn read(&mut self, mut body: Incoming) -> End {
        let timing = self.shared.timing;
        let mut stream = Stream::new(Instant::now());
        let mut deadline = Instant::now() + timing.max_silence;
        loop {
            let frame = tokio::select! {
                frame = timeout_at(deadline, body.frame()) => frame,
                () = token_changed(&mut self.credentials, &self.endpoint, self.sent.as_ref()) => return End::TokenChanged,
            };
            let now = Instant::now();
            let data = match frame {
                Err(_) => {
                    let silence = stream.silence(&timing).as_secs_f64();
                    return unreachable(format!("no report within {silence} s")).into();
                }
                Ok(None) => return unreachable("the agent ended the stream").into(),
                Ok(Some(Err(error))) => return Failure::from(ClientError::Http(error)).into(),
                Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
            };
            let mut piece = &*data;
            if !stream.budget.take(piece.len(), now) {
                return unreachable(budget::limit()).into();
            }
            loop {
                let seen = match stream.next(&mut piece, now, &timing) {
                    Ok(Some(seen)) => seen,
                    Ok(None) => break,
                    Err(end) => return end,
                };
                deadline = now + stream.silence(&timing);
                if self.send(seen, now).await.is_err() {
                    return End::Closed;
                }
            }
            // Known before its end, because such an event can be longer than the limit.
            if stream.parser.name() == "snapshot" {
                return End::Older;
            }
        }
    }

    /// Polls an agent until it fails, or is of another release.
    async fn keep_polling(&mut self, poll: Poll, mut report: Report) -> Result<End, Failure> {
        let timing = self.shared.timing;
        let version = report.agent_version.clone();
        let mut checked = Instant::now();
        loop {
            let at = Instant::now();
            // Also if the upgrade took less than the period.
            let is_upgraded = report.agent_version != version;
            let has_viewer = *self.viewers.borrow() > 0;
            describe(&mut report, poll, has_viewer, &timing);
            if self.send(Seen::Report(Box::new(report)), at).await.is_err() {
                return Ok(End::Closed);
            }
            if is_upgraded {
                return Ok(End::Again);
            }
            if !self.wait(poll, at, has_viewer, &timing).await {
                return Ok(End::TokenChanged);
            }
            if checked.elapsed() >= timing.recheck {
                checked = Instant::now();
                if let Some(end) = self.recheck(poll).await {
                    return Ok(end);
                }
            }
            report = self.poll(poll).await?;
        }
    }

    /// Asks a polled agent for the stream again; none if it is what it was.
    async fn recheck(&mut self, poll: Poll) -> Option<End> {
        match self.identify().await {
            Ok(Found::Stream(body)) => match self.read(body).await {
                End::Older if poll == Poll::Older => None,
                end => Some(end),
            },
            Ok(Found::Polled(found, _)) if found == poll => None,
            Ok(Found::Polled(..)) => Some(End::Again),
            // The next poll shows it, if it is more than a stream that is not available.
            Err(_) => None,
        }
    }

    /// Waits for the next poll; false if the token has changed. A report with the interval of a viewer that leaves is
    /// still followed by one in time.
    async fn wait(&mut self, poll: Poll, since: Instant, mut has_viewer: bool, timing: &Timing) -> bool {
        let periods = match poll {
            Poll::Older => timing.older,
            Poll::Original(_) => timing.original,
        };
        loop {
            has_viewer |= *self.viewers.borrow_and_update() > 0;
            let next = since + Timing::period(periods, has_viewer);
            tokio::select! {
                () = sleep_until(next) => return true,
                () = viewers_changed(&mut self.viewers) => {}
                () = token_changed(&mut self.credentials, &self.endpoint, self.sent.as_ref()) => return false,
            }
        }
    }

    async fn send(&mut self, seen: Seen, at: Instant) -> Result<(), End> {
        self.has_reported |= matches!(seen, Seen::Report(_));
        let observation = Observation { endpoint: Arc::clone(&self.endpoint), at, seen };
        self.shared.to.send(observation).await.map_err(|_| End::Closed)
    }
}

/// A stream that is being read.
struct Stream {
    parser: Parser,
    budget: Budget,
    lag: Lag,
    /// Limits by the agent's interval; none before the first report.
    limits: Option<Limits>,
}

/// Limits of a stream.
struct Limits {
    /// Timeout between events.
    silence: Duration,
    /// Lag of an event that is too long.
    lag: Duration,
    /// Lag that is too long if it lasts.
    lasting_lag: Duration,
}

impl Stream {
    fn new(now: Instant) -> Self {
        Self { parser: Parser::new(MAX_EVENT), budget: Budget::new(now), lag: Lag::new(now), limits: None }
    }

    fn silence(&self, timing: &Timing) -> Duration {
        self.limits.as_ref().map_or(timing.max_silence, |limits| limits.silence)
    }

    /// The next news of a piece of the stream; none if all of it is read.
    fn next(&mut self, piece: &mut &[u8], now: Instant, timing: &Timing) -> Result<Option<Seen>, End> {
        loop {
            let event = self.parser.next(piece);
            let event =
                event.map_err(|TooLong| unreachable(format!("an event is longer than {} kB", MAX_EVENT >> 10)))?;
            let Some(Event { name, data }) = event else { return Ok(None) };
            if !self.budget.take_event(now) {
                return Err(unreachable(budget::limit()).into());
            }
            match &*name {
                "summary" => {
                    let (mut report, times) = wire::summary(&data).map_err(Failure::from)?;
                    self.limits = Some(Limits {
                        silence: timing.silence(report.interval),
                        lag: timing.lag(report.interval),
                        lasting_lag: timing.lasting_lag(report.interval),
                    });
                    report.age = self.age(times, now)?;
                    return Ok(Some(Seen::Report(Box::new(report))));
                }
                // Without a report before it, it says nothing.
                "alive" if self.limits.is_some() => {
                    let times = wire::alive(&data).map_err(Failure::from)?;
                    return Ok(Some(Seen::Alive { age: self.age(times, now)? }));
                }
                "snapshot" => return Err(End::Older),
                _ => {}
            }
        }
    }

    /// Age at the receipt, with the time for which the event waited on the way.
    fn age(&mut self, times: wire::Times, now: Instant) -> Result<Option<Duration>, End> {
        let lag = self.lag.of(times.sent_at, now);
        let is_late = |limits: &Limits| lag >= limits.lag || self.lag.lasts(limits.lasting_lag, now);
        if self.limits.as_ref().is_some_and(is_late) {
            return Err(End::Late);
        }
        Ok(times.age.map(|age| age.saturating_add(lag)))
    }
}

/// Completes the report of a polled agent.
fn describe(report: &mut Report, poll: Poll, has_viewer: bool, timing: &Timing) {
    let [with, without] = match poll {
        Poll::Older => timing.older,
        Poll::Original(_) => timing.original,
    };
    report.takes_bare_token = poll == Poll::Original(true);
    let (with_s, without_s) = (with.as_secs(), without.as_secs());
    // Between two polls it is not stale.
    report.interval = Some(if has_viewer { with } else { without });
    report.notes.push(match report.source {
        Source::Original => format!("The original agent: polled every {with_s} s, or {without_s} s without a viewer."),
        _ => format!("An agent of an earlier release: polled every {with_s} s, or {without_s} s without a viewer."),
    });
}

/// Waits until the agent is to get another token than it got.
async fn token_changed(credentials: &mut Credentials, endpoint: &Endpoint, sent: Option<&Sent>) {
    loop {
        credentials.changed().await;
        let peer = sent.map(|sent| sent.peer);
        if credentials.for_endpoint(endpoint, peer).as_ref() != sent.and_then(|sent| sent.token.as_ref()) {
            return;
        }
    }
}

/// Waits for another number of viewers.
async fn viewers_changed(viewers: &mut watch::Receiver<usize>) {
    if viewers.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
