//! `hub`: many hosts on one page, from their agents.

mod check;
mod config;

use std::{convert::Infallible, io, process::ExitCode, sync::Arc};

use hub::{Hub, HubConfig, TargetList};
use tokio::{runtime::Runtime, sync::watch};

use crate::{
    cli::{Cli, HubArgs, LiveFrom},
    exposure,
    limits::HubLimits,
    notes,
    notify::Notify,
    serving::{self, Serving},
    signals::Hangup,
};
use config::Config;

/// Threads that wait for names to be resolved, 16 for the proxy and 16 for usage, and some that add up usage.
const BLOCKING_THREADS: usize = 40;

/// Serves until SIGTERM or SIGINT, or prints the configuration.
///
/// # Errors
/// Invalid settings.
pub(crate) fn run(cli: &Cli, arguments: &HubArgs) -> io::Result<ExitCode> {
    if arguments.check {
        return check::run(cli, arguments);
    }
    serving::run(BLOCKING_THREADS, |runtime, hangup| {
        let config = Config::new(cli, arguments)?;
        if config.exposure.has_secrets() || config.agent_tokens.is_some() {
            serving::protect_memory();
        }
        for line in config::ignored(cli) {
            tracing::info!("{line}");
        }
        serving::retriable(begin(&config, runtime, hangup))
    })
}

fn begin(config: &Config, runtime: &Runtime, hangup: Hangup) -> io::Result<ExitCode> {
    let exposure = &config.exposure;
    let serving = Serving::bind(exposure)?;
    for warning in exposure::warnings(exposure).into_iter().chain(config.warnings()) {
        tracing::warn!("{warning}");
    }
    let files = exposure.watch(config.watched())?;
    let notify = Notify::from_environment();
    let limits = HubLimits::new();
    let hub = Hub::start(HubConfig {
        sources: config.sources.clone(),
        credentials: config.credentials(),
        agent_tls: config.agent_tls.clone(),
        list_tls: config.list_tls.clone(),
        notes: notes::subscribe(),
        engine: config.engine.clone(),
        is_live_from_engine: config.live_from == LiveFrom::Prometheus,
        descriptors: limits.agents,
    })?;
    let status = runtime.block_on(async {
        let server = serving.start(exposure, config.prefix(), config.stream_clients, limits.viewers.clone())?;
        notify.ready();
        let newest = hub.published();
        let app = hub.app(config.viewers(Arc::clone(&server.streams)));
        io::Result::Ok(tokio::select! {
            status = server.run(move |peer, request| app.reply(Some(peer), &request), &notify) => status,
            never = warn(hub.targets(), &limits), if config.live_from != LiveFrom::Prometheus => match never {},
            never = notify.follow(newest, |published| format!("hosts: {}", published.hosts.len())) => match never {},
            never = reload(hangup, &files) => match never {},
        })
    })?;
    hub.stop();
    Ok(status)
}

/// Warns whenever the list has grown beyond what there are descriptors for.
async fn warn(mut lists: watch::Receiver<TargetList>, limits: &HubLimits) -> Infallible {
    let mut warned = 0;
    loop {
        let hosts = lists.borrow_and_update().targets.len();
        if let Some(problem) = limits.problem(hosts).filter(|_| hosts > warned) {
            tracing::warn!("{problem}");
            warned = hosts;
        }
        if lists.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Reloads tokens and certificates at each SIGHUP.
async fn reload(mut hangup: Hangup, files: &exposure::Reload) -> Infallible {
    loop {
        hangup.next().await;
        tracing::info!(signal = "SIGHUP", "reloading tokens and certificates");
        files.now();
    }
}
