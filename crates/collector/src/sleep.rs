//! Runtime suspend of idle GPUs: a laptop's or desktop's runtime power management switches them off, but not while a
//! process holds their device files, as the driver library does.
//!
//! Only sysfs is read, which does not wake a GPU. If it cannot be read, GPUs are never released.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

/// A released GPU that is not suspended after this long will not be: for instance on a server where udev allows runtime
/// suspend for every device, but a display or a service keeps the GPU active.
const SUSPEND_TIMEOUT: Duration = Duration::from_secs(10);

/// Policy for releasing idle GPUs.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// GPUs are released after this long without a process; never if none.
    pub(crate) after: Option<Duration>,
    /// Root of sysfs.
    pub(crate) root: PathBuf,
}

/// Watches for the time to release the GPUs.
#[derive(Debug)]
pub(crate) struct IdleWatch {
    policy: Policy,
    idle_since: Option<Instant>,
}

impl IdleWatch {
    pub(crate) fn new(policy: Policy) -> Self {
        Self { policy, idle_since: None }
    }

    /// Returns `idle`, the bus ids of all GPUs if none of them has a process, once it is time to release them.
    pub(crate) fn ready_to_suspend(&mut self, idle: Option<Vec<String>>, now: Instant) -> Option<Vec<String>> {
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

/// State of the released GPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SuspendState {
    /// Suspended, or about to be.
    Suspended,
    /// Another program resumed one of them: they can be read again.
    Resumed,
    /// They do not suspend, or their state cannot be read: they are not released again.
    Failed,
}

/// Watches released GPUs.
#[derive(Debug)]
pub(crate) struct SuspendWatch {
    policy: Policy,
    buses: Vec<String>,
    since: Instant,
    reached: bool,
}

impl SuspendWatch {
    pub(crate) fn new(policy: Policy, buses: Vec<String>, now: Instant) -> Self {
        Self { policy, buses, since: now, reached: false }
    }

    /// Returns their state, without waking them.
    pub(crate) fn check(&mut self, now: Instant) -> SuspendState {
        let states: Vec<Option<String>> =
            self.buses.iter().map(|bus| self.policy.read(bus, "runtime_status")).collect();
        if states.iter().any(Option::is_none) {
            return SuspendState::Failed;
        }
        let suspended = states.iter().flatten().all(|state| state == "suspended");
        self.reached |= suspended;
        match (suspended, self.reached) {
            (true, _) => SuspendState::Suspended,
            (false, true) => SuspendState::Resumed,
            (false, false) if now.duration_since(self.since) < SUSPEND_TIMEOUT => SuspendState::Suspended,
            (false, false) => SuspendState::Failed,
        }
    }
}

impl Policy {
    /// Reads `/sys/bus/pci/devices/BUS/power/NAME`. NVML's bus id has a domain of eight digits, the kernel's of four.
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
    fn gpus_released_after_a_minute_without_processes_if_allowed() {
        let sys = Sys::new();
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut watch = IdleWatch::new(sys.policy());
        assert_eq!(watch.ready_to_suspend(idle(), at(0)), None, "no file");
        sys.write("control", "auto\n");
        assert_eq!(watch.ready_to_suspend(idle(), at(100)), None);
        assert_eq!(watch.ready_to_suspend(None, at(159)), None, "a process in between");
        assert_eq!(watch.ready_to_suspend(idle(), at(160)), None);
        assert_eq!(watch.ready_to_suspend(idle(), at(219)), None);
        assert_eq!(watch.ready_to_suspend(idle(), at(220)), idle());
        sys.write("control", "on\n");
        assert_eq!(watch.ready_to_suspend(idle(), at(300)), None, "not allowed");
        let mut never = IdleWatch::new(Policy { after: None, ..sys.policy() });
        sys.write("control", "auto\n");
        assert_eq!(never.ready_to_suspend(idle(), at(0)), None);
        assert_eq!(never.ready_to_suspend(idle(), at(1000)), None);
    }

    #[test]
    fn released_gpus_suspended_until_resumed() {
        let sys = Sys::new();
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        sys.write("runtime_status", "active\n");
        let mut watch = SuspendWatch::new(sys.policy(), vec![BUS.into()], begun);
        assert_eq!(watch.check(at(9)), SuspendState::Suspended, "on the way");
        sys.write("runtime_status", "suspended\n");
        assert_eq!(watch.check(at(9)), SuspendState::Suspended);
        assert_eq!(watch.check(at(9000)), SuspendState::Suspended);
        sys.write("runtime_status", "active\n");
        assert_eq!(watch.check(at(9001)), SuspendState::Resumed);
    }

    #[test]
    fn suspend_fails_after_timeout_or_without_sysfs() {
        let sys = Sys::new();
        let begun = Instant::now();
        let mut watch = SuspendWatch::new(sys.policy(), vec![BUS.into()], begun);
        assert_eq!(watch.check(begun), SuspendState::Failed, "no file");
        sys.write("runtime_status", "active\n");
        assert_eq!(watch.check(begun + SUSPEND_TIMEOUT), SuspendState::Failed);
    }
}
