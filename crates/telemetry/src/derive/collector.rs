//! The collector's state: one pure decision over all that is known of it.

use std::time::Duration;

use crate::{
    BootTime,
    derive::Child,
    sample::{Call, Driver},
    snapshot::CollectorState,
};

/// Time that a fresh collector may be starting before an older verdict (no driver) gives way to `starting`. The
/// retries of a host without a driver take milliseconds; without this the state would flicker.
const STARTING_SHOWS_AFTER: Duration = Duration::from_secs(3);

pub(super) struct Evidence<'a> {
    pub(super) now: BootTime,
    pub(super) child: &'a Child,
    /// The newest word of the collector that runs now.
    pub(super) driver: Option<&'a Driver>,
    /// True once any GPU was read, or the driver counted none.
    pub(super) has_read: bool,
    /// The driver's text and a hint, if the last collector that came so far could not read it.
    pub(super) failure: Option<&'a (String, Option<String>)>,
    /// Reason for which the last collector crashed or could not be started, if none has read the driver since.
    pub(super) crash: Option<&'a str>,
    pub(super) all_stale: bool,
    /// The GPUs were let go on purpose.
    pub(super) asleep: bool,
    pub(super) stuck: Option<&'a Call>,
}

pub(super) struct Verdict {
    pub(super) state: CollectorState,
    pub(super) detail: Option<String>,
}

pub(super) fn verdict(evidence: &Evidence<'_>) -> Verdict {
    match (evidence.child, evidence.driver) {
        // Between the collector that let the GPUs go and the one that watches them nothing is amiss.
        (Child::Down { .. } | Child::Alive, _) if evidence.asleep => {
            let detail = "every GPU is idle and was let go, so that it can be suspended";
            Verdict { state: CollectorState::Ok, detail: Some(detail.into()) }
        }
        // Whatever was wrong with the driver before: nobody asks it now.
        (Child::Released { detail }, _) => Verdict { state: CollectorState::Released, detail: Some(detail.clone()) },
        (Child::Down { detail }, _) => unread(evidence, &CollectorState::Restarting, Some(detail.clone())),
        (Child::Silent { detail }, _) => Verdict { state: CollectorState::Stalled, detail: Some(detail.clone()) },
        (Child::Alive, None) => unread(evidence, &CollectorState::Restarting, None),
        (Child::Alive, Some(Driver::Waiting { detail })) => {
            Verdict { state: CollectorState::Stalled, detail: Some(detail.clone()) }
        }
        (Child::Alive, Some(Driver::Starting { call })) => starting(evidence, call.as_ref()),
        (Child::Alive, Some(Driver::Replaced { detail })) => {
            unread(evidence, &CollectorState::Restarting, Some(detail.clone()))
        }
        (
            Child::Alive,
            Some(
                Driver::Failed(_)
                | Driver::Awaiting
                | Driver::Suspending { .. }
                | Driver::Suspended
                | Driver::SuspendFailed,
            ),
        ) => unread(evidence, &CollectorState::Restarting, None),
        (Child::Alive, Some(Driver::Ready(_))) => Verdict {
            state: if evidence.all_stale { CollectorState::Stalled } else { CollectorState::Ok },
            detail: evidence.stuck.map(|call| describe(call, evidence.now)),
        },
    }
}

/// No sample of the present: the last crash if it is newer than anything else, else the driver's failure, else
/// `otherwise` if there is anything to fall back on, else `starting`.
fn unread(evidence: &Evidence<'_>, otherwise: &CollectorState, detail: Option<String>) -> Verdict {
    if let Some(crash) = evidence.crash {
        return Verdict { state: CollectorState::Restarting, detail: Some(crash.into()) };
    }
    if let Some((text, hint)) = evidence.failure {
        return Verdict { state: CollectorState::NoDriver { text: text.clone() }, detail: hint.clone() };
    }
    let state = if evidence.has_read { otherwise.clone() } else { CollectorState::Starting };
    Verdict { state, detail }
}

fn starting(evidence: &Evidence<'_>, call: Option<&Call>) -> Verdict {
    let detail = call.map(|call| describe(call, evidence.now));
    let long = call.is_some_and(|call| evidence.now.since(call.since) >= STARTING_SHOWS_AFTER);
    if evidence.crash.is_some() && long {
        return Verdict { state: CollectorState::Restarting, detail };
    }
    if evidence.failure.is_some() && long {
        return Verdict { state: CollectorState::Starting, detail };
    }
    unread(evidence, &CollectorState::Restarting, detail)
}

/// A call in flight in plain words: `nvmlDeviceGetName on GPU 1 has not returned for 12 s`.
pub(super) fn describe(call: &Call, now: BootTime) -> String {
    let seconds = now.since(call.since).as_secs();
    match call.gpu {
        Some(gpu) => format!("{} on GPU {gpu} has not returned for {seconds} s", call.function),
        None => format!("{} has not returned for {seconds} s", call.function),
    }
}
