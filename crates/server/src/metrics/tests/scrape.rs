//! Scrapes: what is asked for, and in what form it is answered.

use std::io::Read as _;

use http_body_util::BodyExt as _;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, VARY};

use super::*;

struct Host {
    snapshot: Arc<Snapshot>,
    settings: Arc<MetricsSettings>,
    http: Arc<HttpStats>,
}

impl Host {
    fn new(names: &str) -> Self {
        let requests = Arc::new(RequestCounters::new(["/status", "/metrics"].into_iter()));
        let http = HttpStats::default();
        http.attach(requests, Arc::default());
        Self { snapshot: Arc::new(full()), settings: Arc::new(settings(names)), http: Arc::new(http) }
    }

    /// The views of the next tick.
    fn views(&self) -> MetricsViews {
        let demand = Arc::new(Demand::new(KEEP_MS));
        MetricsViews::render(&self.snapshot, Commands::Masked, &self.settings, &self.http, &demand)
    }

    fn scrape(&self, query: &str, headers: &[(hyper::header::HeaderName, &'static str)]) -> Response {
        let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        let headers = HeaderMap::from_iter(headers);
        let (snapshot, views) = (&self.snapshot, &self.views());
        Scrape { snapshot, views, scope: Scope::Read, query, headers: &headers }.answer()
    }

    fn text(&self, query: &str) -> String {
        String::from_utf8(body(self.scrape(query, &[]))).unwrap()
    }
}

fn body(response: Response) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(response.into_body().collect()).unwrap().to_bytes().to_vec()
}

#[test]
fn scrape_can_select_names() {
    for (default, query, native, dcgm) in [
        ("native", "", true, false),
        ("dcgm", "", false, true),
        ("native", "names=dcgm", false, true),
        ("dcgm", "names=native", true, false),
        ("native", "names=native%2Cdcgm", true, true),
        ("native", "names=", true, false),
        // As Prometheus sends `params: {names: [dcgm, native]}`.
        ("native", "other=1&names=dcgm&names=native", true, true),
        ("native", "names=dcgm&names=&names=dcgm", false, true),
    ] {
        let text = Host::new(default).text(query);
        assert_eq!(text.contains("nvsmi_gpu_power_watts{"), native, "{default}?{query}");
        assert_eq!(text.contains("DCGM_FI_DEV_POWER_USAGE{"), dcgm, "{default}?{query}");
        assert!(text.contains("nvsmi_agent_snapshot_timestamp_seconds "), "{default}?{query}");
    }
    for (query, parts) in [
        ("names=prometheus", &["names", "prometheus", "native, dcgm and dcgm4.9"][..]),
        ("names=dcgm4.8", &["dcgm4.8", "dcgm4.9"]),
        ("set=tiny", &["set", "tiny", "fleet, standard or full"]),
        ("set=fleet&set=full", &["set", "several"]),
        ("set=fleet&names=dcgm", &["fleet", "native names only"]),
    ] {
        let refused = Host::new("native").scrape(query, &[]);
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{query}");
        let problem = String::from_utf8(body(refused)).unwrap();
        assert!(parts.iter().all(|part| problem.contains(part)), "{query}: {problem}");
    }
}

#[test]
fn scrape_can_select_set() {
    let calls = "nvsmi_agent_nvml_call_duration_seconds_count{";
    let (clock, dcgm) = ("nvsmi_gpu_sm_clock_hertz{", "DCGM_FI_DEV_POWER_USAGE{");
    for (names, set, query, has) in [
        ("native", MetricsSet::Standard, "", &[clock][..]),
        ("native", MetricsSet::Standard, "set=", &[clock]),
        ("native", MetricsSet::Standard, "set=full&set=full", &[calls, clock]),
        ("native", MetricsSet::Standard, "set=fleet", &[]),
        ("native", MetricsSet::Fleet, "", &[]),
        ("native", MetricsSet::Fleet, "set=standard", &[clock]),
        // Names that are asked for win over a configured set, and a set that is asked for over configured names.
        ("native", MetricsSet::Fleet, "names=dcgm", &[dcgm]),
        ("dcgm", MetricsSet::Standard, "set=fleet", &[]),
        ("dcgm", MetricsSet::Full, "", &[calls, dcgm]),
        ("native,dcgm", MetricsSet::Standard, "set=full", &[calls, clock, dcgm]),
    ] {
        let mut host = Host::new(names);
        host.settings = Arc::new(MetricsSettings { set, ..settings(names) });
        let text = host.text(query);
        for part in [calls, clock, dcgm] {
            assert_eq!(text.contains(part), has.contains(&part), "{names} {set:?}?{query}: {part}");
        }
        assert!(text.contains("nvsmi_agent_collector_state{state=\"ok\"} 1"), "{names} {set:?}?{query}");
    }
}

#[test]
fn scrape_format_is_negotiated() {
    let host = Host::new("native");
    let text = host.scrape("", &[]);
    assert_eq!(text.headers()[CONTENT_TYPE], "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(text.headers()[VARY], "accept, accept-encoding");
    assert!(!String::from_utf8(body(text)).unwrap().contains("# EOF"));
    let open = [(ACCEPT, "application/openmetrics-text;version=1.0.0")];
    let answer = host.scrape("", &open);
    assert_eq!(answer.headers()[CONTENT_TYPE], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let text = String::from_utf8(body(answer)).unwrap();
    assert!(text.ends_with("# EOF\n") && text.matches("# EOF").count() == 1);
    assert!(text.contains(
        "# TYPE nvsmi_gpu_busy_seconds counter\n# UNIT nvsmi_gpu_busy_seconds seconds\nnvsmi_gpu_busy_seconds_total{"
    ));
    for query in ["names=dcgm", "names=native,dcgm"] {
        let answer = host.scrape(query, &open);
        assert_eq!(
            answer.headers()[CONTENT_TYPE],
            "text/plain; version=0.0.4; charset=utf-8",
            "its names are not theirs"
        );
    }
}

#[test]
fn compressed_scrape_equals_plain() {
    let host = Host::new("native,dcgm");
    for query in ["", "names=native", "names=dcgm"] {
        let plain = host.scrape(query, &[]);
        assert!(!plain.headers().contains_key(CONTENT_ENCODING));
        let packed = host.scrape(query, &[(ACCEPT_ENCODING, "gzip")]);
        assert_eq!(packed.headers()[CONTENT_ENCODING], "gzip", "{query}");
        let mut read = String::new();
        flate2::read::GzDecoder::new(&body(packed)[..]).read_to_string(&mut read).unwrap();
        assert_eq!(read, String::from_utf8(body(plain)).unwrap(), "{query}");
    }
}

#[test]
fn scrape_head_is_current_rest_is_snapshot() {
    let host = Host::new("native");
    let requests = &host.http.counters().unwrap().requests;
    let views = host.views();
    let text = |views: &MetricsViews| {
        let form = Form::of(Names::NATIVE, MetricsSet::Standard, Format::Text);
        let key = MetricsKey { scope: Scope::Read, form, gzip: false };
        String::from_utf8(views.text(&host.snapshot, key).to_vec()).unwrap()
    };
    let count = |text: &str, labels: &[(&str, &str)]| {
        value(&read(text), "nvsmi_agent_http_requests_total", labels).map(str::to_owned)
    };
    assert_eq!(count(&text(&views), &[]), None);
    requests.count(Some(1), StatusCode::OK);
    requests.count(None, StatusCode::NOT_FOUND);
    assert_eq!(count(&text(&views), &[]), None, "the same tick");
    let next = text(&host.views());
    assert_eq!(count(&next, &[("route", "/metrics"), ("status", "200")]).as_deref(), Some("1"));
    assert_eq!(count(&next, &[("route", "other"), ("status", "404")]).as_deref(), Some("1"));
}
