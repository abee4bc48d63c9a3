//! The parent derives a snapshot from any frame that decodes and renders every view, whatever the content. The frames are
//! real ones with changed bytes and a corrected checksum.

use std::{sync::Arc, time::Duration};

use hyper::Request;
use proptest::prelude::*;
use server::{App, Publisher, ServerConfig};
use telemetry::{
    Absence, BootTime, Stamp,
    derive::{Child, Deriver, Input},
    frame::{self, Message},
    readings::{Activity, Fans, Identity, Readings, Temperature},
    sample::{
        Call, Driver, DriverFacts, GpuSample, HostSample, Life, ListedProcess, MigSample, ProcessFacts, ProcessLists,
        Sample, XidSample,
    },
    snapshot::ContainerCount,
};

const NOW: Stamp = Stamp { boot: BootTime(1_000_000), unix_ms: 1_795_406_910_864 };
/// Offsets of the body and of its checksum.
const HEADER: usize = 16;
const CHECKSUM: usize = 12;

fn sample() -> Sample {
    let text = |text: &str| Ok(text.to_owned());
    let listed = |pid| ListedProcess { pid, memory_bytes: Ok(1 << 30), gpu_instance: Some(1), compute_instance: None };
    let gpu = |index: u32| GpuSample {
        index,
        handle: Ok(()),
        refusal: None,
        read_at: Some(NOW),
        stuck: Some(Call { function: "nvmlDeviceGetName".into(), gpu: Some(index), since: NOW.boot }),
        slowest: None,
        identity: Identity { uuid: text("GPU-1"), name: text("NVIDIA H200"), ..Identity::absent(Absence::Denied) },
        readings: Readings {
            fans: Fans { speed_percent: Ok(30), ..Fans::absent(Absence::Lost) },
            temperature: Temperature { gpu_celsius: Ok(-1), ..Temperature::absent(Absence::Lost) },
            activity: Activity { sm_ratio: Ok(0.5), ..Activity::absent(Absence::Timeout) },
            ..Readings::absent(Absence::Timeout)
        },
        lists: ProcessLists {
            compute: Ok(vec![listed(7), listed(8)]),
            graphics: Ok(vec![listed(8)]),
            ..ProcessLists::absent(Absence::Lost)
        },
        mig: Ok(vec![MigSample { gpu_instance: Ok(1), ..MigSample::absent(Absence::Denied) }]),
        xid_since: Ok(NOW),
    };
    let process = |pid| ProcessFacts {
        pid,
        life: Life::Running,
        uid: Ok(0),
        user: Some("root".into()),
        started: Ok(BootTime(5)),
        arguments: Ok(["python", "a b"].into_iter().collect()),
        cpu_ms: Ok(5),
        ..ProcessFacts::unread(pid, Absence::Denied)
    };
    let facts =
        DriverFacts { driver_version: text("580"), nvml_version: text("13"), cuda_version: Ok(13_000), init_ms: 1 };
    let xid = XidSample {
        gpu: 1,
        uuid: text("GPU-1"),
        code: 79,
        at: NOW,
        times: 1,
        gpu_instance: None,
        compute_instance: None,
    };
    Sample {
        gpus: vec![gpu(0), gpu(1)],
        processes: vec![process(7), process(8)],
        host: HostSample { hostname: text("gpu01"), load_1m: Ok(0.5), ..HostSample::absent(Absence::Denied) },
        xids: vec![xid],
        ..Sample::of(Driver::Ready(facts), NOW)
    }
}

/// A frame with these bytes of its body changed.
fn changed(changes: &[(usize, u8)]) -> Vec<u8> {
    let mut frame = frame::encode(&Message::Sample(Box::new(sample()))).unwrap();
    let length = frame.len() - HEADER;
    for (place, byte) in changes {
        frame[HEADER + place % length] = *byte;
    }
    let sum = crc32fast::hash(&frame[HEADER..]);
    frame[CHECKSUM..HEADER].copy_from_slice(&sum.to_le_bytes());
    frame
}

/// Takes frames as the supervisor does, and renders; how many of them decoded.
fn take(frames: &[Vec<u8>], child: &Child, now: u64) -> usize {
    let mut deriver = Deriver::default();
    let publisher = Publisher::new(NOW);
    let app = App::new(ServerConfig::default(), publisher.subscribe());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let decoded = frames.iter().filter_map(|frame| match frame::read(&mut frame.as_slice()) {
        Ok(Some(Message::Sample(sample))) => Some(Arc::from(sample)),
        _ => None,
    });
    decoded
        .map(|sample: Arc<Sample>| {
            let now = Stamp { boot: BootTime(now), unix_ms: NOW.unix_ms };
            let snapshot = deriver.derive(&Input {
                now,
                interval: Duration::from_secs(1),
                child,
                sample: Some(&sample),
                restarts: 0,
                left_out: &[],
                idle_after: Duration::from_secs(900),
                container_count: ContainerCount::default(),
                claims: None,
            });
            assert_eq!(
                snapshot.gpus.len(),
                snapshot.gpus.iter().map(|gpu| gpu.index).max().map_or(0, |last| last as usize + 1)
            );
            publisher.publish(snapshot);
            for path in ["/status", "/api/v1/snapshot", "/api/v1/users", "/api/v1/summary.txt", "/api/v1/events"] {
                let request = Request::get(path).body(()).unwrap();
                let response = runtime.block_on(app.reply(None, &request));
                assert_ne!(response.headers().get("content-type"), None, "{path}");
                assert!(path == "/status" || response.status() == 200, "{path}: {}", response.status());
            }
        })
        .count()
}

#[test]
fn frame_unchanged_is_accepted() {
    assert_eq!(take(&[changed(&[])], &Child::Alive, NOW.boot.0), 1);
}

proptest! {
    #[test]
    fn arbitrary_decodable_frame_tolerated(
        changes in prop::collection::vec(prop::collection::vec((any::<usize>(), any::<u8>()), 0..6), 1..4),
        child in prop_oneof![Just(Child::Alive), Just(Child::Silent { detail: String::new() })],
        now in any::<u64>(),
    ) {
        let frames: Vec<Vec<u8>> = changes.iter().map(|changes| changed(changes)).collect();
        take(&frames, &child, now);
    }
}
