//! Rows of process lists, and the three layouts in which drivers have written them.

use std::mem::offset_of;
use std::sync::Arc;

use nvml_wrapper_sys::bindings::{nvmlProcessInfo_v1_t, nvmlProcessInfo_v2_t};

use crate::call::Call;
use crate::code::{Done, INSUFFICIENT_SIZE, INVALID_ARGUMENT};
use crate::commands::Commands;
use crate::engine::engine;
use crate::handle::Target;
use crate::pointer::{List, Out};
use crate::scenario::{Kind, List as Captured, Process};
use crate::value::Value;

/// A process on a GPU, as of one call.
pub(crate) struct Row<'a> {
    pub(crate) pid: u32,
    pub(crate) told: &'a Process,
}

/// Which list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Compute,
    Graphics,
    /// Clients of a multi-process service.
    Shared,
    /// Whatever the type.
    Any,
}

/// An entry's layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// PID and memory.
    Bytes16,
    /// And the MIG instance.
    Bytes24,
    /// And the protected memory, which only early drivers of the 535 branch had.
    Bytes32,
}

impl Layout {
    /// The layout that the scenario gives the newest functions.
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

    /// Writes an entry field by field, as a driver does: the gap after the PID stays what it was.
    fn write(self, entry: List<u8>, call: &Call, row: &Row<'_>) -> Done {
        let field = |offset: usize| entry.at(offset);
        let memory = row.told.memory_bytes.map_or(u64::MAX, |bytes| bytes.whole(call.seconds) as u64);
        call.put(field(offset_of!(nvmlProcessInfo_v2_t, pid)).cast(), row.pid)?;
        call.put(field(offset_of!(nvmlProcessInfo_v2_t, usedGpuMemory)).cast(), memory)?;
        if self != Self::Bytes16 {
            call.put(field(offset_of!(nvmlProcessInfo_v2_t, gpuInstanceId)).cast(), row.told.gpu_instance)?;
            call.put(field(offset_of!(nvmlProcessInfo_v2_t, computeInstanceId)).cast(), row.told.compute_instance)?;
        }
        if self == Self::Bytes32 {
            call.put(field(size_of::<nvmlProcessInfo_v2_t>()).cast(), 0_u64)?;
        }
        Ok(())
    }
}

/// The rows of a list, in the order of the scenario. A MIG instance sees its own.
pub(crate) fn rows(call: &Call, target: Target, wanted: Wanted) -> Result<Vec<Row<'_>>, u32> {
    let instance = call.mig(target)?.map(|mig| (mig.gpu_instance, mig.compute_instance));
    let mut commands: Option<Commands> = None;
    let mut rows = Vec::new();
    for told in &call.gpu(target)?.process {
        let listed = match wanted {
            Wanted::Compute => matches!(told.kind, Kind::Compute | Kind::Both),
            Wanted::Graphics => matches!(told.kind, Kind::Graphics | Kind::Both),
            Wanted::Shared => told.kind == Kind::Shared,
            Wanted::Any => true,
        };
        if !listed || instance.is_some_and(|instance| instance != (told.gpu_instance, told.compute_instance)) {
            continue;
        }
        if let Some(part) = &told.command {
            let commands = commands.get_or_insert_with(|| engine().commands.list());
            let matching = Arc::clone(commands);
            let matching = matching.iter().filter(|(_, line)| line.contains(part.as_str())).take(told.limit);
            rows.extend(matching.map(|(pid, _)| Row { pid: *pid, told }));
        } else {
            let first = told.first_pid.or(told.pid).unwrap_or_default();
            rows.extend((0..told.count.unwrap_or(1)).map(|offset| Row { pid: first.wrapping_add(offset), told }));
        }
    }
    Ok(rows)
}

/// Answers one of the functions that list processes.
pub(crate) fn answer(
    call: &Call,
    target: Target,
    wanted: Wanted,
    layout: Layout,
    count: Out<u32>,
    entries: List<u8>,
) -> Done {
    answer_with(call, target, (wanted, &[]), layout, count, entries)
}

/// The same, for a function that is told which list is wanted.
pub(crate) fn answer_with(
    call: &Call,
    target: Target,
    (wanted, told): (Wanted, &[u64]),
    layout: Layout,
    count: Out<u32>,
    entries: List<u8>,
) -> Done {
    if let Some(captured) = call.captured_answer(target, told)? {
        return match &captured.list {
            Some(list) => play(list, count, entries),
            None => Err(captured.code),
        };
    }
    let rows = rows(call, target, wanted)?;
    let room = count.get();
    let listed = u32::try_from(rows.len()).unwrap_or(u32::MAX);
    if room > 0 && entries.is_absent() {
        return Err(INVALID_ARGUMENT);
    }
    // As if a process had come up since the caller asked for the size.
    if room > 0 && call.shortens() {
        count.put(listed.max(room) + 1);
        return Err(INSUFFICIENT_SIZE);
    }
    count.put(listed);
    if listed > room {
        return Err(INSUFFICIENT_SIZE);
    }
    for (place, row) in rows.iter().enumerate() {
        layout.write(entries.from(place * layout.stride()), call, row)?;
    }
    Ok(())
}

/// Writes a list as it was captured.
fn play(list: &Captured, count: Out<u32>, entries: List<u8>) -> Done {
    let room = count.get();
    let listed = match list {
        Captured::Entries { entries, .. } => u32::try_from(entries.len()).unwrap_or(u32::MAX),
        Captured::Unknown { count, .. } => *count,
    };
    if room > 0 && entries.is_absent() {
        return Err(INVALID_ARGUMENT);
    }
    count.put(listed);
    if listed > room {
        return Err(INSUFFICIENT_SIZE);
    }
    match list {
        Captured::Entries { width, entries: rows } => {
            for (place, row) in rows.iter().enumerate() {
                write_words(entries.from(place * width), *width, row);
            }
        }
        // As many bytes as callers have room for by the widest layout, whatever the file says.
        Captured::Unknown { written, .. } => {
            (0..(*written).min(listed as usize * Layout::Bytes32.stride())).for_each(|at| entries.at(at).put(!0));
        }
    }
    Ok(())
}

/// Writes PID, memory, the instances and the protected memory, as far as there are any.
fn write_words(entry: List<u8>, width: usize, row: &[u64]) {
    let offsets = [
        offset_of!(nvmlProcessInfo_v2_t, pid),
        offset_of!(nvmlProcessInfo_v2_t, usedGpuMemory),
        offset_of!(nvmlProcessInfo_v2_t, gpuInstanceId),
        offset_of!(nvmlProcessInfo_v2_t, computeInstanceId),
        size_of::<nvmlProcessInfo_v2_t>(),
    ];
    for ((place, offset), word) in offsets.into_iter().enumerate().zip(row).filter(|((_, offset), _)| *offset < width) {
        match place {
            1 | 4 => entry.at(offset).cast().put(*word),
            _ => entry.at(offset).cast().put(*word as u32),
        }
    }
}

/// A share that a process has, within what 32 bits hold.
pub(crate) fn share(call: &Call, told: &Option<Value>) -> u32 {
    told.map_or(0, |value| u32::try_from(value.whole(call.seconds)).unwrap_or(0))
}
