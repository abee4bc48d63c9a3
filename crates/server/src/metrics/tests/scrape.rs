//! Scrapes: what is asked for, and in what form it is answered.

use std::io::Read as _;

use http_body_util::BodyExt as _;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};

use super::*;

struct Host {
    snapshot: Arc<Snapshot>,
    views: Views,
    server: ServerConfig,
    requests: Requests,
}

impl Host {
    fn new(names: &str) -> Self {
        let snapshot = Arc::new(full());
        let views = Views::render(&snapshot, Commands::Masked, &Arc::new(settings(names)), &Arc::default());
        let requests = Requests::of(["/status", "/metrics"].into_iter());
        Self { snapshot, views, server: ServerConfig::default(), requests }
    }

    fn scrape(&self, query: &str, headers: &[(hyper::header::HeaderName, &'static str)]) -> Response {
        let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        let headers = HeaderMap::from_iter(headers);
        let scrape = Scrape {
            snapshot: &self.snapshot,
            views: &self.views,
            scope: Scope::Read,
            query,
            headers: &headers,
            server: &self.server,
            requests: &self.requests,
        };
        scrape.answer()
    }

    fn text(&self, query: &str) -> String {
        String::from_utf8(body(self.scrape(query, &[]))).unwrap()
    }
}

fn body(response: Response) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(response.into_body().collect()).unwrap().to_bytes().to_vec()
}

/// Without what changes from moment to moment.
fn still(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with("nvsmi_agent_snapshot_age_seconds "));
    lines.map(|line| format!("{line}\n")).collect()
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
        ("native", "other=1&names=dcgm&names=native", true, false),
    ] {
        let text = Host::new(default).text(query);
        assert_eq!(text.contains("nvsmi_gpu_power_watts{"), native, "{default}?{query}");
        assert_eq!(text.contains("DCGM_FI_DEV_POWER_USAGE{"), dcgm, "{default}?{query}");
        assert_eq!(text.contains("nvsmi_agent_nvml_call_duration_seconds_count{"), native, "{default}?{query}");
        assert!(text.contains("nvsmi_agent_snapshot_age_seconds "), "{default}?{query}");
    }
    let refused = Host::new("native").scrape("names=prometheus", &[]);
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    let problem = String::from_utf8(body(refused)).unwrap();
    assert!(problem.contains("prometheus") && problem.contains("native, dcgm"), "{problem}");
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
        assert_eq!(still(&read), still(&String::from_utf8(body(plain)).unwrap()), "{query}");
    }
}

#[test]
fn scrape_head_is_current_rest_is_snapshot() {
    let host = Host::new("native");
    let first = host.text("");
    host.requests.count(Some(1), StatusCode::OK);
    host.requests.count(None, StatusCode::NOT_FOUND);
    let moment = BootTime::now();
    while BootTime::now() == moment {
        std::hint::spin_loop();
    }
    let second = host.text("");
    let count = |text: &str, labels: &[(&str, &str)]| {
        value(&read(text), "nvsmi_agent_http_requests_total", labels).map(str::to_owned)
    };
    assert_eq!(count(&first, &[]), None);
    assert_eq!(count(&second, &[("route", "/metrics"), ("status", "200")]).as_deref(), Some("1"));
    assert_eq!(count(&second, &[("route", "other"), ("status", "404")]).as_deref(), Some("1"));
    let rest = |text: &str| text.split("# HELP nvsmi_gpu_info ").nth(1).unwrap().to_owned();
    assert_eq!(rest(&first), rest(&second));
}
