//! The limit that the agent is measured against: axum's own server on a one-thread runtime, handing out the same
//! bytes from memory and doing nothing else. `bare PORT FILE` serves the file as `/status`; see `bench/run`.

use std::{error::Error, future::ready};

use axum::{
    Router,
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    routing::get,
};
use bytes::Bytes;
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().ok_or("which port?")?.parse()?;
    let bytes = Bytes::from(std::fs::read(arguments.next().ok_or("which file?")?)?);
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    let app = Router::new().route("/status", get(move || ready((headers, bytes.clone()))));
    axum::serve(TcpListener::bind(("127.0.0.1", port)).await?, app).await?;
    Ok(())
}
