//! `/metrics` of the hub itself.

use http_server::{RequestCounters, Response, net::StreamPermits, response};
use hyper::HeaderMap;
use server::exposition::{Family, Kind, Page, content_type, format, labels};
use telemetry::BootTime;

use super::Counted;
use crate::fleet::{HostState, Published};

/// Approximate size of the text.
const CAPACITY: usize = 8 * 1024;

/// A scrape of the hub.
pub(crate) struct Scrape<'a> {
    pub(crate) published: &'a Published,
    pub(crate) requests: &'a RequestCounters,
    pub(crate) streams: &'a StreamPermits,
    pub(crate) counted: &'a Counted,
    pub(crate) now: BootTime,
    pub(crate) headers: &'a HeaderMap,
}

const fn gauge(name: &'static str, help: &'static str) -> Family<'static> {
    Family { name, kind: Kind::Gauge, unit: "", help }
}

const fn seconds(name: &'static str, help: &'static str) -> Family<'static> {
    Family { name, kind: Kind::Gauge, unit: "seconds", help }
}

const fn counter(name: &'static str, unit: &'static str, help: &'static str) -> Family<'static> {
    Family { name, kind: Kind::Counter, unit, help }
}

/// Answers a scrape.
pub(crate) fn scrape(scrape: &Scrape<'_>) -> Response {
    let format = format(scrape.headers);
    let mut page = Page::new(format, CAPACITY);
    page.begin(gauge("nvsmi_hub_build_info", "Version of the hub, as a label; always 1."))
        .push(&labels(&[("version", env!("CARGO_PKG_VERSION"))]), 1);
    page.begin(seconds("nvsmi_hub_published_age_seconds", "Time since the state of the fleet was last published."))
        .push("", scrape.now.since(scrape.published.at.boot).as_secs_f64());
    // Nothing renews it: what it counts as free is not known any more.
    if !scrape.published.is_abandoned(scrape.now) {
        fleet(scrape, &mut page);
    }
    http(scrape, &mut page);
    response::scraped(bytes::Bytes::from(page.end()).into(), content_type(format), false)
}

fn fleet(scrape: &Scrape<'_>, page: &mut Page) {
    let Scrape { published, now, .. } = scrape;
    let totals = &published.totals;
    let mut hosts = page.begin(gauge("nvsmi_hub_hosts", "Hosts by state."));
    for state in HostState::ALL {
        hosts.push(&labels(&[("state", state.as_str())]), u64::from(totals.hosts.of(state)));
    }
    let mut gpus =
        page.begin(gauge("nvsmi_hub_gpus", "GPUs of all hosts by use; those of hosts that are not ok are unknown."));
    let uses = &totals.gpus;
    for (word, count) in [("free", uses.free), ("held", uses.held), ("busy", uses.busy), ("unknown", uses.unknown)] {
        gpus.push(&labels(&[("use", word)]), u64::from(count));
    }
    page.begin(gauge("nvsmi_hub_mig_instances_free", "Free MIG instances of all hosts."))
        .push("", u64::from(totals.mig_free));
    let mut oldest = page.begin(seconds(
        "nvsmi_hub_oldest_reading_age_seconds",
        "Age of the oldest among the hosts' newest readings, by state; absent without such a host.",
    ));
    for state in HostState::ALL {
        let readings = published.hosts.iter().filter(|row| row.state == state).filter_map(|row| row.read);
        if let Some(age) = readings.map(|read| now.since(read.boot)).max() {
            oldest.push(&labels(&[("state", state.as_str())]), age.as_secs_f64());
        }
    }
    page.begin(gauge("nvsmi_hub_target_list_loaded", "1 once every source of targets was read, else 0."))
        .push("", i32::from(published.inputs.is_loaded));
    page.begin(gauge(
        "nvsmi_hub_target_list_notes",
        "Problems of the sources of targets, such as a file that cannot be read.",
    ))
    .push("", published.inputs.notes.len());
    page.begin(gauge(
        "nvsmi_hub_config_errors",
        "Files of the hub, such as tokens and certificates, that cannot be used; their last good content is in use.",
    ))
    .push("", published.inputs.config_notes.len());
    let targets = published.hosts.iter().map(|row| row.target.notes.len()).sum::<usize>();
    page.begin(gauge("nvsmi_hub_target_notes", "Problems of single targets, such as a name that another one has."))
        .push("", targets);
}

fn http(scrape: &Scrape<'_>, page: &mut Page) {
    let Scrape { requests, streams, counted, .. } = scrape;
    let help = "HTTP requests by route and status; `other` for paths without a route.";
    let mut answered = page.begin(counter("nvsmi_hub_http_requests_total", "", help));
    requests.each(|route, status, count| answered.push(&labels(&[("route", route), ("status", status)]), count));
    page.begin(counter(
        "nvsmi_hub_http_panics_total",
        "",
        "HTTP requests that ended in a panic; each was answered with 500.",
    ))
    .push("", requests.panics());
    page.begin(gauge("nvsmi_hub_fleet_stream_clients", "Open connections to /api/v1/fleet/stream."))
        .push("", counted.streams());
    page.begin(gauge("nvsmi_hub_stream_clients", "Open streams, including those of hosts behind the hub."))
        .push("", streams.taken());
    page.begin(counter(
        "nvsmi_hub_fleet_stream_sent_bytes_total",
        "bytes",
        "Bytes of /api/v1/fleet/stream, compressed where the client accepts it.",
    ))
    .push("", counted.bytes());
}
