//! Release files, installed as users do: packages on a booted Debian, the image, the chart, files for other programs.
//!
//! `make test-packages` makes all that this takes, and runs it. It takes root, for roots of file systems are made here.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that panics has failed")]

mod binary;
mod chart;
mod contents;
#[path = "../chaos/contract.rs"]
#[allow(dead_code, reason = "shared with the chaos suite, which uses the rest")]
mod contract;
mod deb;
mod image;
mod kit;
mod proxy;
mod release;
mod rpm;
mod service;
#[path = "../it/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the other tests, which use the rest")]
mod support;
mod unit;
