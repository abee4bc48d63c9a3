//! `collect` and `record`: the processes that load the driver library.

use std::{
    io::{self, IsTerminal as _},
    process::ExitCode,
};

use collector::{CaptureSettings, Settings};

use crate::{
    cli::{Cli, RecordTo, Sleep, Told},
    config::{named, runtime_directory},
};

/// Reads the machine until standard input ends.
pub(crate) fn run(cli: &Cli, told: &Told) -> io::Result<ExitCode> {
    refuse_a_terminal("collect writes binary frames for the agent that starts it; run it without a command")?;
    let options = &cli.options;
    let Err(error) = collector::run(Settings {
        interval: options.interval,
        library: options.nvml_library.clone(),
        resolve_pids: options.resolve_pids,
        proc_root: options.proc_root.clone(),
        container_socket: named(options.container_socket.as_deref()),
        kubelet_socket: named(options.kubelet_socket.as_deref()),
        kubelet_period: options.kubelet_period,
        board: told.board,
        left_out: told.leave_out.clone(),
        sleep_after: (options.sleep == Sleep::Auto).then_some(options.sleep_after),
        sys_root: options.sys_root.clone(),
        asleep: told.asleep.clone(),
        job_dir: options.dcgm_job_dir.clone(),
        runtime_directory: runtime_directory(),
    });
    Err(error)
}

/// Calls the driver for a capture.
pub(crate) fn record(cli: &Cli, to: &RecordTo) -> io::Result<ExitCode> {
    refuse_a_terminal("record writes binary frames for the capture that starts it; run capture")?;
    let options = &cli.options;
    let Err(error) = collector::capture(CaptureSettings {
        library: options.nvml_library.clone(),
        proc_root: options.proc_root.clone(),
        board: to.board,
    });
    Err(error)
}

fn refuse_a_terminal(why: &str) -> io::Result<()> {
    if io::stdout().is_terminal() { Err(io::Error::other(why)) } else { Ok(()) }
}
