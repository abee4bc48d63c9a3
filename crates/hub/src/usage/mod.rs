//! `/api/v1/fleet/usage`: usage of a period over all hosts.
//!
//! Besides the proxy, this is the only way in which a request of a viewer reaches agents, and it is a narrow one: the hub
//! parses the query as an agent does, and sends agents a query that it writes itself. Nothing else of the viewer's request
//! leaves the hub. An agent's answer is checked number by number; one that is not believable makes its host `missing`.

mod answer;
mod ask;
mod from_engine;
mod plan;
mod render;
mod sums;
#[cfg(test)]
mod tests;

use std::{net::IpAddr, sync::Arc, time::Duration};

use http_server::{
    ErrorFormat, Later, RequestContext, Response, auth::Scope, elsewhere, encoding, error::ErrorKind, error::problem,
};
use hyper::{
    StatusCode,
    header::{HeaderValue, RETRY_AFTER},
};
use server::FleetQuestion;
use telemetry::Stamp;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
    time::Instant,
};

use crate::{
    client::Client,
    engine::Past,
    fleet::Published,
    target::{Endpoint, Target, TargetList},
};
use ask::Body;
use plan::Plan;
use sums::{Collected, TooManyRows};

/// Questions that are answered at once.
const MAX_QUESTIONS: usize = 4;
/// Agents that are asked at once, for all questions.
const MAX_REQUESTS: usize = 20;
/// Time of an agent for its whole answer.
pub const TIMEOUT: Duration = Duration::from_secs(5);
/// Time after which no more agents are asked.
const PATIENCE: Duration = Duration::from_secs(60);
/// Delay after a refusal for lack of a place, in seconds.
static RETRY: HeaderValue = HeaderValue::from_static("5");

/// The hub's token for an agent at this endpoint, whose connection leads to this address.
pub type TokenFor = Box<dyn Fn(&Endpoint, IpAddr) -> Option<HeaderValue> + Send + Sync>;

/// Means to ask agents about usage.
pub struct UsageConfig {
    /// The hosts.
    pub targets: watch::Receiver<TargetList>,
    /// Client for agents.
    pub client: Client,
    /// Tokens for agents.
    pub token_for: TokenFor,
    /// Time of an agent for its whole answer.
    pub timeout: Duration,
    /// Engine that has counters of users.
    pub engine: Option<Past>,
}

/// Usage over all hosts.
pub struct Usage {
    config: UsageConfig,
    questions: Arc<Semaphore>,
    requests: Arc<Semaphore>,
}

/// Answer of an agent, or the reason why there is none. The permit lasts until it is read, since it is kept until then.
struct Told {
    host: Arc<str>,
    answer: Result<Body, String>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Usage {
    /// Usage over these hosts.
    #[must_use]
    pub fn new(config: UsageConfig) -> Self {
        let (questions, requests) = (Semaphore::new(MAX_QUESTIONS), Semaphore::new(MAX_REQUESTS));
        Self { config, questions: Arc::new(questions), requests: Arc::new(requests) }
    }

    /// Asks the agents, and renders the sums.
    async fn whole(
        self: Arc<Self>,
        asked: (String, Scope),
        published: Arc<Published>,
        gzip: bool,
    ) -> Result<Response, Box<Response>> {
        let (query, scope) = asked;
        let at = Stamp::now().unix_ms;
        let question = Arc::new(elsewhere(move || FleetQuestion::parse(&query, scope, at)).await?);
        let list = self.config.targets.borrow().clone();
        if !list.is_loaded {
            return Err(busy("The list of hosts is not yet complete.").into());
        }
        let collected = match from_engine::collect(&self.config, &question, &list).await? {
            Some(collected) => Ok(collected),
            None => {
                let plans = plan::of(&question, &list, &published)?;
                self.collect(&question, plans, !scope.sees_people()).await
            }
        };
        let collected = collected.map_err(|TooManyRows| problem(StatusCode::BAD_REQUEST, &TooManyRows.to_string()))?;
        Ok(elsewhere(move || render::response(&question, &collected, at, gzip)).await)
    }

    async fn collect(
        self: &Arc<Self>,
        question: &Arc<FleetQuestion>,
        plans: Vec<(Arc<Target>, Plan)>,
        is_lowered: bool,
    ) -> Result<Collected, TooManyRows> {
        let mut collected = Collected::new(question);
        let mut asked = JoinSet::new();
        let end = Instant::now() + PATIENCE;
        for (target, plan) in plans {
            match plan {
                Plan::Nothing => {}
                Plan::Missing(why) => collected.miss(&target.name, why),
                Plan::Ask(path) => {
                    asked.spawn(Arc::clone(self).told(target, path, is_lowered, end));
                }
            }
        }
        while let Some(told) = asked.join_next().await {
            let Ok(told) = told else { continue };
            // Answers of megabytes would hold up the other requests of this thread.
            collected = elsewhere(move || collected.take(told)).await?;
        }
        Ok(collected)
    }

    /// The answer of an agent to this path, once it is its turn.
    async fn told(self: Arc<Self>, target: Arc<Target>, path: String, is_lowered: bool, end: Instant) -> Told {
        let host = Arc::clone(&target.name);
        let permit = tokio::time::timeout_at(end, Arc::clone(&self.requests).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else {
            let why = format!("it was not asked: the answers of others took {} s", PATIENCE.as_secs());
            return Told { host, answer: Err(why), _permit: None };
        };
        let answer = ask::ask(&self.config, &target.endpoint, &path, is_lowered).await;
        Told { host, answer, _permit: Some(permit) }
    }
}

/// Answers a viewer. The thread of HTTP only waits.
pub(crate) fn answer<S>(usage: &Arc<Usage>, context: &RequestContext<'_, S>, published: Arc<Published>) -> Later {
    let Ok(permit) = Arc::clone(&usage.questions).try_acquire_owned() else {
        let refused = busy("The hub adds up the usage of all hosts for others; ask again later.");
        return Box::pin(std::future::ready(refused));
    };
    let asked = (context.query.unwrap_or_default().to_owned(), context.scope);
    let gzip = encoding::accepts(context.headers, "gzip");
    let mut revocation = context.revocation();
    let whole = Arc::clone(usage).whole(asked, published, gzip);
    Box::pin(async move {
        let _permit = permit;
        tokio::select! {
            response = whole => response.unwrap_or_else(|refused| *refused),
            () = revocation.revoked() => ErrorFormat::Problem.error(ErrorKind::Unauthorized),
        }
    })
}

/// Refusal that may clear up.
fn busy(why: &str) -> Response {
    let mut response = problem(StatusCode::SERVICE_UNAVAILABLE, why);
    response.headers_mut().insert(RETRY_AFTER, RETRY.clone());
    response
}
