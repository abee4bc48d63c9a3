//! Removal of a person's name.

use std::sync::Arc;

use super::{Ledger, session, slots};
use crate::usage::{Flush, REMOVED};

impl Ledger {
    /// Turns a person's rows in minutes that begin before a moment (Unix time in milliseconds), and sessions that began
    /// before it, into those of [`super::REMOVED`], without container, pod, job and command. So is what the person's totals
    /// have not got yet, if the moment is `u64::MAX`. A person who is still there counts again from the next snapshot
    /// on.
    pub fn forget_user(&mut self, user: &str, before_ms: u64) {
        let removed = self.kept.people.holder(session::removed());
        for gpu in self.gpus.iter_mut().chain(&mut self.gone) {
            gpu.slots.forget(user, before_ms, &removed);
            let theirs = gpu.sessions.extract_if(.., |open| session::is_before(&open.session, user, before_ms));
            self.kept.ended.extend(theirs.map(|open| open.session));
            gpu.look_again();
        }
        for slot in self.kept.slots.iter_mut().filter(|slot| slot.begins_ms < before_ms) {
            slots::forget(slot, user, &removed);
        }
        let waiting = self.kept.waiting.extract_if(.., |session| session::is_before(session, user, before_ms));
        self.kept.ended.extend(waiting);
        for session in self.kept.ended.iter_mut().filter(|session| session::is_before(session, user, before_ms)) {
            session::forget(session, &removed);
        }
        if before_ms == u64::MAX {
            self.kept.people.forget(user);
        }
    }
}

impl Flush {
    /// Removes a person as [`Ledger::forget_user`] does, from a flush that was taken before. Sessions that were open are
    /// dropped: the ledger has each of them again, as one that ended. Returns true if the person was in it.
    pub fn forget_user(&mut self, user: &str, before_ms: u64) -> bool {
        let removed = Arc::new(session::removed());
        let mut found = false;
        for slot in self.slots.iter_mut().filter(|slot| slot.begins_ms < before_ms) {
            found |= slots::forget(slot, user, &removed);
        }
        let theirs: Vec<_> =
            self.sessions.extract_if(.., |session| session::is_before(session, user, before_ms)).collect();
        found |= !theirs.is_empty();
        for mut session in theirs.into_iter().filter(|session| !session.open) {
            session::forget(&mut session, &removed);
            self.sessions.push(session);
        }
        if before_ms == u64::MAX {
            for totals in self.totals.iter_mut().filter(|totals| *totals.user == *user) {
                totals.user = REMOVED.into();
                found = true;
            }
        }
        found
    }
}
