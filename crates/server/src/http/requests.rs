//! How many requests were answered, by route and status.

use std::sync::atomic::{AtomicU64, Ordering};

use hyper::StatusCode;

/// The statuses that the server answers with; any other counts as the last.
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

/// Counters of every route and status. They only add, so that no answer waits for another.
#[derive(Debug)]
pub(crate) struct Requests {
    routes: Vec<(&'static str, [AtomicU64; STATUSES.len()])>,
}

/// What has no route counts under this name: the path would be the stranger's to choose.
const OTHER: &str = "other";

impl Requests {
    /// Counters of these routes, each known by its place.
    pub(crate) fn of(routes: impl Iterator<Item = &'static str>) -> Self {
        Self { routes: routes.chain([OTHER]).map(|route| (route, Default::default())).collect() }
    }

    /// Counts an answer; without a route it is one of the others.
    pub(crate) fn count(&self, route: Option<usize>, status: StatusCode) {
        let place = route.unwrap_or(self.routes.len() - 1);
        let status = STATUSES.iter().position(|(known, _)| *known == status.as_u16()).unwrap_or(STATUSES.len() - 1);
        if let Some((_, counts)) = self.routes.get(place) {
            counts[status].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Tells each that is not zero.
    pub(crate) fn each(&self, mut tell: impl FnMut(&str, &str, u64)) {
        for (route, counts) in &self.routes {
            for ((_, status), count) in STATUSES.iter().zip(counts) {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    tell(route, status, count);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_counted_once() {
        let requests = Requests::of(["/a", "/b"].into_iter());
        for (route, status) in [(Some(1), 200), (Some(1), 200), (None, 404), (Some(0), 418), (Some(9), 200)] {
            requests.count(route, StatusCode::from_u16(status).unwrap());
        }
        let mut told = Vec::new();
        requests.each(|route, status, count| told.push(format!("{route} {status} {count}")));
        assert_eq!(told, ["/a other 1", "/b 200 2", "other 404 1"]);
    }
}
