//! `/api/v1` on hosts of every kind, for every scope.

mod absence;
mod claims;
pub(crate) mod docs;
mod find;
mod schema;
mod summary;
mod types;
mod usage;
mod users;

use std::{io::Read as _, sync::Arc};

use http_body_util::BodyExt;
use http_server::Response;
use hyper::{
    HeaderMap,
    header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, VARY},
};
use serde_json::Value;
pub(crate) use telemetry::fixtures::hosts;
use telemetry::{
    BootTime, Stamp,
    history::{Depth, History},
    snapshot::Snapshot,
};

use super::{Question, Views};
use crate::{
    config::commands::Commands,
    openapi,
    router::routes,
    store::{archive::Archive, cache::Demand},
};
use http_server::auth::Scope;

const SCOPES: [Scope; 2] = [Scope::Read, Scope::Summary];

struct Host {
    snapshot: Arc<Snapshot>,
    views: Views,
    archive: Archive,
    scope: Scope,
}

impl Host {
    fn new(snapshot: Snapshot, scope: Scope, commands: Commands) -> Self {
        let views = Views::render(&snapshot, commands, &Arc::new(Demand::new(crate::v1::KEEP_MS)), None, true);
        Self { archive: archive(&snapshot), snapshot: Arc::new(snapshot), views, scope }
    }

    fn ask(&self, query: &str, headers: &HeaderMap, answer: impl FnOnce(&Question<'_>) -> Response) -> Response {
        let (snapshot, views, archive, scope) = (&self.snapshot, &self.views, &self.archive, self.scope);
        answer(&Question { snapshot, views, archive, scope, query, headers })
    }

    fn get(&self, path: &str) -> Response {
        self.get_with(path, &HeaderMap::new())
    }

    fn get_with(&self, path: &str, headers: &HeaderMap) -> Response {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        self.ask(query, headers, |question| match path {
            "peers" => crate::v1::peers::answer(&"gpu02=/server2,gpu09=https://gpu09.example/".parse().unwrap()),
            "snapshot" => question.snapshot(),
            "gpus" => question.gpus(),
            "processes" => question.processes(),
            "users" => question.users(),
            "summary" => question.summary(),
            "summary.txt" => question.summary_text(),
            "find" => question.find(),
            "events" => question.events(),
            "history" => question.history(),
            other => question.gpu(other.strip_prefix("gpus/").unwrap()),
        })
    }

    fn json(&self, path: &str) -> Value {
        serde_json::from_slice(&body(self.get(path))).unwrap()
    }
}

/// A past in which the host was four seconds long as it is.
fn archive(snapshot: &Snapshot) -> Archive {
    let archive = Archive::new(History::new(Depth::default()));
    for ago in (0..4).rev().map(|second| second * 1000) {
        let before = |at: Stamp| Stamp { boot: BootTime(at.boot.0 - ago), unix_ms: at.unix_ms - ago };
        let mut past = Snapshot { at: before(snapshot.at), ..snapshot.clone() };
        past.gpus.iter_mut().for_each(|gpu| gpu.read_at = before(gpu.read_at));
        archive.add(&past);
    }
    archive
}

fn body(response: Response) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(response.into_body().collect()).unwrap().to_bytes().to_vec()
}

fn unpacked(packed: &[u8]) -> Vec<u8> {
    let mut read = Vec::new();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut read).unwrap();
    read
}

fn document() -> Value {
    serde_json::from_slice(&openapi::document(true, false, routes::documented).0).unwrap()
}

/// Paths as they are asked for, and as the document has them.
const PATHS: [(&str, &str); 11] = [
    ("snapshot", "/api/v1/snapshot"),
    ("gpus", "/api/v1/gpus"),
    ("gpus/0", "/api/v1/gpus/{gpu}"),
    ("processes", "/api/v1/processes"),
    ("users", "/api/v1/users"),
    ("summary", "/api/v1/summary"),
    ("summary.txt", "/api/v1/summary.txt"),
    ("find?memory=8GiB&held=true", "/api/v1/find"),
    ("events", "/api/v1/events"),
    ("peers", "/api/v1/peers"),
    ("history?metric=utilization.gpu_percent,power.draw_watts&gpu=0&since=-15m", "/api/v1/history"),
];

/// Paths of the document outside `/api/v1`; `tests/http/documented.rs` requests them.
const OTHER_PATHS: [&str; 5] = ["/status", "/count", "/healthz", "/readyz", "/openapi.json"];

#[test]
fn answers_match_schema() {
    let document = document();
    // The stream has no end and so tests of its own.
    assert_eq!(document["paths"].as_object().unwrap().len(), PATHS.len() + usage::PATHS.len() + OTHER_PATHS.len() + 1);
    for (name, snapshot) in hosts::all() {
        for scope in SCOPES {
            let host = Host::new(snapshot.clone(), scope, Commands::Masked);
            for (asked, path) in PATHS {
                let response = host.get(asked);
                let (status, kind) = (response.status().as_u16(), response.headers()[CONTENT_TYPE].clone());
                let kind = kind.to_str().unwrap().split(';').next().unwrap().to_owned();
                let content = &schema::answer(&document, path, status)["content"][&kind];
                assert!(content.is_object(), "{name} {path}: {status} {kind} is not in the document");
                let bytes = body(response);
                let value = if kind == "text/plain" {
                    Value::String(String::from_utf8(bytes).unwrap())
                } else {
                    serde_json::from_slice(&bytes).unwrap()
                };
                let faults = schema::faults(&document, &content["schema"], &value, path);
                assert!(faults.is_empty(), "{name} {scope:?}: {faults:#?}");
            }
        }
    }
}

#[test]
fn scopes_hide_denied_fields() {
    let all = |scope, commands| -> String {
        let host = Host::new(hosts::planted(), scope, commands);
        let asked = [
            "processes?gpu=0",
            "processes?type=C",
            "processes?user=planted-user",
            "events?since=0",
            "gpus/1",
            "history?metric=memory.used_bytes",
        ];
        let paths = PATHS.iter().map(|(path, _)| *path).chain(asked);
        paths.map(|path| String::from_utf8(body(host.get(path))).unwrap()).collect()
    };
    let everything = all(Scope::Read, Commands::Full);
    for planted in hosts::PLANTED {
        assert!(everything.contains(planted), "{planted} is not planted");
        for commands in [Commands::Full, Commands::Masked, Commands::Name, Commands::Hidden] {
            assert!(!all(Scope::Summary, commands).contains(planted), "{planted}");
        }
    }
    assert!(!all(Scope::Read, Commands::Name).contains(hosts::PLANTED[2]));
    assert!(!all(Scope::Read, Commands::Hidden).contains(hosts::PLANTED[1]));
    for scope in [Scope::Read, Scope::Summary] {
        let host = Host::new(hosts::planted(), scope, Commands::Full);
        let refused = if scope == Scope::Summary { 403 } else { 200 };
        assert_eq!(host.get("users").status(), refused);
        assert_eq!(host.get("processes?user=alice").status(), refused);
    }
}

#[test]
fn filters_keep_matching_rows() {
    let host = Host::new(hosts::healthy(), Scope::Read, Commands::Masked);
    let all = host.json("processes");
    let kept = |query: &str| {
        let rows = host.json(&format!("processes?{query}"));
        let at = |row| all.as_array().unwrap().iter().position(|one| one == row).unwrap();
        rows.as_array().unwrap().iter().map(at).collect::<Vec<_>>()
    };
    for (query, rows) in [
        ("", vec![0, 1, 2]),
        ("gpu=0", vec![0, 1]),
        ("gpu=GPU-1", vec![2]),
        ("gpu=1,GPU-0", vec![0, 1, 2]),
        ("user=alice", vec![0, 2]),
        ("user=0", vec![1]),
        ("user=trainer", vec![1]),
        ("user=nobody", vec![]),
        ("type=G", vec![2]),
        ("type=C&gpu=0&user=root", vec![1]),
        ("type=C%2BG", vec![2]),
    ] {
        assert_eq!(kept(query), rows, "{query}");
    }
    for (query, status, named) in [
        ("gpu=2", 404, "gpu=\"2\""),
        ("gpu=0,GPU-9", 404, "gpu=\"GPU-9\""),
        ("gpu=", 400, "gpu is empty"),
        ("gpu=0,,1", 400, "empty entry"),
        ("user=", 400, "user is empty"),
        ("type=", 400, "type is empty"),
        ("type=c", 400, "type=\"c\""),
    ] {
        let response = host.get(&format!("processes?{query}"));
        assert_eq!(
            (response.status().as_u16(), &response.headers()[CONTENT_TYPE]),
            (status, &HeaderValue::from_static("application/problem+json"))
        );
        let problem: Value = serde_json::from_slice(&body(response)).unwrap();
        assert!(problem["detail"].as_str().unwrap().contains(named), "{problem}");
        assert_eq!(problem["status"], status);
    }
}

#[test]
fn gpu_found_by_index_and_uuid() {
    let host = Host::new(hosts::healthy(), Scope::Read, Commands::Masked);
    let all = host.json("gpus");
    assert_eq!(host.json("snapshot")["gpus"], all);
    for name in ["1", "GPU-1", "GPU%2D1"] {
        assert_eq!(host.json(&format!("gpus/{name}")), all[1], "{name}");
    }
    for name in ["2", "", "01", "+1", "GPU", "%ff"] {
        assert_eq!(host.get(&format!("gpus/{name}")).status(), 404, "{name}");
    }
}

#[test]
fn events_since_time_are_exact() {
    let host = Host::new(hosts::healthy(), Scope::Read, Commands::Masked);
    let count = |query: &str| host.json(&format!("events{query}")).as_array().unwrap().len();
    let now = hosts::AT.unix_ms;
    assert_eq!([count(""), count("?since=-5m"), count("?since=-11m"), count("?since=0")], [2, 1, 2, 2]);
    assert_eq!([count(&format!("?since={now}")), count(&format!("?since={}", now + 1))], [1, 0]);
    assert_eq!([count("?until=-5m"), count("?until=now"), count("?since=-11m&until=-5m&limit=9")], [1, 1, 1]);
    assert_eq!([count("?until=-11m"), count("?until=-5m&limit=0"), count(&format!("?until={}", now + 1))], [0, 0, 2]);
    assert_eq!([count("?since=2020-01-01T00:00:00Z"), count("?until=2020-01-01T00:00:00%2B01:00")], [2, 0]);
    assert_eq!([count("?limit=1"), count("?limit=0"), count("?since=-5m&limit=9"), count("?limit=9")], [1, 0, 1, 2]);
    assert_eq!(host.json("events?limit=1")[0], host.json("events")[1], "the newest");
    for bad in ["since=yesterday", "limit=", "limit=-1", "limit=many", "until=2026-11-30", "since=-5m&until=-11m"] {
        assert_eq!(host.get(&format!("events?{bad}")).status(), 400, "{bad}");
    }
}

#[test]
fn events_since_time_are_compressed() {
    let host = Host::new(hosts::healthy(), Scope::Read, Commands::Masked);
    let packed =
        host.get_with("events?since=0", &HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("gzip"))]));
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    assert_eq!(packed.headers()["vary"], "accept-encoding");
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&body(packed)[..]), &mut text).unwrap();
    assert_eq!(text.as_bytes(), body(host.get("events")));
}

#[test]
fn history_period_and_form_are_as_requested() {
    let host = Host::new(hosts::healthy(), Scope::Summary, Commands::Masked);
    let path = |query: &str| format!("history?metric=utilization.gpu_percent,power.draw_watts{query}");
    let answer = host.json(&path("&since=-2s&until=-1s"));
    let series = answer["series"].as_array().unwrap();
    assert_eq!(series.len(), 4);
    let of = |row: &Value| (row["gpu"].as_u64().unwrap(), row["metric"].as_str().unwrap().to_owned());
    assert_eq!(of(&series[0]), (0, "utilization.gpu_percent".into()));
    assert_eq!(of(&series[3]), (1, "power.draw_watts".into()));
    let steps = series[0]["values"].as_array().unwrap().len();
    assert!((1..=2).contains(&steps), "the steps that the second touches: {steps}");
    let takes = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("gzip"))]);
    let packed = host.get_with(&path("&format=csv"), &takes);
    assert_eq!(packed.headers()[CONTENT_TYPE], "text/csv; charset=utf-8; header=present");
    assert_eq!(
        (&packed.headers()[CONTENT_ENCODING], &packed.headers()[VARY]),
        (&"gzip".parse().unwrap(), &"accept-encoding".parse().unwrap())
    );
    let text = String::from_utf8(unpacked(&body(packed))).unwrap();
    let all = host.json(&path(""));
    let [first, second] = [0, 2].map(|place| all["series"][place]["values"].as_array().unwrap().len());
    assert_eq!(text.matches("\r\n").count(), 1 + first + second);
    assert!(text.starts_with("time,gpu,gpu_uuid,utilization.gpu_percent,power.draw_watts\r\n20"), "{text}");
    assert!(text.contains("Z,0,GPU-0,") && text.contains("Z,1,GPU-1,"), "{text}");
    // A GPU that is named twice is answered once, in the order of the query.
    let named = host.json(&path("&gpu=1,0,GPU-1&format=json"));
    let order: Vec<Value> = named["series"].as_array().unwrap().iter().map(|row| row["gpu"].clone()).collect();
    assert_eq!(order, [1, 1, 0, 0]);
    // As long before the end as fine steps are kept, also for an end in the future.
    for (query, least) in [("&until=-1s", 1), ("&until=2100-01-01T00:00:00Z", 2), ("&until=-1h", 0), ("&until=5", 0)] {
        let answer = host.json(&path(query));
        let steps = answer["series"][0]["values"].as_array().unwrap().len();
        assert!((least..=3).contains(&steps), "{query}: {answer}");
    }
    for (bad, named) in [
        ("&format=xml", "json or csv"),
        ("&format=CSV", "json or csv"),
        ("&since=-1h&until=-2h", "period is empty"),
        ("&since=2026-11-30T10:00:00", "append Z"),
        ("&since=1700000000", "by 1000"),
    ] {
        let response = host.get(&path(bad));
        assert_eq!(
            (response.status().as_u16(), response.headers()[CONTENT_TYPE].to_str().unwrap()),
            (400, "application/problem+json")
        );
        assert!(String::from_utf8(body(response)).unwrap().contains(named), "{bad}");
    }
}

#[test]
fn compressed_answers_equal_plain_ones() {
    let host = Host::new(hosts::healthy(), Scope::Read, Commands::Masked);
    let takes = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("gzip, br"))]);
    assert_eq!(
        unpacked(&openapi::document(true, true, routes::documented).0),
        openapi::document(true, false, routes::documented).0
    );
    for path in ["snapshot", "gpus", "processes", "users"] {
        let packed = host.get_with(path, &takes);
        assert_eq!(packed.headers()[VARY], "accept-encoding", "{path}");
        let plain = host.get(path);
        assert!(!plain.headers().contains_key(CONTENT_ENCODING) && plain.headers()[VARY] == "accept-encoding");
        let plain = body(plain);
        if plain.len() < 1024 {
            assert!(!packed.headers().contains_key(CONTENT_ENCODING));
            continue;
        }
        assert_eq!(packed.headers()[CONTENT_ENCODING], "gzip", "{path}");
        assert_eq!(unpacked(&body(packed)), plain, "{path}");
    }
}

#[test]
fn keys_in_contract_order() {
    let host = Host::new(hosts::healthy(), Scope::Read, Commands::Masked);
    let text = String::from_utf8(body(host.get("snapshot"))).unwrap();
    let mut rest = text.as_str();
    let keys = "schema sequence sampled_at scope host hostname notes agent_version driver_version nvml_version cuda_version \
         booted_at cpu_percent load_1m memory_total_bytes memory_available_bytes absent collector state since detail \
         restarts sample_duration_seconds gpus index uuid name serial pci_bus_id architecture compute_capability \
         minor_number vbios_version state state_detail use verdict since since_at_least users unattributed_bytes \
         read_at age_ms utilization gpu_percent memory_percent encoder_percent decoder_percent jpeg_percent \
         ofa_percent activity sm_ratio sm_occupancy_ratio tensor_ratio dram_ratio fp64_ratio fp32_ratio fp16_ratio \
         memory total_bytes used_bytes free_bytes reserved_bytes unified bar1_total_bytes bar1_used_bytes temperature \
         gpu_celsius memory_celsius slowdown_celsius shutdown_celsius power draw_watts limit_watts \
         enforced_limit_watts default_limit_watts energy_joules clocks graphics_mhz sm_mhz memory_mhz video_mhz \
         max_graphics_mhz max_sm_mhz max_memory_mhz event_reasons performance_state fans pcie generation width \
         max_generation max_width tx_bytes_per_second rx_bytes_per_second replays nvlink links_active links_total \
         tx_bytes_per_second rx_bytes_per_second errors ecc enabled volatile_corrected volatile_uncorrected \
         aggregate_corrected aggregate_uncorrected remapped_rows correctable uncorrectable pending failed modes \
         persistence compute mig display_active fabric state status recovery_action mig xid since last last_at count \
         health verdict reasons absent processes gpu gpu_uuid pid type user uid name command started_at \
         gpu_memory_bytes sm_percent memory_percent encoder_percent decoder_percent cpu_percent host_memory_bytes \
         gpu_instance compute_instance container pod job absent";
    for key in keys.split_ascii_whitespace() {
        let at =
            rest.find(&format!("\"{key}\":")).unwrap_or_else(|| panic!("{key} does not come after the key before it"));
        rest = &rest[at + 1..];
    }
}

#[test]
fn history_is_in_steps() {
    let host = Host::new(hosts::healthy(), Scope::Summary, Commands::Masked);
    let answer = host.json("history?metric=utilization.gpu_percent,power.draw_watts&gpu=GPU-1,0");
    assert_eq!(answer["step_ms"], 1000);
    let series = answer["series"].as_array().unwrap();
    let told: Vec<_> = series.iter().map(|series| (series["gpu_uuid"].as_str(), series["metric"].as_str())).collect();
    let (use_of, draw) = (Some("utilization.gpu_percent"), Some("power.draw_watts"));
    assert_eq!(told, [(Some("GPU-1"), use_of), (Some("GPU-1"), draw), (Some("GPU-0"), use_of), (Some("GPU-0"), draw)]);
    let now = host.json("gpus/0")["power"]["draw_watts"].as_f64().unwrap();
    let values = series[3]["values"].as_array().unwrap();
    assert_eq!(values.len(), 3);
    assert!(values.iter().all(|value| (value.as_f64().unwrap() - now).abs() < 0.051), "{values:?}");
}

#[test]
fn history_query_rejected_with_remedy() {
    let host = Host::new(hosts::healthy(), Scope::Read, Commands::Masked);
    for (query, status, remedies) in [
        ("", 400, &["metric is missing", "utilization.gpu_percent, utilization.memory_percent"][..]),
        ("metric=", 400, &["metric is missing"]),
        ("metric=gpu", 400, &["metric=\"gpu\"", "power.draw_watts"]),
        ("metric=power.draw_watts,", 400, &["metric=\"\"", "power.draw_watts"]),
        ("metric=power.draw_watts&gpu=9", 404, &["gpu=\"9\"", "/api/v1/gpus"]),
        ("metric=power.draw_watts&gpu=", 400, &["gpu is empty"]),
        ("metric=power.draw_watts&since=x", 400, &["since=\"x\"", "-15m"]),
        ("metric=power.draw_watts&step=0s", 400, &["step=\"0s\"", "10s"]),
        ("metric=power.draw_watts&agg=min", 400, &["agg=\"min\"", "mean or max"]),
    ] {
        let response = host.get(&format!("history?{query}"));
        assert_eq!(response.status().as_u16(), status, "{query}");
        let text = String::from_utf8(body(response)).unwrap();
        let detail = serde_json::from_str::<Value>(&text).unwrap()["detail"].as_str().unwrap().to_owned();
        for remedy in remedies {
            assert!(detail.contains(remedy), "{query}: {detail}");
        }
    }
}
