//! Sums of hosts with any shares.

use std::collections::BTreeMap;

use proptest::prelude::*;
use server::{Dimension, FleetKey, FleetQuestion};

use super::*;
use crate::usage::{
    Told,
    sums::{Collected, Key},
};

const SINCE: u64 = 1_700_000_000_000;
/// Length of the period, in seconds.
const WINDOW: f64 = 86_400.0;

fn question(by: Vec<FleetKey>) -> Arc<FleetQuestion> {
    Arc::new(FleetQuestion {
        since_ms: SINCE,
        until_ms: SINCE + 86_400_000,
        by,
        tz: "UTC".into(),
        source: None,
        users: None,
        gpus: None,
        is_csv: false,
    })
}

/// Usage of a host: shares of a day by user, and the share that nobody had.
type HostShares = (Vec<(u8, f64)>, f64);

fn shares() -> impl Strategy<Value = Vec<HostShares>> {
    let user = (0_u8..6, 0.0..1.0_f64);
    prop::collection::vec((prop::collection::vec(user, 0..8), 0.0..1.0_f64), 1..12)
}

/// The answer of a host to these shares.
fn body((users, free): &HostShares) -> Value {
    let all: f64 = users.iter().map(|(_, share)| share).sum::<f64>() + free;
    let seconds = |share: f64| if all > 0.0 { share / all * WINDOW * 8.0 } else { 0.0 };
    let rows: Vec<Value> = users
        .iter()
        .map(|(user, share)| {
            let held = seconds(*share);
            json!({
                "user": format!("u{user}"), "gpu_seconds": held, "present_gpu_seconds": held * 1.5,
                "busy_gpu_seconds": held * 0.7, "idle_gpu_seconds": held * 0.1,
                "allocated_gpu_seconds": (user % 2 == 0).then_some(held),
                "memory_byte_seconds": held * 1e9, "peak_memory_bytes": u64::from(*user) << 30,
                "energy_joules": held * 300.0, "sessions": *user,
            })
        })
        .collect();
    let held: f64 = users.iter().map(|(_, share)| seconds(*share)).sum();
    json!({
        "schema": 1, "since": SINCE, "until": SINCE + 86_400_000, "tz": "UTC", "by": ["user"], "persistent": true,
        "people": true, "note": null, "price_gpu_hour": {"amount": 1.5, "currency": "EUR"}, "devices": 8,
        "device_seconds": held + seconds(*free), "edge_seconds": 60.0, "rows": rows, "free_gpu_seconds": seconds(*free),
        "unknown_gpu_seconds": 0.0, "unassigned_gpu_seconds": 0.0, "unobserved_gpu_seconds": 0.0,
        "energy_joules": held * 300.0 + 5.0,
    })
}

fn collect(by: Vec<FleetKey>, hosts: &[HostShares]) -> Collected {
    let mut collected = Collected::new(&question(by));
    for (at, host) in hosts.iter().enumerate() {
        let told =
            Told { host: format!("gpu{at:02}").into(), answer: Ok(body(host).to_string().into()), _permit: None };
        collected = collected.take(told).unwrap();
    }
    collected
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn sums_of_hosts_lose_nothing(hosts in shares()) {
        let by = vec![FleetKey::Of(Dimension::User)];
        let collected = collect(by, &hosts);
        prop_assert!(collected.missing.is_empty(), "{:?}", collected.missing);
        prop_assert_eq!(collected.hosts, hosts.len());
        let rows = collected.sorted();
        let held: f64 = rows.iter().filter_map(|(_, sums)| sums.gpu_seconds).sum();
        let device_seconds = collected.whole.device_seconds;
        prop_assert!((held + collected.whole.free_gpu_seconds - device_seconds).abs() < 1e-3);
        // One row per user, each with what all hosts say.
        let bodies: Vec<Value> = hosts.iter().map(body).collect();
        let said = bodies.iter().flat_map(|body| body["rows"].as_array().unwrap());
        let mut expected: BTreeMap<String, (f64, u64, u64)> = BTreeMap::new();
        for row in said {
            let entry = expected.entry(row["user"].as_str().unwrap().to_owned()).or_default();
            entry.0 += row["gpu_seconds"].as_f64().unwrap();
            entry.1 = entry.1.max(row["peak_memory_bytes"].as_u64().unwrap());
            entry.2 += row["sessions"].as_u64().unwrap();
        }
        prop_assert_eq!(rows.len(), expected.len());
        for (keys, sums) in &rows {
            let [Key::Text(user)] = keys else { panic!("{keys:?}") };
            let (seconds, peak, sessions) = expected[&**user];
            prop_assert!((sums.gpu_seconds.unwrap() - seconds).abs() < 1e-6);
            prop_assert_eq!((sums.peak_memory_bytes, sums.sessions), (Some(peak), Some(sessions)));
        }
        prop_assert!(rows.windows(2).all(|pair| pair[0].1.gpu_seconds >= pair[1].1.gpu_seconds));
        // Rows by host and user have the same sum.
        let apart = collect(vec![FleetKey::Host, FleetKey::Of(Dimension::User)], &hosts);
        let again: f64 = apart.sorted().iter().filter_map(|(_, sums)| sums.gpu_seconds).sum();
        prop_assert!((again - held).abs() < 1e-3);
    }
}

#[test]
fn price_of_hosts_that_differ_is_none() {
    let one = collect(vec![FleetKey::Of(Dimension::User)], &[(vec![(1, 0.5)], 0.5)]);
    assert!(one.price().is_some());
    let mut other = body(&(vec![(1, 0.5)], 0.5));
    other["price_gpu_hour"] = json!(null);
    let told = Told { host: "gpu09".into(), answer: Ok(other.to_string().into()), _permit: None };
    assert!(one.take(told).unwrap().price().is_none());
}
