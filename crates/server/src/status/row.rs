//! The rows of `/status`: one for each GPU, one for each process on it. The fields are in the contract's order.

use std::{borrow::Cow, fmt::Display};

use serde::{Serialize, Serializer};
use telemetry::{
    sample::Life,
    snapshot::{Gpu, Process, ProcessKind},
};

use http_server::auth::Scope;

use crate::{
    config::commands::Commands,
    status::number::{Mebibytes, NOT_AVAILABLE, Number, Power, RunningTime, percent},
};

/// The original's text for a live process without a command line.
const NO_COMMAND_LINE: &str = "Zombie Process";

#[derive(Serialize)]
pub(crate) struct DeviceRow<'a> {
    idx: usize,
    name: &'a str,
    fan_speed: Number<u32>,
    temperature: Number<i32>,
    #[serde(serialize_with = "display")]
    power_status: Power,
    gpu_utilization: Number<u32>,
    #[serde(serialize_with = "display")]
    memory_total_human: Mebibytes,
    #[serde(serialize_with = "display")]
    memory_used_human: Mebibytes,
    #[serde(serialize_with = "display")]
    memory_free_human: Mebibytes,
    memory_utilization: Number<u128>,
    ts: u64,
}

impl<'a> DeviceRow<'a> {
    /// The row of the GPU at this position.
    pub(crate) fn new(idx: usize, gpu: &'a Gpu) -> Self {
        let readings = &gpu.readings;
        Self {
            idx,
            name: gpu.identity.name.as_deref().unwrap_or(NOT_AVAILABLE),
            fan_speed: Number(readings.fans.speed_percent.ok()),
            temperature: Number(readings.temperature.gpu_celsius.ok()),
            power_status: Power { draw_mw: readings.power.draw_mw, limit_mw: readings.power.limit_mw },
            gpu_utilization: Number(readings.utilization.gpu_percent.ok()),
            memory_total_human: Mebibytes(readings.memory.total_bytes),
            memory_used_human: Mebibytes(readings.memory.used_bytes),
            memory_free_human: Mebibytes(readings.memory.free_bytes),
            memory_utilization: Number((|| {
                percent(readings.memory.used_bytes.ok()?, readings.memory.total_bytes.ok()?)
            })()),
            ts: gpu.read_at.unix_ms,
        }
    }
}

#[derive(Serialize)]
pub(crate) struct ProcessRow<'a> {
    idx: usize,
    pid: Number<u32>,
    username: Cow<'a, str>,
    command: Cow<'a, str>,
    r#type: &'static str,
    #[serde(serialize_with = "display")]
    gpu_memory: Mebibytes,
    #[serde(serialize_with = "display")]
    running_time: RunningTime,
}

impl<'a> ProcessRow<'a> {
    /// The row of a process on the GPU at this position.
    pub(crate) fn new(idx: usize, merged: &Merged<'a>, scope: Scope, commands: Commands) -> Self {
        let process = merged.process;
        let exists = matches!(process.life, Life::Running | Life::Zombie);
        let seen = scope.sees_people();
        Self {
            idx,
            pid: Number(seen.then_some(process.pid)),
            username: if exists && seen { username(process) } else { NOT_AVAILABLE.into() },
            command: if seen { command(process, commands) } else { NOT_AVAILABLE.into() },
            r#type: merged.kind.as_str(),
            gpu_memory: Mebibytes(merged.memory_of.row_memory_bytes.unwrap_or(merged.memory_of.gpu_memory_bytes)),
            running_time: RunningTime(process.running.ok().filter(|_| exists)),
        }
    }
}

fn username(process: &Process) -> Cow<'_, str> {
    match (&process.user, process.uid) {
        (Some(user), _) => user.into(),
        (None, Ok(uid)) => uid.to_string().into(),
        (None, Err(_)) => NOT_AVAILABLE.into(),
    }
}

fn command(process: &Process, commands: Commands) -> Cow<'_, str> {
    let Some(line) = commands.legacy(process) else { return NOT_AVAILABLE.into() };
    if line.is_empty() { NO_COMMAND_LINE.into() } else { line }
}

/// Entries of one PID on one GPU; several if the process runs on several MIG instances.
pub(crate) struct Merged<'a> {
    process: &'a Process,
    /// The entry whose memory is shown: the last one, but entries of the graphics list take precedence.
    memory_of: &'a Process,
    pub(crate) kind: ProcessKind,
}

/// A GPU's processes, merged and sorted by PID.
pub(crate) fn by_pid(processes: &[Process]) -> Vec<Merged<'_>> {
    // The original does not read the lists of the other processes.
    let mut sorted: Vec<&Process> = processes.iter().filter(|process| !process.extra).collect();
    // Stable, so that the last entry of a PID stays the last.
    sorted.sort_by_key(|process| process.pid);
    let mut merged: Vec<Merged<'_>> = Vec::with_capacity(sorted.len());
    for process in sorted {
        match merged.last_mut().filter(|row| row.process.pid == process.pid) {
            Some(row) => row.add(process),
            None => merged.push(Merged { process, memory_of: process, kind: process.kind }),
        }
    }
    merged
}

impl<'a> Merged<'a> {
    fn add(&mut self, process: &'a Process) {
        if process.kind.draws() || !self.memory_of.kind.draws() {
            self.memory_of = process;
        }
        if self.kind != process.kind {
            self.kind = ProcessKind::Both;
        }
    }
}

fn display<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::host;
    use telemetry::{Absence, readings::Readings};

    fn device(gpu: &Gpu) -> String {
        serde_json::to_string(&DeviceRow::new(1, gpu)).unwrap()
    }

    fn rows(processes: &[Process]) -> Vec<serde_json::Value> {
        let row = |merged: &Merged<'_>| {
            serde_json::to_value(ProcessRow::new(0, merged, Scope::Read, Commands::Full)).unwrap()
        };
        by_pid(processes).iter().map(row).collect()
    }

    fn field(process: Process, name: &str) -> String {
        rows(&[process])[0][name].as_str().unwrap().to_owned()
    }

    #[test]
    fn device_row_as_recorded() {
        assert_eq!(
            device(&host::gpu(1)),
            concat!(
                r#"{"idx":1,"name":"NVIDIA GeForce RTX 3090","fan_speed":51,"temperature":55,"#,
                r#""power_status":"119W / 350W","gpu_utilization":5,"memory_total_human":"24576MiB","#,
                r#""memory_used_human":"11728MiB","memory_free_human":"12525MiB","memory_utilization":48,"#,
                r#""ts":1795406910864}"#
            )
        );
    }

    #[test]
    fn absent_device_keeps_every_key() {
        let mut gpu = host::gpu(1);
        gpu.readings = Readings::absent(Absence::Lost);
        gpu.identity.name = Err(Absence::Lost);
        assert_eq!(
            device(&gpu),
            concat!(
                r#"{"idx":1,"name":"N/A","fan_speed":"N/A","temperature":"N/A","power_status":"N/A / N/A","#,
                r#""gpu_utilization":"N/A","memory_total_human":"N/A","memory_used_human":"N/A","#,
                r#""memory_free_human":"N/A","memory_utilization":"N/A","ts":1795406910864}"#
            )
        );
    }

    #[test]
    fn memory_share_absent_without_memory() {
        let mut gpu = host::gpu(1);
        let memory = &mut gpu.readings.memory;
        (memory.total_bytes, memory.used_bytes, memory.free_bytes) = (Ok(0), Ok(0), Ok(0));
        assert!(device(&gpu).contains(r#""memory_free_human":"0MiB","memory_utilization":"N/A""#));
    }

    #[test]
    fn process_row_as_recorded() {
        let row = |scope| {
            let processes = [host::process(7)];
            serde_json::to_string(&ProcessRow::new(2, &by_pid(&processes)[0], scope, Commands::Full)).unwrap()
        };
        assert_eq!(
            row(Scope::Read),
            concat!(
                r#"{"idx":2,"pid":7,"username":"dave","command":"python \"my train.py\"","type":"C","#,
                r#""gpu_memory":"100MiB","running_time":"0:16:13"}"#
            )
        );
        assert_eq!(
            row(Scope::Summary),
            concat!(
                r#"{"idx":2,"pid":"N/A","username":"N/A","command":"N/A","type":"C","#,
                r#""gpu_memory":"100MiB","running_time":"0:16:13"}"#
            )
        );
    }

    #[test]
    fn user_without_name_is_digits() {
        let nameless = Process { user: None, uid: Ok(4242), ..host::process(7) };
        assert_eq!(field(nameless.clone(), "username"), "4242");
        assert_eq!(field(Process { uid: Err(Absence::Denied), ..nameless }, "username"), "N/A");
    }

    #[test]
    fn extra_processes_have_no_row() {
        let extra = Process { extra: true, ..host::process(7) };
        assert_eq!(rows(&[extra, host::process(8)]).len(), 1);
    }

    #[test]
    fn process_command_depends_on_state() {
        let with = |life, arguments| field(Process { life, arguments, ..host::process(7) }, "command");
        assert_eq!(with(Life::Running, Ok([""; 0].iter().collect())), "Zombie Process");
        assert_eq!(with(Life::Running, Ok([""].iter().collect())), "Zombie Process");
        assert_eq!(with(Life::Running, Err(Absence::Timeout)), "N/A");
        assert_eq!(with(Life::Zombie, Ok([""; 0].iter().collect())), "N/A");
        assert_eq!(with(Life::Gone, Ok(["x"].iter().collect())), "N/A");
    }

    #[test]
    fn ended_process_keeps_row() {
        for life in [Life::Gone, Life::Unknown] {
            let row = &rows(&[Process { life, ..host::process(7) }])[0];
            assert_eq!((&row["username"], &row["running_time"]), (&"N/A".into(), &"N/A".into()));
            assert_eq!((&row["pid"], &row["gpu_memory"]), (&7.into(), &"100MiB".into()));
        }
        let zombie = Process { life: Life::Zombie, ..host::process(7) };
        assert_eq!(field(zombie.clone(), "username"), "dave");
        assert_eq!(field(zombie, "running_time"), "0:16:13");
    }

    #[test]
    fn unreported_value_is_not_available() {
        let process = Process {
            gpu_memory_bytes: Err(Absence::NotSupported),
            running: Err(Absence::Timeout),
            ..host::process(7)
        };
        assert_eq!(field(process.clone(), "gpu_memory"), "N/A");
        assert_eq!(field(process, "running_time"), "N/A");
        assert_eq!(field(Process { running: Ok(Duration::from_secs(9)), ..host::process(7) }, "running_time"), "N/A");
    }

    #[test]
    fn rows_sorted_by_pid_without_duplicates() {
        let entry =
            |pid, kind, mebibytes: u64| Process { kind, gpu_memory_bytes: Ok(mebibytes << 20), ..host::process(pid) };
        let rows = rows(&[
            entry(9, ProcessKind::Graphics, 300),
            entry(3, ProcessKind::Compute, 1),
            entry(9, ProcessKind::Compute, 100),
            entry(3, ProcessKind::Compute, 2),
            entry(5, ProcessKind::Both, 4),
            entry(5, ProcessKind::Both, 5),
        ]);
        let shown: Vec<_> =
            rows.iter().map(|row| (row["pid"].as_u64(), row["type"].as_str(), row["gpu_memory"].as_str())).collect();
        assert_eq!(
            shown,
            [
                (Some(3), Some("C"), Some("2MiB")),
                (Some(5), Some("C+G"), Some("5MiB")),
                (Some(9), Some("C+G"), Some("300MiB")),
            ]
        );
    }
}
