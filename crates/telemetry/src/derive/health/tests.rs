use super::*;
use crate::{
    fixtures::blank::{self, at},
    readings::{Fabric, RemappedRows},
};

const GAP: Duration = Duration::from_secs(60);

const fn moment(now: Stamp) -> Moment {
    Moment { now, gap: GAP, reads: true }
}

fn nothing() -> Evidence<std::iter::Empty<(xid::Entry, Stamp)>> {
    Evidence { held: std::iter::empty(), uncorrected: None, needs_reset: false, slow: None }
}

/// A GPU that is well and under full load.
fn well() -> Gpu {
    let mut gpu = blank::gpu("A", at(0));
    gpu.readings.utilization.gpu_percent = Ok(100);
    gpu.readings.clocks.sm_mhz = Ok(1980);
    gpu.readings.clocks.event_reasons = Ok(0);
    gpu.readings.memory.set_whole(Ok(blank::memory(1 << 36)));
    gpu.readings.clocks.max_sm_mhz = Ok(1980);
    gpu.readings.pcie.generation = Ok(5);
    gpu.readings.pcie.max_generation = Ok(5);
    gpu.readings.pcie.width = Ok(16);
    gpu.readings.pcie.max_width = Ok(16);
    gpu.readings.ecc.volatile_uncorrected = Ok(0);
    gpu.readings.remapped_rows =
        RemappedRows { correctable: Ok(9), uncorrectable: Ok(9), pending: Ok(false), failed: Ok(false) };
    gpu.readings.nvlink.links_total = Ok(18);
    gpu.readings.fabric = Fabric { state: Ok(3), status: Ok(0), ..Fabric::absent(Absence::NotSupported) };
    gpu.readings.state.recovery_action = Ok(0);
    gpu
}

fn codes(health: &Health) -> Vec<(Severity, &str)> {
    health.reasons.iter().map(|reason| (reason.severity, reason.code.as_str())).collect()
}

/// Judges it every 10 s for so many seconds.
fn after(seconds: u64, gpu: &Gpu) -> Health {
    let mut conditions = Conditions::default();
    let mut health = Health::default();
    for now in (0..=seconds).step_by(10) {
        let gpu = Gpu { read_at: at(now * 1000), ..gpu.clone() };
        health = judge(&gpu, &mut conditions, nothing(), moment(gpu.read_at));
    }
    health
}

type Change = fn(&mut Gpu);

#[test]
fn health_rules_all_reported() {
    use Severity::{Critical, Warning};
    let rows = |pending, failed| RemappedRows {
        pending: Ok(pending),
        failed: Ok(failed),
        ..RemappedRows::absent(Absence::NotSupported)
    };
    let recovering = |action| {
        let mut gpu = well();
        gpu.readings.state.recovery_action = Ok(action);
        gpu
    };
    let with = |change: &dyn Fn(&mut Gpu)| {
        let mut gpu = well();
        change(&mut gpu);
        gpu
    };
    for (name, gpu, expected) in [
        ("well", well(), vec![]),
        ("nothing read", blank::gpu("A", at(0)), vec![]),
        ("lost", with(&|gpu| gpu.state = GpuState::Lost), vec![(Critical, "lost")]),
        ("stale", with(&|gpu| gpu.state = GpuState::Stale), vec![(Warning, "not_answering")]),
        ("denied", with(&|gpu| gpu.state = GpuState::Denied), vec![(Warning, "unreadable")]),
        ("no handle", with(&|gpu| gpu.state = GpuState::Error), vec![(Warning, "unreadable")]),
        ("asleep", with(&|gpu| gpu.state = GpuState::Asleep), vec![]),
        ("ECC", with(&|gpu| gpu.readings.ecc.volatile_uncorrected = Ok(1)), vec![(Warning, "ecc_uncorrected")]),
        ("ECC long ago", with(&|gpu| gpu.readings.ecc.aggregate_uncorrected = Ok(1)), vec![]),
        ("pending", with(&|gpu| gpu.readings.remapped_rows = rows(true, false)), vec![(Warning, "row_remap_pending")]),
        (
            "failed",
            with(&|gpu| gpu.readings.remapped_rows = rows(true, true)),
            vec![(Critical, "row_remap_failed"), (Warning, "row_remap_pending")],
        ),
        (
            "fabric failed",
            with(&|gpu| {
                gpu.readings.fabric = Fabric { state: Ok(3), status: Ok(999), ..Fabric::absent(Absence::NotSupported) }
            }),
            vec![(Critical, "fabric_failed")],
        ),
        ("reset", recovering(1), vec![(Critical, "recovery_action")]),
        ("reboot", recovering(2), vec![(Critical, "recovery_action")]),
        ("drain", recovering(3), vec![(Warning, "recovery_action")]),
        ("drain and reset", recovering(4), vec![(Warning, "recovery_action")]),
        ("one of tomorrow", recovering(99), vec![(Warning, "recovery_action")]),
    ] {
        let health = after(0, &gpu);
        assert_eq!(codes(&health), expected, "{name}");
        assert_eq!(health.verdict, expected.first().map_or(Severity::Ok, |worst| worst.0), "{name}");
    }
}

#[test]
fn health_throttling_counts_after_three_minutes_of_load() {
    let slow: Change = |gpu| gpu.readings.clocks.sm_mhz = Ok(700);
    let change = |bits: u64, more: Change| {
        let mut gpu = well();
        slow(&mut gpu);
        gpu.readings.clocks.event_reasons = Ok(bits);
        more(&mut gpu);
        gpu
    };
    let as_is: Change = |_| {};
    let idle: Change = |gpu| gpu.readings.utilization.gpu_percent = Ok(49);
    let near: Change = |gpu| gpu.readings.clocks.sm_mhz = Ok(792);
    let narrow: Change = |gpu| gpu.readings.pcie.width = Ok(8);
    let old: Change = |gpu| gpu.readings.pcie.generation = Ok(1);
    let narrow_and_idle: Change = |gpu| {
        gpu.readings.pcie.width = Ok(8);
        gpu.readings.utilization.gpu_percent = Ok(0);
    };
    let none: Change = |gpu| {
        gpu.readings.pcie.width = Err(Absence::NotSupported);
        gpu.readings.pcie.generation = Err(Absence::NotSupported);
    };
    // NVML's status means nothing before the registration is completed.
    fn waits(state: u32) -> Fabric {
        Fabric { state: Ok(state), ..Fabric::absent(Absence::Timeout) }
    }
    let waiting: Change = |gpu| gpu.readings.fabric = waits(2);
    let alone: Change = |gpu| {
        gpu.readings.fabric = waits(1);
        gpu.readings.nvlink.links_total = Ok(0);
    };
    // A laptop at its base clock, and a GPU for data centres at half of its own.
    let base: Change = |gpu| gpu.readings.clocks.sm_mhz = Ok(1290);
    let half: Change = |gpu| gpu.readings.clocks.sm_mhz = Ok(1280);
    let mig: Change = |gpu| gpu.readings.utilization.gpu_percent = Err(Absence::NotSupported);
    let mig_and_narrow: Change = |gpu| {
        gpu.readings.utilization.gpu_percent = Err(Absence::NotSupported);
        gpu.readings.pcie.width = Ok(8);
    };
    let denied: Change = |gpu| gpu.readings.utilization.gpu_percent = Err(Absence::Denied);
    for (name, gpu, expected) in [
        ("too hot, by hardware", change(HW_THERMAL | HW_SLOWDOWN, as_is), Some("thermal_slowdown")),
        ("half its clocks, by hardware", change(HW_THERMAL | HW_SLOWDOWN, half), Some("thermal_slowdown")),
        ("half its clocks, braked", change(POWER_BRAKE | HW_SLOWDOWN, half), Some("power_brake_slowdown")),
        ("half its clocks, by software", change(SW_THERMAL, half), None),
        ("half its clocks, and neither reported", change(HW_SLOWDOWN, half), None),
        ("near its base clock, by hardware", change(HW_THERMAL | HW_SLOWDOWN, base), None),
        ("too hot with MIG", change(HW_THERMAL, mig), Some("thermal_slowdown")),
        ("braked with MIG", change(POWER_BRAKE, mig), Some("power_brake_slowdown")),
        ("too hot with MIG, and idle", change(HW_THERMAL | GPU_IDLE, mig), None),
        ("a narrow link with MIG, which may be idle", change(0, mig_and_narrow), None),
        ("too hot, and the load not read", change(HW_THERMAL, denied), None),
        ("too hot, by software", change(SW_THERMAL, as_is), Some("thermal_slowdown")),
        ("braked", change(POWER_BRAKE | HW_SLOWDOWN, as_is), Some("power_brake_slowdown")),
        ("neither reported", change(HW_SLOWDOWN, as_is), Some("hw_slowdown")),
        ("a power cap", change(4, as_is), None),
        ("a laptop with little to do", change(SW_THERMAL, idle), None),
        ("hot, but near its base clock", change(SW_THERMAL, near), None),
        ("a narrow link", change(0, narrow), Some("pcie_link")),
        ("an old one", change(0, old), Some("pcie_link")),
        ("a narrow link that rests", change(0, narrow_and_idle), None),
        ("no link at all", change(0, none), None),
        ("waiting for the fabric", change(0, waiting), Some("fabric_not_completed")),
        ("no fabric to wait for", change(0, alone), None),
    ] {
        assert_eq!(codes(&after(170, &gpu)), [], "{name} before its time");
        let found: Vec<_> = after(180, &gpu).reasons.into_iter().map(|reason| reason.code).collect();
        assert_eq!(found.first().map(String::as_str), expected, "{name}");
        assert!(found.len() <= 1, "{name}: {found:?}");
    }
}

#[test]
fn health_limits_count_after_seconds() {
    use Severity::{Critical, Warning};
    let celsius = |celsius: i32, slowdown, shutdown| {
        let mut gpu = well();
        gpu.readings.temperature.gpu_celsius = Ok(celsius);
        gpu.readings.temperature.slowdown_celsius = Ok(slowdown);
        gpu.readings.temperature.shutdown_celsius = Ok(shutdown);
        gpu
    };
    let margin = |margin| {
        let mut gpu = well();
        gpu.readings.temperature.margin_celsius = Ok(margin);
        gpu
    };
    let fabric = |health, problems| {
        let mut gpu = well();
        (gpu.readings.fabric.health, gpu.readings.fabric.problems) = (Ok(health), Ok(problems));
        gpu
    };
    let links = |active, joined: bool| {
        let mut gpu = well();
        gpu.readings.nvlink.links_active = Ok(active);
        if !joined {
            gpu.readings.fabric = Fabric::absent(Absence::NotSupported);
        }
        gpu
    };
    for (name, gpu, seconds, expected) in [
        ("hot", celsius(95, 89, 97), 10, vec![(Warning, "slowdown_temperature")]),
        ("beyond shutdown", celsius(95, 89, 92), 10, vec![(Critical, "shutdown_temperature")]),
        ("at shutdown", celsius(92, 89, 92), 10, vec![(Critical, "shutdown_temperature")]),
        ("held at slowdown", celsius(89, 89, 92), 60, vec![]),
        ("no thresholds", celsius(41, 0, 0), 60, vec![]),
        ("implausible thresholds", celsius(41, 7, 9), 60, vec![]),
        ("a margin below zero", margin(-5), 10, vec![(Warning, "slowdown_temperature")]),
        ("no margin", margin(0), 60, vec![]),
        ("all links", links(18, true), 60, vec![]),
        ("some links", links(10, true), 10, vec![(Warning, "nvlink_down")]),
        ("no link", links(0, true), 10, vec![(Critical, "nvlink_down")]),
        ("a bad route", fabric(2, 1 << 2), 10, vec![(Critical, "fabric_unhealthy")]),
        ("less bandwidth", fabric(3, 1), 10, vec![(Warning, "fabric_unhealthy")]),
        ("a healthy fabric", fabric(1, 0), 60, vec![]),
        ("a card without a bridge", links(0, false), 60, vec![]),
        ("half a bridge", links(4, false), 60, vec![]),
    ] {
        assert_eq!(codes(&after(0, &gpu)), [], "{name}: a moment");
        assert_eq!(codes(&after(seconds, &gpu)), expected, "{name}");
    }
    let mut conditions = Conditions::default();
    let mut see = |second: u64, gpu: &Gpu| {
        let gpu = Gpu { read_at: at(second * 1000), ..gpu.clone() };
        codes(&judge(&gpu, &mut conditions, nothing(), moment(gpu.read_at))).len()
    };
    assert_eq!(see(0, &links(4, false)), 0);
    assert_eq!([1, 2, 3, 4].map(|second| see(second, &links(3, false))), [0, 0, 0, 1], "it was up before");
    assert_eq!(see(5, &links(4, false)), 0);
}

#[test]
fn health_ecc_dip_and_required_reset_by_evidence() {
    let judged = |gpu: &Gpu, uncorrected, needs_reset| {
        let evidence = Evidence { uncorrected, needs_reset, ..nothing() };
        let health = judge(gpu, &mut Conditions::default(), evidence, moment(at(0)));
        health.reasons.into_iter().map(|reason| reason.code).collect::<Vec<_>>()
    };
    assert_eq!(judged(&well(), Some(2), false), ["ecc_uncorrected"], "a zero that is not credible");
    assert_eq!(judged(&well(), Some(0), true), ["reset_required"]);
    let failing = Gpu { state: GpuState::Error, ..well() };
    assert_eq!(judged(&failing, None, true), ["reset_required"]);
    let failing = Gpu { state_detail: Some("Unknown Error (999)".into()), ..failing };
    let health = judge(&failing, &mut Conditions::default(), nothing(), moment(at(0)));
    assert!(health.reasons[0].code == "unreadable" && health.reasons[0].text.contains("(999)"));
}

#[test]
fn health_throttling_count_restarts_at_full_speed() {
    let mut conditions = Conditions::default();
    let mut hot = well();
    hot.readings.clocks.sm_mhz = Ok(300);
    hot.readings.clocks.event_reasons = Ok(HW_THERMAL);
    let mut see = |second: u64, gpu: &Gpu| {
        let gpu = Gpu { read_at: at(second * 1000), ..gpu.clone() };
        judge(&gpu, &mut conditions, nothing(), moment(gpu.read_at)).reasons.len()
    };
    for second in (0..=170).step_by(10) {
        assert_eq!(see(second, &hot), 0);
    }
    see(175, &well());
    assert_eq!(see(180, &hot), 0);
}

#[test]
fn health_xids_follow_catalogue_worst_first() {
    let held = [13, 79, 4711, 63, 48].map(|code| (xid::look_up(code), at(0)));
    let health = judge(
        &well(),
        &mut Conditions::default(),
        Evidence { held: held.into_iter(), uncorrected: None, needs_reset: false, slow: None },
        moment(at(0)),
    );
    use Severity::{Critical, Warning};
    // 63 only informs; a pending row is a reading of its own.
    assert_eq!(
        codes(&health),
        [(Critical, "xid_48"), (Critical, "xid_79"), (Warning, "xid_13"), (Warning, "xid_4711")]
    );
    assert!(health.reasons.iter().all(|reason| !reason.action.is_empty()));
}

#[test]
fn health_duration_reset_while_unread() {
    let mut conditions = Conditions::default();
    let mut hot = well();
    hot.readings.clocks.sm_mhz = Ok(300);
    hot.readings.clocks.event_reasons = Ok(HW_THERMAL);
    for (second, state, reasons) in [
        (0, GpuState::Ok, 0),
        (60, GpuState::Ok, 0),
        (120, GpuState::Ok, 0),
        (180, GpuState::Ok, 1),
        (240, GpuState::Stale, 1),
        (241, GpuState::Stale, 0),
        (900, GpuState::Stale, 0),
    ] {
        let gpu = Gpu { state, read_at: at(second.min(180) * 1000), ..hot.clone() };
        let mut health = judge(&gpu, &mut conditions, nothing(), moment(at(second * 1000)));
        health.reasons.retain(|reason| reason.code != "not_answering");
        assert_eq!(health.reasons.len(), reasons, "after {second} s");
    }
}

#[test]
fn health_failed_once_silent_values_expire() {
    use Severity::{Critical, Warning};
    let mut conditions = Conditions::default();
    let stale = Gpu { state: GpuState::Stale, ..well() };
    for (second, state, reads, expected) in [
        (0, GpuState::Stale, true, Some(Warning)),
        (59, GpuState::Stale, true, Some(Warning)),
        (60, GpuState::Stale, true, Some(Critical)),
        // The collector's own state says why none is read.
        (61, GpuState::Stale, false, None),
        (62, GpuState::Stale, true, Some(Critical)),
        (63, GpuState::Ok, true, None),
        (64, GpuState::Stale, true, Some(Warning)),
        (65, GpuState::Stale, false, None),
        (3600, GpuState::Stale, false, None),
        // After so long without a collector nobody knows how long it has not answered.
        (3601, GpuState::Stale, true, Some(Warning)),
    ] {
        let gpu = Gpu { state, ..stale.clone() };
        let at = Moment { reads, ..moment(at(second * 1000)) };
        let health = judge(&gpu, &mut conditions, nothing(), at);
        let found: Vec<_> = codes(&health);
        assert_eq!(
            found,
            expected.map(|severity| (severity, "not_answering")).into_iter().collect::<Vec<_>>(),
            "{second}"
        );
    }
    let denied = Gpu { state: GpuState::Denied, ..well() };
    let at = Moment { reads: false, ..moment(at(0)) };
    assert_eq!(codes(&judge(&denied, &mut Conditions::default(), nothing(), at)), []);
}

#[test]
fn health_problem_kept_until_read_again() {
    let mut bad = well();
    bad.readings.ecc.volatile_uncorrected = Ok(2);
    bad.readings.remapped_rows.pending = Ok(true);
    bad.readings.remapped_rows.failed = Ok(true);
    bad.readings.state.recovery_action = Ok(1);
    bad.readings.fabric = Fabric { state: Ok(3), status: Ok(7), ..Fabric::absent(Absence::NotSupported) };
    let all = ["fabric_failed", "row_remap_failed", "recovery_action", "ecc_uncorrected", "row_remap_pending"];
    let unread = |why| Gpu { readings: Readings::absent(why), ..well() };
    let mut conditions = Conditions::default();
    for (name, gpu, expected) in [
        ("as read", bad, &all[..]),
        ("not in time", unread(Absence::Timeout), &all),
        ("not allowed any more", unread(Absence::Denied), &all),
        ("lost", unread(Absence::Lost), &all),
        ("read again", well(), &[]),
        ("and not", unread(Absence::Timeout), &[]),
    ] {
        let health = judge(&gpu, &mut conditions, nothing(), moment(at(0)));
        let found: Vec<&str> = health.reasons.iter().map(|reason| reason.code.as_str()).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn health_link_slow_only_if_read_under_load() {
    // One reading a minute: the link's reading may be ten minutes old, from before the load.
    let gap = Duration::from_secs(600);
    let mut old = well();
    old.readings.pcie.generation = Ok(1);
    let mut conditions = Conditions::default();
    let mut see = |minute: u64, gpu: &Gpu| {
        let gpu = Gpu { read_at: at(minute * 60_000), ..gpu.clone() };
        let moment = Moment { gap, ..moment(gpu.read_at) };
        judge(&gpu, &mut conditions, nothing(), moment).reasons.len()
    };
    for minute in 0..11 {
        assert_eq!(see(minute, &old), 0, "after {minute} minutes");
    }
    assert_eq!(see(11, &old), 1);
}
