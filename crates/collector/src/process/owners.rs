//! Names of accounts by uid, resolved by a thread of its own, so that a name service that hangs delays nothing else.

use std::{
    collections::HashMap,
    sync::{Arc, Condvar, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use nix::unistd::{Uid, User};

use crate::lock::{lock, wait_until};

/// Time after which a uid without a name is resolved again, since the name service may have been unavailable.
const ASK_AGAIN: Duration = Duration::from_secs(60);

/// State of a uid.
enum Name {
    Asked,
    /// Requested, and waited for in vain: nobody waits for it again.
    Late,
    Answered(Option<String>, Instant),
}

/// Names by uid.
pub struct Owners {
    names: Arc<(Mutex<HashMap<u32, Name>>, Condvar)>,
    wanted: Option<mpsc::Sender<u32>>,
}

impl Owners {
    /// Starts the thread, which calls `getpwuid_r` (by `nsswitch.conf`: files, LDAP, SSSD). Without it every uid stays
    /// a number.
    #[must_use]
    pub fn start() -> Self {
        Self::asking(|uid| User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name))
    }

    fn asking(resolve: impl Fn(u32) -> Option<String> + Send + 'static) -> Self {
        let names: Arc<(Mutex<HashMap<u32, Name>>, Condvar)> = Arc::default();
        let (wanted, wants) = mpsc::channel::<u32>();
        let shared = Arc::clone(&names);
        let work = move || {
            for uid in wants {
                let name = resolve(uid);
                lock(&shared.0).insert(uid, Name::Answered(name, Instant::now()));
                shared.1.notify_all();
            }
        };
        let started = thread::Builder::new().name("owners".into()).spawn(work);
        Self { names, wanted: started.ok().map(|_| wanted) }
    }

    /// Returns the name of a uid if it is known, and requests an unknown one.
    #[allow(clippy::must_use_candidate, reason = "some callers only request it")]
    pub fn name(&self, uid: u32) -> Option<String> {
        let mut names = lock(&self.names.0);
        match names.get(&uid) {
            Some(Name::Answered(Some(name), _)) => return Some(name.clone()),
            Some(Name::Answered(None, when)) if when.elapsed() < ASK_AGAIN => return None,
            Some(Name::Asked | Name::Late) => return None,
            _ => {}
        }
        names.insert(uid, Name::Asked);
        if let Some(wanted) = &self.wanted {
            // The thread takes as long as the process lives; if it is gone, the uid stays a number.
            let _ = wanted.send(uid);
        }
        None
    }

    /// True if a uid was requested that is to be waited for.
    pub(crate) fn has_new(&self) -> bool {
        lock(&self.names.0).values().any(|name| matches!(name, Name::Asked))
    }

    /// Waits until every requested uid is resolved, or until the deadline: once for each uid, so that a name service that
    /// hangs delays one tick per account.
    pub fn settle(&self, deadline: Instant) {
        let mut names = lock(&self.names.0);
        while names.values().any(|name| matches!(name, Name::Asked)) {
            let (guard, in_time) = wait_until(&self.names.1, names, deadline);
            names = guard;
            if !in_time {
                names.values_mut().filter(|name| matches!(name, Name::Asked)).for_each(|name| *name = Name::Late);
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn far() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn owner_name_known_after_answer() {
        let owners = Owners::asking(|uid| (uid == 7).then(|| "seven".to_owned()));
        assert_eq!((owners.name(7), owners.name(8)), (None, None));
        owners.settle(far());
        assert_eq!((owners.name(7).as_deref(), owners.name(8)), (Some("seven"), None));
    }

    #[test]
    fn name_service_hung_blocks_nothing() {
        let (_keep, never) = mpsc::channel::<()>();
        let never = Mutex::new(never);
        let owners = Owners::asking(move |_| lock(&never).recv().ok().map(|()| String::new()));
        assert_eq!(owners.name(7), None);
        owners.settle(Instant::now() + Duration::from_millis(1));
        assert_eq!((owners.name(7), owners.name(8)), (None, None));
    }

    #[test]
    fn name_service_hung_is_waited_for_once() {
        let (go, wait) = mpsc::channel::<()>();
        let wait = Mutex::new(wait);
        let owners = Owners::asking(move |_| lock(&wait).recv().ok().map(|()| "late".to_owned()));
        owners.name(7);
        assert!(owners.has_new());
        owners.settle(Instant::now() + Duration::from_millis(1));
        // It would wait for a minute, and there is no answer.
        assert!(!owners.has_new());
        let begun = Instant::now();
        owners.settle(far());
        assert!(begun.elapsed() < Duration::from_secs(30));
        assert_eq!(owners.name(7), None);
        // Its answer counts when it comes.
        go.send(()).unwrap();
        owners.name(8);
        go.send(()).unwrap();
        owners.settle(far());
        assert_eq!(owners.name(7).as_deref(), Some("late"));
    }

    #[test]
    fn root_has_name() {
        let owners = Owners::start();
        owners.name(0);
        owners.settle(far());
        assert_eq!(owners.name(0).as_deref(), Some("root"));
    }
}
