//! Tests of discovery as a whole, against real files and servers.

use std::{
    fs,
    sync::{Arc, Mutex},
    time::Duration,
};

use proptest::prelude::*;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::mpsc,
};
use tokio_rustls::rustls::{self, ClientConfig};

use super::*;
use crate::{credentials::AgentTokens, target::Endpoint};

fn client() -> Client {
    let builder = ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into());
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let tls = builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    Client::new(tls.into(), Duration::from_secs(10))
}

fn source(text: &str) -> Source {
    text.parse().unwrap()
}

fn names(list: &TargetList) -> Vec<String> {
    list.targets.iter().map(|target| target.name.to_string()).collect()
}

/// A server of lists: its answer, and the head of the last request.
#[derive(Clone, Default)]
struct Server {
    answer: Arc<Mutex<String>>,
    request: Arc<Mutex<String>>,
}

impl Server {
    fn answer(&self, status: &str, kind: &str, body: &str) {
        let length = body.len();
        *self.answer.lock().unwrap() = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nlocation: /other\r\ncontent-length: {length}\r\n\r\n{body}"
        );
    }

    /// Serves; returns the source.
    async fn serve(&self) -> (Endpoint, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let served = self.clone();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = vec![0; 4096];
                let length = stream.read(&mut head).await.unwrap();
                *served.request.lock().unwrap() = String::from_utf8_lossy(&head[..length]).into_owned();
                let answer = served.answer.lock().unwrap().clone();
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        let Source::Http { server, path } = source(&format!("http://127.0.0.1:{port}/sd?a=b")) else { panic!() };
        (server, path)
    }
}

#[tokio::test]
async fn list_at_url_survives_every_error() {
    let server = Server::default();
    let (endpoint, path) = server.serve().await;
    let (news, mut received) = mpsc::channel(8);
    let list = http::List::new(endpoint, path, client(), Credentials::none());
    let good = r#"[{"targets": ["a:1", "b/c", "b:1"], "labels": {"rack": "r"}}]"#;
    server.answer("200 OK", "application/json", good);
    tokio::spawn(list.run(Duration::from_millis(10), Sender { source: 0, news }));
    let mut known = vec![Known::default()];
    update(&mut known, received.recv().await.unwrap());
    let both = ["a:1", "b:1"];
    assert_eq!(names(&joined(&known)), both);
    assert_eq!(joined(&known).notes.len(), 1, "the target that is left out");
    for (status, kind, body, part) in [
        ("500 No", "application/json", "[]", "got 500"),
        ("201 Created", "application/json", "[]", "got 201"),
        ("204 None", "application/json", "", "got 204"),
        ("302 Found", "application/json", "[]", "redirects are not followed"),
        ("200 OK", "text/html", "[]", "application/json"),
        ("200 OK", "application/json", "", "empty"),
        ("200 OK", "application/json", "[{\"targets\": [\"c", "list of targets"),
        ("200 OK", "application/json", "{}", "list of targets"),
    ] {
        server.answer(status, kind, body);
        // The news before may still be of the answer before.
        loop {
            let news = received.recv().await.unwrap();
            assert!(news.entries.is_none());
            let is_expected = news.error.as_ref().is_some_and(|error| error.contains(part));
            update(&mut known, news);
            if is_expected {
                break;
            }
        }
        let list = joined(&known);
        assert!(
            names(&list) == both && list.is_loaded && list.notes.iter().any(|note| note.contains(part)),
            "{list:?}"
        );
    }
    server.answer("200 OK", "application/json", good);
    while known[0].error.is_some() {
        update(&mut known, received.recv().await.unwrap());
    }
    server.answer("200 OK", "application/json", "[]");
    while known[0].entries.as_ref().is_some_and(|entries| !entries.is_empty()) {
        update(&mut known, received.recv().await.unwrap());
    }
    assert!(joined(&known).is_loaded);
    let request = server.request.lock().unwrap().clone();
    assert!(request.starts_with("GET /sd?a=b HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("x-prometheus-refresh-interval-seconds: 4\r\n"), "{request}");
    assert!(!request.to_ascii_lowercase().contains("accept-encoding"), "{request}");
}

#[tokio::test]
async fn list_server_gets_only_a_token_of_its_own() {
    let server = Server::default();
    server.answer("200 OK", "application/json", "[]");
    let (endpoint, path) = server.serve().await;
    for (file, expected) in [("of-all", false), ("127.0.0.0/8 net", false), ("127.0.0.1 its-own", true)] {
        let tokens = watch::channel(Arc::new(AgentTokens::parse(file.as_bytes()).unwrap())).1;
        let (news, mut received) = mpsc::channel(8);
        let list = http::List::new(endpoint.clone(), path.clone(), client(), Credentials::new(tokens));
        let requests = tokio::spawn(list.run(Duration::from_secs(60), Sender { source: 0, news }));
        received.recv().await.unwrap();
        requests.abort();
        let request = server.request.lock().unwrap().clone();
        assert_eq!(request.contains("authorization: Bearer its-own"), expected, "{request}");
        assert_eq!(request.contains("authorization"), expected, "{request}");
    }
}

#[tokio::test]
async fn sources_joined_and_loaded_once_all_are_read() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.json");
    let sources = [source("static:s:1,t:1"), source(path.to_str().unwrap())];
    let mut newest = start(&sources, &client(), &Credentials::none()).unwrap();
    let list = newest.wait_for(|list| !list.targets.is_empty() && !list.notes.is_empty()).await.unwrap().clone();
    assert_eq!((names(&list), list.is_loaded), (vec!["s:1".to_owned(), "t:1".into()], false));
    assert!(list.notes[0].contains("a.json: there is no such file"), "{:?}", list.notes);
    assert_eq!(http_sd(&list), None);
    fs::write(&path, r#"[{"targets": ["s:1", "u:1"], "labels": {"name": "x"}}]"#).unwrap();
    let list = newest.wait_for(|list| list.is_loaded).await.unwrap().clone();
    assert_eq!(names(&list), ["s:1", "t:1", "x"]);
    assert_eq!(list.notes, [""; 0]);
    let noted: Vec<usize> = list.targets.iter().map(|target| target.notes.len()).collect();
    assert_eq!(noted, [1, 0, 0], "s:1 is listed again with another name");
    fs::write(&path, "[]").unwrap();
    let list = newest.wait_for(|list| list.targets.len() == 2).await.unwrap().clone();
    assert!(list.is_loaded);
}

#[test]
fn unchanged_list_is_no_news() {
    let entry = |name: &str| Entry::new(name, &std::collections::BTreeMap::new()).unwrap();
    let news = |entries: Option<Vec<Entry>>, error: Option<&str>| News {
        source: 0,
        entries,
        error: error.map(Into::into),
        notes: Vec::new(),
    };
    let mut known = vec![Known::default()];
    assert!(update(&mut known, news(Some(vec![entry("a:1")]), None)));
    assert!(!update(&mut known, news(Some(vec![entry("a:1")]), None)));
    assert!(update(&mut known, news(None, Some("late"))));
    assert!(!update(&mut known, news(None, Some("late"))));
    assert!(joined(&known).is_loaded && joined(&known).targets.len() == 1);
    assert!(update(&mut known, news(Some(vec![entry("a:1")]), None)));
    assert!(update(&mut known, news(Some(Vec::new()), None)));
    assert!(joined(&known).is_loaded && joined(&known).targets.is_empty());
    assert_eq!(http_sd(&joined(&known)).as_deref(), Some("[]"));
}

fn any_label() -> impl Strategy<Value = (String, String)> {
    (
        "name|ssh_host|instance|rack|owner|__scheme__|__metrics_path__|__x",
        "[a-c]{0,2}|https|/[ab]{1,2}/metrics|\"\\\\é\n",
    )
}

proptest! {
    #[test]
    fn list_read_back_is_the_same(
        groups in prop::collection::vec((prop::collection::vec("[a-c]{1,2}:[1-3]|\\[::[1-3]\\]:1", 0..4), prop::collection::btree_map(
            any_label().prop_map(|(name, _)| name), any_label().prop_map(|(_, value)| value), 0..5)), 0..6)
    ) {
        let groups: Vec<list::Group> = groups.into_iter().map(|(targets, labels)| list::Group { targets, labels }).collect();
        let read = |groups: &[list::Group]| {
            let (entries, notes) = merge::entries(groups);
            joined(&[Known { entries: Some(entries), notes, ..Known::default() }])
        };
        let first = read(&groups);
        let body = http_sd(&first).unwrap();
        let groups = list::parse(body.as_bytes(), list::Format::Json).unwrap();
        let second = read(&groups);
        prop_assert_eq!(&second.notes, &Vec::<String>::new());
        prop_assert_eq!(second.targets.len(), first.targets.len());
        for (one, other) in first.targets.iter().zip(second.targets.iter()) {
            prop_assert_eq!((&one.name, &one.endpoint, &one.labels, &one.ssh_host), (&other.name, &other.endpoint, &other.labels, &other.ssh_host));
        }
        // The same body as YAML, of which JSON is a part.
        prop_assert_eq!(list::parse(body.as_bytes(), list::Format::Yaml).unwrap(), groups);
    }
}
