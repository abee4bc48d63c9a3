//! Tests of the fleet's state, and the builders that they share.

mod deltas;
mod properties;
mod state;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::Value;
use telemetry::{
    BootTime, Stamp,
    snapshot::{GpuState, Severity, UseVerdict},
};

use super::*;
use crate::{
    report::{Failure, GpuReport, MigReport, Report, Seen},
    target::{Endpoint, Target, TargetList},
};

const BEGIN: u64 = 1_700_000_000_000;

/// The time after this many milliseconds.
fn at(ms: u64) -> Stamp {
    Stamp { boot: BootTime(1_000_000 + ms), unix_ms: BEGIN + ms }
}

pub(crate) fn endpoint(host: &str) -> Endpoint {
    Endpoint { scheme: crate::Scheme::Http, host: host.into(), port: 8000, prefix: "".into() }
}

pub(crate) fn target(name: &str, host: &str) -> Arc<Target> {
    Arc::new(Target {
        endpoint: endpoint(host),
        name: name.into(),
        labels: Arc::new(BTreeMap::from([("rack".into(), "a1".into())])),
        ssh_host: None,
        notes: Vec::new(),
    })
}

/// A loaded list of hosts, each at the address of its name.
pub(crate) fn list(names: &[&str]) -> TargetList {
    let targets = names.iter().map(|name| target(name, name)).collect();
    TargetList { targets, is_loaded: true, ..TargetList::default() }
}

pub(crate) fn gpu(index: u32, usage: UseVerdict) -> GpuReport {
    GpuReport {
        index,
        uuid: Some(format!("GPU-{index}").into()),
        name: Some("NVIDIA H200".into()),
        memory_total_bytes: Some(100),
        memory_free_bytes: Some(60),
        utilization_percent: Some(5),
        power_watts: Some(70.5),
        temperature_celsius: Some(40),
        state: Some(GpuState::Ok),
        r#use: usage,
        since_ms: Some(BEGIN),
        health: Some(Severity::Ok),
        users: Some(vec!["alice".into()]),
        mig: Vec::new(),
        mig_mode: Some(false),
        is_prohibited: Some(false),
        claim: None,
    }
}

pub(crate) fn instance(label: &str, usage: UseVerdict) -> MigReport {
    MigReport {
        label: label.into(),
        uuid: Some(format!("MIG-{label}").into()),
        profile: Some("1g.18gb".into()),
        memory_total_bytes: Some(18),
        memory_free_bytes: Some(18),
        r#use: usage,
        since_ms: None,
        users: Some(vec!["bob".into()]),
        claim: None,
    }
}

/// A report of an agent that reads every second.
pub(crate) fn report(gpus: Vec<GpuReport>) -> Report {
    Report {
        hostname: Some("node".into()),
        interval: Some(Duration::from_secs(1)),
        age: Some(Duration::from_millis(200)),
        gpus,
        ..Report::default()
    }
}

pub(crate) fn seen(report: Report) -> Seen {
    Seen::Report(Box::new(report))
}

fn unreachable(why: &str) -> Seen {
    Seen::Failed(Failure::Unreachable(why.into()))
}

/// A fleet and what it publishes.
struct Hub {
    fleet: Fleet,
    publisher: Publisher,
    newest: tokio::sync::watch::Receiver<Arc<Published>>,
}

impl Hub {
    fn new(names: &[&str]) -> Self {
        let (publisher, newest) = Publisher::new(at(0));
        let mut fleet = Fleet::default();
        fleet.list(&list(names), at(0));
        Self { fleet, publisher, newest }
    }

    fn see(&mut self, host: &str, seen: Seen, ms: u64) {
        self.fleet.see(&endpoint(host), seen, at(ms));
    }

    fn publish(&mut self, ms: u64) -> Arc<Published> {
        self.publisher.publish(&mut self.fleet, at(ms));
        Arc::clone(&self.newest.borrow())
    }

    /// State and error of a host at this time.
    fn state(&mut self, name: &str, ms: u64) -> (HostState, String, u64) {
        let published = self.publish(ms);
        let row = published.find(name).unwrap();
        (row.state, row.error.as_deref().unwrap_or_default().to_owned(), row.since_ms - BEGIN)
    }
}

fn everything(published: &Published, audience: Audience) -> Value {
    serde_json::from_slice(&published.everything(audience, false).0).unwrap()
}
