//! Cost of many links, without the rest of a hub: `cargo run --release -p hub --example links -- 1000 8 20`.
//!
//! The arguments are the number of agents, of GPUs of each, and the seconds. A process of its own plays the agents, and
//! sends a summary of each once a second. With `down` as a fourth argument nothing listens there.

use std::{
    env, fs,
    io::{Read as _, Write as _},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use hub::{Client, Credentials, Endpoint, Scheme, Seen, Target, TargetList, link};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::{mpsc, watch},
    time::{Instant, interval, timeout_at},
};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if arguments.first().is_some_and(|first| first == "agents") {
        return runtime.block_on(agents(arguments.get(1).ok_or("expected a number of GPUs")?.parse()?));
    }
    let number = |position: usize, default| arguments.get(position).map_or(Ok(default), |text| text.parse());
    let (agents, gpus, seconds) = (number(0, 1000)?, number(1, 8)?, number(2, 10)?.try_into()?);
    let mut child = Command::new(env::current_exe()?);
    let mut child = child.args(["agents", &gpus.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut port = [0; 2];
    child.stdout.take().ok_or("no standard output")?.read_exact(&mut port)?;
    if arguments.get(3).is_some_and(|fourth| fourth == "down") {
        child.kill()?;
        child.wait()?;
    }
    runtime.block_on(links(agents, u16::from_ne_bytes(port), seconds))?;
    drop(child.kill());
    child.wait()?;
    Ok(())
}

/// Agents behind one port; each connection is another.
async fn agents(gpus: usize) -> Result<(), Failed> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    std::io::stdout().write_all(&listener.local_addr()?.port().to_ne_bytes())?;
    std::io::stdout().flush()?;
    let gpu = |index| {
        format!(
            r#"{{"index":{index},"uuid":"GPU-12345678-1234-1234-1234-{index:012}","name":"NVIDIA H200","state":"ok","verdict":"busy","use":"busy","since":1795406910864,"users":["alice","bob"],"claim":null,"memory_total_bytes":150754820096,"memory_free_bytes":13133414400,"utilization_percent":97,"power_watts":512.345,"temperature_celsius":55,"health":"ok","mig_mode":false,"compute_mode":"default","mig":[]}}"#
        )
    };
    let gpus = (0..gpus).map(gpu).collect::<Vec<_>>().join(",");
    let summary = format!(
        r#"{{"hostname":"gpu01","agent_version":"0.2.0","driver_version":"580.95.05","interval_ms":1000,"sampled_at":1795406910864,"read_at":1795406910800,"age_ms":64,"collector_state":"ok","gpus_total":8,"gpus_ok":8,"problems":[],"gpus":[{gpus}],"missing":[],"absent":{{}}}}"#
    );
    let event: Arc<str> = format!("event: summary\ndata: {summary}\n\n").into();
    loop {
        let (mut stream, _) = listener.accept().await?;
        let event = Arc::clone(&event);
        tokio::spawn(async move {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n").await;
            let mut second = interval(Duration::from_secs(1));
            while stream.write_all(event.as_bytes()).await.is_ok() {
                second.tick().await;
            }
        });
    }
}

async fn links(agents: usize, port: u16, seconds: u64) -> Result<(), Failed> {
    let tls =
        ClientConfig::builder_with_provider(ring::default_provider().into()).with_safe_default_protocol_versions()?;
    let tls = tls.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    let target = |number| {
        let endpoint =
            Endpoint { scheme: Scheme::Http, host: "127.0.0.1".into(), port, prefix: format!("/{number}").into() };
        let name = format!("gpu{number}").into();
        Arc::new(Target { endpoint, name, labels: Arc::default(), ssh_host: None, notes: Vec::new() })
    };
    let list = TargetList { targets: (0..agents).map(target).collect(), is_loaded: true, ..TargetList::default() };
    let (_targets, listed) = watch::channel(list);
    let (_viewers, watched) = watch::channel(0);
    let (to, mut from) = mpsc::channel(64);
    let before = memory()?;
    tokio::spawn(link::run(listed, Client::new(tls.into(), Duration::from_secs(5)), Credentials::none(), watched, to));
    let (mut seen, mut failed) = (0_u64, 0_u64);
    let warm = Instant::now() + Duration::from_secs(5);
    while timeout_at(warm, from.recv()).await.is_ok() {}
    let (used, end) = (processor_time()?, Instant::now() + Duration::from_secs(seconds));
    while let Ok(Some(observation)) = timeout_at(end, from.recv()).await {
        match observation.seen {
            Seen::Failed(_) => failed += 1,
            _ => seen += 1,
        }
    }
    let used = processor_time()? - used;
    println!(
        "{agents} links, {seconds} s: {seen} reports, {failed} failures, {:.2} % of a core, {:.1} µs each, {} kB of memory for each link",
        used * 100.0 / seconds as f64,
        used * 1e6 / (seen + failed).max(1) as f64,
        (memory()? - before) / agents.max(1),
    );
    Ok(())
}

/// Resident memory in kB.
fn memory() -> Result<usize, Failed> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

/// Processor time in seconds.
fn processor_time() -> Result<f64, Failed> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let field = |number: usize| fields.get(number).and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
    Ok((field(11) + field(12)) / 100.0)
}
