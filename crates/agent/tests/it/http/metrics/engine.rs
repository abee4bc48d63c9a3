//! A hub's live state from real engines, which scrape agents and evaluate the shipped rules.

use std::{collections::BTreeMap, sync::Arc, thread, time::Duration};

use hub::{
    Client, Endpoint, Failure, Observation, Report, Scheme, Seen, TargetList,
    engine::{self, EngineConfig, Looking, Visible},
};
use telemetry::snapshot::UseVerdict;
use tokio::sync::{mpsc, watch};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::support::{Agent, Driver, Monitor, Start, Target, eventually, repository};

/// VictoriaMetrics finds a new series after ten seconds, and then again those that rules make of it.
const PATIENCE: Duration = Duration::from_secs(90);

/// A GPU that is free, but for what follows.
const GPU: &str = "[[gpu]]\nname = 'NVIDIA H200'\nutilization_percent = 0\nmemory_total_bytes = 150754820096\n\
    memory_reserved_bytes = 512753664\nmemory_used_bytes = 0\ntemperature_c = 31\npower_mw = 70000\n";

/// A hub that reads an engine.
struct Reader {
    from: mpsc::Receiver<Observation>,
    looking: Looking,
    name: Arc<str>,
}

impl Reader {
    fn of(monitor: &Monitor, agent: &Agent) -> Self {
        let address = agent.address();
        let endpoint = Endpoint {
            scheme: Scheme::Http,
            host: address.ip().to_string().into(),
            port: address.port(),
            prefix: "".into(),
        };
        let (labels, notes) = (BTreeMap::default(), Vec::new());
        let name: Arc<str> = "gpu01".into();
        let target = hub::Target { endpoint, name: Arc::clone(&name), labels: Arc::new(labels), ssh_host: None, notes };
        let list = TargetList { targets: [Arc::new(target)].into(), is_loaded: true, ..TargetList::default() };
        let builder = ClientConfig::builder_with_provider(ring::default_provider().into());
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let tls = builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
        let client = Client::new(tls.into(), Duration::from_secs(5));
        let config = EngineConfig::at(&monitor.url()).unwrap();
        let (to, from) = mpsc::channel(64);
        let visible = Visible::default();
        let seen = visible.subscribe();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let (_keep, targets) = watch::channel(list);
            runtime.block_on(engine::run(client, config, targets, seen, to));
        });
        Self { from, looking: visible.look(), name }
    }

    /// Waits for news like this. Each that comes before is checked too.
    fn until<T>(&mut self, what: &str, check: impl Fn(&Report), wish: impl Fn(&Seen) -> Option<T>) -> T {
        let end = std::time::Instant::now() + PATIENCE;
        let mut last = None;
        while std::time::Instant::now() < end {
            let Ok(observation) = self.from.try_recv() else {
                thread::sleep(Duration::from_millis(10));
                continue;
            };
            if let Seen::Report(report) = &observation.seen {
                check(report);
            }
            if let Some(found) = wish(&observation.seen) {
                return found;
            }
            last = Some(observation.seen);
        }
        panic!("waited {PATIENCE:?} in vain for {what}; the last: {last:?}");
    }
}

/// True if a report is new enough to be believed: the fleet takes others for stale.
fn is_current(report: &Report) -> bool {
    report.stale.is_none() && report.age.zip(report.interval).is_some_and(|(age, interval)| age <= interval * 3)
}

/// A host with two GPUs, scraped twice, of which one is lost; then its agent is gone.
fn follow(start: impl FnOnce(&[Target<'_>]) -> Monitor) {
    let driver = Driver::new(&[GPU; 2].concat());
    let agent = Start::on(&driver).serve().ready();
    // The second scrape has other labels, and fewer series.
    let second = ["params: {set: [fleet]}", "relabel_configs: [{target_label: rack, replacement: a1}]"];
    let monitor = start(&[Target::new("one", &agent), Target::new("two", &agent).with(&second)]);
    let mut reader = Reader::of(&monitor, &agent);

    let two = |report: &Report| {
        let counted = report.counts.map(|counts| counts.free + counts.held + counts.busy + counts.unknown);
        assert!(counted.is_none_or(|gpus| gpus <= 2) && report.gpus.len() <= 2, "each GPU counts once: {report:?}");
    };
    let counts = reader.until("two free GPUs", two, |seen| match seen {
        Seen::Report(report) if is_current(report) => report
            .counts
            .filter(|counts| counts.free == 2 && report.gpus.iter().all(|gpu| gpu.r#use == UseVerdict::Free)),
        _ => None,
    });
    assert_eq!((counts.held, counts.busy, counts.unknown), (0, 0, 0));
    assert!(counts.memory_total_bytes.is_some() && counts.power_watts.is_some(), "{counts:?}");

    let names = [Arc::clone(&reader.name)];
    reader.looking.at(names.iter());
    let (total, version) = reader.until("readings of both GPUs", two, |seen| match seen {
        Seen::Report(report) if report.counts.is_none() && report.gpus.len() == 2 => {
            let gpu = report.gpus.first()?;
            assert!(gpu.uuid.is_some() && gpu.temperature_celsius.is_some(), "{gpu:?}");
            Some((gpu.memory_total_bytes, report.agent_version.clone()))
        }
        _ => None,
    });
    assert!(total.is_some() && version.as_deref() == Some(env!("CARGO_PKG_VERSION")), "{total:?}, {version:?}");

    driver.play(&[GPU, GPU, "errors = { '*' = 15 }\n"].concat());
    let lost = |seen: &Seen| match seen {
        Seen::Report(report) if is_current(report) => {
            let [_, second] = &report.gpus[..] else { return None };
            (second.r#use == UseVerdict::Unknown && second.memory_free_bytes.is_none()).then_some(())
        }
        _ => None,
    };
    reader.until("a GPU that is lost", two, lost);

    agent.stop();
    reader.until("a host that is not scraped", two, |seen| match seen {
        Seen::Failed(Failure::Unreachable(why)) => Some(why.clone()),
        _ => None,
    });
}

#[test]
fn hub_reads_prometheus() {
    let rules = repository("deploy/prometheus/fleet.yml");
    follow(|targets| Monitor::prometheus(targets, &[&rules]));
}

#[test]
fn hub_reads_victoria_metrics() {
    let rules = repository("deploy/prometheus/fleet.yml");
    follow(|targets| Monitor::victoria(targets).with_rules(&rules));
}

#[test]
fn hub_without_the_rules_names_them() {
    let driver = Driver::new("[[gpu]]\n");
    let agent = Start::on(&driver).serve().ready();
    let monitor = Monitor::prometheus(&[Target::new("one", &agent)], &[]);
    eventually("a scrape", || (!monitor.query("nvsmi_gpu_use").is_empty()).then_some(()));
    let mut reader = Reader::of(&monitor, &agent);
    let why = reader.until(
        "a reason",
        |_| (),
        |seen| match seen {
            Seen::Failed(Failure::Unreachable(why)) => Some(why.clone()),
            _ => None,
        },
    );
    assert!(why.contains("deploy/prometheus/fleet.yml"), "{why}");
}
