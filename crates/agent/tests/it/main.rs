//! The release binary against the fake driver, over HTTP: one module per behaviour.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that panics has failed")]

mod absence;
mod bad_input;
mod capture;
mod clients;
mod collector;
mod configuration;
mod containers;
mod distinct;
mod documents;
mod driver_gone;
mod exhaustion;
mod exposure;
mod frames;
mod fuzzed;
mod golden;
mod gpu_check;
mod health;
mod history;
mod hosts;
mod kubelet;
mod load;
mod metrics;
mod openapi;
mod readings;
mod recovery;
mod release;
mod shape;
mod shutdown;
mod stream;
mod support;
mod systemd;
mod tls;
