//! Load by `wrk`: a few connections that send requests as fast as possible.

use std::{fs, net::SocketAddr, path::Path, process::Command};

use serde::{Deserialize, Serialize};

use crate::{Outcome, places::installed};

/// Results of wrk.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Load {
    /// Responses per second.
    pub(crate) rate: f64,
    pub(crate) requests: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    /// Failed connections and responses with other statuses than 2xx.
    pub(crate) failed: f64,
}

/// Script that prints the results as JSON, including the 99.9th percentile, which wrk does not print by itself.
const SCRIPT: &str = r#"
done = function(summary, latency)
	local errors = summary.errors
	io.write(string.format(
		'{"rate":%f,"requests":%d,"p50_us":%f,"p99_us":%f,"p999_us":%f,"failed":%d}\n',
		summary.requests * 1e6 / summary.duration, summary.requests,
		latency:percentile(50), latency:percentile(99), latency:percentile(99.9),
		errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
"#;

/// Sends requests on eight connections for a number of seconds.
pub(crate) fn wrk(folder: &Path, address: SocketAddr, path: &str, encoding: &str, seconds: u64) -> Outcome<Load> {
    let script = folder.join("results.lua");
    fs::write(&script, SCRIPT)?;
    let output = Command::new(installed("wrk")?)
        .args(["-t1", "-c8", &format!("-d{seconds}s"), "-s"])
        .arg(&script)
        .args(["-H", &format!("Accept-Encoding: {encoding}"), &format!("http://{address}{path}")])
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    let line = text
        .lines()
        .rfind(|line| line.starts_with('{'))
        .ok_or_else(|| format!("expected a line of JSON from wrk, got {text:?}"))?;
    let load: Load = serde_json::from_str(line)?;
    if load.failed > 0.0 {
        return Err(format!("{path} at {address}: {} of {} requests failed", load.failed, load.requests).into());
    }
    Ok(load)
}
