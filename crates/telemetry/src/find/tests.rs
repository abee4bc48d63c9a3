use std::{sync::LazyLock, time::Instant};

use super::*;

const GIB: u64 = 1 << 30;
static NO_LABELS: BTreeMap<Box<str>, Box<str>> = BTreeMap::new();
static RACK: LazyLock<BTreeMap<Box<str>, Box<str>>> = LazyLock::new(|| BTreeMap::from([("rack".into(), "a1".into())]));

fn gpu(host: u32, index: u32, gib: u64) -> Device {
    Device {
        index,
        uuid: Uuid::new(&format!("GPU-{host:08x}-{index:04x}-11d9-a0b5-aa7cf2dc0d84")),
        name: Some("NVIDIA H200".into()),
        kind: Kind::Gpu,
        memory_total_bytes: Some(gib * GIB),
        memory_free_bytes: Some(gib * GIB - GIB / 2),
        r#use: UseVerdict::Free,
        health: Some(Severity::Ok),
        is_claimed: false,
        is_current: true,
    }
}

fn busy(device: Device) -> Device {
    Device { r#use: UseVerdict::Busy, memory_free_bytes: Some(0), ..device }
}

fn host<'a>(name: &'a str, devices: &'a [Device]) -> Host<'a> {
    Host { name, labels: &NO_LABELS, devices, is_current: true, comes_last: false }
}

fn hosts<'a>(answer: &Answer<'a>) -> Vec<&'a str> {
    answer.choices.iter().map(|choice| choice.host).collect()
}

fn missing(answer: &Answer<'_>) -> Vec<(Lack, usize)> {
    answer.nearest[0].missing.iter().map(|missing| (missing.what, missing.devices)).collect()
}

#[test]
fn smallest_device_offered_first() {
    let (large, small, split) = ([gpu(1, 0, 141)], [gpu(2, 0, 80)], [gpu(3, 0, 80), busy(gpu(3, 1, 80))]);
    let all = [host("large", &large), host("small", &small), host("split", &split)];
    let request = Request { memory_bytes: Some(40 * GIB), ..Request::default() };
    assert_eq!(hosts(&find(&request, &all)), ["small", "split", "large"]);
    let whole = [gpu(4, 0, 80), gpu(4, 1, 80)];
    let all = [host("whole", &whole), host("split", &split)];
    assert_eq!(hosts(&find(&request, &all)), ["split", "whole"]);
    let request = Request { memory_bytes: Some(100 * GIB), ..Request::default() };
    assert_eq!(hosts(&find(&request, &[host("small", &small), host("large", &large)])), ["large"]);
}

#[test]
fn part_of_size_reserved_by_driver_does_not_matter() {
    let (mut whole, split) = ([gpu(1, 0, 80), gpu(1, 1, 80)], [gpu(2, 0, 80), busy(gpu(2, 1, 80))]);
    for gpu in &mut whole {
        gpu.memory_total_bytes = Some(81_559 << 20);
    }
    assert_eq!(hosts(&find(&Request::default(), &[host("whole", &whole), host("split", &split)])), ["split", "whole"]);
}

#[test]
fn choice_lists_devices_by_index() {
    let devices = [gpu(1, 0, 141), gpu(1, 1, 80), busy(gpu(1, 2, 24)), gpu(1, 3, 24)];
    let all = [host("gpu01", &devices)];
    let answer = find(&Request { count: 2, ..Request::default() }, &all);
    let uuids = ["GPU-00000001-0001-11d9-a0b5-aa7cf2dc0d84", "GPU-00000001-0003-11d9-a0b5-aa7cf2dc0d84"];
    let [choice] = &*answer.choices else { panic!("{answer:?}") };
    assert_eq!(
        choice.devices.iter().map(|device| (device.index, device.uuid)).collect::<Vec<_>>(),
        [(1, uuids[0]), (3, uuids[1])]
    );
    assert_eq!((&choice.cuda_visible_devices, &choice.command), (&uuids.join(","), &None));
    assert!(answer.found && answer.nearest.is_empty());
}

#[test]
fn instance_offered_by_profile() {
    let instance = |number, profile: &str| Device {
        uuid: Uuid::new(&format!("MIG-{number:08x}-aaaa-5555-8888-aa7cf2dc0d84")),
        kind: Kind::Instance(Some(profile.into())),
        ..gpu(1, 0, 10)
    };
    let parent = Device { kind: Kind::MigGpu, ..gpu(1, 0, 80) };
    let devices = [parent, instance(1, "1g.10gb"), instance(2, "3g.40gb"), gpu(1, 1, 80)];
    let all = [host("gpu01", &devices)];
    let with = |mig| find(&Request { mig, count: 2, ..Request::default() }, &all);
    let named = |profile: &str| Some(Profile::Named(profile.into()));
    assert_eq!(with(Some(Profile::Any)).choices[0].devices.len(), 2);
    let answer = with(named("3G.40GB"));
    assert_eq!((answer.nearest[0].fitting, missing(&answer)), (1, vec![(Lack::Model, 1)]));
    assert_eq!(missing(&with(None)), [(Lack::Model, 1)], "a GPU in MIG mode is not offered");
    let one = find(&Request { mig: named("3g.40gb"), ..Request::default() }, &all);
    assert_eq!(one.choices[0].devices[0].name.as_deref(), Some("NVIDIA H200 MIG 3g.40gb"));
}

#[test]
fn shared_or_unusable_uuid_never_offered() {
    for uuid in
        ["", "0", "all", "GPU-", "GPU-1,GPU-2", "GPU-$(id)", "GPU-00000000-0000-0000-0000-000000000000", "gpu-1 "]
    {
        assert_eq!(Uuid::new(uuid), None, "{uuid}");
    }
    assert!(Uuid::new(&format!("GPU-{}", "1".repeat(100))).is_none());
    assert!(Uuid::new("MIG-GPU-8932f937-d72c-4106-c12f-20bd9faed9f6/1/0").is_some());
    let (one, two) = ([gpu(1, 0, 80)], [gpu(1, 0, 80), Device { uuid: None, ..gpu(2, 1, 80) }, gpu(2, 2, 80)]);
    let all = [host("one", &one), host("two", &two)];
    let answer = find(&Request::default(), &all);
    assert_eq!((hosts(&answer), answer.choices[0].devices[0].index), (vec!["two"], 2));
    let old = Host { is_current: false, ..host("two", &two) };
    assert_eq!(hosts(&find(&Request::default(), &[host("one", &one), old])), ["one"], "an old report shares nothing");
}

#[test]
fn device_of_unknown_health_not_offered() {
    let devices = [Device { health: None, ..gpu(1, 0, 80) }];
    let all = [host("gpu01", &devices)];
    assert_eq!(missing(&find(&Request::default(), &all)), [(Lack::Health, 1)]);
    // The original judges no health at all.
    let original = [Host { comes_last: true, ..host("gpu01", &devices) }];
    assert_eq!(hosts(&find(&Request::default(), &original)), ["gpu01"]);
}

#[test]
fn device_counts_for_what_it_misses_first() {
    let held = Device { r#use: UseVerdict::Held, ..gpu(1, 3, 80) };
    let devices = [
        Device { name: Some("NVIDIA L4".into()), ..busy(gpu(1, 0, 24)) },
        Device { is_current: false, health: Some(Severity::Critical), ..gpu(1, 1, 80) },
        Device { health: Some(Severity::Warning), ..busy(gpu(1, 2, 80)) },
        held,
        busy(gpu(1, 4, 80)),
        Device { is_claimed: true, memory_free_bytes: Some(0), ..gpu(1, 5, 80) },
        Device { memory_free_bytes: None, ..gpu(1, 6, 80) },
        busy(gpu(1, 7, 24)),
        Device { r#use: UseVerdict::Unknown, ..gpu(1, 8, 80) },
    ];
    let all = [host("gpu01", &devices)];
    let request = Request { count: 10, memory_bytes: Some(40 * GIB), model: Some("h2".into()), ..Request::default() };
    let lacks = [
        (Lack::Count, 1),
        (Lack::Model, 1),
        (Lack::Stale, 2),
        (Lack::Health, 1),
        (Lack::Held, 2),
        (Lack::Claimed, 1),
        (Lack::Memory, 2),
    ];
    assert_eq!(missing(&find(&request, &all)), lacks);
    let answer = find(&Request { held: true, count: 1, ..request }, &all);
    assert_eq!(answer.choices[0].devices[0].index, 3);
}

#[test]
fn hosts_selected_by_labels() {
    let (one, two) = ([gpu(1, 0, 80)], [busy(gpu(2, 0, 80))]);
    let all = [host("one", &one), Host { labels: &RACK, ..host("two", &two) }];
    let with = |key: &str, value: &str| {
        find(&Request { labels: vec![(key.into(), value.into())], ..Request::default() }, &all)
    };
    let answer = with("rack", "a1");
    assert_eq!((hosts(&answer), answer.nearest[0].host, answer.nearest.len()), (vec![], "two", 1));
    assert!(with("rack", "A1").nearest.is_empty() && with("row", "a1").nearest.is_empty());
}

#[test]
fn host_without_judgement_comes_last() {
    let (original, agent) = ([Device { health: None, ..gpu(1, 0, 24) }], [gpu(2, 0, 141)]);
    let all = [Host { comes_last: true, ..host("original", &original) }, host("agent", &agent)];
    assert_eq!(hosts(&find(&Request::default(), &all)), ["agent", "original"]);
}

/// The bound is several times what one search takes without optimization on a busy machine.
#[test]
fn large_fleet_searched_in_milliseconds() {
    let fleet: Vec<Vec<Device>> = (0..1_000)
        .map(|host| {
            (0..8)
                .map(|index| if (host + index) % 3 > 0 { busy(gpu(host, index, 141)) } else { gpu(host, index, 141) })
                .collect()
        })
        .collect();
    let names: Vec<String> = (0..1_000).map(|host| format!("gpu{host}")).collect();
    let all: Vec<Host<'_>> = fleet.iter().zip(&names).map(|(devices, name)| host(name, devices)).collect();
    for count in [1, 2, 9] {
        let request = Request { count, model: Some("h200".into()), memory_bytes: Some(40 * GIB), ..Request::default() };
        let times = (0..20).map(|_| {
            let begin = Instant::now();
            assert_eq!(find(&request, &all).choices.len(), if count < 3 { 20 } else { 0 });
            begin.elapsed()
        });
        let best = times.min().unwrap();
        println!("{count} of {} devices: {best:?}", 8 * all.len());
        assert!(best.as_millis() < 50, "{best:?}");
    }
}
