//! `/usage` and `/sessions` through the router, with a store whose answers are known.

use std::sync::Arc;

use futures_util::FutureExt as _;
use http_body_util::BodyExt as _;
use http_server::{Response, auth::Anonymous};
use hyper::{HeaderMap, Method, Request};
use serde_json::{Value, json};
use telemetry::Stamp;

use super::{document, hosts, schema, unpacked};
use crate::{
    App, Publisher, Scope, ServerConfig, Show,
    config::commands::Commands,
    host::NOW,
    store::archive::Archive,
    usage::{
        Dimension, MAX_ROWS, UsageError, UsageQuery, UsageState,
        fake::{FakeStore, HOSTILE},
    },
};
use telemetry::history::{Depth, History};

/// Paths of this API, as [`super::PATHS`].
pub(super) const PATHS: [(&str, &str); 2] =
    [("usage?by=user&tz=UTC", "/api/v1/usage"), ("sessions", "/api/v1/sessions")];

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    async fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Self { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

fn app_with(store: &Arc<FakeStore>, commands: Option<Commands>, config: ServerConfig) -> App {
    let archive = Arc::new(Archive::new(History::new(Depth::default())));
    let publisher = Publisher::keeping(Stamp::default(), Show { commands, ..Show::default() }, archive);
    publisher.publish(hosts::healthy());
    let usage: Arc<FakeStore> = Arc::clone(store);
    App::new(ServerConfig { usage: Some(usage), ..config }, publisher.subscribe())
}

fn app(store: &Arc<FakeStore>) -> App {
    app_with(store, None, ServerConfig::default())
}

fn request(path: &str) -> Request<()> {
    Request::get(format!("/api/v1/{path}")).body(()).unwrap()
}

async fn get(app: &App, path: &str) -> Answer {
    Answer::of(app.reply(None, &request(path)).await).await
}

/// Answers for the document's examples.
pub(super) fn examples() -> Vec<(&'static str, Value)> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let config = ServerConfig { price_gpu_hour: Some("1.20EUR".parse().unwrap()), ..ServerConfig::default() };
        let app = app_with(&Arc::new(FakeStore::of(&["alice"])), None, config);
        let mut found = Vec::new();
        for (asked, path) in PATHS {
            found.push((path, get(&app, asked).await.json()));
        }
        found
    })
}

#[tokio::test]
async fn usage_answer_is_the_contract() {
    let store = Arc::new(FakeStore::of(&["alice"]));
    let answer = get(&app(&store), "usage?since=1&until=2&tz=UTC").await;
    let expected = concat!(
        r#"{"schema":1,"since":1,"until":2,"tz":"UTC","by":["user"],"persistent":true,"people":true,"note":null,"#,
        r#""price_gpu_hour":null,"devices":8,"device_seconds":691200.0,"edge_seconds":60.0,"rows":[{"user":"alice","#,
        r#""gpu_seconds":90.0,"present_gpu_seconds":120.5,"busy_gpu_seconds":45.0,"idle_gpu_seconds":30.0,"#,
        r#""allocated_gpu_seconds":null,"memory_byte_seconds":1500000000000.0,"peak_memory_bytes":17179869184,"#,
        r#""energy_joules":22500.25,"sessions":3}],"free_gpu_seconds":691000.0,"unknown_gpu_seconds":10.25,"#,
        r#""unassigned_gpu_seconds":0.0,"unobserved_gpu_seconds":99.75,"energy_joules":1000000.0}"#,
    );
    assert_eq!((answer.status, answer.text()), (200, expected));
    assert_eq!((answer.header("content-type"), answer.header("cache-control")), ("application/json", "no-store"));
    let by = get(&app(&store), "usage?by=gpu,hour_of_day&by=job,day").await.json();
    let row = by["rows"][0].as_object().unwrap();
    let keys: Vec<&str> = row.keys().take(5).map(String::as_str).collect();
    assert_eq!(keys, ["gpu", "uuid", "hour_of_day", "job", "day"]);
    assert_eq!(
        [&row["gpu"], &row["uuid"], &row["hour_of_day"], &row["job"]],
        [&json!(1), &json!("GPU-1"), &json!(17), &Value::Null]
    );
    let memory = FakeStore { state: UsageState::default(), ..FakeStore::of(&[]) };
    let unsaved = get(&app(&Arc::new(memory)), "usage").await.json();
    assert!(unsaved["note"].as_str().unwrap().contains("--state-dir") && unsaved["rows"] == json!([]));
    let problem = UsageState { problem: Some("disk full".into()), ..UsageState::default() };
    let unsaved = get(&app(&Arc::new(FakeStore { state: problem, ..FakeStore::of(&[]) })), "usage").await.json();
    assert_eq!(unsaved["note"], "disk full");
}

#[tokio::test]
async fn usage_note_names_problem_without_paths_for_totals() {
    for persistent in [true, false] {
        let problem = Some("/home/alice/state/usage.db cannot be written: free some space".to_owned());
        let state = UsageState { people: true, persistent, problem };
        let store = Arc::new(FakeStore { state, ..FakeStore::of(&["alice"]) });
        for scope in [Scope::Read, Scope::Summary] {
            let config = ServerConfig { anonymous: Anonymous::Sees(scope), ..ServerConfig::default() };
            let answer = get(&app_with(&store, None, config), "usage").await.json();
            let note = answer["note"].as_str().unwrap();
            let is_shown = scope == Scope::Read;
            assert_eq!((note.contains("alice"), note.contains("the log")), (is_shown, !is_shown), "{note}");
        }
    }
}

#[tokio::test]
async fn usage_answers_match_schema() {
    let app = app(&Arc::new(FakeStore::of(&HOSTILE)));
    let document = document();
    let all = Dimension::ALL.map(Dimension::name).join(",");
    for asked in
        ["usage".into(), format!("usage?by={all}"), "sessions".into(), "usage?by=by".into(), "sessions?limit=0".into()]
    {
        let answer = get(&app, &asked).await;
        let path = format!("/api/v1/{}", asked.split('?').next().unwrap());
        let content = &schema::answer(&document, &path, answer.status)["content"][answer.header("content-type")];
        let faults = schema::faults(&document, &content["schema"], &answer.json(), &asked);
        assert!(faults.is_empty(), "{asked}: {faults:#?}");
    }
}

#[tokio::test]
async fn usage_csv_quotes_and_defuses_names() {
    let app = app(&Arc::new(FakeStore::of(&HOSTILE)));
    let answer = get(&app, "usage?by=user,gpu,job&format=csv").await;
    let sums = "90,120.5,45,30,,1500000000000,17179869184,22500.25";
    let expected = [
        "user,gpu,uuid,job,gpu_seconds,present_gpu_seconds,busy_gpu_seconds,idle_gpu_seconds,allocated_gpu_seconds,\
         memory_byte_seconds,peak_memory_bytes,energy_joules,sessions"
            .to_owned(),
        format!("'=cmd|' /C calc'!A0,1,GPU-1,,{sums},3"),
        format!("\"a\"\"b\",1,GPU-1,,{sums},3"),
        format!("\"new\nline,\",1,GPU-1,,{sums},3"),
        format!("'@SUM(1),1,GPU-1,,{sums},3\r\n"),
    ];
    assert_eq!(answer.text(), expected.join("\r\n"));
    assert!(answer.header("content-type").starts_with("text/csv"), "{:?}", answer.headers);
    let json = get(&app, "usage").await.json();
    let names: Vec<&str> = json["rows"].as_array().unwrap().iter().map(|row| row["user"].as_str().unwrap()).collect();
    assert_eq!(names, HOSTILE);
    let sessions = get(&app, "sessions?format=csv").await;
    let lines: Vec<&str> = sessions.text().split("\r\n").collect();
    assert_eq!(
        lines[..2],
        [
            "id,gpu,uuid,mig,mig_uuid,user,container,pod,job,first_at,last_at,open,command,processes,gpu_seconds,\
             present_gpu_seconds,busy_gpu_seconds,idle_gpu_seconds,allocated_gpu_seconds,memory_byte_seconds,\
             peak_memory_bytes,energy_joules",
            &format!(
                "1700000000000-0,1,GPU-1,,,'=cmd|' /C calc'!A0,,,42,2023-11-14T22:13:20.000Z,2023-11-14T22:14:50.000Z,\
                 true,python train.py --token=***,1,{sums}"
            ),
        ]
    );
    // No row at all has its header.
    let none = self::app(&Arc::new(FakeStore::of(&[])));
    assert_eq!(get(&none, "usage?by=day&format=csv").await.text().lines().count(), 1);
}

#[tokio::test]
async fn session_shows_what_commands_allow() {
    let store = Arc::new(FakeStore::of(&["alice", "bob"]));
    for (commands, expected) in [
        (None, json!("python train.py --token=***")),
        (Some(Commands::Full), json!("python train.py --token=***")),
        (Some(Commands::Masked), json!("python train.py --token=***")),
        (Some(Commands::Name), json!("python")),
        (Some(Commands::Hidden), Value::Null),
    ] {
        let answer = get(&app_with(&store, commands, ServerConfig::default()), "sessions").await.json();
        assert_eq!(answer["sessions"][0]["command"], expected, "{commands:?}");
    }
    let answer = get(&app(&store), "sessions?cursor=before&limit=2&gpu=0").await;
    assert_eq!(answer.header("link"), r#"<?limit=2&gpu=0&cursor=1700000000000-7>; rel="next""#);
    let page = answer.json();
    assert_eq!(page["next"], "1700000000000-7");
    let [first, second] = [0, 1].map(|at| page["sessions"][at].clone());
    assert_eq!([&first["mig"], &second["mig"]], [&Value::Null, &json!("0 · 3g.40gb")]);
    assert_eq!([&first["open"], &second["open"]], [true, false]);
    let asked = store.asked_sessions.lock().unwrap().clone().unwrap();
    assert_eq!((asked.limit, asked.cursor.as_deref(), asked.gpus.unwrap().len()), (2, Some("before"), 1));
}

#[tokio::test]
async fn usage_period_and_filters_parsed() {
    let store = Arc::new(FakeStore::of(&["alice"]));
    let app = app(&store);
    let now = NOW.unix_ms;
    let day = 24 * 3_600_000;
    let asked = async |query: &str| -> UsageQuery {
        let answer = get(&app, &format!("usage?{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        store.asked.lock().unwrap().clone().unwrap()
    };
    for (query, since, until) in [
        ("", now - 30 * day, now),
        ("since=-7d", now - 7 * day, now),
        ("until=-7d", now - 37 * day, now - 7 * day),
        ("since=1&until=253402214400000", 1, 253_402_214_400_000),
        ("since=1970-01-01&until=9999-12-31&tz=UTC", 0, 253_402_214_400_000),
        ("since=2023-11-14&until=2023-11-15T01:00&tz=UTC", 1_699_920_000_000, 1_700_010_000_000),
        ("since=2023-11-14&until=2023-11-15&tz=Europe/Berlin", 1_699_916_400_000, 1_700_002_800_000),
        ("since=2023-11-14T00:00Z&until=2023-11-15T00:00%2B02:00&tz=Asia/Tokyo", 1_699_920_000_000, 1_699_999_200_000),
    ] {
        let asked = asked(query).await;
        assert_eq!((asked.since_ms, asked.until_ms), (since, until), "{query}");
    }
    assert_eq!(asked("").await.by, [Dimension::User]);
    let several = asked("user=b,c&user=a&user=a&gpu=0,GPU-gone&gpu=0").await;
    assert_eq!(several.users.unwrap(), ["a", "b,c"]);
    assert_eq!(several.gpus.unwrap(), [hosts::healthy().gpus[0].key.as_str(), "GPU-gone"]);
    for (tz, name) in [("UTC", "UTC"), ("europe/berlin", "Europe/Berlin"), ("Etc/GMT-14", "Etc/GMT-14")] {
        assert_eq!(get(&app, &format!("usage?tz={tz}")).await.json()["tz"], name);
    }
    let local = [get(&app, "usage").await.json(), get(&app, "usage?tz=local").await.json()];
    assert_eq!(local[0]["tz"], local[1]["tz"]);
}

#[tokio::test]
async fn usage_invalid_question_refused() {
    let app = app(&Arc::new(FakeStore::of(&["alice"])));
    for (asked, status, part) in [
        ("usage?by=by", 400, "give one or several of user, gpu, job, pod, container, model, day, hour_of_day"),
        ("usage?by=user,user", 400, "user twice"),
        ("usage?by=user&by=user", 400, "user twice"),
        ("usage?by=", 400, "by is empty"),
        ("usage?by=user,", 400, "by=\"\""),
        ("usage?by=User", 400, "by=\"User\""),
        ("usage?by=host", 400, "by=\"host\""),
        ("usage?since=now", 400, "period is empty"),
        ("usage?since=-1d&until=-2d", 400, "period is empty"),
        ("usage?since=9999-12-31", 400, "period is empty"),
        ("usage?since=2023-02-30", 400, "2026-11-30"),
        ("usage?since=1700000000", 400, "multiply seconds by 1000"),
        ("usage?since=yesterday", 400, "ISO 8601"),
        ("usage?since=", 400, "since is empty"),
        ("usage?until=10000-01-01", 400, "ISO 8601"),
        ("usage?tz=", 400, "tz is empty"),
        ("usage?tz=Mars/Olympus", 400, "IANA"),
        ("usage?tz=..%2F..%2F..%2Fetc%2Fpasswd", 400, "IANA"),
        ("usage?tz=%00", 400, "IANA"),
        ("usage?user=", 400, "user is empty"),
        ("usage?user=a&user=", 400, "user is empty"),
        ("usage?gpu=7777", 404, "gpu=\"7777\""),
        ("usage?gpu=0,,1", 400, "empty entry"),
        ("usage?format=xml", 400, "json or csv"),
        ("usage?limit=5", 400, "limit"),
        ("usage?users=a", 400, "Did you mean user?"),
        ("sessions?limit=0", 400, "from 1 to 1000"),
        ("sessions?limit=1001", 400, "from 1 to 1000"),
        ("sessions?limit=-1", 400, "from 1 to 1000"),
        ("sessions?limit=99999999999999999999", 400, "from 1 to 1000"),
        ("sessions?cursor=", 400, "cursor is empty"),
        ("sessions?cursor=a&cursor=b", 400, "several values"),
        ("sessions?by=user", 400, "unknown"),
        ("sessions?since=now", 400, "period is empty"),
        ("sessions?format=CSV", 400, "json or csv"),
    ] {
        let answer = get(&app, asked).await;
        let detail = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
        assert!(answer.status == status && detail.contains(part), "{asked}: {} {detail}", answer.status);
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    let many = format!("usage?user=x{}", "&user=y".repeat(256));
    assert_eq!(get(&app, &many).await.status, 400);
}

#[tokio::test]
async fn usage_store_errors_answered() {
    for (error, status, part) in [
        (UsageError::Timeout, 503, "too long"),
        (UsageError::Unavailable("disk I/O error".into()), 503, "disk I/O error"),
        (UsageError::Cursor, 400, "cursor"),
        (UsageError::Gpu("GPU-x".into()), 404, "GPU-x"),
        (UsageError::TooManyRows, 400, "50000 rows"),
    ] {
        let app = app(&Arc::new(FakeStore { error: Some(error.clone()), ..FakeStore::of(&[]) }));
        for path in ["usage", "sessions"] {
            let answer = get(&app, path).await;
            let detail = answer.json()["detail"].as_str().unwrap().to_owned();
            assert!(answer.status == status && detail.contains(part), "{error:?}: {} {detail}", answer.status);
            assert_eq!(answer.headers.contains_key("retry-after"), status == 503, "{error:?}");
        }
    }
    let many = FakeStore { repeated: MAX_ROWS + 1, ..FakeStore::of(&["alice"]) };
    assert_eq!(get(&app(&Arc::new(many)), "usage").await.status, 400);
    // Without a store.
    let publisher = Publisher::new(Stamp::default());
    let off = App::new(ServerConfig::default(), publisher.subscribe());
    for path in ["usage", "sessions"] {
        let answer = get(&off, path).await;
        assert!(answer.status == 404 && answer.text().contains("--usage off"), "{}", answer.text());
    }
}

#[tokio::test]
async fn usage_summary_sees_totals_only() {
    let store = Arc::new(FakeStore::of(&["planted-user"]));
    let seeing =
        |scope| app_with(&store, None, ServerConfig { anonymous: Anonymous::Sees(scope), ..ServerConfig::default() });
    let summary = seeing(Scope::Summary);
    let answer = get(&summary, "usage").await;
    let shown = answer.json();
    assert_eq!((answer.status, &shown["by"], &shown["device_seconds"]), (200, &json!([]), &json!(691_200.0)));
    assert_eq!(shown["rows"][0].as_object().unwrap().keys().next().unwrap(), "gpu_seconds");
    for allowed in ["usage?by=gpu,model,day,hour_of_day", "usage?gpu=0&format=csv"] {
        let answer = get(&summary, allowed).await;
        assert!(answer.status == 200 && !answer.text().contains("planted"), "{allowed}: {}", answer.text());
    }
    for refused in
        ["usage?by=user", "usage?by=day,job", "usage?by=pod", "usage?by=container", "usage?user=x", "sessions"]
    {
        let answer = get(&summary, refused).await;
        assert!(answer.status == 403 && !answer.text().contains("planted"), "{refused}: {}", answer.text());
    }
    let failing =
        Arc::new(FakeStore { error: Some(UsageError::Unavailable("/secret/path".into())), ..FakeStore::of(&[]) });
    let failing = app_with(
        &failing,
        None,
        ServerConfig { anonymous: Anonymous::Sees(Scope::Summary), ..ServerConfig::default() },
    );
    assert!(!get(&failing, "usage").await.text().contains("secret"));
    for path in ["usage", "sessions"] {
        assert_eq!(get(&seeing(Scope::Metrics), path).await.status, 403);
    }
}

#[tokio::test]
async fn usage_compressed_and_headed() {
    let app = app(&Arc::new(FakeStore { repeated: 500, ..FakeStore::of(&["alice"]) }));
    let plain = get(&app, "usage").await;
    let mut asked = request("usage");
    asked.headers_mut().insert("accept-encoding", "gzip".parse().unwrap());
    let packed = Answer::of(app.reply(None, &asked).await).await;
    assert_eq!((packed.header("content-encoding"), packed.header("vary")), ("gzip", "accept-encoding"));
    let same = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap()["rows"].clone();
    assert_eq!(same(&unpacked(&packed.body)), same(&plain.body));
    let mut asked = request("usage?format=csv");
    *asked.method_mut() = Method::HEAD;
    let head = Answer::of(app.reply(None, &asked).await).await;
    assert!(
        head.status == 200 && head.body.is_empty() && head.header("content-length").parse::<usize>().unwrap() > 5000
    );
}

#[tokio::test]
async fn status_does_not_wait_for_usage() {
    let app = app(&Arc::new(FakeStore { is_stuck: true, ..FakeStore::of(&[]) }));
    let mut stuck: Vec<_> =
        ["usage?since=-400d&by=user,gpu,day", "sessions"].map(|path| Box::pin(app.reply(None, &request(path)))).into();
    // Parameters are parsed elsewhere, so the store is asked a moment later.
    for _ in 0..20 {
        assert!(stuck.iter_mut().all(|reply| reply.as_mut().now_or_never().is_none()));
        let status = app.reply(None, &Request::get("/status").body(()).unwrap()).now_or_never();
        assert_eq!(status.expect("an answer at once").status(), 200);
        tokio::task::yield_now().await;
    }
}
