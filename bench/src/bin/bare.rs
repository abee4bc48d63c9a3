//! Upper limit for the agent's throughput: axum's server on a single-threaded runtime that sends bytes from memory.
//! `bare PORT FOLDER` serves each file of a folder under its path, or the file with `.gz` appended to clients that accept
//! gzip.

use std::{collections::HashMap, error::Error, fs, future::ready, path::Path, sync::Arc};

use axum::{
    Router,
    http::{
        HeaderMap, HeaderValue, StatusCode, Uri,
        header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE},
    },
    response::{IntoResponse as _, Response},
    routing::get,
};
use bytes::Bytes;
use tokio::net::TcpListener;

type Files = HashMap<String, Bytes>;

fn read(folder: &Path, path: &str, files: &mut Files) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{path}/{}", entry.file_name().display());
        if entry.file_type()?.is_dir() {
            read(&entry.path(), &path, files)?;
        } else {
            files.insert(path, fs::read(entry.path())?.into());
        }
    }
    Ok(())
}

fn respond(files: &Files, uri: &Uri, headers: &HeaderMap) -> Response {
    let path = uri.path();
    let accepts_gzip = headers.get(ACCEPT_ENCODING).is_some_and(|value| value == "gzip");
    let compressed = accepts_gzip.then(|| files.get(&format!("{path}.gz"))).flatten();
    let Some(bytes) = compressed.or_else(|| files.get(path)) else { return StatusCode::NOT_FOUND.into_response() };
    let mut response = bytes.clone().into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if compressed.is_some() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().ok_or("usage: bare PORT FOLDER")?.parse()?;
    let mut files = Files::new();
    read(arguments.next().ok_or("usage: bare PORT FOLDER")?.as_ref(), "", &mut files)?;
    let files = Arc::new(files);
    let app = Router::new().fallback(get(move |uri: Uri, headers: HeaderMap| ready(respond(&files, &uri, &headers))));
    axum::serve(TcpListener::bind(("127.0.0.1", port)).await?, app).await?;
    Ok(())
}
