//! Counters of requests by route and status.

use std::sync::atomic::{AtomicU64, Ordering};

use hyper::StatusCode;

/// Statuses with a counter of their own; others are counted as the last.
const STATUSES: [(u16, &str); 12] = [
    (200, "200"),
    (304, "304"),
    (307, "307"),
    (400, "400"),
    (401, "401"),
    (403, "403"),
    (404, "404"),
    (405, "405"),
    (421, "421"),
    (500, "500"),
    (503, "503"),
    (0, "other"),
];

/// Counters of every route and status, and of panics. They only increase, so no request waits for another.
#[derive(Debug)]
pub struct RequestCounters {
    routes: Vec<(&'static str, [AtomicU64; STATUSES.len()])>,
    panics: AtomicU64,
}

/// Name under which requests without a route are counted: their paths are chosen by clients.
const OTHER: &str = "other";

impl RequestCounters {
    /// Counters of these routes, each known by its position.
    #[must_use]
    pub fn new(routes: impl Iterator<Item = &'static str>) -> Self {
        let routes = routes.chain([OTHER]).map(|route| (route, Default::default())).collect();
        Self { routes, panics: AtomicU64::new(0) }
    }

    /// Counts a response.
    pub fn count(&self, route: Option<usize>, status: StatusCode) {
        let position = route.unwrap_or(self.routes.len() - 1);
        let status = STATUSES.iter().position(|(known, _)| *known == status.as_u16()).unwrap_or(STATUSES.len() - 1);
        if let Some((_, counts)) = self.routes.get(position) {
            counts[status].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Calls `visit` with the route, status and value of each counter that is not zero.
    pub fn each(&self, mut visit: impl FnMut(&str, &str, u64)) {
        for (route, counts) in &self.routes {
            for ((_, status), count) in STATUSES.iter().zip(counts) {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    visit(route, status, count);
                }
            }
        }
    }

    /// Requests that ended in a panic, each answered with 500.
    #[must_use]
    pub fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    pub(crate) fn count_panic(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_counted_once_by_route_and_status() {
        let requests = RequestCounters::new(["/a", "/b"].into_iter());
        for (route, status) in [(Some(1), 200), (Some(1), 200), (None, 404), (Some(0), 418), (Some(9), 200)] {
            requests.count(route, StatusCode::from_u16(status).unwrap());
        }
        let mut seen = Vec::new();
        requests.each(|route, status, count| seen.push(format!("{route} {status} {count}")));
        assert_eq!(seen, ["/a other 1", "/b 200 2", "other 404 1"]);
    }
}
