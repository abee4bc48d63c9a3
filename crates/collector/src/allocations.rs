//! Devices that the kubelet has allocated to containers, polled by a thread of its own.

use std::{
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use telemetry::{Absence, Reading, sample::Allocation};

use crate::{
    lock::{lock, wait_until},
    socket::{Fault, Health, Socket, kubelet},
};

/// Initial backoff after a failure. It doubles with each further one, up to the usual period.
const SOONEST: Duration = Duration::from_secs(1);
/// Maximum age of the last answer. A kubelet that restarts allocates and releases nothing meanwhile.
const KEEPS: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
struct State {
    last: Option<(Instant, Vec<Allocation>)>,
    /// Failure of the newest request, if it failed.
    fault: Option<Fault>,
    health: Health,
}

/// Last answer of the kubelet.
#[derive(Default)]
pub(crate) struct Allocations(Option<Arc<(Mutex<State>, Condvar)>>);

impl Allocations {
    /// Starts the thread if there is a socket.
    pub(crate) fn start(socket: Option<Socket>, period: Duration) -> Self {
        let Some(socket) = socket else { return Self(None) };
        Self::asking(socket.clone(), period, move || socket.ask(kubelet::list))
    }

    fn asking(
        socket: Socket,
        period: Duration,
        mut list: impl FnMut() -> Result<Vec<Allocation>, Fault> + Send + 'static,
    ) -> Self {
        let shared: Arc<(Mutex<State>, Condvar)> = Arc::default();
        let state = Arc::clone(&shared);
        let work = move || {
            let mut pause = SOONEST;
            loop {
                let outcome = list();
                let wait = if outcome.is_ok() { period } else { pause.min(period) };
                pause = if outcome.is_ok() { SOONEST } else { (pause * 2).min(period.max(SOONEST)) };
                lock(&state.0).add(&socket, outcome);
                state.1.notify_all();
                thread::sleep(wait);
            }
        };
        if let Err(error) = thread::Builder::new().name("kubelet".into()).spawn(work) {
            tracing::warn!(%error, "cannot start a thread to ask the kubelet");
        }
        Self(Some(shared))
    }

    /// Returns the last answer, unless it is too old.
    pub(crate) fn newest(&self) -> Reading<Vec<Allocation>> {
        let shared = self.0.as_ref().ok_or(Absence::NotSupported)?;
        lock(&shared.0).newest(Instant::now())
    }

    /// Waits for the first answer or failure, or until the deadline.
    pub(crate) fn settle(&self, deadline: Instant) {
        let Some(shared) = &self.0 else { return };
        let mut state = lock(&shared.0);
        while !state.health.is_known() {
            let (guard, in_time) = wait_until(&shared.1, state, deadline);
            state = guard;
            if !in_time {
                break;
            }
        }
    }

    /// Returns the problem of the socket, if there is one.
    pub(crate) fn note(&self) -> Option<String> {
        lock(&self.0.as_ref()?.0).health.note()
    }
}

impl State {
    fn add(&mut self, socket: &Socket, outcome: Result<Vec<Allocation>, Fault>) {
        self.health.found(socket, outcome.as_ref().map(|_| ()));
        match outcome {
            Ok(all) => (self.last, self.fault) = (Some((Instant::now(), all)), None),
            Err(fault) => self.fault = Some(fault),
        }
    }

    fn newest(&self, now: Instant) -> Reading<Vec<Allocation>> {
        match &self.last {
            Some((when, all)) if now.saturating_duration_since(*when) < KEEPS => Ok(all.clone()),
            _ => Err(self.fault.as_ref().map_or(Absence::Timeout, |fault| fault.why)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::Kind;
    use std::sync::mpsc;
    use telemetry::sample::{Device, PodContainer};

    fn given(pod: &str) -> Vec<Allocation> {
        let to = PodContainer { namespace: "ml".into(), pod: pod.into(), container: "main".into() };
        vec![Allocation { device: Device::Uuid("GPU-A".into()), to }]
    }

    fn socket() -> Socket {
        Socket { kind: Kind::Kubelet, path: "/s".into() }
    }

    fn far() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn pods_unsupported_without_socket() {
        let none = Allocations::start(None, SOONEST);
        none.settle(far());
        assert_eq!((none.newest(), none.note()), (Err(Absence::NotSupported), None));
    }

    #[test]
    fn pods_refreshed_from_newest_answer() {
        let (answers, next) = mpsc::channel();
        answers.send(Ok(given("a"))).unwrap();
        let kubelet = Allocations::asking(socket(), Duration::ZERO, move || next.recv().unwrap());
        kubelet.settle(far());
        assert_eq!(kubelet.newest(), Ok(given("a")));
        answers.send(Ok(given("b"))).unwrap();
        while kubelet.newest() == Ok(given("a")) {
            thread::yield_now();
        }
        assert_eq!(kubelet.newest(), Ok(given("b")));
    }

    #[test]
    fn kubelet_hung_blocks_nothing() {
        let (_keep, never) = mpsc::channel();
        let kubelet = Allocations::asking(socket(), SOONEST, move || never.recv().unwrap());
        kubelet.settle(Instant::now() + Duration::from_millis(1));
        assert_eq!(kubelet.newest(), Err(Absence::Timeout));
    }

    #[test]
    fn pods_kept_over_restart_then_expire() {
        let mut state = State::default();
        state.add(&socket(), Err(Fault::denied("no")));
        let now = Instant::now();
        assert_eq!((state.newest(now), state.health.note().as_deref()), (Err(Absence::Denied), Some("no")));
        state.add(&socket(), Ok(given("a")));
        state.add(&socket(), Err(Fault::error("gone")));
        let asked = state.last.as_ref().unwrap().0;
        assert_eq!(state.newest(asked + KEEPS - SOONEST), Ok(given("a")));
        assert_eq!(state.newest(asked + KEEPS), Err(Absence::Error));
        assert_eq!(state.health.note().as_deref(), Some("gone"));
        state.add(&socket(), Ok(vec![]));
        assert_eq!((state.newest(Instant::now()), state.health.note()), (Ok(vec![]), None));
    }
}
