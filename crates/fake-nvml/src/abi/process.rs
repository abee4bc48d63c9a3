//! Process lists and the utilization of each process.

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
use crate::pointer::{Fields, List, Out};
use crate::process_list::{Layout, ListKind, Row, put_list, put_selected_list, rows, share};
use crate::scenario::List as AnsweredList;

/// Time between two samples, in microseconds.
const SAMPLE_EVERY_US: u64 = 100_000;

/// Capacity that a driver asks for, whatever the number of processes.
const USUAL_CAPACITY: c_uint = 100;

/// Time of the newest sample: Unix time in microseconds.
fn sampled_at() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as u64;
    now - now % SAMPLE_EVERY_US
}

/// Utilization of a GPU by a process.
struct Utilization {
    pid: u32,
    /// Unix time in microseconds.
    at: u64,
    /// Percent of SMs, memory, encoder, decoder, JPEG engine and optical flow accelerator.
    shares: [u32; 6],
}

/// Samples of the processes that used the GPU since a time. An idle GPU has none, and neither has one whose newest
/// sample the caller already has.
fn samples(call: &Call, target: Target, last_seen: u64) -> Result<Vec<Utilization>, u32> {
    if let Some(list) = call.answered_list(target, &[])? {
        return Ok(played(list));
    }
    let at = sampled_at();
    let rows = rows(call, target, ListKind::All)?;
    let used = rows.iter().filter(|row| row.process.sm_percent.is_some());
    let samples: Vec<Utilization> = used.map(|row| Utilization::of(call, row, at)).collect();
    if samples.is_empty() || at <= last_seen { Err(NOT_FOUND) } else { Ok(samples) }
}

impl Utilization {
    fn of(call: &Call, row: &Row<'_>, at: u64) -> Self {
        let process = row.process;
        let facts = [&process.sm_percent, &process.memory_percent, &process.encoder_percent, &process.decoder_percent];
        let shares = facts.map(|fact| share(call, fact));
        let [sm, memory, encoder, decoder] = shares;
        Self { pid: row.pid, at, shares: [sm, memory, encoder, decoder, 0, 0] }
    }
}

/// Samples of an answer: PID, age in microseconds (-1 for a sample without a time), and the shares.
fn played(list: &AnsweredList) -> Vec<Utilization> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as u64;
    let AnsweredList::Entries { entries, .. } = list else { return Vec::new() };
    let word = |row: &[u64], index: usize| row.get(index).copied().unwrap_or(0);
    let of = |row: &Vec<u64>| Utilization {
        pid: word(row, 0) as u32,
        at: if word(row, 1) == u64::MAX { 0 } else { now.saturating_sub(word(row, 1)) },
        shares: std::array::from_fn(|index| word(row, index + 2) as u32),
    };
    entries.iter().map(of).collect()
}

export! {
    device fn nvmlDeviceGetComputeRunningProcesses(call, target; count: Out<c_uint>, entries: List<u8>) {
        put_list(call, target, ListKind::Compute, Layout::Bytes16, count, entries)
    }

    device fn nvmlDeviceGetComputeRunningProcesses_v2(call, target; count: Out<c_uint>, entries: List<u8>) {
        put_list(call, target, ListKind::Compute, Layout::Bytes24, count, entries)
    }

    device fn nvmlDeviceGetComputeRunningProcesses_v3(call, target; count: Out<c_uint>, entries: List<u8>) {
        put_list(call, target, ListKind::Compute, Layout::newest(call), count, entries)
    }

    device fn nvmlDeviceGetGraphicsRunningProcesses(call, target; count: Out<c_uint>, entries: List<u8>) {
        put_list(call, target, ListKind::Graphics, Layout::Bytes16, count, entries)
    }

    device fn nvmlDeviceGetGraphicsRunningProcesses_v2(call, target; count: Out<c_uint>, entries: List<u8>) {
        put_list(call, target, ListKind::Graphics, Layout::Bytes24, count, entries)
    }

    device fn nvmlDeviceGetGraphicsRunningProcesses_v3(call, target; count: Out<c_uint>, entries: List<u8>) {
        put_list(call, target, ListKind::Graphics, Layout::newest(call), count, entries)
    }

    device fn nvmlDeviceGetMPSComputeRunningProcesses(call, target; count: Out<c_uint>, entries: List<u8>) {
        put_list(call, target, ListKind::Mps, Layout::Bytes16, count, entries)
    }

    device fn nvmlDeviceGetMPSComputeRunningProcesses_v2(call, target; count: Out<c_uint>, entries: List<u8>) {
        put_list(call, target, ListKind::Mps, Layout::Bytes24, count, entries)
    }

    device fn nvmlDeviceGetMPSComputeRunningProcesses_v3(call, target; count: Out<c_uint>, entries: List<u8>) {
        put_list(call, target, ListKind::Mps, Layout::newest(call), count, entries)
    }

    device fn nvmlDeviceGetRunningProcessDetailList(call, target; list: Fields<nvmlProcessDetailList_v1_t>) {
        let whole = list.field::<nvmlProcessDetailList_v1_t>(0);
        whole.expect_version(1)?;
        let request = whole.get();
        let kind = match request.mode {
            0 => ListKind::Compute,
            1 => ListKind::Graphics,
            2 => ListKind::Mps,
            _ => return Err(INVALID_ARGUMENT),
        };
        let count = list.field(offset_of!(nvmlProcessDetailList_v1_t, numProcArrayEntries));
        let entries = List::new(request.procArray.cast());
        put_selected_list(call, target, (kind, &[request.mode.into()]), Layout::Bytes32, count, entries)
    }

    device fn nvmlDeviceGetProcessUtilization(call, target; entries: List<nvmlProcessUtilizationSample_t>, count: Out<c_uint>, last_seen: c_ulonglong) {
        let rows = samples(call, target, last_seen)?;
        let sampled = rows.len() as c_uint;
        if entries.is_null() || count.get() < sampled {
            count.put(sampled.max(USUAL_CAPACITY));
            return Err(INSUFFICIENT_SIZE);
        }
        for (index, row) in rows.iter().enumerate() {
            call.put(entries.at(index), nvmlProcessUtilizationSample_t {
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

    device fn nvmlDeviceGetProcessesUtilizationInfo(call, target; info: Fields<nvmlProcessesUtilizationInfo_v1_t>) {
        let whole = info.field::<nvmlProcessesUtilizationInfo_v1_t>(0);
        whole.expect_version(1)?;
        let request = whole.get();
        let count: Out<c_uint> = info.field(offset_of!(nvmlProcessesUtilizationInfo_v1_t, processSamplesCount));
        let rows = samples(call, target, request.lastSeenTimeStamp)?;
        let sampled = rows.len() as c_uint;
        if request.procUtilArray.is_null() || request.processSamplesCount < sampled {
            if request.procUtilArray.is_null() && request.processSamplesCount > 0 {
                return Err(INVALID_ARGUMENT);
            }
            count.put(sampled.max(USUAL_CAPACITY));
            return Err(INSUFFICIENT_SIZE);
        }
        let entries = List::new(request.procUtilArray);
        for (index, row) in rows.iter().enumerate() {
            call.put(entries.at(index), nvmlProcessUtilizationInfo_v1_t {
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
