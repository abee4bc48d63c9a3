//! How a process is started that loads the driver library: ourselves, with a board on which it notes its calls.

use std::{
    fs::File,
    io,
    os::{
        fd::AsRawFd as _,
        unix::{fs::FileExt as _, process::CommandExt as _},
    },
    path::Path,
    process::{Command, Stdio},
};

use nix::sys::memfd::{MFdFlags, memfd_create};
use telemetry::call_table;

use crate::supervisor::environment::is_kept_back;

/// A call table, for a process that will be started.
pub(crate) fn board() -> io::Result<File> {
    // Without close-on-exec, so that the process has it too.
    let board = File::from(memfd_create("call table", MFdFlags::empty())?);
    board.set_len(call_table::BYTES as u64)?;
    Ok(board)
}

/// A board's bytes; none of them if it cannot be read.
pub(crate) fn bytes(board: &File) -> Vec<u8> {
    let mut bytes = vec![0; call_table::BYTES];
    match board.read_exact_at(&mut bytes, 0) {
        Ok(()) => bytes,
        Err(_) => Vec::new(),
    }
}

/// This program with one of its commands, to be given more arguments.
///
/// It is the program that runs now, by `/proc/self/exe`: its file may have been replaced by an upgrade, and another
/// version would write other frames.
pub(crate) fn ourselves(command: &str, board: &File, log: tracing::Level, library: Option<&Path>) -> Command {
    let mut ourselves = Command::new("/proc/self/exe");
    ourselves
        .arg0("nvidia-smi-web-agent")
        .arg(command)
        .arg(format!("--board={}", board.as_raw_fd()))
        .arg(format!("--log={log}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // A signal from the terminal is for the parent.
        .process_group(0);
    if let Some(library) = library {
        ourselves.arg("--nvml-library").arg(library);
    }
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_kept_back(name)) {
        ourselves.env_remove(name);
    }
    ourselves
}
