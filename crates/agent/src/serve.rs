//! The parent process of an agent: HTTP on this thread, supervisor and control socket each on their own.

use std::{convert::Infallible, io, process::ExitCode, sync::Arc, time::Duration};

use server::{Aging, App, Archive, Publisher, ServerConfig};
use telemetry::{Stamp, history::History};
use tokio::runtime::Runtime;

use crate::{
    claims::SavedClaims,
    cli::Cli,
    config::Config,
    control, exposure,
    limits::limits,
    notify::{self, Notify},
    serving::{self, Serving},
    signals::Hangup,
    state::{self, NewestState, StateSaver},
    supervisor::{Supervisor, SupervisorControl},
    usage::Accounting,
};

/// Threads that render answers about usage, of which each takes memory.
const BLOCKING_THREADS: usize = 2;

/// Interval between two checks of the newest snapshot's age.
const CHECK_AGE: Duration = Duration::from_secs(2);

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// Invalid settings.
pub(crate) fn run(cli: &Cli) -> io::Result<ExitCode> {
    serving::run(BLOCKING_THREADS, |runtime, hangup| {
        let config = Config::new(cli)?;
        if config.exposure.has_secrets() {
            serving::protect_memory();
        }
        serving::retriable(begin(config, runtime, hangup))
    })
}

fn begin(config: Config, runtime: &Runtime, hangup: Hangup) -> io::Result<ExitCode> {
    let serving = Serving::bind(&config.exposure)?;
    for warning in exposure::warnings(&config.exposure) {
        tracing::warn!("{warning}");
    }
    let files = config.exposure.watch(None)?;
    warn_about_counters(&config);
    let notify = Notify::from_environment();
    let (archive, saved) = restore(&config);
    let accounting =
        config.usage.map(|settings| Accounting::start(config.state_dir.as_deref(), settings)).transpose()?;
    let queries = accounting.as_ref().map(Accounting::queries);
    let mut show = config.show.clone();
    show.metrics.users = queries.clone().filter(|_| config.metrics_users);
    let publisher = Publisher::keeping(Stamp::now(), show, Arc::clone(&archive));
    let newest = publisher.subscribe();
    let aging = publisher.aging(config.collector.interval);
    let ledger = accounting.as_ref().map(|accounting| Arc::clone(&accounting.ledger));
    let claims = config.claims.as_ref().map(|_| SavedClaims::load(config.state_dir.as_deref()));
    let claimed = claims.as_ref().map(SavedClaims::shared).unwrap_or_default();
    let supervisor =
        Supervisor::start(config.collector.clone(), config.rules, publisher, saved.clone(), ledger, claimed)?;
    let driver = supervisor.control();
    let _claims = claims
        .zip(config.claims.as_ref())
        .and_then(|(claims, settings)| claims.open(settings, config.state_dir.clone(), newest.clone(), driver.clone()));
    let saver = config
        .state_dir
        .map(|folder| StateSaver::start(folder, archive, newest.clone(), saved, state::SAVE_INTERVAL))
        .transpose()?;
    let usage = accounting.as_ref().map(|accounting| Arc::clone(&accounting.usage));
    let _control = config.control_socket.as_deref().and_then(|path| control::open(path, driver.clone(), usage));
    let status = runtime.block_on(async {
        let server =
            serving.start(&config.exposure, config.server.url_prefix.as_str(), config.stream_clients, limits())?;
        notify.ready();
        let server_config = ServerConfig { streams: Arc::clone(&server.streams), usage: queries, ..config.server };
        let app = App::new(server_config, newest.clone());
        io::Result::Ok(tokio::select! {
            status = server.run(move |peer, request| app.reply(Some(peer), &request), &notify) => status,
            never = notify.follow(newest, |published| notify::status(&published.snapshot)) => match never {},
            never = watch_age(aging) => match never {},
            never = reload(hangup, &files, &driver) => match never {},
        })
    })?;
    supervisor.stop();
    // After the last snapshot.
    if let Some(accounting) = accounting {
        accounting.writer.stop();
    }
    if let Some(saver) = saver {
        saver.stop();
    }
    Ok(status)
}

/// History and state of the run before.
fn restore(config: &Config) -> (Arc<Archive>, NewestState) {
    let mut history = History::new(config.depth);
    let saved = match &config.state_dir {
        Some(folder) => NewestState::kept(state::load(folder, &mut history)),
        None => NewestState::default(),
    };
    (Arc::new(Archive::new(history)), saved)
}

/// Reloads tokens and certificates at each SIGHUP, and tries a driver that is waited for.
async fn reload(mut hangup: Hangup, files: &exposure::Reload, driver: &SupervisorControl) -> Infallible {
    loop {
        hangup.next().await;
        tracing::info!(signal = "SIGHUP", "reloading tokens and certificates");
        files.now();
        driver.retry();
    }
}

/// Keeps the last snapshot of a supervisor that is stuck from looking healthy.
async fn watch_age(mut aging: Aging) -> Infallible {
    loop {
        tokio::time::sleep(CHECK_AGE).await;
        aging.check(Stamp::now());
    }
}

/// Warns about counters that cannot be served; `check` lists them.
fn warn_about_counters(config: &Config) {
    let counters = &config.show.metrics.dcgm.counters;
    if let Some(first) = counters.unserved().first() {
        let unserved = counters.unserved().len();
        tracing::warn!(
            lines = unserved,
            first = first.name,
            line = first.line,
            why = first.why,
            "some lines of --dcgm-counters are not served; `check` lists them"
        );
    }
}
