//! Rows of process lists, and the three layouts that drivers have used for them.

use std::mem::offset_of;
use std::sync::Arc;

use nvml_wrapper_sys::bindings::{nvmlProcessInfo_v1_t, nvmlProcessInfo_v2_t};

use crate::call::Call;
use crate::code::{INSUFFICIENT_SIZE, INVALID_ARGUMENT, Outcome};
use crate::commands::Commands;
use crate::engine::engine;
use crate::handle::Target;
use crate::pointer::{List, Out};
use crate::scenario::{Kind, List as AnsweredList, Process};
use crate::value::Value;

/// A process on a GPU, at the time of one call.
pub(crate) struct Row<'a> {
    pub(crate) pid: u32,
    pub(crate) process: &'a Process,
}

/// Type of a process list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListKind {
    Compute,
    Graphics,
    /// Clients of the Multi-Process Service (MPS).
    Mps,
    /// Processes of every type.
    All,
}

/// Layout of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// PID and memory.
    Bytes16,
    /// PID, memory and MIG instance.
    Bytes24,
    /// PID, memory, MIG instance and protected memory: only early R535 drivers.
    Bytes32,
}

impl Layout {
    /// Layout of the `_v3` functions in this scenario.
    pub(crate) fn newest(call: &Call) -> Self {
        match call.scenario().process_layout {
            16 => Self::Bytes16,
            32 => Self::Bytes32,
            _ => Self::Bytes24,
        }
    }

    const fn stride(self) -> usize {
        match self {
            Self::Bytes16 => size_of::<nvmlProcessInfo_v1_t>(),
            Self::Bytes24 => size_of::<nvmlProcessInfo_v2_t>(),
            Self::Bytes32 => size_of::<nvmlProcessInfo_v2_t>() + size_of::<u64>(),
        }
    }

    /// Writes an entry field by field, like a driver: the padding after the PID keeps its bytes.
    fn write(self, entry: List<u8>, call: &Call, row: &Row<'_>) -> Outcome {
        let field = |offset: usize| entry.at(offset);
        let memory = row.process.memory_bytes.map_or(u64::MAX, |bytes| bytes.whole(call.seconds) as u64);
        call.put(field(offset_of!(nvmlProcessInfo_v2_t, pid)).cast(), row.pid)?;
        call.put(field(offset_of!(nvmlProcessInfo_v2_t, usedGpuMemory)).cast(), memory)?;
        if self != Self::Bytes16 {
            call.put(field(offset_of!(nvmlProcessInfo_v2_t, gpuInstanceId)).cast(), row.process.gpu_instance)?;
            call.put(field(offset_of!(nvmlProcessInfo_v2_t, computeInstanceId)).cast(), row.process.compute_instance)?;
        }
        if self == Self::Bytes32 {
            call.put(field(size_of::<nvmlProcessInfo_v2_t>()).cast(), 0_u64)?;
        }
        Ok(())
    }
}

/// Rows of a list, in the order of the scenario. A MIG instance lists only its own processes.
pub(crate) fn rows(call: &Call, target: Target, kind: ListKind) -> Result<Vec<Row<'_>>, u32> {
    let instance = call.mig(target)?.map(|mig| (mig.gpu_instance, mig.compute_instance));
    let mut commands: Option<Commands> = None;
    let mut rows = Vec::new();
    for process in &call.gpu(target)?.process {
        let listed = match kind {
            ListKind::Compute => matches!(process.kind, Kind::Compute | Kind::Both),
            ListKind::Graphics => matches!(process.kind, Kind::Graphics | Kind::Both),
            ListKind::Mps => process.kind == Kind::Mps,
            ListKind::All => true,
        };
        if !listed || instance.is_some_and(|instance| instance != (process.gpu_instance, process.compute_instance)) {
            continue;
        }
        if let Some(part) = &process.command {
            let commands = commands.get_or_insert_with(|| engine().commands.list());
            let matching = Arc::clone(commands);
            let matching = matching.iter().filter(|(_, line)| line.contains(part.as_str())).take(process.limit);
            rows.extend(matching.map(|(pid, _)| Row { pid: *pid, process }));
        } else {
            let first = process.first_pid.or(process.pid).unwrap_or_default();
            let offsets = 0..process.count.unwrap_or(1);
            rows.extend(offsets.map(|offset| Row { pid: first.wrapping_add(offset), process }));
        }
    }
    Ok(rows)
}

/// Writes the list of one of the functions that list processes.
pub(crate) fn put_list(
    call: &Call,
    target: Target,
    kind: ListKind,
    layout: Layout,
    count: Out<u32>,
    entries: List<u8>,
) -> Outcome {
    put_selected_list(call, target, (kind, &[]), layout, count, entries)
}

/// Writes a list whose type is not part of the function's name: `selectors` select the scenario's answer.
pub(crate) fn put_selected_list(
    call: &Call,
    target: Target,
    (kind, selectors): (ListKind, &[u64]),
    layout: Layout,
    count: Out<u32>,
    entries: List<u8>,
) -> Outcome {
    if let Some(answer) = call.answer(target, selectors)? {
        return match &answer.list {
            Some(list) => play(list, count, entries),
            None => Err(answer.code),
        };
    }
    let rows = rows(call, target, kind)?;
    let capacity = count.get();
    let listed = u32::try_from(rows.len()).unwrap_or(u32::MAX);
    if capacity > 0 && entries.is_null() {
        return Err(INVALID_ARGUMENT);
    }
    // As if a process had started since the caller asked for the size.
    if capacity > 0 && call.reports_small_buffer() {
        count.put(listed.max(capacity) + 1);
        return Err(INSUFFICIENT_SIZE);
    }
    count.put(listed);
    if listed > capacity {
        return Err(INSUFFICIENT_SIZE);
    }
    for (index, row) in rows.iter().enumerate() {
        layout.write(entries.skip(index * layout.stride()), call, row)?;
    }
    Ok(())
}

/// Writes a list of the scenario's answers.
fn play(list: &AnsweredList, count: Out<u32>, entries: List<u8>) -> Outcome {
    let capacity = count.get();
    let listed = match list {
        AnsweredList::Entries { entries, .. } => u32::try_from(entries.len()).unwrap_or(u32::MAX),
        AnsweredList::Unknown { count, .. } => *count,
    };
    if capacity > 0 && entries.is_null() {
        return Err(INVALID_ARGUMENT);
    }
    count.put(listed);
    if listed > capacity {
        return Err(INSUFFICIENT_SIZE);
    }
    match list {
        AnsweredList::Entries { width, entries: rows } => {
            for (index, row) in rows.iter().enumerate() {
                write_words(entries.skip(index * width), *width, row);
            }
        }
        // Never more bytes than the widest layout has, because callers' buffers are at least that large.
        AnsweredList::Unknown { written, .. } => {
            (0..(*written).min(listed as usize * Layout::Bytes32.stride())).for_each(|at| entries.at(at).put(!0));
        }
    }
    Ok(())
}

/// Writes PID, memory, MIG instance and protected memory: as many as the row has and the width permits.
fn write_words(entry: List<u8>, width: usize, row: &[u64]) {
    let offsets = [
        offset_of!(nvmlProcessInfo_v2_t, pid),
        offset_of!(nvmlProcessInfo_v2_t, usedGpuMemory),
        offset_of!(nvmlProcessInfo_v2_t, gpuInstanceId),
        offset_of!(nvmlProcessInfo_v2_t, computeInstanceId),
        size_of::<nvmlProcessInfo_v2_t>(),
    ];
    for ((index, offset), word) in offsets.into_iter().enumerate().zip(row).filter(|((_, offset), _)| *offset < width) {
        match index {
            1 | 4 => entry.at(offset).cast().put(*word),
            _ => entry.at(offset).cast().put(*word as u32),
        }
    }
}

/// Current share of a process in percent, or 0 if it does not fit in 32 bits.
pub(crate) fn share(call: &Call, percent: &Option<Value>) -> u32 {
    percent.map_or(0, |value| u32::try_from(value.whole(call.seconds)).unwrap_or(0))
}
