//! A collector whose frames are not frames. The driver library, which lives in the collector, writes to the pipe that
//! they go through, as a library does that writes to a descriptor that is no longer its own.

use std::fs;

use nix::sys::signal::Signal;
use serde_json::json;
use telemetry::{
    Stamp,
    frame::{self, Message},
    sample::{Driver as DriverState, Sample},
};

use crate::support::{Agent, Driver, Start, eventually};

const GPU: &str = "[[gpu]]\nname = 'A'\ntemperature_c = 40\nfan_percent = 30\n";

/// More than the parent may grow by, whatever a frame promises: a frame's limit is 32 MiB, and one is let in.
const GROWTH_KIB: u64 = 48 * 1024;

fn writing(place: &str, bytes: &[u8], repeat: u64) -> String {
    format!(
        "{GPU}[[fault]]\nfunction = 'nvmlDeviceGetFanSpeed'\ntimes = 1\nwrite = {{ to = '{place}', bytes = {bytes:?}, repeat = {repeat} }}\n"
    )
}

/// The header of a heartbeat, which is all of it, with a field changed.
fn header(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut header = frame::encode(&Message::Heartbeat).unwrap();
    header[at..at + bytes.len()].copy_from_slice(bytes);
    header
}

/// The most memory that the agent has had, in KiB.
fn peak(agent: &Agent) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", agent.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Has the library write these bytes into the frames, and waits until the agent has replaced the collector for the
/// reason given.
fn is_replaced(bytes: &[u8], repeat: u64, reason: &str) {
    let driver = Driver::new(GPU);
    let agent = Start::on(&driver).serve().ready();
    let (before, first) = (peak(&agent), agent.collectors());
    driver.play(&writing("pipes", bytes, repeat));
    eventually(reason, || agent.log().contains(reason).then_some(()));
    driver.play(GPU);
    eventually("another collector", || Some(agent.collectors()).filter(|now| now.len() == 1 && *now != first));
    let agent = agent.ready();
    assert_eq!(agent.status()["devices"][0]["temperature"], json!(40));
    assert!(!agent.log().contains("panicked"), "{}", agent.log());
    let growth = peak(&agent).saturating_sub(before);
    assert!(growth < GROWTH_KIB, "{growth} KiB for {reason}");
}

#[test]
fn frame_garbage_detected() {
    is_replaced(b"NVRM: GPU at PCI:0000:18:00 has fallen off the bus.\n", 1, "a frame begins with");
}

#[test]
fn frame_of_other_version_detected() {
    is_replaced(&header(4, &[0xFF, 0xFE]), 1, "a frame of version 65279");
}

#[test]
fn frame_of_one_gibibyte_rejected_by_header() {
    is_replaced(&header(8, &(1_u32 << 30).to_le_bytes()), 1, "a frame of 1073741824 bytes");
}

#[test]
fn frame_without_end_counts_as_silence() {
    // Every frame after it is taken for its body.
    is_replaced(&header(8, &(32_u32 << 20).to_le_bytes()), 1, "no report for");
}

#[test]
fn frame_garbage_flood_ends_at_first_bytes() {
    is_replaced(&[0; 4096], 64 * 1024, "a frame begins with");
}

#[test]
fn frame_flood_waits_in_pipe() {
    let driver = Driver::new(GPU);
    let agent = Start::on(&driver).serve().ready();
    let before = peak(&agent);
    // Well-formed ones, as fast as the pipe takes them: each takes longer to be rendered than to be read.
    let starting = Sample::of(DriverState::Starting { call: None }, Stamp::default());
    let one = frame::encode(&Message::Sample(Box::new(starting))).unwrap();
    driver.play(&writing("pipes", &one, 50_000));
    eventually("the flood", || (agent.get("/readyz").status == 503).then_some(()));
    driver.play(GPU);
    let agent = agent.ready();
    let growth = peak(&agent).saturating_sub(before);
    // The frames are 2.5 MB as bytes, and three times that as events.
    assert!(growth < 4 * 1024, "{growth} KiB");
}

#[test]
fn library_output_is_logged_outside_frames() {
    let driver = Driver::new(GPU);
    let mut agent = Start::on(&driver).serve().ready();
    let collectors = agent.collectors();
    driver.play(&writing("stdout", b"NVRM: something is wrong\n", 2));
    eventually("the print", || agent.log().contains("NVRM: something is wrong\nNVRM").then_some(()));
    let ts = agent.status()["devices"][0]["ts"].clone();
    agent.until("the next reading", |data| data["devices"][0]["ts"] != ts);
    assert_eq!(agent.collectors(), collectors, "nothing had to be replaced");
    assert!(!agent.log().contains("cannot be read"), "{}", agent.log());
    agent.signal(Signal::SIGTERM);
    assert!(agent.ended().success());
}
