//! Scrapes cost the driver nothing, and failures of the driver cost scrapes little.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use super::host::HOPPER;
use crate::support::{Agent, Driver, Start, eventually};

/// Calls for each reading: those of the power, which each reading asks once, are the measure.
fn calls_per_reading(driver: &Driver) -> f64 {
    let count = || (driver.calls("nvml"), driver.calls("nvmlDeviceGetPowerUsage"));
    let before = count();
    let after = eventually("forty readings", || Some(count()).filter(|now| now.1 >= before.1 + 40));
    #[allow(clippy::cast_precision_loss, reason = "some thousands")]
    let ratio = (after.0 - before.0) as f64 / (after.1 - before.1) as f64;
    ratio
}

#[test]
fn driver_calls_unchanged_by_16_scrapers() {
    let driver = Driver::new(HOPPER);
    let agent = Start::on(&driver).serve().ready();
    let without = calls_per_reading(&driver);
    let (over, scrapes) = (AtomicBool::new(false), AtomicU64::new(0));
    let with = thread::scope(|scope| {
        for scraper in 0..16 {
            let (agent, over, scrapes) = (&agent, &over, &scrapes);
            scope.spawn(move || {
                let path = if scraper % 2 == 0 { "/metrics" } else { "/metrics?names=native,dcgm" };
                let accept = [("Accept-Encoding", if scraper % 3 == 0 { "gzip" } else { "identity" })];
                while !over.load(Ordering::Relaxed) {
                    assert_eq!(agent.request(path, &accept).status, 200);
                    scrapes.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let with = calls_per_reading(&driver);
        over.store(true, Ordering::Relaxed);
        with
    });
    assert!(scrapes.load(Ordering::Relaxed) > 16, "the scrapers did scrape");
    assert!(with <= without * 1.10, "{without} calls a reading without scrapers, {with} with sixteen");
}

fn value(agent: &Agent, metric: &str) -> Option<f64> {
    let response = agent.get("/metrics");
    assert_eq!(response.status, 200);
    let line =
        response.text().lines().find(|line| line.strip_prefix(metric).is_some_and(|rest| rest.starts_with(' ')))?;
    line.rsplit(' ').next()?.parse().ok()
}

/// The age of the newest reading, in seconds, as a monitoring system computes it.
fn age(agent: &Agent) -> Option<f64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    value(agent, TIMESTAMP).map(|timestamp| now.as_secs_f64() - timestamp)
}

const TIMESTAMP: &str = "nvsmi_agent_snapshot_timestamp_seconds";
const RESTARTS: &str = "nvsmi_agent_collector_restarts_total";

#[test]
fn scrape_of_hung_driver_has_age() {
    let driver = Driver::new(HOPPER);
    let agent = Start::on(&driver).serve().ready();
    assert!(age(&agent).is_some_and(|age| age < 20.0));
    let hang = "[[fault]]\nfunction = '*'\nhang = true\n";
    driver.play(&format!("{HOPPER}{hang}"));
    let text = eventually("an age of over two seconds", || {
        age(&agent).filter(|age| *age > 2.0)?;
        Some(agent.get("/metrics").text().to_owned())
    });
    // The GPU has lost its readings; its identity and its state are still exposed.
    assert!(!text.contains("nvsmi_gpu_power_watts{") && text.contains("nvsmi_gpu_info{"));
    assert!(text.contains("state=\"stale\"} 1") && text.contains("nvsmi_agent_collector_state{state=\"stalled\"} 1"));
    driver.play(HOPPER);
    eventually("a fresh reading", || age(&agent).filter(|age| *age < 1.0));
    assert!(agent.get("/metrics").text().contains("nvsmi_gpu_power_watts{"));
}

#[test]
fn counters_monotonic_across_collector_restart() {
    let driver = Driver::new(HOPPER);
    let agent = Start::on(&driver).argument("--metrics-set=full").serve().ready();
    let labels = "{gpu=\"0\",uuid=\"GPU-00000000-0000-0000-0000-00000000000a\"}";
    let all = || {
        let busy = value(&agent, &format!("nvsmi_gpu_busy_seconds_total{labels}")).unwrap_or(0.0);
        let init = "nvsmi_agent_nvml_call_duration_seconds_count{function=\"nvmlInit_v2\"}";
        let power = "nvsmi_agent_nvml_call_duration_seconds_count{function=\"nvmlDeviceGetPowerUsage\"}";
        [busy, value(&agent, init).unwrap_or(0.0), value(&agent, power).unwrap_or(0.0)]
    };
    let before = eventually("some work", || Some(all()).filter(|all| all[0] > 0.3));
    assert_eq!(before[1], 1.0);
    let collector = agent.collectors()[0];
    nix::sys::signal::kill(crate::support::nix_pid(collector), nix::sys::signal::Signal::SIGKILL).unwrap();
    let mut last = before;
    eventually("more work by the next", || {
        let now = all();
        // A GPU that is stale for a moment has no readings.
        if now[0] > 0.0 {
            assert!(now.iter().zip(last).all(|(now, last)| *now >= last), "{now:?} after {last:?}");
            last = now;
        }
        (now[0] > before[0] + 0.3 && now[1] == 2.0).then_some(())
    });
    assert_eq!(value(&agent, RESTARTS), Some(1.0));
}

#[test]
fn stream_clients_are_counted() {
    use std::{io::Write as _, net::TcpStream};
    let driver = Driver::new(HOPPER);
    let agent = Start::on(&driver).serve().ready();
    let readers = || value(&agent, "nvsmi_agent_sse_clients");
    assert_eq!(readers(), Some(0.0));
    let mut reader = TcpStream::connect(agent.address()).unwrap();
    reader.write_all(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    eventually("one reader", || (readers() == Some(1.0)).then_some(()));
    drop(reader);
    eventually("none", || (readers() == Some(0.0)).then_some(()));
}
