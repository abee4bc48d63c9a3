//! `/healthz` and `/readyz`, for supervisors and load balancers. They require no token, so they contain almost nothing.

use bytes::Bytes;
use hyper::StatusCode;
use telemetry::snapshot::{CollectorState, GpuState, Snapshot};

use http_server::{Response, response};

/// Readiness: if the agent has fresh readings.
#[derive(Debug)]
pub struct Readiness {
    ready: bool,
    body: Bytes,
}

impl Readiness {
    /// Ready: the collector is `ok` and at least one GPU's newest reading is not stale, or there is no GPU.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        let state = &snapshot.collector.state;
        let gpus = &snapshot.gpus;
        let fresh = gpus.is_empty() || gpus.iter().any(|gpu| gpu.state != GpuState::Stale);
        Self {
            ready: *state == CollectorState::Ok && fresh,
            body: format!(r#"{{"state":"{}"}}"#, state.as_str()).into(),
        }
    }

    /// True if the agent is ready.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.ready
    }

    pub(crate) fn answer(&self) -> Response {
        let status = if self.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        response::json(status, self.body.clone())
    }
}

/// Answers `/healthz`: any response means that the program runs.
pub(crate) fn alive() -> Response {
    response::json(StatusCode::OK, Bytes::from_static(br#"{"status":"ok"}"#))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host;
    use telemetry::snapshot::Gpu;

    fn readiness(state: CollectorState, gpus: &[GpuState]) -> (bool, Bytes) {
        let gpus = gpus.iter().map(|state| Gpu { state: *state, ..host::gpu(0) }).collect();
        let readiness = Readiness::of(&host::snapshot(state, gpus));
        (readiness.is_ready(), readiness.body)
    }

    #[test]
    fn ready_with_one_fresh_gpu() {
        assert!(readiness(CollectorState::Ok, &[GpuState::Stale, GpuState::Ok]).0);
        assert!(readiness(CollectorState::Ok, &[GpuState::Lost]).0);
        assert!(readiness(CollectorState::Ok, &[]).0);
        assert!(!readiness(CollectorState::Ok, &[GpuState::Stale, GpuState::Stale]).0);
    }

    #[test]
    fn readyz_reports_state_only() {
        let no_driver = CollectorState::NoDriver { text: "Driver Not Loaded".into() };
        for (state, body) in [
            (CollectorState::Starting, r#"{"state":"starting"}"#),
            (CollectorState::Stalled, r#"{"state":"stalled"}"#),
            (CollectorState::Restarting, r#"{"state":"restarting"}"#),
            (no_driver, r#"{"state":"no_driver"}"#),
            (CollectorState::Released, r#"{"state":"released"}"#),
        ] {
            assert_eq!(readiness(state, &[GpuState::Ok]), (false, Bytes::from(body)));
        }
        assert_eq!(readiness(CollectorState::Ok, &[]), (true, Bytes::from(r#"{"state":"ok"}"#)));
    }
}
