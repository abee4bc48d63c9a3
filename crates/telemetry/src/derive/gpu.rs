//! One GPU's state and readings, from its sample and the time.

use std::time::Duration;

use crate::{
    Absence, Reading, Stamp,
    derive::{
        LeftOut,
        collector::describe,
        cpu::{self, ProcessTimes},
        expired_after,
        known_gpus::KnownGpu,
        pace::Pace,
        pods, process, stale_after,
    },
    readings::{Activity, Every, MemoryReadings, Pcie, Readings},
    sample::{Call, Failure, GpuJobs, GpuSample, MigSample, ProcessLists, Sample},
    snapshot::{ContainerCount, Gpu, GpuState, Health, ListsRead, Mig, PROHIBITED, Severity, Totals, Usage, Xid},
};

/// Time after which a call counts as one that does not return.
const HANGS: Duration = Duration::from_secs(1);

/// Time and context by which readings are judged.
pub(super) struct Ages<'a> {
    pub(super) now: Stamp,
    pub(super) interval: Duration,
    pub(super) left_out: &'a [LeftOut],
    pub(super) asleep: bool,
    pub(super) times: &'a ProcessTimes,
    pub(super) container_count: ContainerCount,
}

/// A GPU of a sample, with its name and pace.
pub(super) struct Named<'a> {
    /// Its place in the sample: the index that a frame reports of itself is not trusted.
    pub(super) index: u32,
    pub(super) key: &'a str,
    pub(super) sample: &'a GpuSample,
    /// Pace of its readings, once it was read.
    pub(super) pace: Option<&'a Pace>,
}

/// The GPU as it is now, without what [records](super::records) have to add: use, health, totals and Xid errors.
pub(super) fn derive(named: &Named<'_>, whole: &Sample, ages: &Ages<'_>) -> Gpu {
    if ages.asleep {
        return asleep(named, whole, ages);
    }
    let sample = named.sample;
    let mut gpu = read(named, whole, ages);
    // Until it is tried again it has no reading, and that it is stale is not the reason.
    match ages.left_out.iter().find(|out| out.gpu == sample.index && sample.read_at.is_none()) {
        Some(out) => Gpu {
            state: GpuState::Error,
            state_detail: Some(format!("left out for ten minutes: the library died twice in {}", out.function)),
            readings: Readings::absent(Absence::Error),
            lists: ListsRead::absent(Absence::Error),
            mig: Err(Absence::Error),
            ..gpu
        },
        None => {
            if let Some(pace) = named.pace {
                slow_down(&mut gpu, sample, pace, ages);
            }
            gpu
        }
    }
}

fn read(&Named { index, key, sample, .. }: &Named<'_>, whole: &Sample, ages: &Ages<'_>) -> Gpu {
    let read_at = sample.read_at.unwrap_or(whole.assembled);
    let age = ages.now.boot.since(read_at.boot);
    let stale = sample.read_at.is_none() || age > stale_after(ages.interval);
    let expired = sample.read_at.is_none() || age > expired_after(ages.interval);
    let state = match sample.handle {
        Err(Absence::Lost) => GpuState::Lost,
        Err(Absence::Denied) => GpuState::Denied,
        Err(_) => GpuState::Error,
        Ok(()) if is_lost(sample) => GpuState::Lost,
        Ok(()) if stale => GpuState::Stale,
        Ok(()) => GpuState::Ok,
    };
    let stuck = sample.stuck.as_ref().filter(|call| hangs(call, ages.now)).map(|call| describe(call, ages.now.boot));
    // Where the collector is not heard, nobody listens.
    let silent = ages.now.boot.since(whole.assembled.boot) > stale_after(ages.interval);
    let xid_since = if silent { Err(Absence::Timeout) } else { sample.xid_since };
    Gpu {
        index,
        key: key.into(),
        // A GPU that does not answer is stale, whatever it was before.
        state: if stale { GpuState::Stale } else { state },
        state_detail: stuck
            .or_else(|| sample.refusal.as_ref().filter(|_| !stale && sample.handle.is_err()).map(refused))
            .or_else(|| cannot_compute(sample).filter(|_| state == GpuState::Ok)),
        read_at,
        never_read: sample.read_at.is_none(),
        age,
        identity: sample.identity.clone(),
        readings: if expired { Readings::absent(Absence::Timeout) } else { readings(sample) },
        lists: if expired { ListsRead::absent(Absence::Timeout) } else { lists(sample) },
        mig: if expired { Err(Absence::Timeout) } else { mig(sample, whole, read_at) },
        pods: if expired { Err(Absence::Timeout) } else { pods::of_gpu(sample, whole) },
        xid: no_xid(xid_since),
        usage: Usage::unknown(read_at, Absence::Timeout),
        health: Health::default(),
        processes: if expired { Vec::new() } else { process::derive(sample, whole, ages.times, ages.container_count) },
        totals: Totals::absent(Absence::Timeout),
        jobs: jobs(sample.index, whole),
        claim: None,
    }
}

/// A GPU whose readings come, but slowly, is not stale until one is much later than the others. One that is too slow
/// for its values to be shown from one reading to the next stays stale all the time.
fn slow_down(gpu: &mut Gpu, sample: &GpuSample, pace: &Pace, ages: &Ages<'_>) {
    let Some(period) = pace.period() else { return };
    if sample.handle.is_err() || is_lost(sample) || !matches!(gpu.state, GpuState::Ok | GpuState::Stale) {
        return;
    }
    let hangs = sample.stuck.as_ref().is_some_and(|call| hangs(call, ages.now)) && gpu.age > period * 2;
    let is_shown = period * 2 <= expired_after(ages.interval);
    gpu.state = if is_shown && gpu.age <= period * 2 { GpuState::Ok } else { GpuState::Stale };
    if !hangs {
        gpu.state_detail = pace.detail(ages.interval);
    }
}

/// True of a call that has not returned for a while. A shorter one is only the one that is being made.
fn hangs(call: &Call, now: Stamp) -> bool {
    now.boot.since(call.since) >= HANGS
}

fn refused(failure: &Failure) -> String {
    format!("{} answered {}", failure.function, answer(failure))
}

/// The driver's answer, with its code and a hint.
pub(super) fn answer(Failure { code, text, hint, .. }: &Failure) -> String {
    let hint = hint.as_ref().map(|hint| format!(": {hint}")).unwrap_or_default();
    format!("{text} ({code}){hint}")
}

fn readings(sample: &GpuSample) -> Readings {
    let mut readings = sample.readings.clone();
    readings.activity = sane(&readings.activity);
    // A GPU on the processor's chip, which shares its memory, has no PCIe link, whatever the driver reports of one.
    if readings.memory.unified == Ok(true) {
        readings.pcie = Pcie::absent(Absence::NotSupported);
    }
    readings
}

fn lists(sample: &GpuSample) -> ListsRead {
    let ProcessLists { compute, graphics, .. } = &sample.lists;
    ListsRead {
        compute: compute.as_ref().map(|_| ()).map_err(|why| *why),
        graphics: graphics.as_ref().map(|_| ()).map_err(|why| *why),
    }
}

/// Reason why nobody can compute on it, though it is read.
fn cannot_compute(sample: &GpuSample) -> Option<String> {
    let modes = &sample.readings.modes;
    let has_no_instance = modes.mig == Ok(true) && sample.mig.as_ref().is_ok_and(Vec::is_empty);
    if has_no_instance {
        Some("MIG is on and there is no instance yet, without which CUDA cannot use it".into())
    } else if modes.compute == Ok(PROHIBITED) {
        Some("its compute mode is prohibited, so that CUDA cannot use it (`nvidia-smi -c 0` ends that)".into())
    } else {
        None
    }
}

/// Job files of a GPU and its instances.
fn jobs(gpu: u32, whole: &Sample) -> Option<Vec<GpuJobs>> {
    let all = whole.jobs.as_ref()?;
    Some(all.iter().filter(|one| one.gpu == gpu).cloned().collect())
}

fn mig(gpu: &GpuSample, whole: &Sample, read_at: Stamp) -> Reading<Vec<Mig>> {
    let instance = |sample: &MigSample| Mig {
        sample: MigSample { activity: sample.activity.as_ref().map(sane).map_err(|why| *why), ..sample.clone() },
        pods: pods::of_instance(gpu, sample, whole),
        usage: Usage::unknown(read_at, Absence::Timeout),
        claim: None,
    };
    gpu.mig.as_ref().map(|instances| instances.iter().map(instance).collect()).map_err(|why| *why)
}

fn sane(activity: &Activity) -> Activity {
    Activity {
        graphics_ratio: cpu::sane(activity.graphics_ratio),
        sm_ratio: cpu::sane(activity.sm_ratio),
        sm_occupancy_ratio: cpu::sane(activity.sm_occupancy_ratio),
        tensor_ratio: cpu::sane(activity.tensor_ratio),
        dram_ratio: cpu::sane(activity.dram_ratio),
        fp64_ratio: cpu::sane(activity.fp64_ratio),
        fp32_ratio: cpu::sane(activity.fp32_ratio),
        fp16_ratio: cpu::sane(activity.fp16_ratio),
    }
}

/// A GPU that was let go: its identity and its total memory do not change while it sleeps.
fn asleep(named: &Named<'_>, whole: &Sample, ages: &Ages<'_>) -> Gpu {
    let why = Absence::Asleep;
    let sample = named.sample;
    let (total_bytes, unified) = (sample.readings.memory.total_bytes, sample.readings.memory.unified);
    let memory = MemoryReadings { total_bytes, unified, ..MemoryReadings::absent(why) };
    let gpu = read(named, whole, ages);
    Gpu {
        state: GpuState::Asleep,
        state_detail: None,
        readings: Readings { memory, ..Readings::absent(why) },
        lists: ListsRead::absent(why),
        mig: Err(why),
        pods: Err(why),
        xid: Xid { since: Err(why), ..gpu.xid },
        processes: Vec::new(),
        ..gpu
    }
}

/// A GPU that the driver no longer counts.
pub(super) fn uncounted(known: &KnownGpu, index: u32, ages: &Ages<'_>) -> Gpu {
    let why = Absence::Lost;
    Gpu {
        index,
        key: known.key.clone(),
        state: GpuState::Lost,
        state_detail: Some("the driver no longer counts it".into()),
        read_at: known.read_at,
        never_read: known.never_read,
        age: ages.now.boot.since(known.read_at.boot),
        identity: known.identity.clone(),
        readings: Readings::absent(why),
        lists: ListsRead::absent(why),
        mig: Err(why),
        pods: Err(why),
        xid: no_xid(Err(why)),
        usage: Usage::unknown(known.read_at, why),
        health: Health::default(),
        processes: Vec::new(),
        totals: Totals::absent(why),
        jobs: None,
        claim: None,
    }
}

/// Xid errors before the GPU's own are known.
const fn no_xid(since: Reading<Stamp>) -> Xid {
    let count = match since {
        Ok(_) => Ok(0),
        Err(why) => Err(why),
    };
    Xid { since, last: None, count, by_severity: [0; Severity::ALL.len()], by_code: Vec::new(), held: Vec::new() }
}

/// Call that hangs; of several GPUs the one that began first.
pub(super) fn first_stuck(gpus: &[GpuSample], now: Stamp) -> Option<&Call> {
    gpus.iter().filter_map(|gpu| gpu.stuck.as_ref()).filter(|call| hangs(call, now)).min_by_key(|call| call.since)
}

/// One call that answered "lost" is enough: a GPU off the bus may still report what its driver has cached. Readings of
/// the last ten ticks do not count: a GPU that answers again keeps some of them for a while.
pub(super) fn is_lost(sample: &GpuSample) -> bool {
    let readings =
        sample.readings.absences().filter(|(field, _)| field.spec().every == Every::Tick).map(|(_, why)| why);
    readings.chain(sample.lists.absences().map(|(_, why)| why)).any(|why| why == Absence::Lost)
}
