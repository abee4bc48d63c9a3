//! The release binary against the fake driver, over HTTP: one module per subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that panics has failed")]

mod claims;
mod driver;
mod http;
mod hub;
mod lifecycle;
mod peers;
mod processes;
mod repository;
mod support;
