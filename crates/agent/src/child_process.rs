//! Child processes that load the driver library: this program, started with a table in which it notes its calls.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io,
    os::{
        fd::AsRawFd as _,
        unix::{
            fs::FileExt as _,
            process::{CommandExt as _, ExitStatusExt as _},
        },
    },
    process::{Child, Command, ExitStatus, Stdio},
};

use collector::Settings;
use nix::sys::{
    memfd::{MFdFlags, memfd_create},
    signal::Signal,
};
use telemetry::{call_table, sample::Call};

/// Program name of a child: its `argv[0]`.
const NAME: &str = "nvidia-smi-web-agent";

/// Command of a child process. It is the child's only argument, and no command of the user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChildCommand {
    /// Reads the machine until standard input ends, and writes frames.
    Collect,
    /// Calls every function of the driver once for a capture, and writes a record of each call.
    Record,
}

impl ChildCommand {
    /// Recognizes a child by its arguments; none for a command of the user's.
    pub(crate) fn of(mut arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let command = arguments.nth(1).filter(|_| arguments.next().is_none())?;
        [Self::Collect, Self::Record].into_iter().find(|child| command == child.as_str())
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Collect => "collect",
            Self::Record => "record",
        }
    }
}

/// Call table that a parent shares with its child ([`telemetry::call_table`]).
#[derive(Debug)]
pub(crate) struct CallTable(File);

impl CallTable {
    /// Creates an empty table in a memory file.
    pub(crate) fn create() -> io::Result<Self> {
        // Without close-on-exec, so that the child inherits it.
        let file = File::from(memfd_create("call table", MFdFlags::empty())?);
        file.set_len(call_table::BYTES as u64)?;
        Ok(Self(file))
    }

    /// Calls in flight, the oldest first.
    pub(crate) fn in_flight(&self) -> Vec<Call> {
        call_table::in_flight(&self.bytes())
    }

    /// Call that the child crashed in, as far as that is known.
    pub(crate) fn died_in(&self) -> Option<Call> {
        call_table::died_in(&self.bytes())
    }

    /// Empty if the file cannot be read.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; call_table::BYTES];
        match self.0.read_exact_at(&mut bytes, 0) {
            Ok(()) => bytes,
            Err(_) => Vec::new(),
        }
    }
}

/// Starts a child and sends it its settings. Its standard input stays open after that: the child leaves when it closes.
///
/// The child is the program that runs now, by `/proc/self/exe`: an upgrade may have replaced its file, and another
/// version would write other frames.
pub(crate) fn start(command: ChildCommand, calls: &CallTable, settings: Settings, error: Stdio) -> io::Result<Child> {
    let mut program = Command::new("/proc/self/exe");
    program
        .arg0(NAME)
        .arg(command.as_str())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(error)
        // A signal from the terminal is for the parent.
        .process_group(0);
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_withheld(name)) {
        program.env_remove(name);
    }
    let mut child = program.spawn()?;
    let settings = Settings { call_table: Some(calls.0.as_raw_fd()), ..settings };
    let sent = child.stdin.as_mut().map_or(Ok(()), |input| settings.write(input));
    if let Err(error) = sent {
        child.kill()?;
        child.wait()?;
        return Err(io::Error::other(format!("it did not read its settings: {error}")));
    }
    Ok(child)
}

/// Checks whether a variable is withheld from children: our own settings and secrets, since a child loads the vendor's
/// library. Variables that the library reads pass.
fn is_withheld(name: &OsStr) -> bool {
    const NAMES: [&str; 5] = ["TOKEN", "PORT", "URL_PREFIX", "NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY"];
    const PREFIXES: [&str; 3] = ["NVSMI_", "WATCHDOG_", "LISTEN_"];
    let bytes = name.as_encoded_bytes();
    NAMES.iter().any(|known| bytes == known.as_bytes())
        || PREFIXES.iter().any(|prefix| bytes.starts_with(prefix.as_bytes()))
}

/// Describes how a process ended.
pub(crate) fn describe_exit(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(number), _) => match Signal::try_from(number) {
            Ok(signal) => format!("killed by {signal}"),
            Err(_) => format!("killed by signal {number}"),
        },
        (None, Some(code)) => format!("ended with status {code}"),
        (None, None) => "ended".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn child_command_is_the_only_argument() {
        let of = |arguments: &[&str]| ChildCommand::of(["agent"].iter().chain(arguments).map(OsString::from));
        assert_eq!(of(&["collect"]), Some(ChildCommand::Collect));
        assert_eq!(of(&["record"]), Some(ChildCommand::Record));
        for arguments in [&[][..], &["check"], &["collect", "--help"], &["check", "collect"]] {
            assert_eq!(of(arguments), None, "{arguments:?}");
        }
    }

    #[test]
    fn environment_of_children_lacks_secrets_and_settings() {
        let withheld = |name: &str| is_withheld(OsStr::new(name));
        for name in ["TOKEN", "NVSMI_INTERVAL", "NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS", "CREDENTIALS_DIRECTORY"]
        {
            assert!(withheld(name), "{name}");
        }
        for name in ["LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "RUNTIME_DIRECTORY", "PATH", "TOKENS", "XNVSMI_"] {
            assert!(!withheld(name), "{name}");
        }
    }
}
