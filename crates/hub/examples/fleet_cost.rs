//! Cost of the fleet's thread and of its readers: 1,000 hosts of 8 GPUs (or as many as the arguments say), all of which
//! change every second. It prints the time of each part of a second, and the resident memory.
//!
//! `cargo run --release -p hub --example fleet_cost -- [HOSTS] [READERS]`

use std::{
    collections::BTreeMap,
    future::poll_fn,
    sync::Arc,
    time::{Duration, Instant},
};

use http_body_util::BodyExt as _;
use http_server::{Body, auth::Anonymous, net::StreamPermits};
use hub::{
    Endpoint, GpuReport, Report, Scheme, Seen, Target, TargetList,
    fleet::{Fleet, Publisher},
    router::{App, AppConfig},
};
use hyper::Request;
use telemetry::{
    BootTime, Stamp,
    snapshot::{GpuState, Severity, UseVerdict},
};
use tokio::sync::watch;

const GPUS: u32 = 8;
const ROUNDS: u64 = 10;
const ROWS: usize = 50;

fn endpoint(host: usize) -> Endpoint {
    Endpoint { scheme: Scheme::Http, host: format!("node{host:04}.example.org").into(), port: 8000, prefix: "".into() }
}

fn target(host: usize) -> Arc<Target> {
    Arc::new(Target {
        endpoint: endpoint(host),
        name: format!("node{host:04}").into(),
        labels: Arc::new(BTreeMap::from([
            ("rack".into(), format!("r{}", host / 20).into()),
            ("cluster".into(), "a".into()),
        ])),
        ssh_host: None,
        notes: Vec::new(),
    })
}

/// A GPU whose values differ in every round.
fn gpu(host: usize, index: u32, round: u64) -> GpuReport {
    let mixed = (host as u64 * 31 + u64::from(index) * 7 + round * 13) % 101;
    GpuReport {
        index,
        uuid: Some(format!("GPU-{host:08x}-1111-2222-3333-{index:012x}").into()),
        name: Some("NVIDIA H200".into()),
        memory_total_bytes: Some(150_754_820_096),
        memory_free_bytes: Some(mixed << 30),
        utilization_percent: u8::try_from(mixed).ok(),
        power_watts: u32::try_from(mixed).ok().map(|mixed| f64::from(mixed) * 6.25),
        temperature_celsius: i32::try_from(mixed).ok(),
        state: Some(GpuState::Ok),
        r#use: if (mixed + round).is_multiple_of(9) { UseVerdict::Free } else { UseVerdict::Busy },
        since_ms: Some(1_700_000_000_000 + mixed),
        health: Some(Severity::Ok),
        users: Some(vec![format!("user{}", mixed % 40).into()]),
        mig: Vec::new(),
        mig_mode: Some(false),
        is_prohibited: Some(false),
        claim: None,
    }
}

fn report(host: usize, round: u64) -> Report {
    Report {
        hostname: Some(format!("node{host:04}").into()),
        agent_version: Some("0.2.0".into()),
        driver_version: Some("580.95.05".into()),
        interval: Some(Duration::from_secs(1)),
        age: Some(Duration::from_millis(200)),
        gpus: (0..GPUS).map(|index| gpu(host, index, round)).collect(),
        ..Report::default()
    }
}

fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// Runs something to its end, and returns the longest time for which it kept the thread.
async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let (mut work, mut longest) = (Box::pin(work), Duration::ZERO);
    let done = poll_fn(|cx| {
        let began = Instant::now();
        let polled = work.as_mut().poll(cx);
        longest = longest.max(began.elapsed());
        polled
    });
    (done.await, longest)
}

async fn ask(app: &App, path: &str) -> Body {
    let request = Request::builder().uri(path).header("accept-encoding", "gzip").body(()).unwrap_or_default();
    app.reply(None, &request).await.into_body()
}

/// Opens a stream, and reads its first event.
async fn open(app: &App, query: &str) -> (Body, usize) {
    let mut body = ask(app, &format!("/api/v1/fleet/stream{query}")).await;
    let mut length = 0;
    // The greeting, and the three parts of the event.
    for _ in 0..4 {
        length += body
            .frame()
            .await
            .and_then(Result::ok)
            .and_then(|frame| frame.into_data().ok())
            .map_or(0, |data| data.len());
    }
    (body, length)
}

/// Reads what is there, and returns its length.
fn read(body: &mut Body) -> usize {
    let mut length = 0;
    while let Some(Some(Ok(frame))) = futures_util::FutureExt::now_or_never(body.frame()) {
        length += frame.into_data().map_or(0, |data| data.len());
    }
    length
}

struct Hub {
    fleet: Fleet,
    publisher: Publisher,
    app: App,
    hosts: usize,
    round: u64,
    begin: Stamp,
}

impl Hub {
    fn new(hosts: usize, readers: usize) -> Self {
        let begin = Stamp::now();
        let (publisher, newest) = Publisher::new(begin);
        let list = TargetList { targets: (0..hosts).map(target).collect(), is_loaded: true, ..TargetList::default() };
        let mut fleet = Fleet::default();
        fleet.list(&list, begin);
        let config = AppConfig {
            url_prefix: server::Prefix::default(),
            token: None,
            tokens: None,
            anonymous: Anonymous::default(),
            allowed_hosts: None,
            cors_origins: Vec::new(),
            frame_ancestors: server::FrameAncestors::default(),
            access_log: false,
            streams: Arc::new(StreamPermits::new(readers * 2 + 8)),
            viewers: hub::Viewers::default(),
            targets: watch::channel(list).1,
            proxy: None,
            usage: None,
        };
        Self { fleet, publisher, app: App::new(config, newest), hosts, round: 0, begin }
    }

    /// A second: times of taking the reports and of publishing.
    fn second(&mut self) -> [Duration; 2] {
        self.round += 1;
        let ms = self.round * 1000;
        let now = Stamp { boot: BootTime(self.begin.boot.0 + ms), unix_ms: self.begin.unix_ms + ms };
        let reports: Vec<_> = (0..self.hosts).map(|host| (endpoint(host), report(host, self.round))).collect();
        let began = Instant::now();
        for (endpoint, report) in reports {
            self.fleet.see(&endpoint, Seen::Report(Box::new(report)), now);
        }
        let taken = began.elapsed();
        self.publisher.publish(&mut self.fleet, now);
        [taken, began.elapsed() - taken]
    }
}

/// Runs some seconds with these readers, and prints the means.
fn measure(what: &str, hub: &mut Hub, readers: &mut [Body]) {
    let (mut taken, mut published, mut sent, mut bytes) = (Duration::ZERO, Duration::ZERO, Duration::ZERO, 0);
    for round in 0..ROUNDS + 2 {
        let [take, publish] = hub.second();
        let began = Instant::now();
        let length: usize = readers.iter_mut().map(read).sum();
        if round >= 2 {
            taken += take;
            published += publish;
            sent += began.elapsed();
            bytes += length;
        }
    }
    let mean = |time: Duration| time.as_secs_f64() * 1000.0 / 10.0;
    println!(
        "{what}: take reports {:.1} ms, publish {:.1} ms, readers {:.1} ms ({} kB), memory {} MiB",
        mean(taken),
        mean(published),
        mean(sent),
        bytes / 10 / 1000 / readers.len().max(1),
        resident_mib()
    );
}

/// Prints the longest time for which a request keeps the thread, after a minute without one and then again.
async fn requests(hub: &mut Hub) {
    for path in [
        "/api/v1/fleet",
        "/api/v1/fleet/users",
        "/api/v1/fleet/summary.txt",
        "/api/v1/find?count=2",
        "/api/v1/find?count=9",
        "/api/v1/targets",
        "/metrics",
    ] {
        hub.round += 61;
        hub.second();
        let began = Instant::now();
        let (mut first, longest) = timed(ask(&hub.app, path)).await;
        let (whole, length) = (began.elapsed(), read(&mut first));
        let (_, again) = timed(ask(&hub.app, path)).await;
        println!("{path}: thread {longest:.1?}, answer after {whole:.1?} ({} kB); again {again:.1?}", length / 1000);
    }
    for query in ["", "?rows=0-49"] {
        hub.round += 61;
        hub.second();
        let began = Instant::now();
        let ((mut body, length), longest) = timed(open(&hub.app, query)).await;
        let whole = began.elapsed();
        hub.second();
        let began = Instant::now();
        let next = read(&mut body);
        println!(
            "stream{query}: thread {longest:.1?}, first event after {whole:.1?} ({} kB); the next {:.1?} ({} kB)",
            length / 1000,
            began.elapsed(),
            next / 1000
        );
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let hosts = arguments.next().unwrap_or(1000);
    let count: usize = arguments.next().unwrap_or(200);
    let mut hub = Hub::new(hosts, count);
    println!("{hosts} hosts of {GPUS} GPUs, everything changes; times per second");
    measure("no reader", &mut hub, &mut []);
    let (one, length) = open(&hub.app, "").await;
    println!("one reader of everything, at first: {} kB", length / 1000);
    let mut one = [one];
    measure("one reader of everything", &mut hub, &mut one);
    drop(one);
    let mut many: Vec<Body> = Vec::new();
    for number in 0..count {
        let first = number * 37 % hosts.saturating_sub(ROWS).max(1);
        many.push(open(&hub.app, &format!("?rows={first}-{}", first + ROWS - 1)).await.0);
    }
    measure(&format!("{count} readers of {ROWS} rows each"), &mut hub, &mut many);
    drop(many);
    for query in ["count=2&memory=40GiB&model=h200", "count=8", "mig=any&held=true"] {
        let mut times: Vec<Duration> = Vec::new();
        for round in 0..500 {
            if round % 50 == 0 {
                hub.second();
            }
            let began = Instant::now();
            read(&mut ask(&hub.app, &format!("/api/v1/find?{query}")).await);
            times.push(began.elapsed());
        }
        times.sort();
        println!("find?{query}: p50 {:.1?}, p99 {:.1?}, most {:.1?}", times[250], times[495], times[499]);
    }
    requests(&mut hub).await;
}
