//! Process lists and what each process takes of a GPU.

use std::ffi::{c_uint, c_ulonglong};
use std::mem::offset_of;
use std::time::{SystemTime, UNIX_EPOCH};

use nvml_wrapper_sys::bindings::{
    nvmlProcessDetailList_v1_t, nvmlProcessUtilizationInfo_v1_t, nvmlProcessUtilizationSample_t,
    nvmlProcessesUtilizationInfo_v1_t,
};

use super::export;
use crate::call::Call;
use crate::code::{INSUFFICIENT_SIZE, INVALID_ARGUMENT, NOT_FOUND};
use crate::handle::Target;
use crate::pointer::{List, Open, Out};
use crate::process_list::{Layout, Row, Wanted, answer, answer_with, rows, share};
use crate::scenario::List as Captured;

/// How often there is a new sample.
const SAMPLE_EVERY_US: u64 = 100_000;

/// The room that a driver names to who asks, whatever the number of processes.
const USUAL_ROOM: c_uint = 100;

/// When the newest sample was taken, by the wall clock.
fn sampled_at() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as u64;
    now - now % SAMPLE_EVERY_US
}

/// What a process took of a GPU in one sample.
struct Sampled {
    pid: u32,
    /// By the wall clock, in microseconds.
    at: u64,
    /// Of the SMs, the memory, the encoder, the decoder, JPEG and the optical flow accelerator.
    shares: [u32; 6],
}

/// The processes that used the GPU since a time. Neither an idle GPU has any, nor one whose newest sample the caller
/// knows.
fn samples(call: &Call, target: Target, last_seen: u64) -> Result<Vec<Sampled>, u32> {
    if let Some(captured) = call.captured_list(target, &[])? {
        return Ok(played(captured));
    }
    let at = sampled_at();
    let rows = rows(call, target, Wanted::Any)?;
    let used = rows.iter().filter(|row| row.told.sm_percent.is_some());
    let samples: Vec<Sampled> = used.map(|row| Sampled::of(call, row, at)).collect();
    if samples.is_empty() || at <= last_seen { Err(NOT_FOUND) } else { Ok(samples) }
}

impl Sampled {
    fn of(call: &Call, row: &Row<'_>, at: u64) -> Self {
        let told = row.told;
        let shares = [&told.sm_percent, &told.memory_percent, &told.encoder_percent, &told.decoder_percent]
            .map(|told| share(call, told));
        let [sm, memory, encoder, decoder] = shares;
        Self { pid: row.pid, at, shares: [sm, memory, encoder, decoder, 0, 0] }
    }
}

/// Captured samples: PID, age in microseconds (-1 for a sample that had no time), and the shares that there were.
fn played(captured: &Captured) -> Vec<Sampled> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as u64;
    let Captured::Entries { entries, .. } = captured else { return Vec::new() };
    let word = |row: &[u64], place: usize| row.get(place).copied().unwrap_or(0);
    let of = |row: &Vec<u64>| Sampled {
        pid: word(row, 0) as u32,
        at: if word(row, 1) == u64::MAX { 0 } else { now.saturating_sub(word(row, 1)) },
        shares: std::array::from_fn(|place| word(row, place + 2) as u32),
    };
    entries.iter().map(of).collect()
}

export! {
    device fn nvmlDeviceGetComputeRunningProcesses(call, target; count: Out<c_uint>, entries: List<u8>) {
        answer(call, target, Wanted::Compute, Layout::Bytes16, count, entries)
    }

    device fn nvmlDeviceGetComputeRunningProcesses_v2(call, target; count: Out<c_uint>, entries: List<u8>) {
        answer(call, target, Wanted::Compute, Layout::Bytes24, count, entries)
    }

    device fn nvmlDeviceGetComputeRunningProcesses_v3(call, target; count: Out<c_uint>, entries: List<u8>) {
        answer(call, target, Wanted::Compute, Layout::newest(call), count, entries)
    }

    device fn nvmlDeviceGetGraphicsRunningProcesses(call, target; count: Out<c_uint>, entries: List<u8>) {
        answer(call, target, Wanted::Graphics, Layout::Bytes16, count, entries)
    }

    device fn nvmlDeviceGetGraphicsRunningProcesses_v2(call, target; count: Out<c_uint>, entries: List<u8>) {
        answer(call, target, Wanted::Graphics, Layout::Bytes24, count, entries)
    }

    device fn nvmlDeviceGetGraphicsRunningProcesses_v3(call, target; count: Out<c_uint>, entries: List<u8>) {
        answer(call, target, Wanted::Graphics, Layout::newest(call), count, entries)
    }

    device fn nvmlDeviceGetMPSComputeRunningProcesses(call, target; count: Out<c_uint>, entries: List<u8>) {
        answer(call, target, Wanted::Shared, Layout::Bytes16, count, entries)
    }

    device fn nvmlDeviceGetMPSComputeRunningProcesses_v2(call, target; count: Out<c_uint>, entries: List<u8>) {
        answer(call, target, Wanted::Shared, Layout::Bytes24, count, entries)
    }

    device fn nvmlDeviceGetMPSComputeRunningProcesses_v3(call, target; count: Out<c_uint>, entries: List<u8>) {
        answer(call, target, Wanted::Shared, Layout::newest(call), count, entries)
    }

    device fn nvmlDeviceGetRunningProcessDetailList(call, target; list: Open<nvmlProcessDetailList_v1_t>) {
        let whole = list.field::<nvmlProcessDetailList_v1_t>(0);
        whole.expect_version(1)?;
        let asked = whole.get();
        let wanted = match asked.mode {
            0 => Wanted::Compute,
            1 => Wanted::Graphics,
            2 => Wanted::Shared,
            _ => return Err(INVALID_ARGUMENT),
        };
        let count = list.field(offset_of!(nvmlProcessDetailList_v1_t, numProcArrayEntries));
        let entries = List::new(asked.procArray.cast());
        answer_with(call, target, (wanted, &[asked.mode.into()]), Layout::Bytes32, count, entries)
    }

    device fn nvmlDeviceGetProcessUtilization(call, target; entries: List<nvmlProcessUtilizationSample_t>, count: Out<c_uint>, last_seen: c_ulonglong) {
        let rows = samples(call, target, last_seen)?;
        let sampled = rows.len() as c_uint;
        if entries.is_absent() || count.get() < sampled {
            count.put(sampled.max(USUAL_ROOM));
            return Err(INSUFFICIENT_SIZE);
        }
        for (place, row) in rows.iter().enumerate() {
            call.put(entries.at(place), nvmlProcessUtilizationSample_t {
                pid: row.pid,
                timeStamp: row.at,
                smUtil: row.shares[0],
                memUtil: row.shares[1],
                encUtil: row.shares[2],
                decUtil: row.shares[3],
            })?;
        }
        count.put(sampled);
        Ok(())
    }

    device fn nvmlDeviceGetProcessesUtilizationInfo(call, target; info: Open<nvmlProcessesUtilizationInfo_v1_t>) {
        let whole = info.field::<nvmlProcessesUtilizationInfo_v1_t>(0);
        whole.expect_version(1)?;
        let asked = whole.get();
        let count: Out<c_uint> = info.field(offset_of!(nvmlProcessesUtilizationInfo_v1_t, processSamplesCount));
        let rows = samples(call, target, asked.lastSeenTimeStamp)?;
        let sampled = rows.len() as c_uint;
        if asked.procUtilArray.is_null() || asked.processSamplesCount < sampled {
            if asked.procUtilArray.is_null() && asked.processSamplesCount > 0 {
                return Err(INVALID_ARGUMENT);
            }
            count.put(sampled.max(USUAL_ROOM));
            return Err(INSUFFICIENT_SIZE);
        }
        let entries = List::new(asked.procUtilArray);
        for (place, row) in rows.iter().enumerate() {
            call.put(entries.at(place), nvmlProcessUtilizationInfo_v1_t {
                timeStamp: row.at,
                pid: row.pid,
                smUtil: row.shares[0],
                memUtil: row.shares[1],
                encUtil: row.shares[2],
                decUtil: row.shares[3],
                jpgUtil: row.shares[4],
                ofaUtil: row.shares[5],
            })?;
        }
        count.put(sampled);
        Ok(())
    }
}
