//! `collect`: the collector process.

use std::{
    io::{self, IsTerminal as _},
    process::ExitCode,
};

use collector::Settings;

use crate::{
    cli::{Cli, Sleep, Told},
    config::{named, runtime_directory},
};

/// Reads the machine until standard input ends.
pub(crate) fn run(cli: &Cli, told: &Told) -> io::Result<ExitCode> {
    if io::stdout().is_terminal() {
        return Err(io::Error::other(
            "collect writes binary frames for the agent that starts it; run nvidia-smi-web-agent without a command",
        ));
    }
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
