//! Serves one snapshot made by hand, to measure the server by itself: `fixed PORT`, or `fixed PORT --bare` for
//! axum's own server handing out the same bytes.

use std::{error::Error, future::pending};

use axum::{Router, body::Body, routing::get};
use bytes::Bytes;
use http_body_util::BodyExt;
use server::{Limits, Publisher, ServerConfig, Token, router, serve};
use telemetry::Stamp;
use tokio::net::TcpListener;
use tower::ServiceExt;

#[path = "../tests/http/host.rs"]
mod host;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().ok_or("which port?")?.parse()?;
    let mode = arguments.next();
    let publisher = Publisher::new(Stamp::now());
    publisher.publish(host::busy());
    let token = if mode.as_deref() == Some("--token") { Token::new("changeme") } else { None };
    let app = router(ServerConfig { token, ..ServerConfig::default() }, publisher.subscribe());
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    if mode.as_deref() == Some("--bare") {
        let bytes = status(app).await?;
        println!("{} bytes", bytes.len());
        let bare = Router::new().route("/status", get(move || std::future::ready(bytes.clone())));
        axum::serve(listener, bare).await?;
    } else {
        serve(listener, app, Limits::default(), pending()).await;
    }
    Ok(())
}

/// The bytes that the server answers.
async fn status(app: Router) -> Result<Bytes, Box<dyn Error>> {
    let response = app.oneshot(axum::http::Request::get("/status").body(Body::empty())?).await?;
    Ok(response.into_body().collect().await?.to_bytes())
}
