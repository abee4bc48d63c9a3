//! How a process is started that loads the driver library: ourselves, with a board on which it notes its calls.

use std::{
    fs::File,
    io,
    os::{
        fd::AsRawFd as _,
        unix::{fs::FileExt as _, process::CommandExt as _},
    },
    process::{Child as Process, Command, Stdio},
};

use collector::Settings;
use nix::sys::memfd::{MFdFlags, memfd_create};
use telemetry::call_table;

use crate::{collect::ChildCommand, supervisor::environment::is_kept_back};

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

/// Starts this program as a child process and sends it its settings. Its standard input stays open: it leaves when
/// that closes.
///
/// It is the program that runs now, by `/proc/self/exe`: its file may have been replaced by an upgrade, and another
/// version would write other frames.
pub(crate) fn start(child: ChildCommand, board: &File, settings: Settings) -> io::Result<Process> {
    let mut command = Command::new("/proc/self/exe");
    command
        .arg0("nvidia-smi-web-agent")
        .arg(child.command())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // A signal from the terminal is for the parent.
        .process_group(0);
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_kept_back(name)) {
        command.env_remove(name);
    }
    let mut process = command.spawn()?;
    let settings = Settings { call_table: Some(board.as_raw_fd()), ..settings };
    let sent = process.stdin.as_mut().map_or(Ok(()), |input| settings.write(input));
    if let Err(error) = sent {
        process.kill()?;
        process.wait()?;
        return Err(io::Error::other(format!("it does not take its settings: {error}")));
    }
    Ok(process)
}
