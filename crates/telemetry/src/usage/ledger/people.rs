//! Users and holders, each text stored once.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use crate::usage::{Holder, REMOVED, Sums, UserTotals};

/// Users and holders.
#[derive(Debug, Default)]
pub(super) struct People {
    /// Holders without a user, container, pod and job are all that is kept.
    pub(super) nameless: bool,
    users: Vec<User>,
    by_name: HashMap<Arc<str>, usize>,
    holders: HashSet<Arc<Holder>>,
    texts: HashSet<Arc<str>>,
}

/// A user, with what was counted since the flush before.
#[derive(Debug)]
struct User {
    name: Arc<str>,
    /// No flush has it yet.
    is_new: bool,
    /// It was forgotten: it is counted for [`REMOVED`], and not shown.
    forgotten: bool,
    gpu_us: u64,
    busy_us: u64,
    idle_us: u64,
    energy_mj: u64,
}

impl People {
    pub(super) fn new(nameless: bool, known: Vec<Arc<str>>) -> Self {
        let mut people = Self { nameless, ..Self::default() };
        for name in known.into_iter().filter(|_| !nameless) {
            let at = people.user(&name);
            people.users[at].is_new = false;
        }
        people
    }

    /// Position of a user, who is known from now on.
    pub(super) fn user(&mut self, name: &Arc<str>) -> usize {
        if let Some(at) = self.by_name.get(name) {
            return *at;
        }
        let (gpu_us, busy_us, idle_us, energy_mj) = (0, 0, 0, 0);
        let name = Arc::clone(name);
        self.by_name.insert(Arc::clone(&name), self.users.len());
        self.users.push(User { name, is_new: true, forgotten: false, gpu_us, busy_us, idle_us, energy_mj });
        self.users.len() - 1
    }

    /// The shared copy of a holder.
    pub(super) fn holder(&mut self, holder: Holder) -> Arc<Holder> {
        let holder = if self.nameless { Holder::default() } else { holder };
        if let Some(known) = self.holders.get(&holder) {
            return Arc::clone(known);
        }
        let holder = Arc::new(holder);
        self.holders.insert(Arc::clone(&holder));
        holder
    }

    /// The shared copy of a text.
    pub(super) fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let text: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&text));
        text
    }

    /// Counts for a user.
    pub(super) fn add(&mut self, user: usize, sums: &Sums) {
        if let Some(user) = self.users.get_mut(user) {
            user.gpu_us += sums.gpu_us;
            user.busy_us += sums.busy_us.unwrap_or(0);
            user.idle_us += sums.idle_us.unwrap_or(0);
            user.energy_mj += sums.energy_mj;
        }
    }

    /// Totals of the next flush.
    pub(super) fn totals(&self) -> Vec<UserTotals> {
        self.users.iter().filter_map(User::totals).collect()
    }

    /// Takes what the next flush has of the totals, and drops holders that nothing refers to.
    pub(super) fn take_totals(&mut self) -> Vec<UserTotals> {
        let totals = self.totals();
        for user in &mut self.users {
            user.is_new = false;
            (user.gpu_us, user.busy_us, user.idle_us, user.energy_mj) = (0, 0, 0, 0);
        }
        self.holders.retain(|holder| Arc::strong_count(holder) > 1);
        self.texts.retain(|text| Arc::strong_count(text) > 1);
        totals
    }

    /// Forgets a user, whose sums count for [`REMOVED`].
    pub(super) fn forget(&mut self, name: &str) {
        let Some(at) = self.by_name.get(name).copied() else { return };
        let removed = self.user(&REMOVED.into());
        if at == removed {
            return;
        }
        let user = &mut self.users[at];
        let sums = Sums {
            gpu_us: std::mem::take(&mut user.gpu_us),
            busy_us: Some(std::mem::take(&mut user.busy_us)),
            idle_us: Some(std::mem::take(&mut user.idle_us)),
            energy_mj: std::mem::take(&mut user.energy_mj),
            ..Sums::default()
        };
        user.forgotten = true;
        self.by_name.remove(name);
        self.add(removed, &sums);
    }

    /// Users in the order of their positions; none for one that was forgotten.
    pub(super) fn names(&self) -> impl Iterator<Item = Option<&Arc<str>>> {
        self.users.iter().map(|user| (!user.forgotten).then_some(&user.name))
    }
}

impl User {
    fn totals(&self) -> Option<UserTotals> {
        let is_zero = (self.gpu_us, self.energy_mj) == (0, 0);
        if self.forgotten || !self.is_new && is_zero {
            return None;
        }
        Some(UserTotals {
            user: Arc::clone(&self.name),
            gpu_us: self.gpu_us,
            busy_us: self.busy_us,
            idle_us: self.idle_us,
            energy_mj: self.energy_mj,
        })
    }
}
