//! Letting idle GPUs sleep: a laptop's or a desktop's whose runtime power management may switch them off, but not
//! while somebody holds their device files, as the driver library does.
//!
//! Files of sysfs are read, which does not wake a GPU. Whoever cannot read them lets the GPUs be as they are.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

/// A GPU that was let go and is not suspended after this long is not going to be: a server, where udev allows it for
/// every device and a display or a service keeps the GPU up.
const SUSPENDS_WITHIN: Duration = Duration::from_secs(10);

/// What the administrator wants, and what was found out.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// After this long without a process GPUs are let go; never if none.
    pub(crate) after: Option<Duration>,
    /// The root of sysfs.
    pub(crate) root: PathBuf,
}

/// Watches for the time to let go.
#[derive(Debug)]
pub(crate) struct Watch {
    policy: Policy,
    idle_since: Option<Instant>,
}

impl Watch {
    pub(crate) fn new(policy: Policy) -> Self {
        Self { policy, idle_since: None }
    }

    /// Given the bus ids of all GPUs if none of them has a process: the same once it is time to let go.
    pub(crate) fn time_to_rest(&mut self, idle: Option<Vec<String>>, now: Instant) -> Option<Vec<String>> {
        let after = self.policy.after?;
        let allowed = |bus: &String| self.policy.read(bus, "control").is_some_and(|control| control == "auto");
        let Some(buses) = idle.filter(|buses| buses.iter().all(allowed)) else {
            self.idle_since = None;
            return None;
        };
        let since = *self.idle_since.get_or_insert(now);
        (now.duration_since(since) >= after).then_some(buses)
    }
}

/// How the GPUs that were let go are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Suspended, or on the way to it.
    Asleep,
    /// Another program woke one of them: they can be read again.
    Woken,
    /// They do not suspend, or do not tell: let go for nothing, and not to be again.
    InVain,
}

/// Watches GPUs that were let go.
#[derive(Debug)]
pub(crate) struct Resting {
    policy: Policy,
    buses: Vec<String>,
    since: Instant,
    reached: bool,
}

impl Resting {
    pub(crate) fn new(policy: Policy, buses: Vec<String>, now: Instant) -> Self {
        Self { policy, buses, since: now, reached: false }
    }

    /// Looks without waking them.
    pub(crate) fn look(&mut self, now: Instant) -> Rest {
        let states: Vec<Option<String>> =
            self.buses.iter().map(|bus| self.policy.read(bus, "runtime_status")).collect();
        if states.iter().any(Option::is_none) {
            return Rest::InVain;
        }
        let asleep = states.iter().flatten().all(|state| state == "suspended");
        self.reached |= asleep;
        match (asleep, self.reached) {
            (true, _) => Rest::Asleep,
            (false, true) => Rest::Woken,
            (false, false) if now.duration_since(self.since) < SUSPENDS_WITHIN => Rest::Asleep,
            (false, false) => Rest::InVain,
        }
    }
}

impl Policy {
    /// `/sys/bus/pci/devices/BUS/power/NAME` of a GPU by NVML's bus id, whose domain has eight digits where the
    /// kernel's has four.
    fn read(&self, bus: &str, name: &str) -> Option<String> {
        let bus = bus.to_ascii_lowercase();
        let short = bus.strip_prefix("0000").filter(|rest| rest.find(':') == Some(4)).unwrap_or(&bus);
        let path = self.root.join("bus/pci/devices").join(short).join("power").join(name);
        Some(fs::read_to_string(path).ok()?.trim_end().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUS: &str = "00000000:1B:00.0";

    struct Sys(tempfile::TempDir);

    impl Sys {
        fn new() -> Self {
            let sys = Self(tempfile::tempdir().unwrap());
            fs::create_dir_all(sys.0.path().join("bus/pci/devices/0000:1b:00.0/power")).unwrap();
            sys
        }

        fn write(&self, name: &str, value: &str) {
            fs::write(self.0.path().join("bus/pci/devices/0000:1b:00.0/power").join(name), value).unwrap();
        }

        fn policy(&self) -> Policy {
            Policy { after: Some(Duration::from_secs(60)), root: self.0.path().into() }
        }
    }

    fn idle() -> Option<Vec<String>> {
        Some(vec![BUS.into()])
    }

    #[test]
    fn it_is_time_after_a_minute_without_processes_where_it_is_allowed() {
        let sys = Sys::new();
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut watch = Watch::new(sys.policy());
        assert_eq!(watch.time_to_rest(idle(), at(0)), None, "nothing to read");
        sys.write("control", "auto\n");
        assert_eq!(watch.time_to_rest(idle(), at(100)), None);
        assert_eq!(watch.time_to_rest(None, at(159)), None, "a process in between");
        assert_eq!(watch.time_to_rest(idle(), at(160)), None);
        assert_eq!(watch.time_to_rest(idle(), at(219)), None);
        assert_eq!(watch.time_to_rest(idle(), at(220)), idle());
        sys.write("control", "on\n");
        assert_eq!(watch.time_to_rest(idle(), at(300)), None, "not allowed");
        let mut never = Watch::new(Policy { after: None, ..sys.policy() });
        sys.write("control", "auto\n");
        assert_eq!(never.time_to_rest(idle(), at(0)), None);
        assert_eq!(never.time_to_rest(idle(), at(1000)), None);
    }

    #[test]
    fn what_was_let_go_sleeps_until_somebody_wakes_it() {
        let sys = Sys::new();
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        sys.write("runtime_status", "active\n");
        let mut resting = Resting::new(sys.policy(), vec![BUS.into()], begun);
        assert_eq!(resting.look(at(9)), Rest::Asleep, "on the way");
        sys.write("runtime_status", "suspended\n");
        assert_eq!(resting.look(at(9)), Rest::Asleep);
        assert_eq!(resting.look(at(9000)), Rest::Asleep);
        sys.write("runtime_status", "active\n");
        assert_eq!(resting.look(at(9001)), Rest::Woken);
    }

    #[test]
    fn what_does_not_suspend_was_let_go_in_vain() {
        let sys = Sys::new();
        let begun = Instant::now();
        let mut resting = Resting::new(sys.policy(), vec![BUS.into()], begun);
        assert_eq!(resting.look(begun), Rest::InVain, "nothing to read");
        sys.write("runtime_status", "active\n");
        assert_eq!(resting.look(begun + SUSPENDS_WITHIN), Rest::InVain);
    }
}
