//! Open sessions.

use std::sync::Arc;

use crate::{
    mask,
    snapshot::{Gpu, Process},
    usage::{Device, Holder, KeptCommands, REMOVED, Session, SessionKey, Sums},
};

/// Most processes of a session that are remembered: one that is seen again after as many others counts twice.
const MOST_PROCESSES: usize = 256;

/// An open session.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) session: Session,
    /// The last sample with the holder, by the boot clock.
    pub(super) last_boot: u64,
    /// Processes that were counted, the newest last, each with its start.
    counted: Vec<(u32, u64)>,
    /// Processes that started until then were counted by an earlier run of the agent, Unix time in milliseconds.
    counted_until_ms: Option<u64>,
}

impl Open {
    /// Begin of a session.
    pub(super) fn new(key: SessionKey, index: u32, mig_name: Option<Arc<str>>) -> Self {
        let session = Session {
            last_ms: key.first_ms,
            key,
            index,
            mig_name,
            open: true,
            command: None,
            program: None,
            processes: 0,
            sums: Sums::default(),
        };
        Self { session, last_boot: 0, counted: Vec::new(), counted_until_ms: None }
    }

    /// Session that an earlier run of the agent began.
    pub(super) fn resumed(session: Session) -> Self {
        let counted_until_ms = Some(session.last_ms);
        Self { session, last_boot: 0, counted: Vec::new(), counted_until_ms }
    }

    pub(super) fn is_of(&self, mig: Option<&Arc<str>>, holder: &Arc<Holder>) -> bool {
        self.session.key.holder == *holder && self.session.key.device.mig.as_ref() == mig
    }

    /// True if the holder has been absent for too long.
    pub(super) const fn is_over(&self, boot: u64, absence_ms: u64) -> bool {
        boot.saturating_sub(self.last_boot) >= absence_ms
    }

    /// Counts processes that are new, and takes the command of the first.
    pub(super) fn see<'a>(&mut self, own: impl Iterator<Item = &'a Process> + Clone, commands: KeptCommands) {
        let begin = |process: &Process| process.started_at_ms.unwrap_or(u64::MAX);
        if self.session.program.is_none()
            && self.session.command.is_none()
            && let Some(first) = own.clone().min_by_key(|process| (begin(process), process.pid))
        {
            self.take_command(first, commands);
        }
        for process in own {
            let identity = (process.pid, process.started_at_ms.unwrap_or_default());
            if self.counted.contains(&identity) {
                continue;
            }
            if self.counted.len() >= MOST_PROCESSES {
                self.counted.remove(0);
            }
            self.counted.push(identity);
            if self.counted_until_ms.is_none_or(|until| process.started_at_ms.is_ok_and(|started| started > until)) {
                self.session.processes += 1;
            }
        }
    }

    fn take_command(&mut self, process: &Process, commands: KeptCommands) {
        // The name is read together with the arguments, and alone it would keep them out.
        let (Ok(arguments), true) = (&process.arguments, commands != KeptCommands::Nothing) else { return };
        let name = process.name.as_deref().ok().map(|name| mask::text(name).into());
        self.session.program = name;
        let line = arguments.masked_line();
        self.session.command = (commands == KeptCommands::Line && !line.is_empty()).then(|| line.into());
    }
}

/// Key of a session that begins.
pub(super) fn key(gpu: &Arc<str>, mig: Option<&Arc<str>>, holder: &Arc<Holder>, first_ms: u64) -> SessionKey {
    let device = Device { gpu: Arc::clone(gpu), mig: mig.cloned() };
    SessionKey { first_ms, device, holder: Arc::clone(holder) }
}

/// True of a session of this user that began before a moment.
pub(super) fn is_before(session: &Session, user: &str, before_ms: u64) -> bool {
    session.key.holder.user.as_deref() == Some(user) && session.key.first_ms < before_ms
}

/// Ends a session and removes the person from it.
pub(super) fn forget(session: &mut Session, removed: &Arc<Holder>) {
    session.key.holder = Arc::clone(removed);
    (session.command, session.program, session.open) = (None, None, false);
}

/// Holder in place of a person who was forgotten.
pub(super) fn removed() -> Holder {
    Holder { user: Some(REMOVED.into()), ..Holder::default() }
}

/// Processes of a GPU in these places.
pub(super) fn own<'a>(
    gpu: &'a Gpu,
    seats: &'a [Option<(usize, usize)>],
    place: (usize, usize),
) -> impl Iterator<Item = &'a Process> + Clone {
    gpu.processes.iter().zip(seats).filter(move |(_, seat)| **seat == Some(place)).map(|(process, _)| process)
}
