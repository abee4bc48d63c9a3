//! Health of a GPU: each rule is a function from readings to reasons.

mod limits;
mod rate;

use std::time::Duration;

use crate::{
    Absence, Reading, Stamp,
    derive::duration::ConditionTimer,
    readings::Readings,
    snapshot::{Gpu, GpuState, Health, Reason, Severity},
    xid,
};

use rate::Rate;

/// A condition that comes and goes must last this long, so that a moment's dip makes no alarm.
const LASTS: Duration = Duration::from_secs(180);

/// A temperature beyond the slowdown threshold must last this long: the driver holds a GPU at it by itself.
const HOT_LASTS: Duration = Duration::from_secs(10);
/// One beyond the shutdown threshold, and NVLinks that are down.
const LASTS_A_MOMENT: Duration = Duration::from_secs(3);

/// From this share of the time on a GPU is under load, in %: below it, low clocks and a slow link only save power.
const LOADED_PERCENT: u32 = 50;

/// Slowdowns count only where the SMs run below this part of their highest clock, in %, since the driver slows a laptop
/// down most of the time, by software. NVML reports no base clock; bases lie at 40 to 75 % of the highest clock.
const WELL_UNDER_PERCENT: u64 = 40;
/// The same for those slowdowns that are no way to run any GPU: by hardware, too hot or with too little power. They
/// halve the clocks at least; on a GPU for data centres that is half of what is nearly its base.
const WELL_UNDER_IN_NEED_PERCENT: u64 = 65;

const GPU_IDLE: u64 = 1;
const HW_SLOWDOWN: u64 = 1 << 3;
const SW_THERMAL: u64 = 1 << 5;
const HW_THERMAL: u64 = 1 << 6;
const POWER_BRAKE: u64 = 1 << 7;

const FABRIC_COMPLETED: u32 = 3;

/// The conditions of a GPU that must last before they count.
#[derive(Clone, Debug, Default)]
pub(super) struct Conditions {
    thermal: ConditionTimer,
    brake: ConditionTimer,
    slowdown: ConditionTimer,
    link: ConditionTimer,
    fabric: ConditionTimer,
    shutdown: ConditionTimer,
    hot: ConditionTimer,
    links: ConditionTimer,
    fabric_health: ConditionTimer,
    /// The most NVLinks that have been up since the agent started.
    links_up: u32,
    corrected: Rate,
    link_errors: Rate,
    /// It is not read, although the collector reads.
    unread: ConditionTimer,
    newest: Newest,
}

/// Evidence from more than one reading.
#[derive(Debug)]
pub(super) struct Evidence<H> {
    /// The Xid errors that are held against the GPU.
    pub(super) held: H,
    /// Uncorrected ECC errors, without the dips of single readings; none if they were never read.
    pub(super) uncorrected: Option<u64>,
    /// The driver says that nothing but a reset helps.
    pub(super) needs_reset: bool,
    /// Description of its pace, if it is slow.
    pub(super) slow: Option<String>,
}

/// The newest of the slow readings by which something is wrong or not: while they are not read, what was wrong still
/// is.
#[derive(Clone, Copy, Debug, Default)]
struct Newest {
    uncorrected: Option<u64>,
    row_pending: Option<bool>,
    row_failed: Option<bool>,
    links: Option<u32>,
    fabric_status: Option<u32>,
    recovery_action: Option<u32>,
}

impl Conditions {
    /// The most NVLinks that have been up, with those of now.
    fn links_up(&mut self, gpu: &Gpu) -> u32 {
        let nvlink = &gpu.readings.nvlink;
        let active = nvlink.links_active.unwrap_or_default();
        if nvlink.links_total.is_ok_and(|total| active <= total) {
            self.links_up = self.links_up.max(active);
        }
        self.links_up
    }

    /// Reasons that count once they have lasted.
    fn lasting(&mut self, gpu: &Gpu, Moment { now, gap, .. }: Moment) -> Vec<Reason> {
        let links_up = self.links_up(gpu);
        // Old readings make nothing last longer: what lasted is kept for a while, and then forgotten.
        let is_ok = gpu.state == GpuState::Ok;
        let at = if is_ok { gpu.read_at } else { now };
        let lasts = |timer: &mut ConditionTimer, holds: Option<bool>, least: Duration| {
            ConditionTimer::for_at_least(timer.see(holds.filter(|_| is_ok), at, gap), at.boot, least)
        };
        // The link is read once in ten intervals, which the gap is at least as long as: only in one more has it been
        // read under the load of now.
        let link_lasts = LASTS.max(gap + gap / 10);
        let shuts_down = lasts(&mut self.shutdown, limits::reaches_shutdown(gpu), LASTS_A_MOMENT);
        let is_hot = lasts(&mut self.hot, limits::exceeds_slowdown(gpu), HOT_LASTS);
        let are_down = lasts(&mut self.links, limits::links_are_down(gpu, links_up), LASTS_A_MOMENT);
        let is_unwell = lasts(&mut self.fabric_health, limits::fabric_is_unwell(gpu), LASTS_A_MOMENT);
        let reasons = [
            lasts(&mut self.thermal, too_hot(gpu), LASTS).then(thermal_slowdown),
            lasts(&mut self.brake, braked(gpu), LASTS).then(power_brake),
            lasts(&mut self.slowdown, slowed_otherwise(gpu), LASTS).then(hardware_slowdown),
            lasts(&mut self.link, link_is_slow(gpu), link_lasts).then(|| slow_link(gpu)),
            lasts(&mut self.fabric, fabric_is_waiting(gpu), LASTS).then(fabric_waits),
            shuts_down.then(|| limits::shutdown_temperature(gpu)),
            (is_hot && !shuts_down).then(limits::slowdown_temperature),
            are_down.then(|| limits::links_down(gpu, links_up)),
            is_unwell.then(|| limits::fabric_health(gpu)),
        ];
        reasons.into_iter().flatten().chain(self.rates(gpu, at)).collect()
    }

    /// Reasons by the rates of corrected errors.
    fn rates(&mut self, gpu: &Gpu, at: Stamp) -> impl Iterator<Item = Reason> + use<> {
        let Readings { ecc, nvlink, .. } = &gpu.readings;
        let corrected = self.corrected.see(ecc.volatile_corrected, rate::CORRECTED, at.boot);
        let links = self.link_errors.see(nvlink.errors, rate::LINK_ERRORS, at.boot);
        let reasons = [corrected.then(rate::corrected_errors), links.then(rate::link_errors)];
        reasons.into_iter().flatten()
    }
}

impl Newest {
    fn add(&mut self, readings: &Readings, uncorrected: Option<u64>) {
        let errors = readings.ecc.volatile_uncorrected;
        keep(&mut self.uncorrected, errors.map(|read| uncorrected.unwrap_or(read)));
        keep(&mut self.row_pending, readings.remapped_rows.pending);
        keep(&mut self.row_failed, readings.remapped_rows.failed);
        keep(&mut self.links, readings.nvlink.links_total);
        keep(&mut self.fabric_status, readings.fabric.status);
        // A registration that began again has not failed.
        if readings.fabric.state.is_ok_and(|state| state != FABRIC_COMPLETED) {
            self.fabric_status = None;
        }
        keep(&mut self.recovery_action, readings.state.recovery_action);
    }
}

fn keep<T>(newest: &mut Option<T>, reading: Reading<T>) {
    match reading {
        Ok(value) => *newest = Some(value),
        // It was read that there is no such thing.
        Err(Absence::NotSupported) => *newest = None,
        Err(_) => {}
    }
}

/// When GPUs are judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) now: Stamp,
    /// Time without a reading after which a condition is forgotten, as values are.
    pub(super) gap: Duration,
    /// True while the collector reads: else its own state says why no GPU is read.
    pub(super) reads: bool,
}

/// Judges a GPU from its readings, from what lasts, and from further evidence.
pub(super) fn judge(
    gpu: &Gpu,
    conditions: &mut Conditions,
    evidence: Evidence<impl Iterator<Item = (xid::Entry, Stamp)>>,
    moment: Moment,
) -> Health {
    let Evidence { held, uncorrected, needs_reset, slow } = evidence;
    let Moment { now, gap, reads } = moment;
    conditions.newest.add(&gpu.readings, uncorrected);
    let newest = conditions.newest;
    let is_stale = gpu.state == GpuState::Stale;
    let unread = conditions.unread.see(reads.then_some(is_stale), now, gap).filter(|_| reads && is_stale);
    let unread = unread.filter(|_| slow.is_none());
    let mut reasons: Vec<Reason> = held.filter_map(|(entry, _)| of_xid(&entry)).collect();
    reasons.extend(conditions.lasting(gpu, moment));
    let others = [
        lost(gpu),
        slow.filter(|_| reads).map(slow_readings),
        unread.map(|since| not_answering(ConditionTimer::for_at_least(Some(since), now.boot, gap))),
        unreadable(gpu, needs_reset).filter(|_| reads),
        needs_reset.then(reset_required).filter(|_| reads),
        ecc(&newest),
        remap_pending(&newest),
        remap_failed(&newest),
        fabric_failed(&newest),
        recovery(&newest),
    ];
    reasons.extend(others.into_iter().flatten());
    // The worst first, then what is wrong before what the driver asks for because of it, and always in the same order.
    let is_consequence = |reason: &Reason| matches!(&*reason.code, "recovery_action" | "reset_required");
    reasons.sort_by(|one, other| {
        let by_severity = other.severity.cmp(&one.severity);
        by_severity.then_with(|| (is_consequence(one), &one.code).cmp(&(is_consequence(other), &other.code)))
    });
    Health { verdict: reasons.first().map_or(Severity::Ok, |worst| worst.severity), reasons }
}

fn reason(severity: Severity, code: &str, text: impl Into<String>, action: &str) -> Reason {
    Reason { severity, code: code.into(), text: text.into(), action: action.into() }
}

fn of_xid(entry: &xid::Entry) -> Option<Reason> {
    let text = format!("Xid {}: {}", entry.code, entry.meaning);
    (entry.severity > Severity::Ok).then(|| reason(entry.severity, &xid_code(entry.code), text, entry.action))
}

/// The word for an Xid in codes: `xid_79`.
pub(super) fn xid_code(code: u64) -> String {
    format!("xid_{code}")
}

fn lost(gpu: &Gpu) -> Option<Reason> {
    let action = "Reboot the host; if it comes again, check power, seating and the PCIe slot, then the GPU.";
    (gpu.state == GpuState::Lost)
        .then(|| reason(Severity::Critical, "lost", "the GPU is lost: it no longer answers the driver", action))
}

/// Critical once nothing of it is known any more.
fn not_answering(is_long: bool) -> Reason {
    let severity = if is_long { Severity::Critical } else { Severity::Warning };
    let text = "it is not read: the driver has not finished a reading of it in time";
    let action = "The GPU's `state_detail` names the call and the kernel's log mostly why; often only a reboot helps.";
    reason(severity, "not_answering", text, action)
}

fn slow_readings(detail: String) -> Reason {
    let action = "See the kernel's log and the load of the host; a longer --interval asks less of the driver.";
    reason(Severity::Warning, "slow", detail, action)
}

fn unreadable(gpu: &Gpu, needs_reset: bool) -> Option<Reason> {
    let (text, action) = match gpu.state {
        GpuState::Denied => (
            "it is not read: the agent's account may not",
            "Let the agent's account open the GPU's device file, also in the container's device rules.",
        ),
        // The other reason says all.
        GpuState::Error if needs_reset => return None,
        GpuState::Error => ("it is not read: its driver's calls fail", "The GPU's `state_detail` says what failed."),
        GpuState::Ok | GpuState::Stale | GpuState::Lost | GpuState::Asleep => return None,
    };
    // The detail has the driver's code, for which users search.
    let text = match &gpu.state_detail {
        Some(detail) => format!("{text} ({detail})"),
        None => text.into(),
    };
    Some(reason(Severity::Warning, "unreadable", text, action))
}

fn reset_required() -> Reason {
    let text = "reset required: the driver answers that nothing else helps (GPU requires reset, 16)";
    let action = "Reset the GPU (`nvidia-smi --gpu-reset -i GPU`) or reboot the host; until then nothing runs on it.";
    reason(Severity::Critical, "reset_required", text, action)
}

fn ecc(newest: &Newest) -> Option<Reason> {
    let count = newest.uncorrected.filter(|count| *count > 0)?;
    let text = format!("{count} memory errors could not be corrected since the driver was loaded");
    let action = "Reset the GPU when nobody needs it; if they come again, have it checked.";
    Some(reason(Severity::Warning, "ecc_uncorrected", text, action))
}

fn remap_pending(newest: &Newest) -> Option<Reason> {
    let text = "a bad row of memory waits to be replaced by a spare one";
    let pending = newest.row_pending == Some(true);
    pending.then(|| reason(Severity::Warning, "row_remap_pending", text, "Reset the GPU when nobody needs it."))
}

fn remap_failed(newest: &Newest) -> Option<Reason> {
    let text = "a bad row of memory could not be replaced";
    let failed = newest.row_failed == Some(true);
    failed.then(|| reason(Severity::Critical, "row_remap_failed", text, "Have the GPU replaced."))
}

/// True under load; `None` if that was not read.
fn is_loaded(gpu: &Gpu) -> Option<bool> {
    Some(gpu.readings.utilization.gpu_percent.ok()? >= LOADED_PERCENT)
}

/// True if one of these reasons holds the SMs under that share of their highest clock under load. A GPU
/// with MIG reports no load: there it counts as long as the GPU does not report to be idle.
fn slowed(gpu: &Gpu, wanted: u64, under_percent: u64) -> Option<bool> {
    let (now, highest) = (gpu.readings.clocks.sm_mhz.ok()?, gpu.readings.clocks.max_sm_mhz.ok()?);
    let reasons = gpu.readings.clocks.event_reasons.ok()?;
    let loaded = match gpu.readings.utilization.gpu_percent {
        Err(Absence::NotSupported) => reasons & GPU_IDLE == 0,
        _ => is_loaded(gpu)?,
    };
    Some(loaded && reasons & wanted != 0 && u64::from(now) * 100 < u64::from(highest) * under_percent)
}

fn too_hot(gpu: &Gpu) -> Option<bool> {
    let hardware = slowed(gpu, HW_THERMAL, WELL_UNDER_IN_NEED_PERCENT)?;
    Some(hardware || slowed(gpu, SW_THERMAL, WELL_UNDER_PERCENT)?)
}

fn braked(gpu: &Gpu) -> Option<bool> {
    slowed(gpu, POWER_BRAKE, WELL_UNDER_IN_NEED_PERCENT)
}

/// True if the hardware slows it down for a reason that it does not report.
fn slowed_otherwise(gpu: &Gpu) -> Option<bool> {
    let reported = HW_THERMAL | SW_THERMAL | POWER_BRAKE;
    let is_reported = gpu.readings.clocks.event_reasons.ok()? & reported != 0;
    Some(slowed(gpu, HW_SLOWDOWN, WELL_UNDER_PERCENT)? && !is_reported)
}

fn thermal_slowdown() -> Reason {
    let text = "it has been too hot for minutes, and is slowed down far below its clocks";
    reason(Severity::Warning, "thermal_slowdown", text, "Check fans, dust, airflow and the room's temperature.")
}

fn power_brake() -> Reason {
    let text = "the power supply has braked it for minutes, far below its clocks";
    reason(Severity::Warning, "power_brake_slowdown", text, "Check the power supplies and the host's power limit.")
}

/// For GPUs that do not distinguish heat from power.
fn hardware_slowdown() -> Reason {
    let text = "heat or power has slowed it down for minutes, far below its clocks";
    reason(Severity::Warning, "hw_slowdown", text, "Check cooling, then the power supplies.")
}

/// True if the PCIe link is below the capability of GPU and slot under load.
fn link_is_slow(gpu: &Gpu) -> Option<bool> {
    let pcie = &gpu.readings.pcie;
    let narrow = pcie.width.ok()? < pcie.max_width.ok()?;
    let old = pcie.generation.ok()? < pcie.max_generation.ok()?;
    Some(is_loaded(gpu)? && (narrow || old))
}

fn slow_link(gpu: &Gpu) -> Reason {
    let show = |generation: Result<u32, _>, width: Result<u32, _>| match (generation, width) {
        (Ok(generation), Ok(width)) => format!("generation {generation} ×{width}"),
        _ => "less than it could".into(),
    };
    let pcie = &gpu.readings.pcie;
    let now = show(pcie.generation, pcie.width);
    let could = show(pcie.max_generation, pcie.max_width);
    let text = format!("under load the PCIe link runs at {now} where {could} is possible");
    reason(Severity::Warning, "pcie_link", text, "Reseat the GPU; check riser, cable and firmware settings.")
}

/// True if the GPU has not joined its NVSwitch fabric. One without NVLink has none to join.
fn fabric_is_waiting(gpu: &Gpu) -> Option<bool> {
    let state = gpu.readings.fabric.state.ok()?;
    Some(is_on_fabric(gpu.readings.nvlink.links_total.ok()) && state != FABRIC_COMPLETED)
}

fn is_on_fabric(links: Option<u32>) -> bool {
    links.is_some_and(|links| links > 0)
}

fn fabric_waits() -> Reason {
    let text = "it has not joined the NVSwitch fabric for minutes; CUDA may not start on it";
    reason(Severity::Warning, "fabric_not_completed", text, FABRIC)
}

const FABRIC: &str = "Check that the fabric manager runs and has the driver's version.";

fn fabric_failed(newest: &Newest) -> Option<Reason> {
    let status = newest.fabric_status?;
    let failed = is_on_fabric(newest.links) && status != 0;
    let text = || format!("joining the NVSwitch fabric failed with code {status}");
    failed.then(|| reason(Severity::Critical, "fabric_failed", text(), FABRIC))
}

/// Recovery action that the driver requests, by `nvmlDeviceGpuRecoveryAction_t`.
fn recovery(newest: &Newest) -> Option<Reason> {
    let (severity, text, action) = match newest.recovery_action? {
        0 => return None,
        1 => (Severity::Critical, "the driver asks for a reset of the GPU", "Reset the GPU."),
        2 | 7 => (Severity::Critical, "the driver asks for a reboot of the host", "Reboot the host."),
        3 => {
            let action = "Let what uses several GPUs end, and start nothing new there.";
            (Severity::Warning, "the driver asks that work across GPUs be drained from it", action)
        }
        4 => {
            let action = "Let what runs on it end, start nothing new, then reset the GPU.";
            (Severity::Warning, "the driver asks that it be drained and then reset", action)
        }
        5 => {
            let action = "Restart the IMEX service on the hosts of the domain.";
            (Severity::Warning, "the driver asks for a recovery of the IMEX domain", action)
        }
        6 => (Severity::Critical, "the driver asks for a reset of the GPU's bus", "Reset the PCIe bus or reboot."),
        _ => (Severity::Warning, "the driver asks for a recovery that is not known here", "Ask `nvidia-smi -q`."),
    };
    Some(reason(severity, "recovery_action", text, action))
}

#[cfg(test)]
mod tests;
