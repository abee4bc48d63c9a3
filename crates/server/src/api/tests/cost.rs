//! What a rendering costs.

use hyper::{
    HeaderMap,
    header::{ACCEPT_ENCODING, HeaderValue},
};
use telemetry::snapshot::ProcessKind;

use super::{Host, body, hosts};
use crate::{Commands, scope::Scope};

/// Not a test of right or wrong: `cargo nextest run --release -p server cost_of --run-ignored all --no-capture`.
#[test]
#[ignore = "measures"]
fn cost_of_a_rendering() {
    let mut snapshot = hosts::healthy();
    snapshot.gpus = (0..8).map(hosts::healthy_gpu).collect();
    for (pid, position) in (1000..1050).zip((0..8).cycle()) {
        snapshot.gpus[position].processes.push(hosts::process(pid, ProcessKind::Compute));
    }
    for packed in [false, true] {
        for which in ["snapshot", "gpus", "processes", "users", "summary", "events"] {
            let encoding = if packed { "gzip" } else { "identity" };
            let takes = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(encoding))]);
            let (mut best, mut size) = (std::time::Duration::MAX, 0);
            for _ in 0..50 {
                let host = Host::new(snapshot.clone(), Scope::Read, Commands::Masked);
                let begin = std::time::Instant::now();
                let response = host.get_with(which, &takes);
                best = best.min(begin.elapsed());
                size = body(response).len();
            }
            println!("{which:10} {encoding:8} {size:7} bytes {best:?}");
        }
    }
}
