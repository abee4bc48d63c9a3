//! The search beside a model of it: all sets of devices of all hosts are tried.

use std::{cmp::Reverse, collections::BTreeMap};

use proptest::prelude::*;

use super::*;
use crate::snapshot::{Severity, UseVerdict};

const GIB: u64 = 1 << 30;

/// Labels, devices, and whether it is current and comes last.
type Row = (BTreeMap<Box<str>, Box<str>>, Vec<Device>, bool, bool);

#[derive(Clone, Debug)]
struct Fleet(Vec<Row>);

fn device() -> impl Strategy<Value = Device> {
    let uuid = prop_oneof![1 => Just(None), 9 => (0..60_u32).prop_map(|number| Uuid::new(&format!("GPU-a{number}")))];
    let name = proptest::option::weighted(0.9, prop_oneof![Just("NVIDIA H200"), Just("NVIDIA L4"), Just("h100 PCIe")]);
    let profile = proptest::option::weighted(0.9, prop_oneof![Just("1g.10gb"), Just("3g.40GB")]);
    let kind = prop_oneof![
        4 => Just(Kind::Gpu),
        1 => Just(Kind::MigGpu),
        2 => profile.prop_map(|profile| Kind::Instance(profile.map(Into::into)))
    ];
    let memory = (proptest::option::weighted(0.9, 1..4_u64), proptest::option::weighted(0.9, 0..4_u64));
    let r#use = prop_oneof![
        6 => Just(UseVerdict::Free),
        2 => Just(UseVerdict::Held),
        1 => Just(UseVerdict::Busy),
        1 => Just(UseVerdict::Unknown)
    ];
    let health = prop_oneof![
        8 => Just(Some(Severity::Ok)),
        1 => Just(None),
        1 => Just(Some(Severity::Warning)),
        1 => Just(Some(Severity::Critical))
    ];
    let rest = (r#use, health, proptest::bool::weighted(0.1), proptest::bool::weighted(0.9));
    (uuid, name, kind, memory, rest).prop_map(
        |(uuid, name, kind, (total, free), (r#use, health, is_claimed, is_current))| Device {
            index: 0,
            uuid,
            name: name.map(Into::into),
            kind,
            memory_total_bytes: total.map(|total| total * 40 * GIB),
            memory_free_bytes: free.map(|free| free * 40 * GIB),
            r#use,
            health,
            is_claimed,
            is_current,
        },
    )
}

fn fleet() -> impl Strategy<Value = Fleet> {
    let labels = prop_oneof![Just(vec![]), Just(vec![("rack", "a1")]), Just(vec![("rack", "a1"), ("owner", "bob")])];
    let labels = labels.prop_map(|all| all.into_iter().map(|(key, value)| (key.into(), value.into())).collect());
    let host =
        (labels, prop::collection::vec(device(), 0..5), proptest::bool::weighted(0.9), proptest::bool::weighted(0.2));
    prop::collection::vec(host, 0..6).prop_map(|mut hosts| {
        for (_, devices, ..) in &mut hosts {
            for (index, device) in (0..).zip(devices) {
                device.index = index;
            }
        }
        Fleet(hosts)
    })
}

fn request() -> impl Strategy<Value = Request> {
    let model = proptest::option::weighted(0.3, prop_oneof![Just("h"), Just("H200"), Just("nvidia l4"), Just("B")]);
    let mig = prop_oneof![
        3 => Just(None),
        1 => Just(Some(Profile::Any)),
        1 => Just(Some(Profile::Named("3g.40gb".into())))
    ];
    let labels = prop_oneof![3 => Just(None), 1 => Just(Some(("rack", "a1"))), 1 => Just(Some(("owner", "eve")))];
    let memory = proptest::option::weighted(0.5, 0..4_u64);
    (1..4_usize, memory, model, mig, any::<bool>(), labels, 1..4_usize).prop_map(
        |(count, memory, model, mig, held, labels, limit)| Request {
            count,
            memory_bytes: memory.map(|memory| memory * 40 * GIB),
            model: model.map(Into::into),
            mig,
            held,
            labels: labels.into_iter().map(|(key, value)| (key.into(), value.into())).collect(),
            limit,
        },
    )
}

/// True if the device may be offered: one condition per line, in no order. UUIDs are compared with those of the hosts as they
/// were indexed.
fn fits(request: &Request, host: &Host<'_>, device: &Device, indexed: &[Host<'_>]) -> bool {
    let name = device.name.as_deref().unwrap_or_default().to_lowercase();
    let current = indexed.iter().filter(|host| host.is_current).flat_map(|host| host.devices);
    let same = current.filter(|other| other.uuid == device.uuid).count();
    let conditions = [
        request
            .labels
            .iter()
            .all(|(key, value)| host.labels.get(key.as_str()).map(|found| &**found) == Some(value.as_str())),
        host.is_current && device.is_current,
        device.uuid.is_some() && same == 1,
        device.health == Some(Severity::Ok) || device.health.is_none() && host.comes_last,
        !device.is_claimed,
        device.r#use == UseVerdict::Free || (device.r#use == UseVerdict::Held && request.held),
        request.model.as_ref().is_none_or(|model| device.name.is_some() && name.contains(&model.to_lowercase())),
        match (&request.mig, &device.kind) {
            (None, kind) => *kind == Kind::Gpu,
            (Some(Profile::Any), kind) => matches!(kind, Kind::Instance(_)),
            (Some(Profile::Named(named)), Kind::Instance(Some(profile))) => profile.to_lowercase() == *named,
            (Some(Profile::Named(_)), _) => false,
        },
        // A device has at most its total memory free.
        [device.memory_free_bytes, device.memory_total_bytes.or(Some(u64::MAX))]
            .iter()
            .all(|bytes| request.memory_bytes.is_none_or(|least| bytes.is_some_and(|bytes| bytes >= least))),
    ];
    conditions.iter().all(|holds| *holds)
}

/// The choices: of each host its best set of devices, then the best hosts.
fn model(request: &Request, hosts: &[Host<'_>], indexed: &[Host<'_>]) -> Vec<(usize, Vec<u32>)> {
    let mut best = Vec::new();
    for (position, host) in hosts.iter().enumerate() {
        let fitting = host.devices.iter().filter(|device| fits(request, host, device, indexed)).count();
        let sets = (0_u32..1 << host.devices.len()).filter(|set| set.count_ones() as usize == request.count);
        let ranked = sets.filter_map(|set| {
            let chosen: Vec<&Device> = host.devices.iter().filter(|device| set & (1 << device.index) != 0).collect();
            chosen.iter().all(|device| fits(request, host, device, indexed)).then_some(())?;
            let held = chosen.iter().filter(|device| device.r#use == UseVerdict::Held).count();
            let size = |device: &&Device| {
                device
                    .memory_total_bytes
                    .or(device.memory_free_bytes)
                    .map_or(u128::from(u64::MAX), |all| u128::from(all / GIB))
            };
            let mut whole = host.devices.iter().filter(|device| device.kind != Kind::MigGpu);
            let needs_all = request.count == whole.clone().count();
            let splits = !needs_all && whole.all(|device| device.r#use == UseVerdict::Free);
            let indices: Vec<u32> = chosen.iter().map(|device| device.index).collect();
            let size = chosen.iter().map(size).sum::<u128>();
            Some((host.comes_last, held, size, splits, fitting, position, indices))
        });
        best.extend(ranked.min());
    }
    best.sort();
    best.into_iter().take(request.limit).map(|(.., position, indices)| (position, indices)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn search_agrees_with_model(fleet in fleet(), request in request(), is_later in any::<bool>()) {
        let names: Vec<String> = (0..fleet.0.len()).map(|host| format!("gpu{host}")).collect();
        let hosts: Vec<Host<'_>> = fleet.0.iter().zip(&names).map(|((labels, devices, is_current, comes_last), name)| Host {
            name, labels, devices, is_current: *is_current, comes_last: *comes_last,
        }).collect();
        // An index of a moment ago, when all were current.
        let indexed: Vec<Host<'_>> = hosts.iter().map(|host| Host { is_current: host.is_current || is_later, ..host.clone() }).collect();
        let answer = Index::new(&indexed).find(&request, &hosts);
        if !is_later {
            prop_assert_eq!(&find(&request, &hosts), &answer);
        }
        let found: Vec<(usize, Vec<u32>)> = answer.choices.iter().map(|choice| {
            let host = names.iter().position(|name| *name == choice.host).unwrap();
            (host, choice.devices.iter().map(|device| device.index).collect())
        }).collect();
        prop_assert_eq!(&found, &model(&request, &hosts, &indexed));
        prop_assert_eq!(answer.found, !found.is_empty());
        if answer.found {
            prop_assert!(answer.nearest.is_empty());
            return Ok(());
        }
        let labelled = hosts.iter().filter(|host| request.labels.iter().all(|(key, value)| host.labels.get(key.as_str()).is_some_and(|found| **found == **value)));
        prop_assert_eq!(answer.nearest.len(), labelled.count().min(3));
        prop_assert!(answer.nearest.is_sorted_by_key(|near| Reverse(near.fitting)));
        for near in &answer.nearest {
            let host = hosts.iter().find(|host| host.name == near.host).unwrap();
            let devices = host.devices.iter().filter(|device| matches!(device.kind, Kind::Instance(_)) == request.mig.is_some()).count();
            let fitting = host.devices.iter().filter(|device| fits(&request, host, device, &indexed)).count();
            let of = |what: fn(&Missing) -> bool| near.missing.iter().filter(|missing| what(missing)).map(|missing| missing.devices).sum::<usize>();
            prop_assert_eq!(near.fitting, fitting);
            prop_assert_eq!(of(|missing| missing.what != Lack::Count), devices - fitting, "each device counts once");
            prop_assert_eq!(of(|missing| missing.what == Lack::Count), request.count.saturating_sub(devices));
        }
    }
}
