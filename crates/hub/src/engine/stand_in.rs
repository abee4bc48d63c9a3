//! A server that plays an engine in tests.

use std::sync::{Arc, Mutex};

use http_server::percent::decode_query;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::rustls::{self, ClientConfig};

use super::{api::Engine, config::EngineConfig};
use crate::client::Client;

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) head: String,
    pub(super) body: String,
    /// The PromQL.
    pub(super) query: String,
}

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    status: u16,
    kind: &'static str,
    body: String,
}

impl Answer {
    pub(super) fn json(status: u16, body: &str) -> Self {
        Self { status, kind: "application/json", body: body.into() }
    }
    pub(super) fn text(status: u16, body: &str) -> Self {
        Self { status, kind: "text/plain; charset=utf-8", body: body.into() }
    }
    pub(super) fn html(status: u16, body: &str) -> Self {
        Self { status, kind: "text/html", body: body.into() }
    }
    /// Success with these series: labels as `a=1,b=2`, and times with values.
    pub(super) fn series(series: &[(String, Vec<(f64, f64)>)]) -> Self {
        let series: Vec<serde_json::Value> = series
            .iter()
            .map(|(labels, points)| {
                let labels = labels.split(',').filter_map(|pair| pair.split_once('='));
                let labels: serde_json::Map<String, serde_json::Value> =
                    labels.map(|(name, value)| (name.to_owned(), value.into())).collect();
                let points: Vec<_> =
                    points.iter().map(|(time, value)| serde_json::json!([time, value.to_string()])).collect();
                serde_json::json!({"metric": labels, "values": points})
            })
            .collect();
        let body = serde_json::json!({"status": "success", "data": {"resultType": "matrix", "result": series}});
        Self::json(200, &body.to_string())
    }
}

/// The server.
pub(super) struct StandIn {
    port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl StandIn {
    pub(super) async fn new(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let all: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (log, answer) = (Arc::clone(&all), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                tokio::spawn(async move {
                    let mut read = Vec::new();
                    let asked = loop {
                        if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
                            return;
                        }
                        if let Some(asked) = asked(&read) {
                            break asked;
                        }
                    };
                    log.lock().unwrap().push(asked.clone());
                    let Answer { status, kind, body } = answer(&asked);
                    let length = body.len();
                    let head =
                        format!("HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n");
                    let _ = stream.write_all((head + &body).as_bytes()).await;
                });
            }
        });
        Self { port, asked: all }
    }

    /// Requests so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(super) fn config(&self) -> EngineConfig {
        EngineConfig::at(&format!("http://127.0.0.1:{}", self.port)).unwrap()
    }

    pub(super) fn client(&self) -> Client {
        let builder = ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into());
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let tls = builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
        Client::new(tls.into(), std::time::Duration::from_secs(5))
    }

    pub(super) fn engine(&self) -> Engine {
        Engine::new(&self.client(), self.config())
    }
}

/// The request, once it is whole.
fn asked(read: &[u8]) -> Option<Asked> {
    let text = String::from_utf8(read.to_vec()).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?.parse::<usize>().ok()?;
    (body.len() == length).then(|| {
        let query = body.split('&').find_map(|field| field.strip_prefix("query=")).unwrap_or_default();
        let query = String::from_utf8(decode_query(query.as_bytes()).into_owned()).unwrap();
        Asked { head: format!("{head}\r\n"), body: body.to_owned(), query }
    })
}
